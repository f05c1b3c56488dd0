"""Drawings show each result once, under a name of its own, and never touch what they were made from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from walkaround.damage.findings import Findings
from walkaround.errors import PictureError, StorageError
from walkaround.inspection.detect import detect
from walkaround.inspection.detector import Detector
from walkaround.inspection.drawings import draw_results
from walkaround.inspection.inputs import DRAWN_MARKER
from walkaround.inspection.results import Refusal, VideoFindings
from walkaround.media.videos import read_frames

Save = Callable[[NDArray[np.uint8], Path], Path]
GREY = np.full((60, 80, 3), 128, np.uint8)


def found(path: Path, *, size: tuple[int, int] = (80, 60)) -> Findings:
    heat = np.zeros((4, 4), np.float32)
    heat[1:3, 1:3] = 2
    return Findings(
        source=str(path), anomalous=True, confidence=0.9, label="dent", damage=0.9, width=size[0], height=size[1], heat_map=heat
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != DRAWN_MARKER)


def test_results_pass_through_in_order_and_names_do_not_collide(save: Save, tmp_path: Path) -> None:
    sources = ["a/car.jpg", "b/car.jpg", "b/CAR.jpg", "b/car.png", "c/car-2.jpg"]
    results = [found(save(GREY, tmp_path / "in" / name)) for name in sources]
    assert list(draw_results(results, tmp_path / "out")) == results
    assert names(tmp_path / "out") == ["CAR-3.jpg", "car-2-2.jpg", "car-2.jpg", "car-4.jpg", "car.jpg"]


@pytest.mark.parametrize(
    "name", ['qu"ote.png', "zeile\nbruch\x07.png", "Größe 車 🚗.png", "a:b*c?.png", "x" * 250 + ".png", "車" * 80 + ".png"]
)
def test_any_name_gives_a_name_that_every_disk_takes(name: str, save: Save, tmp_path: Path) -> None:
    list(draw_results([found(save(GREY, tmp_path / "in" / name))] * 2, tmp_path / "out"))
    drawn = names(tmp_path / "out")
    assert len(drawn) == 2
    assert all(one.endswith(".jpg") and one.isprintable() and not set(one) & set('<>:"/\\|?*') for one in drawn)


def test_a_drawing_is_a_reduced_jpeg_with_heat_and_banner(save: Save, tmp_path: Path) -> None:
    large = found(save(np.full((1500, 2400, 3), 128, np.uint8), tmp_path / "in" / "large.jpg"), size=(2400, 1500))
    list(draw_results([large], tmp_path / "hot"))
    list(draw_results([large], tmp_path / "plain", heat=False))
    with Image.open(tmp_path / "hot" / "large.jpg") as hot, Image.open(tmp_path / "plain" / "large.jpg") as plain:
        assert hot.format == "JPEG"
        assert hot.width == 1600
        assert hot.height > 1000
        assert plain.getpixel((800, 500)) == pytest.approx((128, 128, 128), abs=3)
        assert hot.getpixel((800, 500)) != pytest.approx((128, 128, 128), abs=20)


def test_a_video_is_drawn_frame_by_frame(detector: Detector, clip: Path, tmp_path: Path) -> None:
    (result,) = draw_results(detect(detector, clip, heat=True), tmp_path / "out")
    assert isinstance(result, VideoFindings)
    original, drawn = list(read_frames(clip)), list(read_frames(tmp_path / "out" / "clip.mp4"))
    assert [frame.time for frame in drawn] == pytest.approx([frame.time for frame in original], abs=0.001)
    assert all(frame.pixels.shape[0] > 240 and frame.pixels.shape[1] == 320 for frame in drawn)
    first, last = (drawn[n].pixels[248, 3].astype(int) for n in (2, -2))  # of the banner: blue for whole, orange for damaged
    assert first[2] > first[0] + 50
    assert last[0] > last[2] + 50
    strip = drawn[2].pixels[-7].astype(int)  # the second half of the video is damaged
    assert strip[240, 0] - strip[240, 2] > 50 > abs(strip[100, 0] - strip[100, 2])


def test_a_folder_with_other_files_is_not_drawn_into(save: Save, tmp_path: Path) -> None:
    original = save(GREY, tmp_path / "photos" / "car.jpg")
    before = original.read_bytes()
    with pytest.raises(StorageError, match=r"holds other files, such as 'car\.jpg'"):
        next(draw_results([found(original)], tmp_path / "photos"))
    assert original.read_bytes() == before
    assert names(tmp_path / "photos") == ["car.jpg"]


def test_a_second_run_replaces_the_first(save: Save, tmp_path: Path) -> None:
    results = [found(save(GREY, tmp_path / "in" / "car.jpg"))]
    for _ in range(2):
        list(draw_results(results, tmp_path / "out"))
    assert names(tmp_path / "out") == ["car.jpg"]


def test_what_is_gone_or_was_refused_stops_nothing(save: Save, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    gone = found(tmp_path / "gone.jpg")
    refusal = Refusal(source="x.jpg", reason=PictureError("'x.jpg' is empty."))
    kept = found(save(GREY, tmp_path / "in" / "car.jpg"))
    assert list(draw_results([gone, refusal, kept], tmp_path / "out")) == [gone, refusal, kept]
    assert names(tmp_path / "out") == ["car.jpg"]
    assert "gone.jpg" in caplog.text
