"""Test pictures of models, other thresholds, and two models compared, over REST, while the model is hosted."""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from PIL import Image
from sqlalchemy import select

from made_models import BOX_PART, MASK_PART, made_package, picture_with
from served import Served, wait_for
from walkaround.damage.findings import FoundBox
from walkaround.evaluation.measured import MeasuredPicture, MeasuredSet, evaluation_at, to_lines
from walkaround.hosting.operations.models.measured import measured_file
from walkaround.settings import Settings
from walkaround.store.keys import NewKey
from walkaround.store.opening import database_of
from walkaround.store.tables import Model, Project
from walkaround.web.commands import make_key

NAME = "told"
SPOT = (64, 48, 128, 96)
DAMAGE = 0.8  # that the model says of every picture
LINE = {
    "source-ref": "s3://photos/0.png",
    "boxes": {
        "annotations": [{"class_id": 0, "left": 60, "top": 50, "width": 60, "height": 40}],
        "image_size": [{"width": 256, "height": 192}],
    },
    "boxes-metadata": {"type": "groundtruth/object-detection", "class-map": {"0": "scratch"}},
}


def file(*spots: tuple[int, int, int, int]) -> bytes:
    content = io.BytesIO()
    Image.fromarray(picture_with(*spots)).save(content, "PNG")
    return content.getvalue()


def measured(shift: float = 0.0, *, first: int = 0, n: int = 40) -> MeasuredSet:
    """Pictures whose probability of damage rises; every third one is whole, and so are the first."""
    found = (FoundBox(label="scratch", score=0.9, box=(64.0, 48.0, 128.0, 96.0)),)
    pictures = []
    for number in range(first, first + n):
        damage = min(1.0, number / 50 + shift)
        label = "normal" if number < 12 or number % 3 == 0 else "anomaly"
        places = {"boxes": found, "line": json.dumps(LINE), "badness": 1.5, "missed": 1} if number == 0 else {"boxes": ()}
        pictures.append(
            MeasuredPicture(
                ref=f"s3://photos/{number}.png",
                split="test",
                label=label,
                damage=damage,
                probabilities={"normal": 1 - damage, "anomaly": damage},
                width=256,
                height=192,
                overlap=0.5 + shift,
                **places,
            )
        )
    return MeasuredSet(classes=("normal", "anomaly"), normal=("normal",), threshold=0.5, pictures=tuple(pictures))


