"""Labelling one picture at once, the queue, agreement and classes, on both databases."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select

from walkaround.errors import ConflictError, NotFoundError, ValidationError
from walkaround.hosting.operations.datasets.place_labels import labels_drawn
from walkaround.hosting.operations.labelling.agreement import agreement_of
from walkaround.hosting.operations.labelling.classes import classes_of, set_classes, version_of_classes
from walkaround.hosting.operations.labelling.labelling import StaleVersionError, find_entry, replace_line
from walkaround.hosting.operations.labelling.labelling_queue import Wanted, labelling_queue
from walkaround.hosting.operations.lines.drawn_lines import version_of
from walkaround.hosting.operations.lines.label_lines import Review, label_members, reviewed, with_kinds
from walkaround.store.tables import Dataset, Entry, Project

CARS: Any = {"project_name": "cars", "dataset_type": "train"}
BOXES: dict[str, Any] = {"type": "groundtruth/object-detection", "class-map": {"0": "dent"}}


def boxed(*boxes: dict[str, Any]) -> dict[str, Any]:
    return {"b": {"annotations": list(boxes)}, "b-metadata": BOXES}


def picture(number: int, label: str = "n") -> str:
    return f"s3://photos/train/{label}{number}.jpg"


def entry(service: Any, ref: str) -> Entry:
    found: Entry = service.run(find_entry, service.owner, **CARS, picture=ref)
    return found


def put(service: Any, ref: str, *, version: str | None = None, **members: Any) -> None:
    line = {"source-ref": ref, **members}
    told = version or version_of(entry(service, ref).line)
    service.run(replace_line, service.owner, **CARS, members=line, version=told, shown=None, settings=service.settings)


def queue(service: Any, wanted: Wanted, **members: Any) -> list[str]:
    found = service.run(labelling_queue, service.owner, **CARS, wanted=wanted, limit=50, **members)
    return [one.source_ref.rpartition("/")[2].partition(".")[0] for one in found.entries]


def dataset(service: Any) -> Dataset:
    found: Dataset = service.run(lambda session: session.scalars(select(Dataset)).one())
    return found


def test_a_line_is_replaced_at_once_and_counted(cars: Any) -> None:
    put(cars, picture(0), **label_members("anomaly", worker="user:anna"))
    told = entry(cars, picture(0))
    assert (told.label, told.state, told.labelled_by) == ("anomaly", "to_review", "user:anna")
    counted = dataset(cars)
    assert (counted.total, counted.normal, counted.anomaly, counted.status) == (30, 19, 11, "UPDATE_COMPLETE")
    put(cars, picture(0))
    assert entry(cars, picture(0)).state == "unlabelled"
    assert (dataset(cars).normal, dataset(cars).anomaly) == (19, 10)


def test_what_cannot_be_replaced_changes_nothing(cars: Any) -> None:
    before = entry(cars, picture(1)).line
    with pytest.raises(StaleVersionError):
        put(cars, picture(1), version="0" * 32)
    with pytest.raises(ValidationError, match="cannot be labelled so"):
        put(cars, picture(1), **boxed({"class_id": 9}))
    with pytest.raises(NotFoundError, match="has no picture"):
        put(cars, picture(99), version="x")
    cars("update_dataset_entries", **CARS, changes=entry(cars, picture(2)).line.encode())
    with pytest.raises(ConflictError, match="UPDATE_IN_PROGRESS"):
        put(cars, picture(1))
    assert entry(cars, picture(1)).line == before


def test_the_queue_follows_what_is_said(cars: Any) -> None:
    for number in (3, 4, 5):
        put(cars, picture(number))
    assert queue(cars, "unlabelled") == ["n3", "n4", "n5"]
    assert queue(cars, "unlabelled", beside=picture(4)) == ["n5"]
    assert queue(cars, "unlabelled", beside=picture(4), backwards=True) == ["n3"]
    line = {**label_members("normal", worker="user:anna"), **with_kinds({}, ())}
    put(cars, picture(3), **reviewed(line, Review(verdict="accepted", by="user:ben", labelled_by="user:anna", unchanged=True)))
    put(cars, picture(4), **reviewed(line, Review(verdict="sent_back", by="user:ben", note="no", returned=True)))
    put(cars, picture(5), **line)
    assert (queue(cars, "reviewed"), queue(cars, "sent_back")) == (["n3"], ["n4"])
    assert "n5" in queue(cars, "to_review")
    assert "n5" not in queue(cars, "to_review", not_by="user:anna")
    found = cars.run(labelling_queue, cars.owner, **CARS, wanted="all", beside=picture(3), limit=1)
    assert (found.waiting, found.passed, sum(found.counts.values())) == (30, 4, 30)
    whole, people = cars.run(agreement_of, cars.owner, **CARS)
    assert (whole.reviewed, whole.unchanged, whole.sent_back) == (2, 1, 1)
    assert {person: one.reviewed for person, one in people.items()} == {"user:anna": 1, None: 1}


def test_classes_are_those_that_are_drawn_and_the_usual_until_others_are_set(cars: Any) -> None:
    put(cars, picture(0), **label_members("anomaly"), **boxed({"class_id": 0, "left": 1, "top": 1, "width": 5, "height": 5}))
    number = cars.run(lambda session: session.scalars(select(Project.id)).one())
    assert cars.run(labels_drawn, number) == {"dent"}
    classes, own = cars.run(classes_of, cars.owner, project_name="cars")
    assert ([one["name"] for one in classes][:2], own) == (["dent", "glass_shatter"], False)
    version = version_of_classes(classes)
    hail = [{"name": "hail", "colour": "#112233", "hotkey": None}]
    assert cars.run(set_classes, cars.owner, project_name="cars", classes=hail, version=version)
    assert not cars.run(set_classes, cars.owner, project_name="cars", classes=classes, version=version)
    assert cars.run(classes_of, cars.owner, project_name="cars") == (hail, True)


def test_manifests_bring_states_with_them(cars: Any) -> None:
    line = reviewed(label_members("anomaly", worker="x"), Review(verdict="adjusted", by="y", iou=0.5))
    cars.update(json.dumps({"source-ref": picture(0), **line}))
    told = entry(cars, picture(0))
    assert (told.state, told.labelled_by, (told.review or {})["iou"]) == ("adjusted", "x", 0.5)
