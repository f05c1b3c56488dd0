"""ListDatasetEntries: every filter gives what a plain loop over the lines would, page by page."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update

from walkaround.errors import ValidationError
from walkaround.hosting.operations.datasets import entry_listing
from walkaround.store.tables import Entry, now

CARS = {"project_name": "cars", "dataset_type": "train"}


@pytest.fixture
def mixed(service: Any, make_line: Callable[..., str]) -> Any:
    """Sixty lines of all labels in three batches, the last of which is an hour younger; and another project's beside them."""
    for project in ("cars", "vans"):
        service("create_project", project_name=project)
        service("create_dataset", project_name=project, dataset_type="train")
    labels = ["normal", "anomaly", None]
    for batch in range(3):
        for project in ("cars", "vans"):
            lines = [make_line(f"{batch}/IMG_{number:03}ä%'\".jpg", labels[number % 3]) for number in range(20)]
            service.update(*lines, project=project)
    with service.database.transaction() as session:
        session.execute(update(Entry).where(Entry.source_ref.like("%/2/%")).values(created=now() + timedelta(hours=1)))
    return service


def walk(service: Any, *, size: int = 7, **filters: Any) -> list[str]:
    """All lines of a listing, page by page."""
    lines, token = [], None
    while True:
        reply = service("list_dataset_entries", **CARS, **filters, next_token=token, max_results=size)
        assert len(reply["DatasetEntries"]) <= size
        lines += reply["DatasetEntries"]
        token = reply.get("NextToken")
        if token is None:
            return lines


def label_of(line: str) -> str | None:
    members = json.loads(line)
    return members["anomaly-label-metadata"]["class-name"] if "anomaly-label" in members else None


FILTERS: list[tuple[dict[str, Any], Callable[[str, str | None], bool]]] = [
    ({}, lambda ref, label: True),
    ({"labeled": True}, lambda ref, label: label is not None),
    ({"labeled": False}, lambda ref, label: label is None),
    ({"anomaly_class": "normal"}, lambda ref, label: label == "normal"),
    ({"anomaly_class": "anomaly", "labeled": True}, lambda ref, label: label == "anomaly"),
    ({"anomaly_class": "anomaly", "labeled": False}, lambda ref, label: False),
    ({"source_ref_contains": "s3://photos/1/"}, lambda ref, label: "/1/" in ref),
    ({"source_ref_contains": "IMG_01"}, lambda ref, label: "IMG_01" in ref),
    ({"source_ref_contains": "img_01"}, lambda ref, label: False),
    ({"source_ref_contains": "1/"}, lambda ref, label: "1/" in ref),
    ({"source_ref_contains": "ä%'\".j"}, lambda ref, label: True),
    ({"source_ref_contains": "_0%"}, lambda ref, label: False),
    ({"source_ref_contains": " OR "}, lambda ref, label: False),
    ({"source_ref_contains": "vans"}, lambda ref, label: False),
    ({"source_ref_contains": "IMG_01", "anomaly_class": "normal"}, lambda ref, label: "IMG_01" in ref and label == "normal"),
    ({"source_ref_contains": "IMG_01", "labeled": False}, lambda ref, label: "IMG_01" in ref and label is None),
    ({"source_ref_contains": "IMG_01", "labeled": True}, lambda ref, label: "IMG_01" in ref and label is not None),
]


@pytest.mark.parametrize("candidates", [10_000, 5])
def test_a_filter_gives_what_it_says(mixed: Any, candidates: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry_listing, "CANDIDATES", candidates)  # so that searches give up in the middle of sixty entries
    everything = walk(mixed, size=100)
    assert len(everything) == 60
    for filters, fits in FILTERS:
        expected = [line for line in everything if fits(json.loads(line)["source-ref"], label_of(line))]
        assert walk(mixed, **filters) == expected, filters


