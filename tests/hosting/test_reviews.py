"""What persons say of results: kept with its history, all or none, of the caller's own results alone."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from tests.hosting.conftest import Service, line

from walkaround.errors import ConflictError, NotFoundError
from walkaround.hosting.operations.results import reviews
from walkaround.hosting.operations.results.results import forget_results, keep_result
from walkaround.hosting.operations.results.reviews import Said
from walkaround.hosting.owner import Owner
from walkaround.store.results import ResultReview
from walkaround.store.tables import Dataset, now

FINDINGS = {"source": "a.jpg", "anomalous": True, "confidence": 0.9, "label": "dent", "damage": 0.9}


@pytest.fixture
def kept(service: Service) -> list[int]:
    """Three results of the project `cars`, damaged by the model; the last one is of a video."""
    service("create_project", project_name="cars")
    all_findings = (FINDINGS, FINDINGS, {**FINDINGS, "duration": 3.0})
    return [
        service.run(keep_result, service.owner, project_name="cars", model_version=1, findings=findings)
        for findings in all_findings
    ]


def say(service: Service, said: dict[int, Said], *, owner: Owner | None = None) -> int:
    changed: int = service.run(reviews.review_results, owner or service.owner, said, reviewer="anna")["Reviewed"]
    return changed


def test_the_newest_word_counts_and_the_others_are_history(service: Service, kept: list[int]) -> None:
    assert say(service, {kept[0]: Said(label="normal", note="dirt"), kept[1]: Said(label="anomaly")}) == 2
    assert say(service, {kept[0]: Said(label="normal")}) == 0
    assert say(service, {kept[0]: Said(label="normal", note="surely")}) == 1
    told = service.run(reviews.describe_result, service.owner, number=kept[0])
    assert told["Verdict"] == "normal"
    assert [(one["Label"], one["Note"], one["Reviewer"]) for one in told["Reviews"]] == [
        ("normal", "surely", "anna"),
        ("normal", "dirt", "anna"),
    ]


def test_nobody_says_anything_of_anothers_results(service: Service, kept: list[int]) -> None:
    stranger = Owner("111111111111", "us-east-1")
    with pytest.raises(NotFoundError, match=f"There is no result {kept[0]}"):
        say(service, {kept[0]: Said(label="normal")}, owner=stranger)
    with pytest.raises(NotFoundError):
        say(service, {kept[0]: Said(label="normal"), 10**9: Said(label="normal")})
    assert service.run(reviews.describe_result, service.owner, number=kept[0])["Verdict"] is None


def test_only_what_a_person_has_said_is_added(service: Service, kept: list[int]) -> None:
    with pytest.raises(ConflictError, match="confirm or correct it first"):
        service.run(reviews.results_to_add, service.owner, project_name="cars", numbers=kept[:1])
    say(service, {number: Said(label="anomaly") for number in kept})
    with pytest.raises(ConflictError, match="is of a video"):
        service.run(reviews.results_to_add, service.owner, project_name="cars", numbers=kept)
    found = service.run(reviews.results_to_add, service.owner, project_name="cars", numbers=kept[:2])
    assert [(result.id, label) for result, label in found] == [(number, "anomaly") for number in kept[:2]]


def change(service: Service, changes: bytes, *, noted: dict[str, Any]) -> None:
    """Have lines added to the dataset that are of results, as an upload from results does."""
    with service.database.transaction() as session:
        service.host.update_dataset_entries(session, service.owner, project_name="cars", dataset_type="train", changes=changes)
        dataset = session.scalars(select(Dataset)).one()
        reviews.note_with_change(session, dataset, noted)


@pytest.mark.parametrize("fresh", [1, 300], ids=["applied", "refused"])
def test_that_a_picture_was_added_is_noted_by_the_job_that_adds_it(service: Service, kept: list[int], fresh: int) -> None:
    said = {number: Said(label="anomaly") for number in kept[:2]}
    say(service, said)
    service("create_dataset", project_name="cars", dataset_type="train")

    def history() -> list[str | None]:
        told = service.run(reviews.describe_result, service.owner, number=kept[0])
        return [one["AddedTo"] for one in told["Reviews"]]

    def add() -> None:
        found = service.run(reviews.results_to_add, service.owner, project_name="cars", numbers=kept[:2])
        changes = "\n".join(line(f"{number}.jpg", "anomaly") for number in range(fresh)).encode()  # 200 are allowed
        change(service, changes, noted=reviews.noted_later(found, reviewer="anna"))

    add()
    assert history() == [None]  # accepted, and not done yet
    say(service, {kept[0]: Said(label="normal")})  # the picture has the label that it was accepted with
    service.work(*service.jobs()[-1])
    service.work(*service.jobs()[-1])  # by a server that was thought to be dead
    assert history() == ([None, None] if fresh > 200 else ["train", None, None])
    if fresh == 1:
        told = service.run(reviews.describe_result, service.owner, number=kept[0])["Reviews"][0]
        assert (told["Label"], told["Reviewer"]) == ("anomaly", "anna")


def test_what_is_added_twice_is_noted_once_and_a_result_that_went_is_passed_over(service: Service, kept: list[int]) -> None:
    say(service, {number: Said(label="anomaly") for number in kept[:2]})
    service("create_dataset", project_name="cars", dataset_type="train")
    found = service.run(reviews.results_to_add, service.owner, project_name="cars", numbers=kept[:2])
    noted = reviews.noted_later(found, reviewer="anna")
    for _ in range(2):
        change(service, line("0.jpg", "anomaly").encode(), noted=noted)
        service.work(*service.jobs()[-1])
    told = service.run(reviews.describe_result, service.owner, number=kept[0])["Reviews"]
    assert [one["AddedTo"] for one in told] == ["train", None]
    change(service, line("0.jpg", "anomaly").encode(), noted=noted)
    service.run(forget_results, service.owner, project_name="cars", before=now())
    service.work(*service.jobs()[-1])
    assert service.dataset()["Status"] == "UPDATE_COMPLETE"


def test_the_history_goes_with_the_result(service: Service, kept: list[int]) -> None:
    say(service, {number: Said(label="normal") for number in kept})
    assert service.run(forget_results, service.owner, project_name="cars", before=now()) == 3
    with service.database.reading() as session:
        assert session.query(ResultReview).count() == 0
