"""Trial detections and kept results: predictions, what a person says of them, and the way into the training dataset."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import event, select

from walkaround.errors import AccessDeniedError, ConflictError, NotFoundError, QuotaError, ValidationError
from walkaround.hosting.operations.results import results
from walkaround.hosting.operations.results.result_search import ResultFilter
from walkaround.hosting.operations.trials import trials
from walkaround.hosting.operations.trials.looks import keep_looks
from walkaround.hosting.operations.trials.trial_verdicts import (
    Verdict,
    add_verified,
    addable,
    compare_trials,
    compare_verified,
    list_trial_pictures,
    verify_pictures,
)
from walkaround.store.tables import Entry, Job, now
from walkaround.store.trials import Trial, TrialPicture

TRIAL = {"project_name": "cars", "trial_name": "monday"}
REFS = [f"s3://photos/new/{number}.jpg" for number in range(5)]


def findings(*, anomalous: bool, label: str = "normal", source: str = "a.jpg") -> dict[str, Any]:
    return {"source": source, "anomalous": anomalous, "confidence": 0.9, "label": label, "damage": 0.1, "probabilities": {}}


def start(service: Any, refs: list[str] = REFS, **members: Any) -> Any:
    return service.run(
        trials.start_trial, service.owner, **{**TRIAL, "model_version": "latest", "source_refs": refs, **members}
    )


def verify(service: Any, *, by: str | None = None, **verdicts: str | Verdict | None) -> Any:
    named = {f"s3://photos/new/{key[1:]}.jpg": value for key, value in verdicts.items()}
    told = {ref: value if isinstance(value, Verdict) else Verdict(label=value) for ref, value in named.items()}
    return service.run(verify_pictures, service.owner, **TRIAL, verdicts=told, by=by)


def add(service: Any, **members: Any) -> Any:
    return service.run(add_verified, service.owner, **TRIAL, settings=service.settings, **members)


def pictures(service: Any, **members: Any) -> Any:
    return service.run(list_trial_pictures, service.owner, **TRIAL, **members)


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
                picture.anomalous = picture.source_ref == REFS[1]
                picture.findings = findings(anomalous=picture.anomalous)
                picture.sureness = 900_000 - 10 * REFS.index(picture.source_ref)
        session.scalars(select(Trial)).one().status = "COMPLETE"
    return modelled


def test_a_trial_is_told_with_its_numbers(tried: Any) -> None:
    trial = tried.run(trials.describe_trial, tried.owner, **TRIAL)["Trial"]
    assert (trial["Status"], trial["ModelVersion"]) == ("COMPLETE", "1")
    assert trial["Pictures"] == {
        "Total": 5,
        "Predicted": 4,
        "Anomalous": 1,
        "Failed": 1,
        "Verified": 0,
        "Right": 0,
        "Wrong": 0,
        "Added": 0,
    }
    assert tried.run(trials.list_trials, tried.owner, project_name="cars") == {"Trials": [trial]}


def test_predictions_are_verified_or_corrected(tried: Any) -> None:
    assert verify(tried, _0="normal", _1="normal", _2=None) == {"Verified": 3}
    page = pictures(tried, page=(None, 4))
    assert [picture.get("Correct") for picture in page["Pictures"]] == [True, False, None, None]
    rest = pictures(tried, page=(page["NextToken"], 4))
    assert rest["Pictures"] == [{"SourceRef": REFS[4], "Error": "It is no picture.", "Added": False}]
    counts = tried.run(trials.describe_trial, tried.owner, **TRIAL)["Trial"]["Pictures"]
    assert (counts["Verified"], counts["Right"], counts["Wrong"]) == (2, 1, 1)


def test_what_is_verified_joins_the_training_dataset_once(tried: Any) -> None:
    verify(tried, _0="normal", _1="anomaly")
    assert (add(tried), add(tried)) == ({"Added": 2, "LeftOut": []}, {"Added": 0, "LeftOut": []})
    assert tried.dataset()["ImageStats"] == {"Total": 32, "Labeled": 32, "Normal": 21, "Anomaly": 11}
    with pytest.raises(ConflictError, match="already"):
        verify(tried, _0="anomaly")
    verify(tried, _2="normal")
    assert add(tried)["Added"] == 1


def test_pictures_in_another_bucket_are_not_added(modelled: Any) -> None:
    start(modelled, ["s3://photos/new/0.jpg", "s3://elsewhere/new/1.jpg"])
    normal = Verdict(label="normal")
    verdicts = {"s3://photos/new/0.jpg": normal, "s3://elsewhere/new/1.jpg": normal}
    modelled.run(verify_pictures, modelled.owner, **TRIAL, verdicts=verdicts)
    with pytest.raises(ConflictError, match="'elsewhere'"):
        add(modelled)
    assert modelled.dataset()["ImageStats"]["Total"] == 30


def test_pictures_of_two_buckets_do_not_begin_a_dataset(modelled: Any) -> None:
    modelled("create_dataset", project_name="cars", dataset_type="test")
    start(modelled, ["s3://photos/new/0.jpg", "s3://elsewhere/new/1.jpg"])
    verdicts = {ref: Verdict(label="normal") for ref in ("s3://photos/new/0.jpg", "s3://elsewhere/new/1.jpg")}
    modelled.run(verify_pictures, modelled.owner, **TRIAL, verdicts=verdicts)
    with pytest.raises(ConflictError, match="are in the buckets 'elsewhere' and 'photos': all pictures"):
        add(modelled, dataset="test")


def test_a_verdict_reads_its_own_picture_alone(tried: Any) -> None:
    read: list[str] = []
    with tried.database.transaction() as session:
        event.listen(session, "loaded_as_persistent", lambda _, row: read.append(getattr(row, "source_ref", "")))
        verify_pictures(session, tried.owner, **TRIAL, verdicts={REFS[2]: Verdict(label="normal")}, by=None)
    assert [ref for ref in read if ref] == [REFS[2]]


def test_a_trial_that_waits_for_another_attempt_is_cancelled_at_once(modelled: Any) -> None:
    start(modelled)
    with modelled.database.transaction() as session:
        job = session.scalars(select(Job).filter_by(kind="trial")).one()
        job.attempts, job.due, job.error = 6, now() + timedelta(seconds=60), "The bucket does not answer."
    modelled.run(trials.cancel_trial, modelled.owner, **TRIAL)
    with modelled.database.reading() as session:
        job = session.scalars(select(Job).filter_by(kind="trial")).one()
    assert job.cancelled
    assert job.due <= now()


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


def test_who_verified_is_kept_and_taken_back_with_the_verdict(tried: Any) -> None:
    verify(tried, by="user:ann", _0="anomaly")
    told = pictures(tried)["Pictures"][0]
    assert (told["VerifiedBy"], told["VerifiedAt"] <= now()) == ("user:ann", True)
    verify(tried, by="user:ben", _0=None)
    assert not {"Verified", "VerifiedBy", "VerifiedAt"} & set(pictures(tried)["Pictures"][0])


def test_the_least_sure_come_first_and_are_filtered(tried: Any) -> None:
    first = pictures(tried, order="unsure", page=(None, 2))
    rest = pictures(tried, order="unsure", page=(first["NextToken"], 10))
    told = [picture["SourceRef"] for picture in first["Pictures"] + rest["Pictures"]]
    assert told == [*reversed(REFS[:4]), REFS[4]]
    verify(tried, _0="normal", _1="normal")
    found = {show: [REFS.index(one["SourceRef"]) for one in pictures(tried, wanted=show)["Pictures"]] for show in SHOWN}
    assert found == SHOWN


SHOWN = {"open": [2, 3], "verified": [0, 1], "right": [0], "wrong": [1], "damaged": [1], "whole": [0, 2, 3], "failed": [4]}


def test_a_correction_goes_into_the_entry(tried: Any) -> None:
    boxes: dict[str, Any] = {"anomaly-boxes": {"annotations": []}}
    verify(tried, by="user:ann", _1=Verdict(label="anomaly", kinds=["scratch", "dent"], places=[], line=boxes))
    told = pictures(tried)["Pictures"][1]
    assert (told["Kinds"], told["Places"]) == (["scratch", "dent"], [])
    add(tried)
    with tried.database.reading() as session:
        line = json.loads(session.scalars(select(Entry.line).filter_by(source_ref=REFS[1])).one())
    assert line["anomaly-boxes"] == {"annotations": []}
    assert line["anomaly-label-metadata"]["worker"] == "user:ann"
    assert line["anomaly-label-metadata"]["job-name"] == "trial/monday"
    assert sorted(line["anomaly-kinds-metadata"]["class-map"].values()) == ["dent", "scratch"]


def test_damage_of_a_normal_picture_is_refused(tried: Any) -> None:
    with pytest.raises(ValidationError, match="'anomaly'"):
        verify(tried, _0=Verdict(label="normal", kinds=["dent"]))


def look_of(seed: int) -> bytes:
    grid = np.random.default_rng(seed).integers(0, 255, (8, 8), dtype=np.uint8)
    return bytes(np.kron(grid, np.ones((4, 4), np.uint8)).tobytes())


def test_a_photo_that_a_dataset_has_is_left_out_and_named(tried: Any) -> None:
    looks = {REFS[0]: look_of(1), REFS[2]: look_of(2), REFS[3]: look_of(2), "s3://photos/train/n3.jpg": look_of(1)}
    looks |= {f"s3://photos/train/a{number}.jpg": look_of(10 + number) for number in range(9)}
    tried.run(keep_looks, looks)
    tried.run(keep_looks, looks)
    verify(tried, _0="normal", _1="anomaly", _2="normal", _3="normal")
    told = tried.run(addable, tried.owner, **TRIAL, dataset="train")
    assert (told["Normal"], told["Anomaly"], told["Uncompared"]) == (1, 1, 20)
    like = [(one["SourceRef"], one["Like"], one["Dataset"], one["Same"]) for one in told["LeftOut"]]
    assert like == [(REFS[0], "s3://photos/train/n3.jpg", "train", False), (REFS[3], REFS[2], None, False)]
    assert add(tried) == {"Added": 2, "LeftOut": told["LeftOut"]}
    assert add(tried, repeats=True)["Added"] == 2


def test_what_was_compared_before_is_compared_with_what_came_since(tried: Any, make_line: Callable[..., str]) -> None:
    looks = {REFS[0]: look_of(1), REFS[1]: look_of(2), REFS[2]: look_of(3), REFS[3]: look_of(4)}
    looks |= {"s3://photos/train/n3.jpg": look_of(1), "s3://photos/late.jpg": look_of(2)}
    looks |= {f"s3://photos/train/a{number}.jpg": look_of(10 + number) for number in range(9)}
    tried.run(keep_looks, looks)
    verify(tried, _0="normal", _1="anomaly", _2="normal")
    compared = tried.run(compare_verified, tried.owner, **TRIAL)
    tried.update(make_line("late.jpg", "anomaly"))
    asked: list[Any] = []
    with tried.database.transaction() as session:
        event.listen(session, "do_orm_execute", lambda state: asked.append(state.statement))
        names = {"project_name": "cars", "trial_name": "monday", "settings": tried.settings, "compared": compared}
        reply = add_verified(session, tried.owner, **names)
    like = {one["SourceRef"]: one["Like"] for one in reply["LeftOut"]}
    assert (reply["Added"], like) == (1, {REFS[0]: "s3://photos/train/n3.jpg", REFS[1]: "s3://photos/late.jpg"})
    (thumbnails,) = [one for one in asked if "JOIN picture_looks" in str(one)]
    assert compared.last in thumbnails.compile().params.values(), "of what came since alone"
    verify(tried, _3="normal")
    assert add(tried, compared=compared)["Added"] == 1, "one that was verified since is compared too"


def test_the_very_file_is_never_added_twice(modelled: Any) -> None:
    start(modelled, ["s3://photos/train/n0.jpg"])
    modelled.run(verify_pictures, modelled.owner, **TRIAL, verdicts={"s3://photos/train/n0.jpg": Verdict(label="anomaly")})
    reply = add(modelled, repeats=True)
    assert (reply["Added"], [one["Same"] for one in reply["LeftOut"]]) == (0, [True])
    assert modelled.dataset()["ImageStats"]["Anomaly"] == 10


def test_verified_pictures_can_go_to_the_test_dataset(tried: Any) -> None:
    tried.fill("test", normal=2, anomaly=2)
    verify(tried, _0="normal")
    assert add(tried, dataset="test")["Added"] == 1
    assert pictures(tried)["Pictures"][0]["AddedTo"] == "test"
    with pytest.raises(ConflictError, match="test dataset already"):
        verify(tried, _0=None)


def more(service: Any, refs: list[str], model: str | None = None) -> Any:
    members = {**TRIAL, "model_version": model, "source_refs": refs}
    return service.run(trials.add_to_trial, service.owner, **members)["Trial"]


def test_more_pictures_come_to_a_trial_and_one_job_looks_at_them(modelled: Any) -> None:
    told = [more(modelled, refs) for refs in (REFS[:2], REFS[1:4], REFS[:1])]
    assert [one["Pictures"]["Total"] for one in told] == [2, 4, 4]
    assert [kind for kind, _ in modelled.jobs()].count("trial") == 1
    assert len({one["JobId"] for one in told}) == 1


def test_a_trial_that_is_complete_runs_again_when_more_comes(tried: Any) -> None:
    with tried.database.transaction() as session:
        for job in session.scalars(select(Job)):
            job.state, job.ended = "done", now()
    assert more(tried, REFS)["Status"] == "COMPLETE"
    assert more(tried, ["s3://photos/new/9.jpg"], model="1")["Status"] == "RUNNING"
    assert not tried.run(trials.finish_trial, 1)
    assert [kind for kind, _ in tried.jobs()].count("trial") == 2


def test_a_trial_is_of_one_version(tried: Any) -> None:
    tried("create_model", project_name="cars", output_config={"S3Location": {"Bucket": "photos", "Prefix": ""}})
    tried.put_model("TRAINED", version=2)
    with pytest.raises(ConflictError, match="of model 1, not of 2"):
        more(tried, ["s3://photos/new/9.jpg"], model="latest")
    assert more(tried, ["s3://photos/new/9.jpg"])["ModelVersion"] == "1"


def test_another_version_is_tried_on_the_same_pictures(tried: Any) -> None:
    verify(tried, by="user:ann", _0="normal", _1="normal")
    add(tried)
    tried("create_model", project_name="cars", output_config={"S3Location": {"Bucket": "photos", "Prefix": ""}})
    tried.put_model("TRAINED", version=2)
    again = {"project_name": "cars", "trial_name": "tuesday"}
    tried.run(trials.repeat_trial, tried.owner, **again, model_version="2", same_as="monday")
    with tried.database.transaction() as session:
        for picture in session.scalars(select(TrialPicture).where(TrialPicture.trial_id == 2)):
            picture.anomalous = picture.source_ref == REFS[2]
            picture.findings = findings(anomalous=picture.anomalous)
    told = tried.run(trials.describe_trial, tried.owner, **again)["Trial"]
    assert (told["SameAs"], told["Pictures"]["Verified"], told["Pictures"]["Added"]) == ("monday", 2, 2)
    compared = tried.run(compare_trials, tried.owner, **again, with_trial="monday")
    assert (compared["Pictures"], compared["Verified"], compared["RightNow"], compared["RightBefore"]) == (4, 2, 2, 1)
    changed = [(one["SourceRef"], one["Before"]["anomalous"], one["Seen"]) for one in compared["Changed"]]
    assert changed == [(REFS[1], True, True), (REFS[2], False, False)]


def test_a_trial_that_runs_can_be_cancelled(modelled: Any) -> None:
    start(modelled)
    modelled.run(trials.cancel_trial, modelled.owner, **TRIAL)
    with modelled.database.reading() as session:
        assert session.scalars(select(Job.cancelled).filter_by(kind="trial")).all() == [True]
    with modelled.database.transaction() as session:
        session.scalars(select(Trial)).one().status = "FAILED"
    with pytest.raises(ConflictError, match="not running"):
        modelled.run(trials.cancel_trial, modelled.owner, **TRIAL)


def test_a_trial_that_failed_goes_on_with_the_pictures_that_are_left(tried: Any) -> None:
    with pytest.raises(ConflictError, match="has not failed"):
        tried.run(trials.resume_trial, tried.owner, **TRIAL)
    with tried.database.transaction() as session:
        for job in session.scalars(select(Job)):
            job.state, job.ended = "failed", now()
        session.scalars(select(Trial)).one().status = "FAILED"
    told = tried.run(trials.resume_trial, tried.owner, **TRIAL)["Trial"]
    assert (told["Status"], told["JobId"] is None) == ("RUNNING", False)


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
