"""Bulk inspection in this machine: results, resuming, interruption, wrong use."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from walkaround.errors import InputError
from walkaround.inspection.detect import detect
from walkaround.models.package import Package
from walkaround.pipeline.bulk.places import Reach

Rows = Callable[[Path], list[dict[str, Any]]]
Check = Callable[[Path, list[str]], dict[str, Any]]


@pytest.fixture
def odd_yard(yard: Path, video: bytes) -> Path:
    """The pictures, two videos, broken ones of both kinds, an empty file, text called a picture, and a table."""
    (yard / "lot").mkdir()
    (yard / "lot" / "round.mp4").write_bytes(video)
    (yard / "lot" / "upload-17").write_bytes(video)
    (yard / "cut.mp4").write_bytes(video[:300])
    (yard / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 broken")
    (yard / "empty.png").write_bytes(b"")
    (yard / "text.jpg").write_text("no picture at all")
    (yard / "labels.csv").write_text("image,label\n")
    return yard


def test_everything_becomes_a_row_as_detection_gives_it(
    run: Any, odd_yard: Path, package: Package, tmp_path: Path, rows_of: Rows, check_complete: Check
) -> None:
    out = tmp_path / "out"
    said = run(odd_yard, out, "--shard-size", 5, code=3)
    keys = [f"{path.relative_to(odd_yard)}" for path in odd_yard.rglob("*.*") if path.suffix != ".csv"] + ["lot/upload-17"]
    summary = check_complete(out, keys)
    counted = {name: summary[name] for name in ("pictures", "videos", "anomalous", "failed", "passed_over", "shards")}
    assert counted == {"pictures": 12, "videos": 2, "anomalous": 8, "failed": 4, "passed_over": 1, "shards": 4}
    rows = {row["source"]: row for row in rows_of(out)}
    for found in detect(package.path, [odd_yard]):
        line, row = found.as_json(), rows[found.source]
        same = set(line) & set(row) - {"error"}
        assert {name: row[name] for name in same} == {name: line[name] for name in same}
        assert (row["error"] is None) == ("error" not in line)
    failed = [json.loads(line) for line in (out / "failed.jsonl").read_text().splitlines()]
    assert sorted(row["key"] for row in failed) == ["broken.jpg", "cut.mp4", "empty.png", "text.jpg"]
    assert all(row["source"] in row["error"] for row in failed)
    assert "12 pictures and 2 videos, 8 damaged and 6 whole" in said
    assert "Ray" not in said
    before = {path: path.stat().st_mtime_ns for path in out.glob("part-*")}
    run(odd_yard, out, code=3)
    assert {path: path.stat().st_mtime_ns for path in out.glob("part-*")} == before, "nothing is done twice"


def test_ctrl_c_ends_it_and_says_how_to_go_on(run: Any, yard: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for number in range(300):  # enough to be interrupted at
        shutil.copyfile(yard / "00.jpg", yard / f"copy-{number}.jpg")
    process = run.start(yard, out, "--shard-size", 1)
    wait_for(lambda: list(out.glob("_walkaround/done/*/*")))
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 130, said
    assert "Interrupted. What is finished is kept; run the same command to go on where it stopped." in said
    assert "Traceback" not in said
    assert 0 < len(list(out.glob("_walkaround/done/*/*"))) < 312
    assert not (out / "summary.json").exists()
    assert run.left(process.pid) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_can_be_interrupted_while_ray_starts(run: Any, yard: Path, tmp_path: Path, number: signal.Signals) -> None:
    process = run.start(yard, tmp_path / "out")
    assert any("Starting workers" in line for line in process.stderr)
    time.sleep(0.5)  # Ray loses what comes while it imports and starts
    # Ctrl-C reaches all processes of a terminal, another signal this one alone.
    (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 130, said
    assert said.count("Interrupted.") == 1
    assert "Traceback" not in said
    assert run.left(process.pid) == []


@pytest.mark.parametrize(
    ("source", "target", "sentence"),
    [
        ("nowhere", "out", "There is no folder '.*nowhere': correct the input."),
        ("yard", "yard", "is both input and output"),
        ("yard", "s3://nowhere/x", "There is no bucket 'nowhere'"),
        ("https://example.com/a", "out", "is not s3://BUCKET/KEY"),
    ],
)
def test_places_that_cannot_be_are_told(
    yard: Path, package: Package, tmp_path: Path, source: str, target: str, sentence: str
) -> None:
    from walkaround.pipeline.bulk.bulk import inspect_bulk

    given = [place if "://" in place else str(tmp_path / place) for place in (source, target)]
    with pytest.raises(InputError, match=sentence):
        inspect_bulk(*given, package=package.path, reach=Reach(places={}))


@pytest.mark.parametrize(
    ("address", "sentence"),
    [("127.0.0.1:9", r"There is no Ray cluster at '127.0.0.1:9' \(.*refused\)"), ("ray://x:1", "is for Ray's client")],
)
def test_a_cluster_that_cannot_be_joined_is_told(
    yard: Path, package: Package, tmp_path: Path, address: str, sentence: str
) -> None:
    from walkaround.pipeline.bulk.bulk import Workforce, inspect_bulk

    with pytest.raises(InputError, match=sentence):
        inspect_bulk(
            str(yard), str(tmp_path / "out"), package=package.path, reach=Reach(places={}), workforce=Workforce(ray=address)
        )


def test_a_missing_extra_is_named_with_the_line_that_installs_it() -> None:
    code = "import sys; sys.modules['ray'] = None; from walkaround.pipeline.bulk.extra import need_extra; need_extra()"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stderr
    assert "MissingExtraError: Bulk inspection needs Ray, which is not installed: pip install 'walkaround[bulk]'." in said


def test_the_command_loads_neither_ray_nor_arrow() -> None:
    code = "import sys; import walkaround.pipeline.bulk.command; sys.exit('ray' in sys.modules or 'pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def wait_for(happened: Callable[[], object], *, seconds: float = 300) -> None:
    """Wait until something is so."""
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)
