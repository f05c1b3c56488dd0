"""Results as CSV and Parquet: every column, no formula, and no more memory than a few thousand rows take."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from walkaround.errors import InputError, NotFoundError, StorageError
from walkaround.hosting.operations.results.result_search import ResultFilter
from walkaround.hosting.owner import Owner
from walkaround.pipeline.export import COLUMNS, export_parts, export_results
from walkaround.store.database import Database
from walkaround.store.pipeline import Watch
from walkaround.store.results import Result
from walkaround.store.tables import Project

OWNER = Owner("000000000000", "us-east-1")
NOON = datetime(2026, 3, 10, 12, 30, 0, 5, tzinfo=UTC)
PICTURE: dict[str, Any] = {"damage": 0.9, "width": 640, "height": 480, "probabilities": {"dent": 0.9, "ok": 0.1}}
FRAMES = [{"time": 0.0, "anomalous": False}, {"time": 1.5, "anomalous": True}]
VIDEO: dict[str, Any] = {**PICTURE, "duration": 2.0, "frames": 2, "strongest_time": 1.5, "frames_found": FRAMES}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A project and a watch without results."""
    made = Database(f"sqlite:///{tmp_path / 'walkaround.sqlite'}")
    made.migrate()
    with made.transaction() as session:
        session.add(Project(account=OWNER.account, region=OWNER.region, name="cars"))
        session.add(Watch(account=OWNER.account, region=OWNER.region, name="yard", spec={}, origin="rest"))
    yield made
    made.close()


def keep(database: Database, *sources: str, findings: dict[str, Any] = PICTURE, watch: int | None = None) -> None:
    members = {"project_id": 1, "model_version": 2, "anomalous": True, "confidence": 0.9, "label": "dent", "watch_id": watch}
    with database.transaction() as session:
        for number, source in enumerate(sources):
            created = NOON + timedelta(seconds=number)
            session.add(Result(source=source, findings=findings, created=created, **members))


def table(database: Database, path: Path, **wanted: Any) -> list[dict[str, Any]]:
    export_results(database, OWNER, ResultFilter(**wanted), path)
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    rows: list[dict[str, Any]] = pyarrow.parquet.read_table(path).to_pylist()
    return rows


def test_what_a_person_said_is_a_column(database: Database, tmp_path: Path) -> None:
    keep(database, "a.jpg", "b.jpg")
    with database.transaction() as session:
        session.query(Result).filter_by(source="a.jpg").update({"verdict": "normal"})
    rows = table(database, tmp_path / "r.csv")
    assert [(row["source"], row["verdict"]) for row in rows] == [("b.jpg", ""), ("a.jpg", "normal")]


def test_csv_has_every_column(database: Database, tmp_path: Path) -> None:
    keep(database, "a.jpg")
    keep(database, "b.mp4", findings=VIDEO, watch=1)
    video, picture = sorted(table(database, tmp_path / "r.csv"), key=lambda row: str(row["kind"]), reverse=True)
    assert list(picture) == [column.name for column in COLUMNS]
    assert {**picture, "probabilities": ""} == {
        **dict.fromkeys(picture, ""),
        "id": "1",
        "created": "2026-03-10T12:30:00.000005Z",
        "project": "cars",
        "model": "2",
        "source": "a.jpg",
        "kind": "picture",
        "anomalous": "true",
        "label": "dent",
        "confidence": "0.9",
        "damage": "0.9",
        "width": "640",
        "height": "480",
    }
    assert (video["watch"], video["duration"], video["strongest_time"]) == ("yard", "2.0", "1.5")
    assert video["damaged_spans"] == "[[1.5, 1.5]]"


def test_parquet_has_the_same_with_types(database: Database, tmp_path: Path) -> None:
    keep(database, "a.jpg")
    keep(database, "b.mp4", findings=VIDEO, watch=1)
    video, picture = sorted(table(database, tmp_path / "r.parquet"), key=lambda row: str(row["kind"]), reverse=True)
    assert (picture["created"], picture["anomalous"], picture["confidence"]) == (NOON, True, 0.9)
    assert (picture["watch"], picture["duration"], video["frames"]) == (None, None, 2)


@pytest.mark.parametrize("source", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\uff1d1"])
def test_nothing_in_a_spreadsheet_is_a_formula(database: Database, tmp_path: Path, source: str) -> None:
    keep(database, source, 'fine, "quoted"\nname-=.jpg')
    fine, escaped = table(database, tmp_path / "r.csv")
    assert escaped["source"] == f"'{source}"
    assert fine["source"] == 'fine, "quoted"\nname-=.jpg'


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_many_results_come_in_parts(database: Database, form: Any) -> None:
    keep(database, *(f"{number}.jpg" for number in range(4_500)))
    parts = list(export_parts(database, OWNER, ResultFilter(), form))
    assert len([part for part in parts if part]) >= 3
    whole = b"".join(parts)
    found = pyarrow.parquet.read_table(io.BytesIO(whole)).num_rows if form == "parquet" else whole.count(b"\r\n") - 1
    assert found == 4_500


@pytest.mark.parametrize("name", ["r.csv", "r.parquet"])
def test_no_results_are_an_empty_table(database: Database, tmp_path: Path, name: str) -> None:
    assert export_results(database, OWNER, ResultFilter(label="none"), tmp_path / name) == 0
    assert table(database, tmp_path / name) == []


def test_what_cannot_be_written_leaves_nothing(database: Database, tmp_path: Path) -> None:
    keep(database, "a.jpg")
    with pytest.raises(InputError, match=r"\.csv or \.parquet"):
        table(database, tmp_path / "r.xlsx")
    with pytest.raises(NotFoundError):
        table(database, tmp_path / "r.csv", watch="gate")
    with pytest.raises(StorageError):
        table(database, tmp_path / "missing" / "r.csv")
    assert [path.name for path in tmp_path.iterdir() if "r." in path.name and "walkaround" not in path.name] == []


def test_what_was_found_with_its_place_has_columns_of_its_own(database: Database, tmp_path: Path) -> None:
    boxes = [{"label": "dent", "score": 0.9, "box": [1, 2, 3, 4]}, {"label": "scratch", "score": 0.5, "box": [5, 6, 7, 8]}]
    keep(database, "a.jpg", findings={**PICTURE, "boxes": boxes, "areas": {"rust": 0.25}})
    keep(database, "b.jpg")
    rows = {row["source"]: row for row in table(database, tmp_path / "results.csv")}
    places, none = rows["a.jpg"], rows["b.jpg"]
    assert json.loads(places["kinds"]) == ["dent", "scratch", "rust"]
    assert (json.loads(places["boxes"]), json.loads(places["areas"])) == (boxes, {"rust": 0.25})
    assert [none[name] for name in ("kinds", "boxes", "areas")] == ["", "", ""]
