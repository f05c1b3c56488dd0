"""Endpoints: a name for a model, which is started for it, and stopped when the last of its names goes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.hosting.conftest import Service

from walkaround.errors import ConflictError, NotFoundError, QuotaError, ValidationError
from walkaround.hosting.operations.models.endpoints import (
    STATUSES,
    create_endpoint,
    delete_endpoint,
    describe_endpoint,
    find_endpoint,
    list_endpoints,
)
from walkaround.hosting.operations.models.models import TRAINED
from walkaround.hosting.owner import Owner


def create(service: Service, name: str = "damage", *, version: str = "1", **given: Any) -> Any:
    """Make an endpoint of the model."""
    arguments: dict[str, Any] = {"units": (1, None), "settings": service.settings, **given}
    return service.run(create_endpoint, service.owner, endpoint_name=name, model=("cars", version), **arguments)


def delete(service: Service, name: str = "damage") -> Any:
    return service.run(delete_endpoint, service.owner, endpoint_name=name)


def status(service: Service) -> str:
    """Of the model."""
    described = service("describe_model", project_name="cars", model_version="1")
    return str(described["ModelDescription"]["Status"])


def test_a_model_is_started_for_its_endpoint_and_stopped_after_it(modelled: Service) -> None:
    made = create(modelled, version="latest")
    assert made["EndpointArn"] == "arn:aws:sagemaker:us-east-1:000000000000:endpoint/damage"
    assert (made["EndpointStatus"], made["ProjectName"], made["ModelVersion"]) == ("Creating", "cars", "1")
    assert (status(modelled), modelled.jobs()[-1][0]) == ("STARTING_HOSTING", "host")
    modelled.put_model("HOSTED")
    assert modelled.run(describe_endpoint, modelled.owner, endpoint_name="damage")["EndpointStatus"] == "InService"
    delete(modelled)
    assert (status(modelled), modelled.jobs()[-1][0]) == ("STOPPING_HOSTING", "unhost")
    with pytest.raises(NotFoundError, match="Endpoint damage of account 000000000000 not found"):
        modelled.run(find_endpoint, modelled.owner, "damage")


def test_a_model_that_runs_already_goes_on_after_its_endpoint(modelled: Service) -> None:
    modelled.put_model("HOSTED")
    create(modelled)
    delete(modelled)
    assert status(modelled) == "HOSTED"


def test_the_last_name_of_a_model_stops_it(modelled: Service) -> None:
    create(modelled, "first")
    modelled.put_model("HOSTED")
    create(modelled, "second")
    delete(modelled, "first")
    assert status(modelled) == "HOSTED"
    delete(modelled, "second")
    assert status(modelled) == "STOPPING_HOSTING"


def test_an_endpoint_that_is_being_created_is_not_deleted(modelled: Service) -> None:
    create(modelled)
    with pytest.raises(ConflictError, match="still being created"):
        delete(modelled)
    modelled.put_model("HOSTING_FAILED")
    described = modelled.run(describe_endpoint, modelled.owner, endpoint_name="damage")
    assert described["EndpointStatus"] == "Failed"
    delete(modelled)


def test_a_model_with_an_endpoint_is_not_deleted(modelled: Service) -> None:
    create(modelled)
    modelled.put_model("TRAINED")
    with pytest.raises(ConflictError, match="answers at the endpoint 'damage'"):
        modelled("delete_model", project_name="cars", model_version="1")
    delete(modelled)
    modelled("delete_model", project_name="cars", model_version="1")


@pytest.mark.parametrize("unfit", ["TRAINING", "TRAINING_FAILED", "STOPPING_HOSTING", "DELETING"])
def test_a_model_that_cannot_answer_gets_no_endpoint(unfit: str, modelled: Service) -> None:
    modelled.put_model(unfit)
    with pytest.raises(ConflictError, match=f"in status {unfit}"):
        create(modelled)
    assert modelled.run(list_endpoints, modelled.owner) == {"Endpoints": []}


@pytest.mark.parametrize("name", ["", "-a", "a-", "a_b", "a/b", "ä", "a" * 64, "a" + "-" * 70 + "b"])
def test_a_name_that_cannot_be_is_refused(name: str, modelled: Service) -> None:
    with pytest.raises(ValidationError, match="cannot be the name of an endpoint"):
        create(modelled, name)


def test_names_are_unique_in_account_and_region_and_have_a_limit(modelled: Service) -> None:
    create(modelled)
    modelled.put_model("HOSTED")
    with pytest.raises(ConflictError, match="an endpoint 'damage' already"):
        create(modelled)
    with pytest.raises(QuotaError, match="endpoints_per_account"):
        create(modelled, "another", settings=modelled.settings.model_copy(update={"endpoints_per_account": 1}))


def test_endpoints_of_others_are_not_seen(modelled: Service) -> None:
    create(modelled)
    for other in (Owner("111111111111", "us-east-1"), Owner("000000000000", "eu-west-1")):
        stranger = replace(modelled, owner=other)
        assert stranger.run(list_endpoints, other) == {"Endpoints": []}
        with pytest.raises(NotFoundError):
            delete(stranger)


def test_pages_of_endpoints_are_turned(modelled: Service) -> None:
    modelled.put_model("HOSTED")
    for number in range(3):
        create(modelled, f"e{number}")
    first = modelled.run(list_endpoints, modelled.owner, max_results=2)
    assert [one["EndpointName"] for one in first["Endpoints"]] == ["e0", "e1"]
    rest = modelled.run(list_endpoints, modelled.owner, max_results=2, next_token=first["NextToken"])
    assert [one["EndpointName"] for one in rest["Endpoints"]] == ["e2"]
    assert "NextToken" not in rest


def test_every_status_of_a_trained_model_is_one_of_an_endpoint() -> None:
    assert set(STATUSES) == set(TRAINED)
