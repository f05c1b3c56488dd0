"""The bucket sink on a real S3 server: one JSON for each input, under its key."""

from __future__ import annotations

import io
import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from PIL import Image

from slow_inputs import write_slow_video
from walkaround.buckets.buckets import Buckets
from walkaround.buckets.remote import Patience, S3Access
from walkaround.errors import UnavailableError, WalkaroundError
from walkaround.media.videos import Frame, video_facts, write_video
from walkaround.pipeline.sinks.bucket import BucketSender
from walkaround.pipeline.sinks.delivered import Delivered, RefusedError
from walkaround.pipeline.sinks.drawn import Drawings
from walkaround.pipeline.spec import BucketSink
from walkaround.settings import Settings

Make = Callable[..., Delivered]


@pytest.fixture
def buckets(s3_server: S3Access) -> Buckets:
    return Buckets({}, s3=s3_server)


@pytest.fixture
def bucket() -> str:
    """A name; the bucket is made when something is written."""
    return f"test-{uuid4().hex}"


@pytest.fixture
def drawings(tmp_path: Path) -> Iterator[Drawings]:
    """What draws; 15 seconds for a video."""
    made = Drawings(Settings(data=tmp_path, video_seconds=15), folder=tmp_path / "drawings")
    yield made
    made.close()


Send = Callable[..., list[WalkaroundError | None]]


@pytest.fixture
def send(drawings: Drawings) -> Send:
    """Sends results to a bucket, below out/."""

    def sent(buckets: Buckets, bucket: str, given: Sequence[Delivered], *, drawn: bool = False) -> list[WalkaroundError | None]:
        sink = BucketSink(bucket=bucket, prefix="out/", drawn=drawn)
        return BucketSender(sink, buckets=buckets, drawings=drawings).send(given)

    return sent


def read(buckets: Buckets, bucket: str, key: str) -> bytes:
    return buckets.read(bucket, key, at_most=1_000_000)


def keys(buckets: Buckets, bucket: str) -> list[str]:
    return sorted(found.key for found in buckets.list(bucket))


def test_the_json_is_the_whole_result(buckets: Buckets, bucket: str, delivered: Make, send: Send) -> None:
    given = delivered(version="v7")
    assert send(buckets, bucket, [given]) == [None]
    assert json.loads(read(buckets, bucket, "out/a/b.jpg.json")) == {
        "format": 1,
        "id": given.id,
        "watch": "incoming",
        "kind": "picture",
        "source": "s3://photos/a/b.jpg",
        "bucket": "photos",
        "key": "a/b.jpg",
        "version": "v7",
        "etag": "e1",
        "happened": "2026-05-04T03:02:01.000Z",
        "inspected": "2026-05-04T03:02:01.000Z",
        "project": "cars",
        "model_version": 3,
        "findings": given.findings,
        "DetectAnomalyResult": {"Source": {"Type": "direct"}, "IsAnomalous": True, "Confidence": 0.9731},
    }


def test_the_same_again_changes_nothing(buckets: Buckets, bucket: str, delivered: Make, send: Send) -> None:
    given = [delivered(key=f"ä {number}.jpg") for number in range(30)]
    assert send(buckets, bucket, given) == [None] * 30
    before = {key: read(buckets, bucket, key) for key in keys(buckets, bucket)}
    assert send(buckets, bucket, given[::-1]) == [None] * 30
    assert {key: read(buckets, bucket, key) for key in keys(buckets, bucket)} == before
    assert list(before) == sorted(f"out/{one.key}.json" for one in given)


def test_models_that_look_at_the_same_key_have_a_file_each(buckets: Buckets, bucket: str, delivered: Make, send: Send) -> None:
    given = [delivered(several=True, project=name, model_version=2) for name in ("cars", "lamps")]
    assert send(buckets, bucket, given) == [None, None]
    assert keys(buckets, bucket) == ["out/a/b.jpg.cars-2.json", "out/a/b.jpg.lamps-2.json"]


def test_an_old_content_does_not_overwrite_the_new(buckets: Buckets, bucket: str, delivered: Make, send: Send) -> None:
    old, new = delivered(etag="old", superseded=True), delivered(etag="new")
    assert send(buckets, bucket, [new, old]) == [None, None]
    assert json.loads(read(buckets, bucket, "out/a/b.jpg.json"))["etag"] == "new"


def test_a_key_that_is_too_long_is_refused(buckets: Buckets, bucket: str, delivered: Make, send: Send) -> None:
    errors = send(buckets, bucket, [delivered(key="x" * 1020), delivered()])
    assert [type(error) for error in errors] == [RefusedError, type(None)]
    assert "its key has 1,029 bytes" in str(errors[0])


def test_a_name_that_no_disk_takes_is_refused_for_good(tmp_path: Path, delivered: Make, send: Send) -> None:
    (tmp_path / "out").mkdir()
    [error] = send(Buckets({"out": str(tmp_path / "out")}), "out", [delivered(key="x" * 254)])
    assert isinstance(error, RefusedError)
    assert "(File name too long): shorten or change it" in str(error)


def test_a_server_that_is_away_is_asked_once(bucket: str, delivered: Make, send: Send) -> None:
    nowhere = S3Access(endpoint="http://127.0.0.1:1", region="us-east-1", access_key="a", secret_key="b" * 20)
    buckets = Buckets({}, s3=nowhere, patience=Patience(connect=1, retries=0))
    errors = send(buckets, bucket, [delivered(key=f"{number}.jpg") for number in range(25)])
    assert all(error is errors[0] for error in errors)
    assert isinstance(errors[0], UnavailableError)


