"""The gallery, what a check flags, and what is taken out, on every database."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from walkaround.errors import ConflictError, NotFoundError
from walkaround.hosting.operations.datasets.checking import (
    Checked,
    begin_check,
    describe_check,
    fail_check,
    forget_checks,
    keep_check,
    settle,
)
from walkaround.hosting.operations.datasets.entries import apply_change, refuse_change, remove_entries
from walkaround.hosting.operations.datasets.exporting import (
    begin_export,
    describe_export,
    end_export,
    forget_exports,
    list_exports,
)
from walkaround.hosting.operations.datasets.gallery import GalleryFilter, gallery_rows, list_gallery
from walkaround.hosting.operations.datasets.removals import put_back, remove_pictures
from walkaround.hosting.operations.lines.manifest_lines import parse_lines
from walkaround.store.checks import Check, CheckFlag, Export, Removal
from walkaround.store.tables import Change, Dataset, Entry

LABELS = ("normal", "anomaly", None, "normal", "anomaly")
NAMES = {"project_name": "cars", "dataset_type": "train"}
REPORT = {
    "pictures": 5,
    "problems": [{"kind": "label-doubt", "pictures": 2}, {"kind": "tiny", "pictures": 1}, {"kind": "few", "pictures": 0}],
}


def line(number: int, label: str | None) -> str:
    told: dict[str, Any] = {"source-ref": f"s3://photos/a/{number}.jpg", "walkaround-name": f"Front {number}_%.jpg"}
    if label is not None:
        told |= {"label": 1, "label-metadata": {"class-name": label, "type": "groundtruth/image-classification"}}
    return json.dumps(told)


@pytest.fixture
def dataset(service: Any) -> int:
    """Five entries, with ids 1 to 5, in the training dataset of the project cars."""
    service("create_project", project_name="cars")
    service("create_dataset", **NAMES)
    content = "\n".join(line(number, label) for number, label in enumerate(LABELS, start=1)).encode()
    add(service, content)
    with service.database.reading() as session:
        found = session.query(Dataset).one()
    return int(found.id)


def add(service: Any, content: bytes) -> None:
    service("update_dataset_entries", **NAMES, changes=content)
    apply(service)


def apply(service: Any) -> None:
    with service.database.transaction() as session:
        change = session.query(Change).one()
        apply_change(session, change.id, parse_lines(change.content), settings=service.settings)


@pytest.fixture
def seen(service: Any) -> Callable[..., list[int]]:
    """The ids that a gallery shows."""

    def run(order: str = "oldest", **wanted: Any) -> list[int]:
        reply = service.run(list_gallery, service.owner, **NAMES, wanted=GalleryFilter(**wanted), order=order)
        return list(reply["Ids"])

    return run


def checked(service: Any, found: Checked) -> int:
    service.run(begin_check, service.owner, **NAMES, labels=True)
    with service.database.transaction() as session:
        number = int(session.query(Check).filter_by(status="RUNNING").one().id)
        keep_check(session, number, found)
    return number


FOUND = Checked(
    report=REPORT,
    flags=[(1, "label-doubt", 1, "normal"), (2, "label-doubt", 0, "anomaly"), (2, "tiny", 2, "anomaly"), (99, "tiny", 3, None)],
    doubts=[(1, 0.7, "anomaly", "normal"), (2, 0.95, "normal", "anomaly"), (4, 0.1, "normal", "normal")],
)


def test_filters_are_of_labels_names_and_addresses(dataset: int, seen: Callable[..., list[int]]) -> None:
    assert seen() == [1, 2, 3, 4, 5]
    assert seen(order="newest", label="any") == [5, 4, 2, 1]
    assert seen(label="none") == [3]
    assert seen(contains="FRONT 3") == [3]
    assert seen(contains="_%") == [1, 2, 3, 4, 5]
    assert seen(contains="front_3") == []
    assert seen(contains="a/4.JPG") == [4]
    assert seen(state="unlabelled") == [3]
    assert seen(drawn=True) == []


def test_a_part_of_a_name_is_found_after_the_name_changed(service: Any, dataset: int, seen: Callable[..., list[int]]) -> None:
    content = "\n".join(line(number, "normal") for number in range(6, 120)).encode()  # what is common is not asked of the index
    add(service, content)
    assert seen(contains="front 119_") == [119]
    assert seen(contains="A/119.jpg") == [119]
    assert seen(contains="front 11", label="normal") == [11, *range(110, 120)]
    assert seen(contains="front 1_%.jpg") == [1]
    renamed = json.loads(line(119, "normal")) | {"walkaround-name": "Roof rack.jpg"}
    add(service, json.dumps(renamed).encode())
    assert seen(contains="front 119_") == []
    assert seen(contains="ROOF RACK") == [119]
    service.run(remove_pictures, service.owner, **NAMES, ids=[119])
    assert seen(contains="roof rack") == []


def test_what_a_check_flags_stands_until_it_is_corrected_settled_or_removed(
    service: Any, dataset: int, seen: Callable[..., list[int]]
) -> None:
    checked(service, FOUND)
    assert seen(flag="any") == [1, 2]
    assert seen(flag="tiny") == [2]
    assert seen(order="doubt") == [2, 1, 4, 3, 5]
    assert seen(order="check", flag="label-doubt") == [2, 1]
    assert seen(order="check") == [5, 4, 3, 2, 1]
    rows = service.run(gallery_rows, service.owner, **NAMES, ids=[2, 77, 1])["Rows"]
    assert [(row["id"], row["flags"], row["doubt"]) for row in rows] == [
        (2, ["label-doubt", "tiny"], 0.95),
        (1, ["label-doubt"], 0.7),
    ]
    add(service, line(1, "anomaly").encode())
    assert seen(flag="label-doubt") == [2]
    assert seen(order="doubt") == [2, 4, 1, 3, 5]
    assert service.run(settle, service.owner, **NAMES, ids=[2], kind="label-doubt", settled=True) == {"Pictures": 1}
    assert seen(flag="label-doubt") == []
    told = service.run(describe_check, service.owner, **NAMES)["Check"]["Report"]
    assert [one["standing"] for one in told["problems"]] == [0, 1, None]
    assert told["outdated"]
    counts = service.run(list_gallery, service.owner, **NAMES, wanted=GalleryFilter())["Counts"]
    assert counts == {"all": 5, "normal": 1, "anomaly": 3, "none": 1, "flagged": 1, "flags": {"tiny": 1}}


def test_the_next_check_takes_the_place_of_the_last_and_knows_what_was_settled(
    service: Any, dataset: int, seen: Callable[..., list[int]]
) -> None:
    first = checked(service, FOUND)
    service.run(settle, service.owner, **NAMES, ids=[2], kind="tiny", settled=True)
    second = checked(service, FOUND)
    assert seen(flag="tiny") == []
    with service.database.reading() as session:
        assert [one.id for one in session.query(Check)] == [second]
        assert {one.check_id for one in session.query(CheckFlag)} == {second} != {first}


def test_one_check_at_a_time_and_none_of_nothing(service: Any, dataset: int) -> None:
    with pytest.raises(NotFoundError, match="never checked"):
        service.run(describe_check, service.owner, **NAMES)
    begun = service.run(begin_check, service.owner, **NAMES, labels=True)["Check"]
    assert begun["JobId"] is not None
    with pytest.raises(ConflictError, match="is being checked already"):
        service.run(begin_check, service.owner, **NAMES, labels=True)
    with service.database.transaction() as session:
        fail_check(session, session.query(Check).one().id, "It is too dark.")
    told = service.run(describe_check, service.owner, **NAMES)["Check"]
    assert (told["Status"], told["Message"], told["JobId"]) == ("FAILED", "It is too dark.", None)
    service("create_dataset", project_name="cars", dataset_type="test")
    with pytest.raises(ConflictError, match="is empty"):
        service.run(begin_check, service.owner, project_name="cars", dataset_type="test", labels=True)


def test_what_is_taken_out_is_put_back_as_it_was(service: Any, dataset: int, seen: Callable[..., list[int]]) -> None:
    gone = service.run(remove_pictures, service.owner, **NAMES, ids=[5, 2, 2])
    assert gone["Pictures"] == 2
    assert seen() == [1, 3, 4]
    told = service("describe_dataset", **NAMES)["DatasetDescription"]["ImageStats"]
    assert told == {"Total": 3, "Labeled": 2, "Normal": 2, "Anomaly": 0}
    with pytest.raises(NotFoundError, match="1 of the pictures are not in the train dataset any more"):
        service.run(remove_pictures, service.owner, **NAMES, ids=[1, 2])
    assert seen() == [1, 3, 4]
    service.run(put_back, service.owner, **NAMES, number=gone["Removal"])
    apply(service)
    with service.database.reading() as session:
        assert {one.source_ref[-5:]: one.label for one in session.query(Entry)} == {
            "1.jpg": "normal",
            "2.jpg": "anomaly",
            "3.jpg": None,
            "4.jpg": "normal",
            "5.jpg": "anomaly",
        }
    with pytest.raises(NotFoundError, match="nothing to put back under"):
        service.run(put_back, service.owner, **NAMES, number=gone["Removal"])


def test_what_could_not_be_put_back_can_be_put_back_later(service: Any, dataset: int, seen: Callable[..., list[int]]) -> None:
    gone = service.run(remove_pictures, service.owner, **NAMES, ids=[1, 2, 3, 4, 5])
    add(service, b'{"source-ref": "s3://elsewhere/x.jpg"}')
    service.run(put_back, service.owner, **NAMES, number=gone["Removal"])
    with service.database.transaction() as session:
        refuse_change(session, session.query(Change).one().id, "Their bucket is another one.")
    (stranger,) = seen()
    service.run(remove_pictures, service.owner, **NAMES, ids=[stranger])
    service.run(put_back, service.owner, **NAMES, number=gone["Removal"])
    apply(service)
    assert len(seen()) == 5


def test_putting_back_leaves_alone_what_came_again_meanwhile(service: Any, dataset: int) -> None:
    gone = service.run(remove_pictures, service.owner, **NAMES, ids=[2, 5])
    add(service, line(2, "normal").encode())
    service.run(put_back, service.owner, **NAMES, number=gone["Removal"])
    apply(service)
    with service.database.reading() as session:
        labels = {one.source_ref[-5:]: one.label for one in session.query(Entry)}
    assert (labels["2.jpg"], labels["5.jpg"]) == ("normal", "anomaly"), "the label that it has now, and that it had"


def test_the_number_of_a_picture_that_was_taken_out_is_never_that_of_another(
    service: Any, dataset: int, seen: Callable[..., list[int]]
) -> None:
    checked(service, replace(FOUND, flags=[(5, "tiny", 0, "anomaly")]))
    service.run(remove_pictures, service.owner, **NAMES, ids=[5])
    add(service, line(6, "anomaly").encode())
    assert seen() == [1, 2, 3, 4, 6]
    assert seen(flag="tiny") == []


def test_a_deleted_dataset_leaves_no_checks_behind(service: Any, dataset: int) -> None:
    checked(service, FOUND)
    service.run(remove_pictures, service.owner, **NAMES, ids=[5])
    service("delete_dataset", **NAMES)
    assert service.run(remove_entries, dataset) == "done"
    with service.database.reading() as session:
        assert [session.query(table).count() for table in (Check, CheckFlag, Removal)] == [0, 0, 0]
    service.run(forget_checks, dataset)


def test_exports_are_told_and_forgotten(service: Any, dataset: int) -> None:
    asked = {"form": "coco", "kinds": ["train"], "address": None, "skip_bad": False}
    begun = service.run(begin_export, service.owner, project_name="cars", **asked)["Export"]
    service.run(begin_export, service.owner, project_name="cars", **asked)
    with pytest.raises(ConflictError, match="2 exports of project 'cars' are under way"):
        service.run(begin_export, service.owner, project_name="cars", **asked)
    service.run(end_export, begun["Id"], report={"pictures": 5, "bytes": 70, "problems": []})
    told = service.run(describe_export, service.owner, project_name="cars", number=begun["Id"])["Export"]
    assert (told["Status"], told["Pictures"], told["Bytes"], told["JobId"]) == ("COMPLETE", 5, 70, None)
    assert len(service.run(list_exports, service.owner, project_name="cars")["Exports"]) == 2
    with service.database.transaction() as session:
        old = session.get_one(Export, begun["Id"])
        old.created = old.created.replace(year=2020)
    service.run(forget_exports)
    with pytest.raises(NotFoundError, match="kept for a day"):
        service.run(describe_export, service.owner, project_name="cars", number=begun["Id"])