def test_a_search_without_an_index_of_substrings_finds_the_same(mixed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = walk(mixed, source_ref_contains="IMG_01")
    drops = [f"DROP TRIGGER entries_search_{change}" for change in ("insert", "update", "delete")]
    drops.append("DROP TABLE entries_search")
    if mixed.database.engine.dialect.name == "postgresql":
        drops = ["ALTER INDEX entries_search RENAME TO entries_search_away"]
    with mixed.database.transaction() as session:
        for drop in drops:
            session.execute(text(drop))
    monkeypatch.setattr(entry_listing, "CANDIDATES", 5)
    assert walk(mixed, source_ref_contains="IMG_01") == expected
    if mixed.database.engine.dialect.name == "postgresql":
        with mixed.database.transaction() as session:
            session.execute(text("ALTER INDEX entries_search_away RENAME TO entries_search"))


PARTS = [
    "img_001",
    "IMG_001",
    "Ä%'",
    "ä%'",
    "_00",
    "%'\"",
    "1ä%",
    "G_0",
    "jpg.jpg",
    "/IMG_019ä%'\".jpg",
    "\t\x01\n",
    "s3:",
    "AND",
    "*",
    '"""',
]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("candidates", [10_000, 5])
def test_a_part_is_found_as_it_is_written(mixed: Any, part: str, candidates: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry_listing, "CANDIDATES", candidates)
    expected = [line for line in walk(mixed, size=100) if part in json.loads(line)["source-ref"]]
    assert walk(mixed, source_ref_contains=part) == expected


def test_what_is_rare_is_found_among_what_is_common(service: Any, make_line: Callable[..., str]) -> None:
    service("create_project", project_name="cars")
    service("create_dataset", project_name="cars", dataset_type="train")
    keys = [f"fleet/{number % 3}/IMG_{1000 + number}.jpg" for number in range(190)]
    service.update(*(make_line(key) for key in keys), make_line("fleet/0/IMG_9.jpg"), make_line("fleet/1/9_GMI.jpg"))
    for part in ("IMG_9", "fleet/1/9_GMI.jpg", "IMG_1107", "1107.jpg", "t/0/IMG_1", "G_9", "IMG_1999", ".jpg.jpg"):
        expected = [key for key in [*keys, "fleet/0/IMG_9.jpg", "fleet/1/9_GMI.jpg"] if part in key]
        found = walk(service, source_ref_contains=part)
        assert [json.loads(line)["source-ref"].removeprefix("s3://photos/") for line in found] == expected, part


@pytest.mark.parametrize(("hours", "before", "after"), [(-1, 0, 60), (0.5, 40, 20), (2, 60, 0)])
def test_times_cut_the_listing_in_two(mixed: Any, hours: float, before: int, after: int) -> None:
    moment = now() + timedelta(hours=hours)
    assert len(walk(mixed, before_creation_date=moment)) == before
    assert len(walk(mixed, after_creation_date=moment)) == after
    assert len(walk(mixed, after_creation_date=moment, anomaly_class="normal")) == round(after * 7 / 20)
    both = walk(
        mixed, before_creation_date=moment, after_creation_date=now() - timedelta(hours=9), source_ref_contains="IMG_00"
    )
    assert len(both) == before // 2


def test_a_replaced_line_keeps_its_place_and_time(mixed: Any, make_line: Callable[..., str]) -> None:
    lines = walk(mixed, size=100)
    first = json.loads(lines[0])["source-ref"].removeprefix("s3://photos/")
    mixed.update(make_line(first, "anomaly"), make_line("new.jpg"))
    again = walk(mixed, size=100)
    assert label_of(again[0]) == "anomaly"
    assert again[1:60] == lines[1:]
    assert len(again) == 61


def test_times_never_fall_as_ids_rise_even_when_the_clock_is_set_back(mixed: Any, make_line: Callable[..., str]) -> None:
    mixed.update(make_line("new.jpg"))
    with mixed.database.reading() as session:
        times = list(session.scalars(select(Entry.created).filter_by(dataset_id=mixed.dataset_id()).order_by(Entry.id)))
    assert times == sorted(times)


def test_a_token_is_good_for_the_same_filters_only(mixed: Any) -> None:
    token = mixed("list_dataset_entries", **CARS, labeled=True, max_results=3)["NextToken"]
    assert mixed("list_dataset_entries", **CARS, labeled=True, next_token=token, max_results=5)
    for filters in ({}, {"labeled": False}, {"labeled": True, "source_ref_contains": "IMG"}):
        with pytest.raises(ValidationError, match="token of the page"):
            mixed("list_dataset_entries", **CARS, **filters, next_token=token)


@pytest.mark.parametrize("part", ["", "  ", "a\0b", "\ud800"])
def test_a_search_for_what_cannot_be_is_refused(mixed: Any, part: str) -> None:
    with pytest.raises(ValidationError, match="SourceRefContains"):
        mixed("list_dataset_entries", **CARS, source_ref_contains=part)


def test_pages_stay_right_while_the_dataset_changes(mixed: Any, make_line: Callable[..., str]) -> None:
    first = mixed("list_dataset_entries", **CARS, max_results=50)
    mixed.update(*(make_line(f"more{number}.jpg") for number in range(5)))
    rest = mixed("list_dataset_entries", **CARS, next_token=first["NextToken"])
    assert len({*first["DatasetEntries"], *rest["DatasetEntries"]}) == 65
