"""Models: what may be done in which status, what is needed for it, and the limits."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from walkaround.errors import AccessDeniedError, ConflictError, NotFoundError, QuotaError, ServiceError, ValidationError
from walkaround.hosting.operations.models.models import cancel_training, remove_model
from walkaround.hosting.owner import Owner
from walkaround.store.tables import Job, Model, now

OUTPUT = {"S3Location": {"Bucket": "photos", "Prefix": "out/"}}
STATUSES = (
    "TRAINING TRAINED TRAINING_FAILED STARTING_HOSTING HOSTED HOSTING_FAILED STOPPING_HOSTING SYSTEM_UPDATING DELETING".split()
)
ALLOWED = {
    "start_model": {"TRAINED": "STARTING_HOSTING", "HOSTING_FAILED": "STARTING_HOSTING"},
    "stop_model": {"HOSTED": "STOPPING_HOSTING"},
    "delete_model": dict.fromkeys(("TRAINED", "TRAINING_FAILED", "HOSTING_FAILED", "DELETING"), "DELETING"),
}
JOBS = {"start_model": "host", "stop_model": "unhost", "delete_model": "delete_model"}


def create(service: Any, **members: Any) -> Any:
    return service("create_model", project_name="cars", output_config=OUTPUT, **members)["ModelMetadata"]


def describe(service: Any, version: str = "1") -> Any:
    return service("describe_model", project_name="cars", model_version=version)["ModelDescription"]


def test_a_model_is_created_with_a_job(cars: Any) -> None:
    made = create(cars, description="first", kms_key_id="key", tags=[{"Key": "a", "Value": "b"}])
    assert made["ModelArn"] == "arn:aws:lookoutvision:us-east-1:000000000000:model/cars/1"
    assert (made["ModelVersion"], made["Status"], made["Description"]) == ("1", "TRAINING", "first")
    assert cars.jobs()[-1][0] == "train"
    assert cars("list_tags_for_resource", resource_arn=made["ModelArn"]) == {"Tags": [{"Key": "a", "Value": "b"}]}
    described = describe(cars)
    assert described == {**made, "OutputConfig": OUTPUT, "KmsKeyId": "key"}
    assert described["StatusMessage"]
    with cars.database.reading() as session:
        assert session.scalars(select(Model.train_dataset_id)).one() == cars.dataset_id()


@pytest.mark.parametrize(
    ("state", "attempts", "told"),
    [
        ("due", 1, r"Tried once, next try in (29|30) s: no answer"),
        ("running", 3, "Tried 3 times, being tried again: no answer"),
    ],
)
def test_a_training_that_waits_says_for_what(cars: Any, state: str, attempts: int, told: str) -> None:
    create(cars)
    assert describe(cars)["StatusMessage"] == "The model is being trained."
    failed = {"error": "no answer", "attempts": attempts, "state": state, "due": now() + timedelta(seconds=30)}
    cars.run(lambda session: session.execute(update(Job).where(Job.kind == "train").values(failed)))
    assert re.fullmatch(f"The model is being trained. {told}", describe(cars)["StatusMessage"])
    (listed,) = cars("list_models", project_name="cars")["Models"]
    assert "no answer" in listed["StatusMessage"]
    cars.put_model("TRAINED")
    assert describe(cars)["StatusMessage"] == "Training completed successfully."


def test_versions_count_on_and_latest_is_the_highest(modelled: Any) -> None:
    create(modelled)
    assert describe(modelled, "latest")["ModelVersion"] == "2"
    modelled.put_model("TRAINED", version=2)
    modelled("delete_model", project_name="cars", model_version="2")
    modelled.run(remove_model, 2)
    assert describe(modelled, "latest")["ModelVersion"] == "1"
    assert create(modelled)["ModelVersion"] == "3"
    listed = modelled("list_models", project_name="cars", max_results=1)
    assert [model["ModelVersion"] for model in listed["Models"]] == ["1"]
    rest = modelled("list_models", project_name="cars", next_token=listed["NextToken"])
    assert [model["ModelVersion"] for model in rest["Models"]] == ["3"]


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("operation", ALLOWED)
def test_what_may_be_done_in_a_status(modelled: Any, operation: str, status: str) -> None:
    modelled.put_model(status)
    before = modelled.jobs()
    members = {"min_inference_units": 1} if operation == "start_model" else {}
    if status not in ALLOWED[operation]:
        with pytest.raises(ConflictError) as caught:
            modelled(operation, project_name="cars", model_version="1", **members)
        assert (caught.value.resource_id, caught.value.resource_type) == ("cars/1", "MODEL")
        assert (describe(modelled)["Status"], modelled.jobs()) == (status, before)
        return
    modelled(operation, project_name="cars", model_version="1", **members)
    assert describe(modelled)["Status"] == ALLOWED[operation][status]
    expected = [] if status == "DELETING" else [JOBS[operation]]
    assert [kind for kind, _ in modelled.jobs()[len(before) :]] == expected


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_has_what_clients_read(modelled: Any, status: str) -> None:
    modelled.put_model(status)
    (listed,) = modelled("list_models", project_name="cars")["Models"]
    assert listed["StatusMessage"]
    if status in ("TRAINED", "HOSTED"):
        assert listed["Performance"] == {"F1Score": 0.5, "Recall": 0.6, "Precision": 0.7}


@pytest.mark.parametrize(
    ("train", "test", "enough"),
    [
        ((20, 10), None, True),
        ((19, 10), None, False),
        ((20, 9), None, False),
        ((10, 0), (10, 10), True),
        ((9, 5), (10, 10), False),
        ((10, 0), (9, 10), False),
        ((10, 0), (10, 9), False),
        (None, (10, 10), False),
    ],
)
def test_datasets_must_be_enough(
    service: Any, train: tuple[int, int] | None, test: tuple[int, int] | None, enough: bool
) -> None:
    service("create_project", project_name="cars")
    for kind, numbers in (("train", train), ("test", test)):
        if numbers:
            service.fill(kind, normal=numbers[0], anomaly=numbers[1])
    if enough:
        assert create(service)["Status"] == "TRAINING"
        return
    with pytest.raises(ConflictError) as caught:
        create(service)
    assert caught.value.resource_type == "DATASET"
    assert service("list_models", project_name="cars") == {"Models": []}


def test_a_dataset_that_is_being_changed_is_not_trained_on(cars: Any) -> None:
    cars("update_dataset_entries", project_name="cars", dataset_type="train", changes=b"{}")
    with pytest.raises(ConflictError, match="UPDATE_IN_PROGRESS"):
        create(cars)


def test_two_models_train_at_once(cars: Any) -> None:
    create(cars)
    create(cars)
    with pytest.raises(QuotaError) as caught:
        create(cars)
    assert caught.value.quota_code == "trainings_at_once"
    cars.put_model("TRAINED", version=1)
    create(cars)


def test_models_of_other_regions_count_as_well(cars: Any) -> None:
    elsewhere = replace(cars, owner=Owner(cars.owner.account, "eu-west-1"))
    elsewhere("create_project", project_name="cars")
    elsewhere.fill("train", normal=20, anomaly=10)
    create(cars)
    create(elsewhere)
    with pytest.raises(QuotaError) as caught:
        create(elsewhere)
    assert caught.value.quota_code == "trainings_at_once"


def test_a_project_has_so_many_models(modelled: Any) -> None:
    for version in (2, 3, 4):
        create(modelled)
        modelled.put_model("TRAINED", version=version)
    with pytest.raises(QuotaError) as caught:
        create(modelled)
    assert caught.value.quota_code == "models_per_project"


@pytest.mark.parametrize(
    ("units", "error"),
    [
        ((1, None), None),
        ((2, 5), None),
        ((5, 5), None),
        ((3, 2), ValidationError),
        ((1, 6), QuotaError),
        ((6, None), QuotaError),
    ],
)
def test_units_are_a_range_within_the_limit(
    modelled: Any, units: tuple[int, int | None], error: type[ServiceError] | None
) -> None:
    members = {"min_inference_units": units[0], "max_inference_units": units[1]}
    if error:
        with pytest.raises(error):
            modelled("start_model", project_name="cars", model_version="latest", **members)
        return
    reply = modelled("start_model", project_name="cars", model_version="latest", **members)
    assert reply == {"Status": "STARTING_HOSTING"}
    described = describe(modelled)
    assert (described["MinInferenceUnits"], described.get("MaxInferenceUnits")) == units


def test_so_many_models_are_hosted_at_once(modelled: Any) -> None:
    for version in (2, 3):
        create(modelled)
        modelled.put_model("TRAINED", version=version)
    for number in ("1", "2"):
        modelled("start_model", project_name="cars", model_version=number, min_inference_units=1)
    with pytest.raises(QuotaError) as caught:
        modelled("start_model", project_name="cars", model_version="3", min_inference_units=1)
    assert caught.value.quota_code == "running_models"


def test_a_training_is_cancelled_through_its_job(cars: Any) -> None:
    create(cars)
    cars.run(cancel_training, cars.owner, project_name="cars", model_version="1")
    with cars.database.reading() as session:
        assert session.scalars(select(Job.cancelled).filter_by(kind="train")).all() == [True]
    cars.put_model("TRAINING_FAILED")
    with pytest.raises(ConflictError, match="only a training"):
        cars.run(cancel_training, cars.owner, project_name="cars", model_version="1")


def test_only_a_model_that_is_being_deleted_is_removed(modelled: Any) -> None:
    modelled.run(remove_model, 1)
    assert describe(modelled)["Status"] == "TRAINED"
    modelled("delete_model", project_name="cars", model_version="1")
    modelled.run(remove_model, 1)
    modelled.run(remove_model, 1)
    with pytest.raises(NotFoundError, match="no model version 1"):
        describe(modelled)


GREENGRASS: dict[str, Any] = {
    "S3OutputLocation": {"Bucket": "photos"},
    "ComponentName": "cars",
    "TargetPlatform": {"Os": "LINUX", "Arch": "X86_64"},
}


def package(service: Any, *, name: str | None = None, **members: Any) -> Any:
    configuration = {"Greengrass": {**GREENGRASS, **members}}
    return service(
        "start_model_packaging_job", project_name="cars", model_version="1", configuration=configuration, job_name=name
    )["JobName"]


def test_a_packaging_job_is_started_listed_and_described(modelled: Any) -> None:
    name = package(modelled)
    assert len(name) == 36
    assert modelled.jobs()[-1][0] == "package"
    modelled.run(lambda session: session.execute(update(Job).where(Job.kind == "package").values(error="gone", attempts=2)))
    (listed,) = modelled("list_model_packaging_jobs", project_name="cars")["ModelPackagingJobs"]
    assert "Tried 2 times, next try in 1 s: gone" in listed["StatusMessage"]
    described = modelled("describe_model_packaging_job", project_name="cars", job_name=name)["ModelPackagingDescription"]
    assert (listed["Status"], listed["ModelVersion"]) == ("CREATED", "1")
    assert described == {**listed, "ModelPackagingConfiguration": {"Greengrass": GREENGRASS}}


@pytest.mark.parametrize(
    ("members", "allowed"),
    [
        ({}, True),
        ({"TargetDevice": "jetson_xavier"}, False),
        ({"TargetPlatform": None}, False),
        ({"TargetDevice": "jetson_xavier", "TargetPlatform": None}, True),
        ({"TargetPlatform": {"Os": "LINUX", "Arch": "ARM64", "Accelerator": "NVIDIA"}}, False),
        (
            {
                "TargetPlatform": {"Os": "LINUX", "Arch": "ARM64", "Accelerator": "NVIDIA"},
                "CompilerOptions": '{"gpu-code": "sm_72", "trt-ver": "7.1.3", "cuda-ver": "10.2"}',
            },
            True,
        ),
        ({"CompilerOptions": '{"mcpu": "core-avx2"}'}, True),
        ({"CompilerOptions": "mcpu"}, False),
        ({"CompilerOptions": "[]"}, False),
    ],
)
def test_a_target_is_one_and_fits_its_options(modelled: Any, members: dict[str, Any], allowed: bool) -> None:
    if allowed:
        assert package(modelled, **members)
        return
    with pytest.raises(ValidationError):
        package(modelled, **members)


def test_components_and_jobs_are_new(modelled: Any) -> None:
    package(modelled, name="job")
    for members in ({"name": "job", "ComponentName": "other"}, {}, {"ComponentVersion": "1.0.0"}):
        with pytest.raises(ConflictError, match="already"):
            package(modelled, **members)
    package(modelled, ComponentVersion="1.0.1")


@pytest.mark.parametrize("status", ["TRAINING", "TRAINING_FAILED", "DELETING"])
def test_only_a_trained_model_is_packaged(modelled: Any, status: str) -> None:
    modelled.put_model(status)
    with pytest.raises(ConflictError, match="only a trained one"):
        package(modelled)


def test_a_model_that_is_being_packaged_is_not_deleted(modelled: Any, make_line: Callable[..., str]) -> None:
    package(modelled)
    with pytest.raises(ConflictError, match="packaging job"):
        modelled("delete_model", project_name="cars", model_version="1")


def test_nothing_is_written_to_the_uploads_of_another_account(modelled: Any) -> None:
    foreign = {"Bucket": "walkaround-111111111111", "Prefix": ""}
    with pytest.raises(AccessDeniedError, match="name another bucket"):
        modelled("create_model", project_name="cars", output_config={"S3Location": foreign})
    with pytest.raises(AccessDeniedError, match="name another bucket"):
        package(modelled, S3OutputLocation=foreign)
    with pytest.raises(AccessDeniedError, match="only its watch reads"):
        package(modelled, S3OutputLocation={"Bucket": "folder:incoming", "Prefix": ""})
    own = {"Bucket": "walkaround-000000000000", "Prefix": ""}
    assert package(modelled, S3OutputLocation=own)
    assert modelled("create_model", project_name="cars", output_config={"S3Location": own})
