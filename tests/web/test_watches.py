"""Watches over REST: what may be watched from there, who changes what, and dead letters; the settings file beside it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest

from served import Served, wait_for
from walkaround.hosting.operations.models.imported import import_package
from walkaround.hosting.owner import Owner
from walkaround.settings import Settings
from walkaround.store.opening import database_of
from walkaround.training.train import Trained

OWNER = Owner(account="000000000000", region="us-east-1")


def spec(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "source": "events", "rules": [{"model": "watched/1"}], **more}


@pytest.fixture(scope="module")
def watched(server: Served, trained: Trained) -> None:
    """A model that watches can name."""
    settings = Settings(data=server.data)
    database = database_of(settings)
    with database.transaction() as session:
        import_package(session, OWNER, project_name="watched", package=trained.package, settings=settings)
    database.close()


def test_a_watch_is_made_changed_listed_and_deleted(callers: Any) -> None:
    made = callers.manage.ok("PUT", "/watches/one", json=spec("one"))
    assert made["origin"] == "rest"
    assert made["spec"]["frames"] == {"kind": "chosen", "at_most": 24}
    callers.manage.ok("PUT", "/watches/one", json=spec("one", paused=True))
    listed = callers.read.ok("GET", "/watches")["watches"]
    assert [(one["spec"]["paused"], one["passed_over"], one["sinks"]) for one in listed] == [(True, "", [])]
    assert callers.other.ok("GET", "/watches")["watches"] == []
    callers.manage.ok("DELETE", "/watches/one")
    assert callers.read.problem("GET", "/watches/one")[0] == 404
    callers.manage.ok("PUT", "/watches/one", json=spec("one"))  # the name is free at once
    callers.manage.ok("DELETE", "/watches/one")


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"source": "/etc"}, "settings file"),
        ({"source": "https://127.0.0.1/queue"}, "sqs://NAME"),
        ({"sinks": [{"kind": "webhook", "url": "http://169.254.169.254/latest"}]}, "webhook_hosts"),
        ({"source": "sqs://of-another"}, "'of-another' may not be watched"),
        ({"source": "sqs://of-another/uploads"}, "setting sqs_queues"),
        ({"sinks": [{"kind": "dynamodb", "table": "of-another"}]}, "setting dynamodb_tables"),
        ({"name": "another"}, "make them the same"),
        ({"sinks": [{"kind": "bucket", "bucket": "walkaround-111111111111"}]}, "another account"),
    ],
    ids=["folder", "queue", "webhook", "queue of another", "below a queue", "table", "name", "bucket"],
)
def test_nobody_steers_the_server_to_where_the_operator_did_not(callers: Any, wrong: dict[str, Any], reason: str) -> None:
    status, detail = callers.manage.problem("PUT", "/watches/one", json={**spec("one"), **wrong})
    assert status in (400, 403)
    assert reason in detail


def test_queues_and_tables_of_the_settings_are_used(callers: Any) -> None:
    sinks = [{"kind": "dynamodb", "table": "lookout_for_vision_summary"}]
    callers.manage.ok("PUT", "/watches/one", json=spec("one", source="sqs://more.fifo", sinks=sinks, paused=True))
    callers.manage.ok("DELETE", "/watches/one")


@pytest.mark.parametrize("wrong", [{"rules": []}, {"source": "ftp://x"}, {"exclude": ["../a"]}, {"rules": [{"model": "cars"}]}])
def test_what_makes_no_sense_is_refused(callers: Any, wrong: dict[str, Any]) -> None:
    assert callers.manage.problem("PUT", "/watches/one", json={**spec("one"), **wrong})[0] == 422


def test_dead_letters_are_forgotten_by_whoever_manages_and_no_number_is_too_large(callers: Any) -> None:
    callers.manage.ok("PUT", "/watches/letters", json=spec("letters"))
    callers.detect.request("POST", "/api/v1/events?watch=letters", content=b"junk")
    path, which = "/watches/letters/letters", {"kind": "event"}
    assert callers.read.problem("DELETE", path, json=which)[0] == 403
    assert callers.manage.ok("POST", f"{path}/replay", json=which) == {"replayed": 0, "left": 1}
    assert callers.manage.problem("DELETE", path, json={"numbers": [2**63]})[0] == 422
    assert callers.read.problem("GET", f"{path}?before={2**63}")[0] == 422
    assert callers.manage.ok("DELETE", path, json=which) == {"discarded": 1}
    assert callers.read.ok("GET", f"{path}?before={2**63 - 1}")["counts"]["event"] == 0
    callers.manage.ok("DELETE", "/watches/letters")


def test_only_who_manages_changes_watches(callers: Any) -> None:
    assert callers.detect.problem("PUT", "/watches/one", json=spec("one"))[0] == 403


@pytest.mark.usefixtures("watched")
def test_what_is_put_into_a_bucket_is_looked_at_and_what_cannot_be_is_replayed(
    server: Served, callers: Any, drawn: Path
) -> None:
    bucket = server.buckets["photos"]
    (bucket / "incoming").mkdir()
    source = next((drawn / "test" / "anomaly").iterdir())
    shutil.copyfile(source, bucket / "incoming" / "a car.jpg")
    (bucket / "incoming" / "bad.jpg").write_text("no picture")
    callers.manage.ok("PUT", "/watches/bucket", json=spec("bucket", source="s3://photos/incoming/"))
    letters = wait_for(
        lambda: callers.read.ok("GET", "/watches/bucket/letters")["letters"] or None, what="the dead letter", seconds=60
    )
    assert [(one["about"], one["kind"]) for one in letters] == [("s3://photos/incoming/bad.jpg", "arrival")]
    found = wait_for(
        lambda: callers.read.ok("GET", "/projects/watched/results")["results"] or None, what="the result", seconds=60
    )
    assert [one["source"] for one in found] == ["s3://photos/incoming/a car.jpg"]
    shutil.copyfile(source, bucket / "incoming" / "bad.jpg")  # mended: it arrives as new, and the old one is tried again
    assert callers.manage.ok("POST", "/watches/bucket/letters/replay", json={"numbers": [letters[0]["number"]]}) == {
        "replayed": 1,
        "left": 0,
    }
    wait_for(
        lambda: len(callers.read.ok("GET", "/projects/watched/results")["results"]) == 2 or None, what="another", seconds=60
    )
    callers.manage.ok("DELETE", "/watches/bucket")


def test_a_watch_of_the_settings_file_looks_at_a_folder_beside_it(tmp_path: Path, trained: Trained, drawn: Path) -> None:
    (tmp_path / "incoming").mkdir()
    shutil.copyfile(next((drawn / "test" / "anomaly").iterdir()), tmp_path / "incoming" / "car.jpg")
    text = '[[watches]]\nname = "forecourt"\nsource = "incoming"\nrules = [{ model = "cars/latest" }]\npoll_seconds = 0.5\n'
    (tmp_path / "walkaround.toml").write_text(text)
    served = Served(folder=tmp_path / "served", variables={"WALKAROUND_CONFIG": str(tmp_path / "walkaround.toml")})
    settings = Settings(data=served.data)
    database = database_of(settings)
    with database.transaction() as session:
        import_package(session, OWNER, project_name="cars", package=trained.package, settings=settings)
    database.close()
    served.start()
    try:
        said = wait_for(lambda: _results(served) or None, what="the result", seconds=90, pause=0.5)
        assert said == [str(tmp_path / "incoming" / "car.jpg")]
    finally:
        assert served.stop() == 0, served.log.read_text()[-3000:]


def _results(served: Served) -> list[str]:
    answer = httpx.get(
        f"{served.url}/api/v1/projects/cars/results", headers={"Authorization": f"Bearer {served.key.bearer}"}, trust_env=False
    )
    return [one["source"] for one in answer.json().get("results", [])]