def test_damage_is_drawn_if_asked_for(buckets: Buckets, bucket: str, tmp_path: Path, delivered: Make, send: Send) -> None:
    width, height = 300, 200
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(tmp_path / "b.jpg")
    buckets.write(bucket, "in/b.jpg", (tmp_path / "b.jpg").read_bytes())
    findings = {**delivered().findings, "width": width, "height": height, "heat_map": [[0.0, 1.5], [0.2, 0.0]]}
    damaged = delivered(key="in/b.jpg", bucket=bucket, etag=None, findings=findings)
    whole = delivered(key="in/w.jpg", bucket=bucket, findings={**findings, "anomalous": False})
    gone = delivered(key="in/gone.jpg", bucket=bucket, findings=findings)
    assert send(buckets, bucket, [damaged, whole, gone], drawn=True) == [None] * 3
    named = [json.loads(read(buckets, bucket, f"out/in/{name}.jpg.json"))["drawn"] for name in ("b", "w", "gone")]
    assert named == ["out/in/b.jpg.drawn.jpg", None, None]
    shown = Image.open(io.BytesIO(read(buckets, bucket, "out/in/b.jpg.drawn.jpg")))
    assert shown.width == width
    assert shown.height > height  # the banner
    assert list((tmp_path / "drawings").iterdir()) == []


def video_findings(path: Path, delivered: Make) -> dict[str, Any]:
    """Write a video of a second; what a model could have found in it."""
    path.parent.mkdir()
    frames = (Frame(time=number / 10, pixels=np.full((64, 96, 3), 20 * number, np.uint8)) for number in range(10))
    write_video(path, frames, frame_rate=10.0)
    line = {**delivered().findings, "width": 96, "height": 64}
    found = [{**line, "time": time} for time in (0.0, 0.5)]
    return {**line, "frames": 2, "duration": 1.0, "strongest_time": 0.5, "frames_found": found}


class Counting(Buckets):
    """Folders that are slow to take drawings, and count how many are written at the same time."""

    now = most = 0

    def write(self, bucket: str, key: str, content: bytes) -> None:
        if ".drawn." in key:
            self.now += 1
            self.most = max(self.most, self.now)
            time.sleep(0.3)
            self.now -= 1
        super().write(bucket, key, content)


@pytest.mark.parametrize(("ending", "at_once"), [("jpg", 2), ("mp4", 1)])
def test_few_drawings_are_in_memory_at_once(tmp_path: Path, delivered: Make, ending: str, at_once: int, send: Send) -> None:
    findings = video_findings(tmp_path / "photos" / "0.mp4", delivered)
    if ending == "jpg":
        findings = {**delivered().findings, "width": 96, "height": 64}
        Image.new("RGB", (96, 64)).save(tmp_path / "photos" / "0.jpg")
    for number in range(1, 6):
        shutil.copy(tmp_path / "photos" / f"0.{ending}", tmp_path / "photos" / f"{number}.{ending}")
    buckets = Counting({"photos": tmp_path / "photos", "out": tmp_path})
    given = [delivered(key=f"{number}.{ending}", etag=None, findings=findings) for number in range(6)]
    assert send(buckets, "out", given, drawn=True) == [None] * 6
    assert len(list((tmp_path / "out").glob("*.drawn.*"))) == 6
    assert 1 <= buckets.most <= at_once


def test_a_damaged_video_is_drawn(tmp_path: Path, delivered: Make, send: Send) -> None:
    findings = video_findings(tmp_path / "photos" / "round.mp4", delivered)
    buckets = Buckets({"photos": tmp_path / "photos", "out": tmp_path})
    given = delivered(key="round.mp4", etag=None, findings=findings)
    assert send(buckets, "out", [given], drawn=True) == [None]
    shutil.copy(tmp_path / "out" / "round.mp4.drawn.mp4", tmp_path / "shown.mp4")
    assert video_facts(tmp_path / "shown.mp4").duration == pytest.approx(1.0, abs=0.2)


def test_a_video_that_takes_too_long_to_draw_has_its_json_and_the_others_are_drawn(
    tmp_path: Path, delivered: Make, drawings: Drawings, send: Send, caplog: pytest.LogCaptureFixture
) -> None:
    findings = video_findings(tmp_path / "photos" / "round.mp4", delivered)
    write_slow_video(tmp_path / "photos" / "slow.mp4", seconds=600)
    buckets = Buckets({"photos": tmp_path / "photos", "out": tmp_path})
    slow = {**findings, "width": 1280, "height": 720, "duration": 600.0}
    began = time.monotonic()
    given = [
        delivered(key="slow.mp4", etag=None, findings=slow),
        delivered(key="round.mp4", etag=None, findings=findings),
    ]
    assert send(buckets, "out", given, drawn=True) == [None, None]
    assert time.monotonic() - began < 60
    named = [json.loads((tmp_path / "out" / f"{name}.mp4.json").read_text())["drawn"] for name in ("slow", "round")]
    assert named == [None, "out/round.mp4.drawn.mp4"]
    assert "was worked on for more than 15 s, and given up: look at the file, or allow more with the setting" in caplog.text
    assert list((tmp_path / "drawings").iterdir()) == [], "nothing of what was cut off stays"
