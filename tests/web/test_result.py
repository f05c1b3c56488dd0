"""One result over REST: its picture or video, where the model looked, what persons say of it, and its way into a dataset."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from served import Served
from walkaround.errors import ConflictError, ServiceError, ThrottledError, UnavailableError
from walkaround.hosting.operations.models.imported import import_package
from walkaround.hosting.owner import Owner
from walkaround.media.videos import Frame, write_video
from walkaround.pipeline.originals import keep_picture
from walkaround.settings import Settings
from walkaround.store.opening import database_of
from walkaround.store.pipeline import GONE, Arrival, Watch
from walkaround.store.results import Result
from walkaround.store.tables import Project, now
from walkaround.training.train import Trained
from walkaround.web.uploads import made_bucket

OWNER = Owner(account="000000000000", region="us-east-1")
JPEG = {"content-type": "image/jpeg"}


@pytest.fixture(scope="module")
def kept(server: Served, callers: Any, trained: Trained) -> Iterator[str]:
    """A project with a hosted model and an empty training dataset."""
    settings, api = Settings(data=server.data), callers.manage
    database = database_of(settings)
    with database.transaction() as session:
        import_package(session, OWNER, project_name="kept", package=trained.package, settings=settings)
    database.close()
    api.ok("POST", "/projects/kept/datasets", json={"kind": "train"})
    assert '"done"' in api.get(f"/api/v1/jobs/{api.ok('POST', '/projects/kept/models/1/start', json={})['job']}/events").text
    yield "kept"
    assert '"done"' in api.get(f"/api/v1/jobs/{api.ok('POST', '/projects/kept/models/1/stop')['job']}/events").text


@pytest.fixture
def sent(callers: Any, kept: str, drawn: Path) -> Callable[..., tuple[int, bytes]]:
    """Send a drawn car to be looked at; number of the result, and the picture."""

    def run(place: int = 0, query: str = "keep_picture=true&name=a%20car.jpg") -> tuple[int, bytes]:
        content = sorted((drawn / "test" / "anomaly").iterdir())[place].read_bytes()
        told = callers.detect.ok("POST", f"/projects/{kept}/models/1/detect?{query}", content=content, headers=JPEG)
        return told["result"], content

    return run


@pytest.fixture
def arrived(server: Served, kept: str, tmp_path: Path) -> Callable[..., int]:
    """Write down that something in the bucket photos arrived and was looked at; number of the result."""

    def run(key: str, content: bytes, **findings: Any) -> int:
        path = server.buckets["photos"] / key
        path.write_bytes(content)
        status = path.stat()
        plain = {"source": f"s3://photos/{key}", "anomalous": True, "confidence": 0.9, "label": "anomaly"}
        whole = {"damage": 0.9, "probabilities": {"anomaly": 0.9, "normal": 0.1}, "width": 64, "height": 48}
        database = database_of(Settings(data=server.data))
        with database.transaction() as session:
            project = session.query(Project).filter_by(name=kept).one()
            watch = Watch(account=OWNER.account, region=OWNER.region, name=f"/{key}", spec={}, origin=GONE)
            session.add(watch)
            session.flush()
            arrival = Arrival(
                identity=key,
                watch_id=watch.id,
                project_id=project.id,
                model_version=1,
                bucket="photos",
                key=key,
                etag=f"{status.st_mtime_ns:x}-{status.st_size:x}",
                happened=now(),
                state="done",
            )
            session.add(arrival)
            session.flush()
            result = Result(
                project_id=project.id, model_version=1, findings={**plain, **whole, **findings}, arrival_id=arrival.id, **plain
            )
            session.add(result)
            session.flush()
            number = result.id
        database.close()
        return number

    return run


def test_a_picture_that_was_kept_is_shown_with_where_the_model_looked(callers: Any, sent: Any) -> None:
    number, content = sent()
    told = callers.read.ok("GET", f"/results/{number}")
    assert (told["source"], told["kept"], told["verdict"], told["reviews"]) == ("a car.jpg", True, None, [])
    assert callers.read.get(told["picture"]).content == content
    small = callers.read.get(f"{told['picture']}?size=64")
    assert max(Image.open(io.BytesIO(small.content)).size) <= 128
    heat = Image.open(io.BytesIO(callers.read.get(told["heat"]).content))
    assert (heat.mode, "heat_map" in told["findings"]) == ("RGBA", False)
    assert callers.other.problem("GET", f"/results/{number}")[0] == 404
    assert callers.other.problem("GET", f"/results/{number}/picture")[0] == 404
    assert callers.read.problem("GET", f"/results/{number}/video")[0] == 404


def test_what_was_only_sent_cannot_be_shown_and_that_is_told(callers: Any, sent: Any) -> None:
    number, _ = sent(query="keep=true")
    told = callers.read.ok("GET", f"/results/{number}")
    assert (told["picture"], told["heat"], told["kept"]) == (None, None, False)
    status, detail = callers.read.problem("GET", f"/results/{number}/picture")
    assert (status, "keep_picture=true" in detail) == (404, True)


def test_pictures_go_with_their_results(callers: Any, sent: Any, kept: str, server: Served) -> None:
    number, _ = sent()
    folder = server.data / "buckets" / f"walkaround-{OWNER.account}" / "results"
    assert list(folder.rglob("*.jpg"))
    later = (now() + timedelta(minutes=1)).isoformat()
    callers.manage.ok("POST", "/results/verdicts", json={"verdicts": [{"result": number, "label": "normal"}]})
    callers.manage.ok("DELETE", f"/projects/{kept}/results", params={"before": later})
    assert not list(folder.rglob("*.jpg"))
    assert callers.read.problem("GET", f"/results/{number}")[0] == 404


def test_persons_confirm_and_correct_and_the_history_stays(callers: Any, sent: Any, kept: str) -> None:
    number, _ = sent()
    model = "anomaly" if callers.read.ok("GET", f"/results/{number}")["anomalous"] else "normal"
    other = "normal" if model == "anomaly" else "anomaly"

    def say(label: str | None, note: str = "") -> int:
        verdicts = [{"result": number, "label": label, "note": note}]
        reviewed: int = callers.manage.ok("POST", "/results/verdicts", json={"verdicts": verdicts})["reviewed"]
        return reviewed

    def found(reviewed: str) -> list[int]:
        answer = callers.read.ok("GET", f"/projects/{kept}/results?reviewed={reviewed}")
        return [one["id"] for one in answer["results"] if one["id"] == number]

    assert found("open") == [number]
    assert (say(model), say(model)) == (1, 0)  # the same word again is no news
    assert (found("open"), found("confirmed"), found("corrected")) == ([], [number], [])
    assert say(other, "only dirt") == 1
    assert (found("confirmed"), found("corrected")) == ([], [number])
    told = callers.read.ok("GET", f"/results/{number}")
    assert told["verdict"] == other
    assert [(one["label"], one["note"]) for one in told["reviews"]] == [(other, "only dirt"), (model, "")]
    assert told["reviews"][0]["reviewer"].startswith("WALK")
    assert say(None) == 1
    assert found("open") == [number]
    nobodys = {"verdicts": [{"result": number, "label": model}, {"result": 10**9, "label": model}]}
    assert callers.manage.problem("POST", "/results/verdicts", json=nobodys)[0] == 404
    assert callers.other.problem("POST", "/results/verdicts", json={"verdicts": nobodys["verdicts"][:1]})[0] == 404
    assert callers.detect.problem("POST", "/results/verdicts", json=nobodys)[0] == 403
    assert found("open") == [number]  # all of it or nothing


def test_what_a_person_has_looked_at_is_added_to_the_dataset(callers: Any, sent: Any, kept: str, ended: Any) -> None:
    (first, _), (second, _) = sent(0), sent(1)
    body = {"results": [first, second]}
    status, detail = callers.manage.problem("POST", f"/projects/{kept}/results/add", json=body)
    assert (status, "confirm or correct it first" in detail) == (409, True)
    verdicts = [{"result": first, "label": "anomaly"}, {"result": second, "label": "normal"}]
    callers.manage.ok("POST", "/results/verdicts", json={"verdicts": verdicts})
    done = callers.manage.ok("POST", f"/projects/{kept}/results/add", json=body, headers={"Idempotency-Key": "add"})
    assert done["pictures"] == 2
    ended(done["job"])
    assert callers.manage.ok("POST", f"/projects/{kept}/results/add", json=body, headers={"Idempotency-Key": "add"}) == done
    entries = callers.read.ok("GET", f"/projects/{kept}/datasets/train/entries")["entries"]
    assert {(one["name"], one["label"]) for one in entries} == {("a car.jpg", "anomaly"), ("a car.jpg", "normal")}
    assert all("/pictures/" in one["picture"] for one in entries)
    history = callers.read.ok("GET", f"/results/{first}")["reviews"]
    assert [(one["added_to"], one["label"]) for one in history] == [("train", "anomaly"), (None, "anomaly")]


def test_what_is_drawn_on_a_picture_stays_when_its_result_is_added_again(
    callers: Any, sent: Any, kept: str, ended: Any
) -> None:
    number, _ = sent(2)
    callers.manage.ok("POST", "/results/verdicts", json={"verdicts": [{"result": number, "label": "anomaly"}]})
    ended(callers.manage.ok("POST", f"/projects/{kept}/results/add", json={"results": [number]})["job"])
    dataset = f"/projects/{kept}/datasets/train"
    picture = callers.read.ok("GET", f"{dataset}/entries")["entries"][-1]["picture"]
    drawn = {"places": [{"label": "dent", "box": [1, 1, 20, 20]}]}
    ended(callers.manage.ok("PUT", f"{dataset}/places", params={"picture": picture}, json=drawn)["job"])
    ended(callers.manage.ok("POST", f"/projects/{kept}/results/add", json={"results": [number]})["job"])
    told = callers.read.ok("GET", f"{dataset}/places", params={"picture": picture})
    assert [(one["label"], one["box"]) for one in told["places"]] == [("dent", [1, 1, 20, 20])]


@pytest.mark.parametrize(
    ("problem", "status"),
    [
        (ThrottledError("Too many pictures wait.", retry_after=3), 429),
        (UnavailableError("The database does not answer.", retry_after=3), 503),
        (ConflictError("It is not hosted.", resource_id="abc/1", resource_type="MODEL"), 404),
    ],
)
def test_a_heat_map_that_may_be_had_later_is_not_said_to_be_none(
    talk: Any, draw: Any, problem: ServiceError, status: int
) -> None:
    class Busy:
        async def detect(self, *_: Any, **__: Any) -> None:
            raise problem

    async def conversation(client: Any, app: Any) -> None:
        bucket = made_bucket(app.service.settings.data, OWNER.account)
        address = keep_picture(app.service.buckets, bucket, draw(3), ending="jpg")
        plain = {"source": "car.jpg", "anomalous": True, "confidence": 0.9, "label": "anomaly"}
        with app.service.database.transaction() as session:
            project = Project(account=OWNER.account, region=OWNER.region, name="abc", last_version=1)
            session.add(project)
            session.flush()
            findings = {**plain, "damage": 0.9, "width": 96, "height": 80}
            session.add(Result(project_id=project.id, model_version=1, findings=findings, picture=address, **plain))
        hosted, app.service.pool = app.service.pool, Busy()
        answer = await client.get("/api/v1/results/1/heat")
        app.service.pool = hosted
        assert (answer.status_code, str(problem) in answer.json()["detail"]) == (status, True)
        assert ("retry-after" in answer.headers) == (status != 404)

    talk(conversation)


def test_a_picture_is_shown_from_where_it_arrived_until_it_is_replaced(
    callers: Any, arrived: Any, server: Served, draw: Any
) -> None:
    content = draw(5)
    number = arrived("arrived.jpg", content)
    told = callers.read.ok("GET", f"/results/{number}")
    assert callers.read.get(told["picture"]).content == content
    assert callers.read.get(told["heat"]).headers["content-type"] == "image/png"  # the hosted model is asked
    (server.buckets["photos"] / "arrived.jpg").write_bytes(draw(6))
    status, detail = callers.read.problem("GET", f"/results/{number}/picture")
    assert (status, "it was replaced since" in detail) == (404, True)
    (server.buckets["photos"] / "arrived.jpg").unlink()
    assert callers.read.problem("GET", f"/results/{number}/picture")[0] == 404


def test_a_video_is_sent_in_parts_and_its_frames_as_pictures(
    callers: Any, arrived: Any, kept: str, tmp_path: Path, ended: Any
) -> None:
    shades = [Frame(time=number / 5, pixels=np.full((96, 128, 3), 20 * number, np.uint8)) for number in range(10)]
    write_video(tmp_path / "round.mp4", shades, frame_rate=5)
    content = (tmp_path / "round.mp4").read_bytes()
    frames = [{"time": number / 5, "anomalous": number > 6, "damage": number / 10} for number in range(10)]
    number = arrived("round.mp4", content, duration=2.0, frames=10, strongest_time=1.8, frames_found=frames, spans=[])
    told = callers.read.ok("GET", f"/results/{number}")
    assert (told["spans"], told["heat"]) == ([{"start": 1.4, "end": 1.8}], None)
    part = callers.read.get(told["video"], headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content, part.headers["content-type"]) == (206, content[10:20], "video/mp4")
    brightness = [
        np.asarray(Image.open(io.BytesIO(callers.read.get(f"/api/v1/results/{number}/frame?time={time}").content))).mean()
        for time in (0.2, 1.8)
    ]
    assert brightness[1] > brightness[0] + 50
    assert callers.read.get(told["picture"]).headers["content-type"] == "image/jpeg"  # the frame at 1.8 s
    status, detail = callers.read.problem("GET", f"/results/{number}/frame?time=9")
    assert (status, "ends before" in detail) == (400, True)
    assert callers.other.problem("GET", f"/results/{number}/video")[0] == 404
    assert callers.read.problem("GET", f"/results/{number}/picture")[0] == 404
    callers.manage.ok("POST", "/results/verdicts", json={"verdicts": [{"result": number, "label": "anomaly"}]})
    assert callers.manage.problem("POST", f"/projects/{kept}/results/add", json={"results": [number]})[0] == 409
    wanted = [{"time": 0.4, "label": "normal"}, {"time": 1.8, "label": "anomaly"}]
    body = {"results": [number], "frames": wanted}
    done = callers.manage.ok("POST", f"/projects/{kept}/results/add", json=body)
    assert done["pictures"] == 2
    ended(done["job"])
    entries = callers.read.ok("GET", f"/projects/{kept}/datasets/train/entries")["entries"]
    assert {("round.0.40s.jpg", "normal"), ("round.1.80s.jpg", "anomaly")} <= {(one["name"], one["label"]) for one in entries}
    assert callers.manage.problem("POST", f"/projects/{kept}/results/add", json={**body, "results": [number, number]})[0] == 400