class Rest(httpx.Client):
    """A caller of this server's REST API."""

    def __init__(self, served: Served, key: NewKey) -> None:
        headers = {"Authorization": f"Bearer {key.bearer}"}
        super().__init__(base_url=served.url, headers=headers, timeout=60, trust_env=False)

    def ok(self, method: str, path: str, **sent: Any) -> Any:
        answer = self.request(method, f"/api/v1{path}", **sent)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def problem(self, method: str, path: str, **sent: Any) -> tuple[int, str]:
        answer = self.request(method, f"/api/v1{path}", **sent)
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        return answer.status_code, answer.json()["detail"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with the picture 0.png in its bucket photos, and a project of three versions; the third has no test pictures."""
    folder = tmp_path_factory.mktemp("operating")
    (folder / "bucket").mkdir()
    (folder / "bucket" / "0.png").write_bytes(file(SPOT))
    (folder / "bucket" / "1.png").write_bytes(b"no picture")
    served = Served(folder=folder, buckets={"photos": folder / "bucket"})
    package = made_package(folder / "made", damage=DAMAGE, boxes=BOX_PART, masks=MASK_PART).path
    served.start()
    with database_of(Settings(data=served.data)).transaction() as session:
        project = Project(account="000000000000", region="us-east-1", name=NAME, last_version=3)
        session.add(project)
        session.flush()
        for version, some in enumerate((measured(), measured(0.1, first=5), None), start=1):
            place = Path("models", NAME, str(version), "attempt", f"{NAME}-{version}")
            shutil.copytree(package, served.data / place)
            told = None if some is None else {"threshold": 0.5, "f1": 0.5, "recall": 0.4, "precision": 0.3}
            if some is not None:
                measured_file(served.data / place).write_text("".join(to_lines(some)))
            output = {"S3Location": {"Bucket": "photos", "Prefix": ""}}
            session.add(
                Model(
                    project_id=project.id,
                    version=version,
                    status="TRAINED",
                    output=output,
                    package=str(place),
                    scores=told,
                    f1=told and told["f1"],
                )
            )
    yield served
    assert served.stop() == 0, served.log.read_text()[-4000:]


@pytest.fixture(scope="module")
def keys(served: Served) -> dict[str, NewKey]:
    return {role: make_key(Settings(data=served.data), role=role, account=None, note="") for role in ("manage", "read")}


@pytest.fixture(scope="module")
def api(served: Served, keys: dict[str, NewKey]) -> Iterator[Rest]:
    """A caller who may do everything."""
    with Rest(served, keys["manage"]) as made:
        yield made


@pytest.fixture(scope="module")
def reader(served: Served, keys: dict[str, NewKey]) -> Iterator[Rest]:
    with Rest(served, keys["read"]) as made:
        yield made


@pytest.fixture(scope="module")
def hosted(api: Rest) -> str:
    """Version 1, hosted."""
    job = api.ok("POST", f"/projects/{NAME}/models/1/start", json={"min_units": 1})["job"]
    assert 'data: {"state": "done"}' in api.get(f"/api/v1/jobs/{job}/events").text
    return "1"


def of(version: str, rest: str = "") -> str:
    return f"/projects/{NAME}/models/{version}{rest}"


def detected(api: Rest) -> Any:
    found = api.ok("POST", of("1", "/detect"), content=file(SPOT), headers={"content-type": "image/png"})
    return found["anomalous"], found["confidence"]


def test_test_pictures_come_in_pages_with_the_verdict_that_counts(api: Rest) -> None:
    first = api.ok("GET", of("2", "/test-pictures?limit=30"))
    rest = api.ok("GET", of("2", f"/test-pictures?limit=2000&next={first['next']}"))
    assert (first["total"], len(first["pictures"]), len(rest["pictures"]), "next" in rest) == (40, 30, 10, False)
    assert (first["classes"], first["normal"], first["exact"]) == (["normal", "anomaly"], ["normal"], True)
    every = first["pictures"] + rest["pictures"]
    assert [one["number"] for one in every] == list(range(1, 41))
    assert [one["anomalous"] for one in every] == [one["damage"] >= 0.5 for one in every]
    assert {(one["label"], one["damaged"]) for one in every} == {("normal", False), ("anomaly", True)}
    assert api.problem("GET", of("1", f"/test-pictures?next={first['next']}"))[0] == 400
    assert api.problem("GET", of("2", "/test-pictures?limit=2001"))[0] == 422


def test_a_test_picture_has_what_was_drawn_and_found_and_can_be_looked_at(reader: Rest) -> None:
    one = reader.ok("GET", of("1", "/test-pictures/1"))
    assert [place["label"] for place in one["drawn"]] == ["scratch"]
    assert one["drawn"][0]["box"] == [60, 50, 120, 90]
    assert (one["boxes"][0]["label"], one["badness"], one["missed"]) == ("scratch", 1.5, 1)
    shown = reader.get(f"/api/v1{of('1', '/test-pictures/1/picture?size=128')}")
    assert Image.open(io.BytesIO(shown.content)).size == (128, 96)
    view = reader.ok("GET", of("1", "/test-pictures/1/view"))
    assert (view["damage"], view["width"], view["height"]) == (pytest.approx(DAMAGE), 256, 192)
    assert view["boxes"][0]["box"] == pytest.approx(list(SPOT), abs=5)
    assert set(view["colours"]) == {"scratch", "dent"}
    for name, mode in (("heat", "RGBA"), ("mask", "P")):
        answer = reader.get(view[name])
        layer = Image.open(io.BytesIO(answer.content))
        assert (layer.mode, layer.size) == (mode, (256, 192))
        assert reader.get(view[name], headers={"if-none-match": answer.headers["etag"]}).status_code == 304
    assert reader.problem("GET", of("1", "/test-pictures/41"))[0] == 404


def test_a_picture_that_is_gone_or_broken_says_so(reader: Rest, served: Served) -> None:
    for number, status, said in ((2, 400, "not a picture"), (3, 404, "cannot be read")):
        found, told = reader.problem("GET", of("1", f"/test-pictures/{number}/view"))
        assert (found, said in told) == (status, True), told
    assert len(list((served.data / "cache" / "views").rglob("*.json"))) <= 1


def test_scores_are_told_at_any_threshold(reader: Rest) -> None:
    card = reader.ok("GET", of("1", "/evaluation?threshold=0.3"))
    wanted = evaluation_at(measured(), 0.3).scores
    assert (card["threshold"], card["recall"], card["precision"]) == (0.3, wanted.recall, wanted.precision)
    assert card["intervals"]["recall"] == pytest.approx(wanted.intervals["recall"])
    assert reader.ok("GET", of("1", "/evaluation")) == {"threshold": 0.5, "f1": 0.5, "recall": 0.4, "precision": 0.3}
    assert reader.problem("GET", of("1", "/evaluation?threshold=1.1"))[0] == 422


def test_an_adopted_threshold_counts_at_once_everywhere_and_after_a_restart(
    api: Rest, served: Served, keys: dict[str, NewKey], hosted: str
) -> None:
    def over_aws(method: str, path: str, body: bytes = b"") -> Any:
        request = AWSRequest(method, f"{served.url}/2020-11-20/projects/{NAME}/models/1{path}", data=body)
        request.headers["Content-Type"] = "image/png"
        SigV4Auth(Credentials(keys["manage"].key_id, keys["manage"].secret), "lookoutvision", "us-east-1").add_auth(request)
        answer = httpx.request(method, request.url, headers=dict(request.headers), content=body)
        assert answer.is_success, answer.text
        return answer.json()

    def is_anomalous() -> bool:
        return bool(over_aws("POST", "/detect", file(SPOT))["DetectAnomalyResult"]["IsAnomalous"])

    assert detected(api) == (True, pytest.approx(DAMAGE, abs=1e-3))
    told = api.ok("PUT", of("1", "/threshold"), json={"threshold": 0.9, "note": "fewer alarms"})
    assert (told["threshold"], told["trained"], told["adopted"]) == (0.9, 0.5, True)
    assert told["scores"]["recall"] == evaluation_at(measured(), 0.9).scores.recall
    assert [detected(api) for _ in range(3)] == [(False, pytest.approx(1 - DAMAGE, abs=1e-3))] * 3
    assert not is_anomalous()
    assert api.ok("GET", of("1", "/test-pictures/1/view"))["anomalous"] is False
    described = over_aws("GET", "")["ModelDescription"]
    assert described["Performance"]["Recall"] == pytest.approx(evaluation_at(measured(), 0.9).scores.recall or 0.0)
    served.stop()
    served.start()
    wait_for(lambda: api.get("/readyz").status_code == 200, what="the hosted model", seconds=60)
    assert detected(api)[0] is False
    back = api.ok("PUT", of("1", "/threshold"), json={"threshold": None})
    assert (back["threshold"], back["adopted"], back["scores"]["recall"]) == (0.5, False, 0.4)
    assert (detected(api)[0], is_anomalous()) == (True, True)
    changes = [(one["threshold"], one["former"], one["by"], one["note"]) for one in back["changes"]]
    by = keys["manage"].key_id
    assert changes == [(None, 0.9, by, ""), (0.9, None, by, "fewer alarms")]
    assert api.ok("GET", of("1"))["recall"] == 0.4


def test_adopting_what_counts_already_is_no_change(api: Rest) -> None:
    before = api.ok("GET", of("2", "/threshold"))["changes"]
    assert api.ok("PUT", of("2", "/threshold"), json={"threshold": 0.5})["changes"] == before
    for _ in range(2):
        api.ok("PUT", of("2", "/threshold"), json={"threshold": 0.4})
    assert len(api.ok("GET", of("2", "/threshold"))["changes"]) == len(before) + 1
    api.ok("PUT", of("2", "/threshold"), json={"threshold": None})


def test_of_a_model_without_test_pictures_the_scores_are_unknown_and_the_threshold_counts_all_the_same(api: Rest) -> None:
    status, told = api.problem("GET", of("3", "/test-pictures"))
    assert (status, "no test pictures are known" in told) == (409, True)
    found = api.ok("PUT", of("3", "/threshold"), json={"threshold": 0.7})
    assert (found["threshold"], found["scores"]) == (0.7, None)
    assert api.ok("GET", of("3")).get("f1") is None
    assert api.problem("GET", f"/projects/{NAME}/comparison?first=1&second=3")[0] == 409


@pytest.mark.parametrize(
    "body", [{"threshold": 1.01}, {"threshold": -0.1}, {}, {"threshold": "high"}, {"threshold": 0.5, "x": 1}]
)
def test_what_is_no_threshold_is_refused(api: Rest, body: Any) -> None:
    assert api.problem("PUT", of("1", "/threshold"), json=body)[0] == 422


def test_only_who_may_manage_adopts_a_threshold(reader: Rest) -> None:
    assert reader.problem("PUT", of("1", "/threshold"), json={"threshold": 0.9})[0] == 403
    assert reader.ok("GET", of("1", "/threshold"))["threshold"] == 0.5


def test_two_models_are_compared_on_what_both_have(reader: Rest) -> None:
    found = reader.ok("GET", f"/projects/{NAME}/comparison?first=1&second=2")
    assert (found["n"], found["same_pictures"]) == (35, False)
    assert found["n"] == found["both_right"] + found["only_first"] + found["only_second"] + found["both_wrong"]
    assert any("35 that both have" in one and "5 of version 1 and 5 of version 2" in one for one in found["warnings"])
    assert any("damaged and" in one for one in found["warnings"])
    low, high = found["scores"]["recall"]["interval"]
    assert low <= found["scores"]["recall"]["difference"] <= high
    assert found["scores"]["auroc"]["difference"] == pytest.approx(0)
    assert found["places"]["overlap"]["difference"] == pytest.approx(0.1)
    assert len(found["pictures"]) == found["only_first"] + found["only_second"]
    for one in found["pictures"]:
        assert one["first_right"] != one["second_right"]
        assert one["first_number"] - 1 == one["second_number"] + 4
    same = reader.ok("GET", f"/projects/{NAME}/comparison?first=1&second=1")
    assert (same["same_pictures"], same["pictures"], same["scores"]["recall"]["difference"]) == (True, [], 0)


def test_what_is_asked_every_day_brings_no_library_that_fits_models_into_the_server(
    api: Rest, served: Served, hosted: str
) -> None:
    assert detected(api) == (True, pytest.approx(DAMAGE, abs=1e-3))
    for path in ("/projects", f"/projects/{NAME}/models", "/results", "/watches", "/activity"):
        api.ok("GET", path)
    for rest in ("", "/evaluation?threshold=0.6", "/test-pictures", "/test-pictures/1/view", "/threshold"):
        api.ok("GET", of("1", rest))
    api.ok("PUT", of("2", "/threshold"), json={"threshold": 0.45})
    assert api.ok("GET", f"/projects/{NAME}/comparison?first=1&second=2")["scores"]["recall"]["interval"]
    mapped = Path(f"/proc/{served.pid}/maps").read_text()
    assert "/numpy/" in mapped  # so that names of libraries stand there
    assert re.findall(r"/(sklearn|pandas|scipy|torch)/", mapped) == []


def test_a_deleted_model_leaves_no_thresholds(api: Rest, served: Served) -> None:
    api.ok("PUT", of("3", "/threshold"), json={"threshold": 0.6})
    job = api.ok("DELETE", of("3"))["job"]
    assert 'data: {"state": "done"}' in api.get(f"/api/v1/jobs/{job}/events").text
    with database_of(Settings(data=served.data)).reading() as session:
        assert session.scalars(select(Model.version).order_by(Model.version)).all() == [1, 2]


def test_labels_that_changed_between_trainings_are_told() -> None:
    some = measured()
    changed = replace(some, pictures=(replace(some.pictures[0], label="anomaly"), *some.pictures[1:]))
    assert changed.fingerprint != some.fingerprint
