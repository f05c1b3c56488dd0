"""Datasets: one of each kind, changed all or not at all, gone when deleted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from walkaround.errors import AccessDeniedError, ConflictError, NotFoundError
from walkaround.hosting.operations.datasets.datasets import READY
from walkaround.hosting.operations.datasets.entries import entries_of, refuse_manifest, remove_entries
from walkaround.store.tables import Change, Dataset, Entry

SOURCE = {"GroundTruthManifest": {"S3Object": {"Bucket": "photos", "Key": "m"}}}
CARS = {"project_name": "cars", "dataset_type": "train"}


def put_status(service: Any, status: str) -> None:
    with service.database.transaction() as session:
        session.scalars(select(Dataset)).one().status = status


@pytest.fixture
def empty(service: Any) -> Any:
    service("create_project", project_name="cars")
    service("create_dataset", **CARS)
    return service


def test_a_dataset_without_a_source_is_there_at_once(service: Any) -> None:
    service("create_project", project_name="cars")
    made = service("create_dataset", **CARS, dataset_source={})["DatasetMetadata"]
    assert made["Status"] == "CREATE_COMPLETE"
    assert made["StatusMessage"]
    assert service.dataset()["ImageStats"] == {"Total": 0, "Labeled": 0, "Normal": 0, "Anomaly": 0}
    assert service.jobs() == []


def test_a_dataset_from_a_manifest_is_made_by_a_job(service: Any, make_line: Callable[..., str]) -> None:
    service("create_project", project_name="cars")
    made = service("create_dataset", **CARS, dataset_source=SOURCE)["DatasetMetadata"]
    assert (made["Status"], service.dataset()["Status"]) == ("CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS")
    ((kind, number),) = service.jobs()
    lines = [make_line("a.jpg", "normal"), make_line("b.jpg", "anomaly", name="auto-label"), make_line("c.jpg", "scratch")]
    for _ in range(2):  # a job may run again after a crash
        service.create(kind, number, content="\n".join(lines).encode())
    assert service.dataset()["ImageStats"] == {"Total": 3, "Labeled": 2, "Normal": 1, "Anomaly": 1}
    assert service("list_dataset_entries", **CARS) == {"DatasetEntries": lines}
    with service.database.reading() as session:
        assert [entry.label for entry in entries_of(session, number)] == ["normal", "anomaly", None]


@pytest.mark.parametrize("content", [b"", b"{}", b"nonsense"])
def test_a_manifest_that_cannot_be_used_fails_the_dataset(service: Any, content: bytes) -> None:
    service("create_project", project_name="cars")
    service("create_dataset", **CARS, dataset_source=SOURCE)
    service.create(*service.jobs()[-1], content=content)
    assert service.dataset()["Status"] == "CREATE_FAILED"
    assert "manifest cannot be used" in service.dataset()["StatusMessage"]
    with pytest.raises(ConflictError, match="delete it and create it again"):
        service("update_dataset_entries", **CARS, changes=b"{}")


def test_a_manifest_that_cannot_be_read_fails_the_dataset(service: Any) -> None:
    service("create_project", project_name="cars")
    service("create_dataset", **CARS, dataset_source=SOURCE)
    service.run(refuse_manifest, service.dataset_id(), "There is no such file.")
    assert (service.dataset()["Status"], service.dataset()["StatusMessage"]) == ("CREATE_FAILED", "There is no such file.")


def test_there_is_one_dataset_of_each_kind(empty: Any) -> None:
    with pytest.raises(ConflictError) as caught:
        empty("create_dataset", **CARS)
    assert (caught.value.resource_id, caught.value.resource_type) == ("cars/train", "DATASET")
    empty("create_dataset", project_name="cars", dataset_type="test")
    datasets = empty("describe_project", project_name="cars")["ProjectDescription"]["Datasets"]
    assert [dataset["DatasetType"] for dataset in datasets] == ["train", "test"]


def test_a_deleted_dataset_is_gone_at_once_and_its_entries_soon(cars: Any) -> None:
    number = cars.dataset_id()
    assert cars("delete_dataset", **CARS) == {}
    assert cars.jobs()[-1] == ("delete_dataset", number)
    with pytest.raises(NotFoundError):
        cars("describe_dataset", **CARS)
    cars("create_dataset", **CARS)
    assert cars.dataset()["ImageStats"]["Total"] == 0
    assert [cars.run(remove_entries, number, at_most=16) for _ in range(3)] == ["more", "done", "done"]
    with cars.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Entry)) == 0
        assert session.scalars(select(Dataset.id)).all() == [cars.dataset_id()]


def test_a_dataset_that_a_training_waits_for_is_removed_later(cars: Any) -> None:
    number = cars.dataset_id()
    cars("create_model", project_name="cars", output_config={"S3Location": {"Bucket": "photos"}})
    cars("delete_dataset", **CARS)
    assert cars.run(remove_entries, number) == "later"
    cars.put_model("TRAINED")
    assert cars.run(remove_entries, number) == "done"


def test_a_living_dataset_is_not_removed(cars: Any) -> None:
    assert cars.run(remove_entries, cars.dataset_id()) == "done"
    assert cars.dataset()["ImageStats"]["Total"] == 30


def test_a_change_adds_and_replaces_lines(empty: Any, make_line: Callable[..., str]) -> None:
    empty.update(make_line("a.jpg", "normal"), make_line("b.jpg", "normal"))
    reply = empty(
        "update_dataset_entries", **CARS, changes=(make_line("a.jpg") + "\n" + make_line("c.jpg", "anomaly")).encode()
    )
    assert reply == {"Status": "UPDATE_IN_PROGRESS"}
    for _ in range(2):
        empty.work(*empty.jobs()[-1])
    assert empty.dataset()["Status"] == "UPDATE_COMPLETE"
    assert empty.dataset()["ImageStats"] == {"Total": 3, "Labeled": 2, "Normal": 1, "Anomaly": 1}
    lines = [make_line("a.jpg"), make_line("b.jpg", "normal"), make_line("c.jpg", "anomaly")]
    assert empty("list_dataset_entries", **CARS)["DatasetEntries"] == lines
    with empty.database.reading() as session:
        assert session.scalars(select(Change)).all() == []


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([{"key": "new.jpg"}, {"key": "b.jpg", "bucket": "elsewhere"}], "line 2"),
        ([{"key": f"new{number}.jpg"} for number in range(171)], "would have 201 pictures, and 200 are allowed"),
    ],
)
def test_a_change_that_cannot_be_applied_leaves_everything(
    cars: Any, make_line: Callable[..., str], lines: list[dict[str, str]], said: str
) -> None:
    before = cars("list_dataset_entries", **CARS)
    cars.update(*(make_line(**one) for one in lines))
    assert cars.dataset()["Status"] == "UPDATE_FAILED_ROLLBACK_COMPLETE"
    assert said in cars.dataset()["StatusMessage"]
    assert cars("list_dataset_entries", **CARS) == before
    cars.update(make_line("new.jpg"))
    assert cars.dataset()["ImageStats"]["Total"] == 31


def test_replacing_does_not_count_as_more(cars: Any, make_line: Callable[..., str]) -> None:
    cars.update(*(make_line(f"new{number}.jpg") for number in range(170)))
    cars.update(*(make_line(f"new{number}.jpg", "normal") for number in range(170)))
    assert cars.dataset()["ImageStats"] == {"Total": 200, "Labeled": 200, "Normal": 190, "Anomaly": 10}


@pytest.mark.parametrize(
    "status",
    ["CREATE_IN_PROGRESS", "CREATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", "UPDATE_FAILED_ROLLBACK_COMPLETE"],
)
def test_a_dataset_is_changed_only_when_it_is_whole(empty: Any, status: str) -> None:
    put_status(empty, status)
    if status in READY:
        assert empty("update_dataset_entries", **CARS, changes=b"{}") == {"Status": "UPDATE_IN_PROGRESS"}
        return
    with pytest.raises(ConflictError, match=status):
        empty("update_dataset_entries", **CARS, changes=b"{}")


@pytest.mark.parametrize("status", ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "CREATE_FAILED"])
def test_a_dataset_is_deleted_in_every_status_and_its_jobs_do_nothing(
    empty: Any, make_line: Callable[..., str], status: str
) -> None:
    empty("update_dataset_entries", **CARS, changes=make_line("a.jpg").encode())
    change, number = empty.jobs()[-1][1], empty.dataset_id()
    put_status(empty, status)
    empty("delete_dataset", **CARS)
    empty.create("create_dataset", number, content=make_line("b.jpg").encode())
    empty.work("update_dataset", change)
    with empty.database.reading() as session:
        assert session.scalars(select(Entry)).all() == []
    assert empty.run(remove_entries, number) == "done"


def test_another_owner_sees_nothing(cars: Any) -> None:
    stranger = replace(cars, owner=replace(cars.owner, account="111111111111"))
    for operation in ("describe_dataset", "delete_dataset", "list_dataset_entries", "create_dataset"):
        with pytest.raises(NotFoundError, match="'cars'"):
            stranger(operation, **CARS)


FOREIGN, OWN = "walkaround-111111111111", "walkaround-000000000000"


@pytest.mark.parametrize(("bucket", "allowed"), [(FOREIGN, False), (OWN, True), ("walkaround-cars", True)])
def test_a_manifest_is_not_read_from_the_uploads_of_another_account(service: Any, bucket: str, allowed: bool) -> None:
    service("create_project", project_name="cars")
    source = {"GroundTruthManifest": {"S3Object": {"Bucket": bucket, "Key": "m"}}}
    if allowed:
        assert service("create_dataset", **CARS, dataset_source=source)
        return
    with pytest.raises(AccessDeniedError, match="name another bucket"):
        service("create_dataset", **CARS, dataset_source=source)


@pytest.mark.parametrize(("bucket", "status"), [(FOREIGN, "CREATE_FAILED"), (OWN, "CREATE_COMPLETE")])
def test_a_manifest_does_not_name_uploads_of_another_account(
    service: Any, make_line: Callable[..., str], bucket: str, status: str
) -> None:
    service("create_project", project_name="cars")
    service("create_dataset", **CARS, dataset_source=SOURCE)
    service.create(*service.jobs()[-1], content=make_line("a.jpg", bucket=bucket).encode())
    told = service.dataset()
    assert told["Status"] == status
    assert ("may not use the bucket" in told["StatusMessage"]) == (status == "CREATE_FAILED")


def test_a_change_does_not_name_uploads_of_another_account(empty: Any, make_line: Callable[..., str]) -> None:
    empty.update(make_line("a.jpg", bucket=FOREIGN))
    assert empty.dataset()["Status"] == "UPDATE_FAILED_ROLLBACK_COMPLETE"
    assert "may not use the bucket" in empty.dataset()["StatusMessage"]
    assert empty("list_dataset_entries", **CARS)["DatasetEntries"] == []


def test_lines_are_read_before_the_transaction_that_applies_them(empty: Any, make_line: Callable[..., str]) -> None:
    empty("update_dataset_entries", **CARS, changes=make_line("a.jpg").encode())
    with empty.database.transaction() as session:  # reading them does not wait for who writes
        session.scalars(select(Dataset)).one().message = "being written"
        session.flush()
        outcome = empty.outcome(*empty.jobs()[-1])
    with empty.database.transaction() as session:
        session.scalars(select(Change)).one().content = b"nobody reads this again"
    empty.run(outcome.write)
    assert empty("list_dataset_entries", **CARS)["DatasetEntries"] == [make_line("a.jpg")]
