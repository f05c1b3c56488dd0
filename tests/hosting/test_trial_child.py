"""The process that looks at what people try a model on: what a picture is like, and the frames of a video."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from walkaround.hosting.jobs.looking.trial_child import answer
from walkaround.hosting.jobs.looking.trial_eyes import Eyes
from walkaround.media.videos import Frame, write_video
from walkaround.settings import Settings


def saved(path: Path, image: Image.Image) -> Path:
    image.save(path, "PNG")
    return path


def scene(seed: int, *, side: int = 320) -> Image.Image:
    """Light, detailed noise of several sizes."""
    rng = np.random.default_rng(seed)
    layers = [np.kron(rng.integers(0, 255, (side // size, side // size, 3)), np.ones((size, size, 1))) for size in (1, 8, 40)]
    return Image.fromarray(np.mean(layers, axis=0).astype(np.uint8))


@pytest.mark.parametrize(
    ("hint", "change"),
    [
        ("blurred", lambda image: image.filter(ImageFilter.GaussianBlur(3))),
        ("dark", lambda image: image.point(lambda value: value // 6)),
        ("bright", lambda image: image.point(lambda value: 240 + value // 20)),
        ("flat", lambda image: image.point(lambda value: 120 + value // 20)),
        ("small", lambda image: image.crop((0, 0, 200, 200))),
    ],
)
def test_a_picture_that_is_hard_to_judge_is_told(tmp_path: Path, hint: str, change: object) -> None:
    assert callable(change)
    good = answer({"picture": str(saved(tmp_path / "good.png", scene(1)))})
    assert good["quality"]["hints"] == []
    bad = answer({"picture": str(saved(tmp_path / "bad.png", change(scene(1))))})
    assert hint in bad["quality"]["hints"]


@pytest.fixture
def eyes(tmp_path: Path) -> Iterator[Eyes]:
    made = Eyes(Settings(data=tmp_path))
    yield made
    made.close()


@pytest.fixture
def video(tmp_path: Path) -> Path:
    scenes = [np.asarray(scene(seed)) for seed in (1, 2, 3)]
    path = tmp_path / "a.mp4"
    write_video(path, (Frame(time=n / 10, pixels=scenes[n // 10]) for n in range(30)), frame_rate=10)
    return path


def test_frames_are_chosen_by_a_process_of_its_own(eyes: Eyes, video: Path, tmp_path: Path) -> None:
    told = eyes.choose(video, name="yard.mp4", at_most=10, folder=tmp_path)
    assert [int(frame["time"]) for frame in told["frames"]] == [0, 1, 2]
    with Image.open(told["frames"][0]["file"]) as frame:
        assert frame.size == (320, 320)
    assert told["incomplete"] is None
    (tmp_path / "cut.mp4").write_bytes(video.read_bytes()[:500])
    assert eyes.choose(tmp_path / "cut.mp4", name="yard.mp4", at_most=10, folder=tmp_path)["reason"].startswith(
        "Cannot read 'yard"
    )
    assert "reason" in eyes.look(tmp_path / "none.png")


def test_eyes_that_were_killed_answer_nothing(eyes: Eyes, tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", scene(1))
    assert "thumbnail" in eyes.look(path)
    eyes.kill()
    assert "reason" in eyes.look(path)


def test_what_takes_too_long_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tests = str(Path(__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([tests, os.environ.get("PYTHONPATH", "")]))
    eyes = Eyes(Settings(data=tmp_path, picture_seconds=0.5, video_seconds=0.7), program="hosting.endless_child")
    assert "more than 0.5 s, and given up" in eyes.look(tmp_path / "a.png")["reason"]
    told = eyes.choose(tmp_path / "a.mp4", name="yard.mp4", at_most=2, folder=tmp_path)["reason"]
    assert "more than 0.7 s" in told
    assert "video_seconds" in told
    eyes.close()
