"""Lines that other programs can read, whatever the names; files that are whole or not there."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from walkaround.damage.findings import Findings
from walkaround.errors import PictureError, StorageError
from walkaround.inspection.outputs import COLUMNS, Write, csv_table, json_lines, unfinished
from walkaround.inspection.results import Refusal, VideoFindings
from walkaround.inspection.spans import DamageSpan

NAMES = [
    "plain.jpg",
    'qu"ote,comma.jpg',
    "zeile\nbruch\t\x07.jpg",
    "Größe 車 🚗.jpg",
    "bytes-\udce9\udcff.jpg",
    "=cmd|' /C calc'!A0.jpg",
]
Writer = Callable[[Path], AbstractContextManager[Write]]


def picture(source: str, *, time: float | None = None, label: str = "dent") -> Findings:
    return Findings(
        source=source, anomalous=True, confidence=0.9, label=label, damage=0.9, probabilities={"normal": 0.1, label: 0.9},
        width=640, height=480, time=time,
    )  # fmt: skip


def video(source: str) -> VideoFindings:
    frames = tuple(picture(source, time=second / 2) for second in range(3))
    span = DamageSpan(label="dent", begin=0.25, end=1.5, frames=2, strongest_time=0.5, confidence=0.95)
    return VideoFindings(frames=frames, whole=frames[1], duration=1.5, spans=(span,))


def test_json_lines_bring_every_name_back(tmp_path: Path) -> None:
    with json_lines(tmp_path / "out" / "found.jsonl") as write:
        for name in NAMES:
            write(picture(name))
    lines = (tmp_path / "out" / "found.jsonl").read_bytes().decode("utf-8").splitlines()
    assert [json.loads(line)["source"] for line in lines] == NAMES
    assert json.loads(lines[0]).items() >= {"anomalous": True, "confidence": 0.9, "label": "dent"}.items()
    assert "Größe 車 🚗" in lines[3]


def test_a_video_has_a_line_for_each_frame_and_one_for_the_whole() -> None:
    stream = io.BytesIO()
    with json_lines(stream) as write:
        write(video("walk.mp4"))
    *frames, whole = map(json.loads, stream.getvalue().splitlines())
    assert [frame["time"] for frame in frames] == [0.0, 0.5, 1.0]
    assert whole["frames"] == 3
    assert (whole["duration"], whole["strongest_time"], "time" in whole) == (1.5, 0.5, False)
    assert whole["spans"] == [
        {"label": "dent", "begin": 0.25, "end": 1.5, "frames": 2, "strongest_time": 0.5, "confidence": 0.95}
    ]
    assert all(line["source"] == "walk.mp4" and line["label"] == "dent" for line in (*frames, whole))


def test_a_refusal_has_the_same_keys_and_no_verdict() -> None:
    stream = io.BytesIO()
    with json_lines(stream) as write:
        write(Refusal(source="a.jpg", reason=PictureError("'a.jpg' is empty; copy it again.")))
    line = json.loads(stream.getvalue())
    assert line == {
        "source": "a.jpg",
        "anomalous": None,
        "confidence": None,
        "label": None,
        "error": "'a.jpg' is empty; copy it again.",
    }


def test_the_table_has_the_same_lines(tmp_path: Path) -> None:
    with csv_table(tmp_path / "found.csv") as write:
        write(picture("a.jpg"))
        write(video("walk.mp4"))
        write(Refusal(source="b.jpg", reason=PictureError("'b.jpg' is empty.")))
    with (tmp_path / "found.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert [row["source"] for row in rows] == ["a.jpg", *["walk.mp4"] * 4, "b.jpg"]
    assert [row["time"] for row in rows] == ["", "0.0", "0.5", "1.0", "", ""]
    assert [row["anomalous"] for row in rows] == ["true"] * 5 + [""]
    assert (rows[4]["frames"], rows[5]["error"]) == ("3", "'b.jpg' is empty.")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(start: str, tmp_path: Path) -> None:
    with csv_table(tmp_path / "found.csv") as write:
        write(picture(f"{start}1+1", label=f"{start}HYPERLINK(1)"))
    with (tmp_path / "found.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["source"], row["label"]) == (f"'{start}1+1", f"'{start}HYPERLINK(1)")


def test_a_table_brings_odd_names_back(tmp_path: Path) -> None:
    with csv_table(tmp_path / "found.csv") as write:
        for name in NAMES[:4]:
            write(picture(name))
    with (tmp_path / "found.csv").open(encoding="utf-8", newline="") as file:
        assert [row["source"] for row in csv.DictReader(file)] == NAMES[:4]


@pytest.mark.parametrize("writer", [json_lines, csv_table])
def test_an_error_leaves_the_old_file_as_it_was_and_keeps_finished_lines(writer: Writer, tmp_path: Path) -> None:
    target = tmp_path / "found"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), writer(target) as write:
        [write(picture(f"{12 // number}.jpg")) for number in (2, 1, 0)]
    assert target.read_text() == "old"
    with writer(tmp_path / "whole") as write:
        [write(picture(f"{12 // number}.jpg")) for number in (2, 1)]
    assert (tmp_path / "found.part").read_bytes() == (tmp_path / "whole").read_bytes()


@pytest.mark.parametrize("writer", [json_lines, csv_table])
def test_an_error_before_the_first_line_leaves_nothing(writer: Writer, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), writer(tmp_path / "found"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_lines_are_there_before_the_file_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "found.jsonl"
    unfinished(target).write_text("of an earlier run")
    with json_lines(target) as write:
        write(picture("a.jpg"))
        assert json.loads(unfinished(target).read_text())["source"] == "a.jpg"
        assert not target.exists()
    assert list(tmp_path.iterdir()) == [target]


def test_two_runs_never_mix_their_lines(tmp_path: Path) -> None:
    target = tmp_path / "found.jsonl"
    slow, quick = json_lines(target), json_lines(target)
    slow.__enter__()(picture("a.jpg"))
    with quick as write:
        write(picture("b.jpg"))
    with pytest.raises(StorageError, match="Another run writes"):
        slow.__exit__(None, None, None)
    assert [json.loads(line)["source"] for line in target.read_text().splitlines()] == ["b.jpg"]


def test_an_incomplete_video_has_its_verdict_and_an_error() -> None:
    stream = io.BytesIO()
    with json_lines(stream) as write:
        write(replace(video("walk.mp4"), incomplete="'walk.mp4' is incomplete."))
    *frames, whole = map(json.loads, stream.getvalue().splitlines())
    assert (whole["anomalous"], whole["error"]) == (True, "'walk.mp4' is incomplete.")
    assert not any("error" in frame for frame in frames)


@pytest.mark.parametrize("writer", [json_lines, csv_table])
def test_a_full_disk_says_so(writer: Writer) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(StorageError, match="disk is full"), writer(Path("/dev/full")) as write:
        write(picture("a.jpg"))


@pytest.mark.parametrize(
    ("target", "reason"), [("folder", "is a folder"), ("file/found.jsonl", "file, not a folder|File exists")]
)
def test_a_place_that_cannot_be_written_says_so_at_once(target: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=reason), json_lines(tmp_path / target):
        pytest.fail("the block was entered")


def test_a_device_is_written_to_and_never_replaced() -> None:
    with json_lines(Path(os.devnull)) as write:
        write(picture("a.jpg"))
    assert Path(os.devnull).is_char_device()


def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with json_lines(tmp_path / "link") as write:
        write(picture("a.jpg"))
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes().count(b"\n") == 1


def test_a_reader_that_goes_away_is_no_storage_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as pipe, pytest.raises(BrokenPipeError), json_lines(pipe) as write:
        write(picture("a.jpg"))
