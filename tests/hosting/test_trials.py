"""Trial detections and kept results: predictions, what a person says of them, and the way into the training dataset."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from walkaround.errors import AccessDeniedError, ConflictError, NotFoundError, QuotaError, ValidationError
from walkaround.hosting.operations import results, trials
from walkaround.hosting.operations.result_search import ResultFilter
from walkaround.store.tables import Trial, TrialPicture, now

TRIAL = {"project_name": "cars", "trial_name": "monday"}
REFS = [f"s3://photos/new/{number}.jpg" for number in range(5)]


def findings(*, anomalous: bool, label: str = "normal", source: str = "a.jpg") -> dict[str, Any]:
    return {"source": source, "anomalous": anomalous, "confidence": 0.9, "label": label, "damage": 0.1, "probabilities": {}}


def start(service: Any, refs: list[str] = REFS, **members: Any) -> Any:
    return service.run(
        trials.start_trial, service.owner, **{**TRIAL, "model_version": "latest", "source_refs": refs, **members}
    )


def verify(service: Any, **verdicts: str | None) -> Any:
    named = {f"s3://photos/new/{key[1:]}.jpg": value for key, value in verdicts.items()}
    return service.run(trials.verify_pictures, service.owner, **TRIAL, verdicts=named)


def add(service: Any) -> Any:
    return service.run(trials.add_verified, service.owner, **TRIAL, settings=service.settings)


@pytest.fixture
def tried(modelled: Any) -> Any:
    """A trial of five pictures that is done; one of them could not be read."""
    start(modelled)
    assert modelled.jobs()[-1][0] == "trial"
    with modelled.database.transaction() as session:
        for picture in session.scalars(select(TrialPicture)):
            if picture.source_ref == REFS[4]:
                picture.error = "It is no picture."
            else:
                picture.findings = findings(anomalous=picture.source_ref == REFS[1])
        session.scalars(select(Trial)).one().status = "COMPLETE"
    return modelled


def test_a_trial_is_told_with_its_numbers(tried: Any) -> None:
    trial = tried.run(trials.describe_trial, tried.owner, **TRIAL)["Trial"]
    assert (trial["Status"], trial["ModelVersion"]) == ("COMPLETE", "1")
    assert trial["Pictures"] == {"Total": 5, "Predicted": 4, "Failed": 1, "Verified": 0, "Added": 0}
    assert tried.run(trials.list_trials, tried.owner, project_name="cars") == {"Trials": [trial]}


def test_predictions_are_verified_or_corrected(tried: Any) -> None:
    assert verify(tried, _0="normal", _1="normal", _2=None) == {"Verified": 3}
    pictures = tried.run(trials.list_trial_pictures, tried.owner, **TRIAL, page=(None, 4))
    assert [picture.get("Correct") for picture in pictures["Pictures"]] == [True, False, None, None]
    rest = tried.run(trials.list_trial_pictures, tried.owner, **TRIAL, page=(pictures["NextToken"], 4))
    assert rest["Pictures"] == [{"SourceRef": REFS[4], "Error": "It is no picture.", "Added": False}]


def test_what_is_verified_joins_the_training_dataset_once(tried: Any) -> None:
    verify(tried, _0="normal", _1="anomaly")
    assert (add(tried), add(tried)) == ({"Added": 2}, {"Added": 0})
    assert tried.dataset()["ImageStats"] == {"Total": 32, "Labeled": 32, "Normal": 21, "Anomaly": 11}
    with pytest.raises(ConflictError, match="already"):
        verify(tried, _0="anomaly")
    verify(tried, _2="normal")
    assert add(tried) == {"Added": 1}


def test_pictures_in_another_bucket_are_not_added(modelled: Any) -> None:
    start(modelled, ["s3://photos/new/0.jpg", "s3://elsewhere/new/1.jpg"])
    verdicts = {"s3://photos/new/0.jpg": "normal", "s3://elsewhere/new/1.jpg": "normal"}
    modelled.run(trials.verify_pictures, modelled.owner, **TRIAL, verdicts=verdicts)
    with pytest.raises(ConflictError, match="'elsewhere'"):
        add(modelled)
    assert modelled.dataset()["ImageStats"]["Total"] == 30


def test_a_dataset_that_is_being_changed_takes_nothing(tried: Any, make_line: Callable[..., str]) -> None:
    verify(tried, _0="normal")
    tried("update_dataset_entries", project_name="cars", dataset_type="train", changes=make_line("b.jpg").encode())
    with pytest.raises(ConflictError, match="UPDATE_IN_PROGRESS"):
        add(tried)


@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({"source_refs": []}, ValidationError),
        ({"source_refs": ["photos/a.jpg"]}, ValidationError),
        ({"source_refs": [f"s3://photos/{number}.jpg" for number in range(2_001)]}, QuotaError),
        ({"model_version": "2"}, NotFoundError),
        ({"trial_name": "monday"}, ConflictError),
    ],
)
def test_a_trial_that_cannot_be_is_refused(tried: Any, members: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        start(tried, **{"trial_name": "tuesday", **members})


def test_a_picture_that_could_not_be_read_gets_no_verdict(tried: Any) -> None:
    with pytest.raises(ConflictError, match="could not be read"):
        verify(tried, _4="anomaly")
    assert verify(tried, _4=None) == {"Verified": 1}


def test_verdicts_are_kept_all_or_not_at_all(tried: Any) -> None:
    with pytest.raises(NotFoundError, match="no picture"):
        verify(tried, _0="normal", _9="normal")
    with pytest.raises(ValidationError, match="'damaged'"):
        verify(tried, _0="normal", _1="damaged")
    assert tried.run(trials.describe_trial, tried.owner, **TRIAL)["Trial"]["Pictures"]["Verified"] == 0


def test_a_model_on_trial_is_not_deleted_and_a_trial_can_be(modelled: Any) -> None:
    start(modelled)
    with pytest.raises(ConflictError, match="trial detection"):
        modelled("delete_model", project_name="cars", model_version="1")
    modelled.run(trials.delete_trial, modelled.owner, **TRIAL)
    with pytest.raises(NotFoundError, match="'monday'"):
        modelled.run(trials.describe_trial, modelled.owner, **TRIAL)
    modelled("delete_model", project_name="cars", model_version="1")


def keep(service: Any, number: int) -> None:
    found = findings(anomalous=number % 2 == 0, label="scratch" if number % 3 == 0 else "dent", source=f"{number}.jpg")
    service.run(results.keep_result, service.owner, project_name="cars", model_version=1 + number % 4, findings=found)


def search(service: Any, *, size: int = 3, **wanted: Any) -> list[int]:
    found, token = [], None
    while True:
        page = (token, size)
        reply = service.run(
            results.search_results, service.owner, project_name="cars", wanted=ResultFilter(**wanted), page=page
        )
        found += [int(result["Findings"]["source"].removesuffix(".jpg")) for result in reply["Results"]]
        token = reply.get("NextToken")
        if token is None:
            return found


def test_results_are_searched_newest_first(cars: Any) -> None:
    for number in range(12):
        keep(cars, number)
    everything = list(reversed(range(12)))
    assert search(cars) == everything
    assert search(cars, anomalous=True) == [number for number in everything if number % 2 == 0]
    assert search(cars, label="scratch", anomalous=False) == [9, 3]
    assert search(cars, model_version=2) == [9, 5, 1]
    middle = now()
    keep(cars, 12)
    assert search(cars, after=middle) == [12]
    assert search(cars, before=middle) == everything
    assert cars.run(results.forget_results, cars.owner, project_name="cars", before=middle) == 12
    assert search(cars) == [12]


def test_a_trial_does_not_look_at_the_uploads_of_another_account(modelled: Any) -> None:
    with pytest.raises(AccessDeniedError, match="name another bucket"):
        start(modelled, [*REFS, "s3://walkaround-111111111111/pictures/a.jpg"])
    assert start(modelled, ["s3://walkaround-000000000000/pictures/a.jpg"])["Trial"]["Status"] == "RUNNING"
