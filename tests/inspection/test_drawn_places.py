"""Boxes and masks on drawings, in tables and as files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest
from PIL import Image

from made_models import BOX_PART, MASK_PART, made_package, picture_with
from walkaround.inspection.detect import detect
from walkaround.inspection.detector import Detector
from walkaround.inspection.drawings import draw_results
from walkaround.inspection.mask_files import write_masks
from walkaround.inspection.outputs import csv_table
from walkaround.media.videos import Frame, read_frames, write_video

SPOT = (64, 48, 128, 96)


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    return Detector(made_package(tmp_path_factory.mktemp("made") / "both", boxes=BOX_PART, masks=MASK_PART), threads=2)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    Image.fromarray(picture_with(SPOT)).save(folder / "scratched.png")
    Image.fromarray(picture_with()).save(folder / "whole.png")
    return folder


def test_a_small_picture_is_enlarged_for_the_names(detector: Detector, pictures: Path, tmp_path: Path) -> None:
    list(draw_results(detect(detector, pictures), tmp_path / "out", colours=detector.colours))
    with Image.open(tmp_path / "out" / "scratched.jpg") as drawn, Image.open(tmp_path / "out" / "whole.jpg") as plain:
        assert drawn.width == 640
        assert plain.width == 256


def test_a_mask_is_a_png_of_the_pictures_size(detector: Detector, pictures: Path, tmp_path: Path) -> None:
    results = list(write_masks(detect(detector, pictures), tmp_path / "masks"))
    assert len(results) == 2
    with Image.open(tmp_path / "masks" / "scratched.png") as file:
        mask = np.asarray(file.convert("RGB"))
    assert mask.shape == (192, 256, 3)
    assert mask[72, 96].tolist() == [0xE6, 0x9F, 0x00]
    assert mask[5, 5].tolist() == [255, 255, 255]
    with Image.open(tmp_path / "masks" / "whole.png") as file:
        assert np.asarray(file.convert("RGB")).min() == 255


def test_a_table_counts_boxes_and_names_what_was_found(detector: Detector, pictures: Path) -> None:
    stream = io.BytesIO()
    with csv_table(stream) as write:
        for result in detect(detector, pictures):
            write(result)
    scratched, whole = csv.DictReader(io.StringIO(stream.getvalue().decode()))
    assert (scratched["boxes"], scratched["found"], whole["boxes"], whole["found"]) == ("1", "scratch", "0", "")
    assert json.loads(scratched["areas"])["scratch"] == pytest.approx(1 / 16, abs=0.02)
    assert json.loads(whole["areas"]) == {}


def test_boxes_are_drawn_on_videos(detector: Detector, tmp_path: Path) -> None:
    frames = [Frame(time=n / 10, pixels=picture_with((40 + 4 * n, 60, 100 + 4 * n, 110))) for n in range(20)]
    write_video(tmp_path / "walk.mp4", frames, frame_rate=10.0)
    list(draw_results(detect(detector, tmp_path / "walk.mp4", rate=5.0), tmp_path / "out", colours=detector.colours))
    drawn = list(read_frames(tmp_path / "out" / "walk.mp4"))
    assert len(drawn) == 20
    for frame in drawn:
        yellow = (frame.pixels[:192].astype(int) - [230, 159, 0]).__abs__().max(axis=2) < 60
        assert yellow.sum() > 100


def test_the_command_writes_all_of_it(
    command: Callable[..., CompletedProcess[str]], detector: Detector, pictures: Path, tmp_path: Path
) -> None:
    outputs = ("--json", tmp_path / "a.jsonl", "--draw", tmp_path / "drawn", "--masks", tmp_path / "masks")
    answer = command("detect", detector.package.path, pictures, *outputs)
    assert answer.returncode == 0, answer.stderr
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [len(line["boxes"]) for line in lines] == [1, 0]
    assert lines[0]["boxes"][0]["box"] == pytest.approx(SPOT, abs=4)
    assert lines[0]["areas"]["scratch"] == pytest.approx(1 / 16, abs=0.02)
    assert {path.suffix for path in (tmp_path / "masks").iterdir() if path.suffix} == {".png"}


def test_masks_are_asked_of_a_package_that_has_none(
    command: Callable[..., CompletedProcess[str]], pictures: Path, tmp_path: Path
) -> None:
    package = made_package(tmp_path / "boxes", boxes=BOX_PART)
    answer = command("detect", package.path, pictures, "--masks", tmp_path / "masks")
    assert answer.returncode == 1
    assert "finds no masks" in answer.stderr
