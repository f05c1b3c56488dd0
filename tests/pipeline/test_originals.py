"""Where the picture of a result is, and that kept pictures go with their results and never come back to another."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from walkaround.buckets.buckets import Buckets
from walkaround.errors import AccessDeniedError, BucketError
from walkaround.hosting.operations.results.results import delete_results, keep_result
from walkaround.hosting.owner import Owner
from walkaround.pipeline.originals import Original, is_newest, keep_picture, opened_original, original_of, sweep_pictures
from walkaround.store.database import Database
from walkaround.store.pipeline import Arrival, Watch
from walkaround.store.results import Result
from walkaround.store.tables import Project, now

OWNER = Owner("000000000000", "us-east-1")
FINDINGS = {"source": "a.jpg", "anomalous": True, "confidence": 0.9, "label": "dent", "damage": 0.9}


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A project `cars`."""
    made = Database(database_url)
    with made.transaction() as session:
        session.add(Project(account=OWNER.account, region=OWNER.region, name="cars"))
    yield made
    made.close()


@pytest.fixture
def buckets(tmp_path: Path) -> Buckets:
    """Buckets below a folder: photos, and that of the uploads."""
    for name in ("photos", "walkaround-000000000000"):
        (tmp_path / "buckets" / name).mkdir(parents=True)
    return Buckets({}, root=tmp_path / "buckets")


def keep(database: Database, buckets: Buckets) -> tuple[int, Path]:
    address = keep_picture(buckets, "walkaround-000000000000", b"picture", ending="jpg")
    with database.transaction() as session:
        number = keep_result(session, OWNER, project_name="cars", model_version=1, findings=FINDINGS, picture=address)
    folder = buckets.folder("walkaround-000000000000")
    assert folder is not None
    return number, folder / address.removeprefix("s3://walkaround-000000000000/")


def arrived(database: Database, *, spec: dict[str, Any], **members: Any) -> int:
    with database.transaction() as session:
        watch = Watch(account=OWNER.account, region=OWNER.region, name="yard", spec=spec, origin="rest")
        session.add(watch)
        session.flush()
        place = {"identity": "x", "project_id": 1, "model_version": 1, "happened": now(), "state": "done"}
        arrival = Arrival(watch_id=watch.id, **place, **members)
        session.add(arrival)
        session.flush()
        plain = {name: FINDINGS[name] for name in ("source", "anomalous", "confidence", "label")}
        result = Result(project_id=1, model_version=1, findings=FINDINGS, arrival_id=arrival.id, **plain)
        session.add(result)
        session.flush()
        return result.id


def original(database: Database, number: int) -> Original | None:
    with database.reading() as session:
        return original_of(session, OWNER, session.get_one(Result, number))


def test_kept_pictures_go_with_their_results(database: Database, buckets: Buckets, tmp_path: Path) -> None:
    (_, its), (second, others) = keep(database, buckets), keep(database, buckets)
    assert sweep_pictures(database, buckets) == 0
    found = original(database, second)
    assert found is not None
    assert opened_original(found, buckets, copies=tmp_path / "copies") == others
    with database.transaction() as session:
        delete_results(session, [second])
    third, newest = keep(database, buckets)  # on SQLite it has the number of the one that is gone
    assert sweep_pictures(database, buckets) == 1
    assert [path.exists() for path in (its, others, newest)] == [True, False, True]
    found = original(database, third)
    assert found is not None
    assert opened_original(found, buckets, copies=tmp_path / "copies") == newest
    newest.unlink()
    with pytest.raises(BucketError):
        opened_original(found, buckets, copies=tmp_path / "copies")


def test_what_was_only_sent_is_nowhere(database: Database) -> None:
    with database.transaction() as session:
        number = keep_result(session, OWNER, project_name="cars", model_version=1, findings=FINDINGS)
    assert original(database, number) is None


def test_a_watched_folder_is_read_from_where_it_is(database: Database, buckets: Buckets, tmp_path: Path) -> None:
    (tmp_path / "yard" / "front").mkdir(parents=True)
    path = tmp_path / "yard" / "front" / "a.jpg"
    path.write_bytes(b"picture")
    status = path.stat()
    etag = f"{status.st_mtime_ns:x}-{status.st_size:x}"
    number = arrived(database, spec={"source": str(tmp_path / "yard")}, bucket="folder:yard", key="front/a.jpg", etag=etag)
    found = original(database, number)
    assert found is not None
    assert (found.address, is_newest(found, buckets)) == ("folder:yard/front/a.jpg", True)
    assert opened_original(found, buckets, copies=tmp_path) == path
    os.utime(path, (1, 1))
    with pytest.raises(BucketError, match="it was replaced since"):
        opened_original(found, buckets, copies=tmp_path)


def test_a_bucket_of_another_account_is_not_read(database: Database) -> None:
    number = arrived(database, spec={}, bucket="walkaround-111111111111", key="a.jpg")
    with pytest.raises(AccessDeniedError):
        original(database, number)
