"""Projects, tags and pages: names, owners, limits, and tokens that are good for one listing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from walkaround.errors import ConflictError, NotFoundError, QuotaError, ValidationError
from walkaround.hosting.operations.projects import remove_left
from walkaround.hosting.operations.results.results import keep_result
from walkaround.hosting.owner import Owner
from walkaround.store.results import Result
from walkaround.store.tables import Project
from walkaround.store.trials import Trial, TrialPicture

ARN = "arn:aws:lookoutvision:us-east-1:000000000000:model/cars/1"


def keep(session: Session, owner: Owner) -> int:
    findings = {"source": "a.jpg", "anomalous": False, "confidence": 0.9, "label": "normal"}
    return keep_result(session, owner, project_name="cars", model_version=1, findings=findings)


def names(reply: Any) -> list[str]:
    return [project["ProjectName"] for project in reply["Projects"]]


def test_a_project_is_made_shown_and_deleted(service: Any) -> None:
    made = service("create_project", project_name="cars")["ProjectMetadata"]
    assert made["ProjectArn"] == "arn:aws:lookoutvision:us-east-1:000000000000:project/cars"
    assert made["CreationTimestamp"].tzinfo is UTC
    assert service("describe_project", project_name="cars")["ProjectDescription"] == {**made, "Datasets": []}
    assert service("delete_project", project_name="cars") == {"ProjectArn": made["ProjectArn"]}
    with pytest.raises(NotFoundError) as caught:
        service("describe_project", project_name="cars")
    assert (caught.value.resource_id, caught.value.resource_type) == ("cars", "PROJECT")


def test_a_name_is_taken_once_for_each_owner(service: Any) -> None:
    service("create_project", project_name="cars")
    with pytest.raises(ConflictError, match="already"):
        service("create_project", project_name="cars")
    for owner in (Owner("111111111111", "us-east-1"), Owner("000000000000", "eu-west-1")):
        other = replace(service, owner=owner)
        assert names(other("list_projects")) == []
        other("create_project", project_name="cars")
        assert names(other("list_projects")) == ["cars"]


def test_projects_beyond_the_limit_are_refused(service: Any) -> None:
    for name in "abc":
        service("create_project", project_name=name)
    with pytest.raises(QuotaError) as caught:
        service("create_project", project_name="d")
    assert caught.value.quota_code == "projects_per_account"
    service("delete_project", project_name="a")
    service("create_project", project_name="d")


def test_a_deleted_project_frees_its_name_at_once_and_what_it_left_is_removed_in_pieces(service: Any) -> None:
    service("create_project", project_name="cars")
    service.run(lambda session: [keep(session, service.owner) for _ in range(5)])
    service.run(lambda session: session.add(Trial(project_id=1, name="t", model_version=1, status="COMPLETE")))
    service.run(lambda session: session.add(TrialPicture(trial_id=1, source_ref="s3://photos/a.jpg")))
    service("delete_project", project_name="cars")
    service("create_project", project_name="cars")
    service.run(keep, service.owner)
    assert service.jobs() == [("delete_project", 1)]
    steps = 0
    while service.run(remove_left, 1, at_most=2):
        steps += 1
    assert steps == 5  # picture, trial, and five results
    assert [service.run(lambda s, t=table: s.scalar(select(func.count()).select_from(t))) for table in (Result, Trial)] == [
        1,
        0,
    ]
    assert names(service("list_projects")) == ["cars"]
    assert not service.run(remove_left, 2)  # it is not deleted
    assert service.run(lambda session: session.scalars(select(Project.name)).all()) == ["cars"]


def test_a_project_that_holds_something_stays(modelled: Any) -> None:
    with pytest.raises(ConflictError, match="train dataset, model 1: delete them first"):
        modelled("delete_project", project_name="cars")
    modelled("delete_dataset", project_name="cars", dataset_type="train")
    with pytest.raises(ConflictError, match="its model 1"):
        modelled("delete_project", project_name="cars")


def test_listings_go_on_where_they_ended(service: Any) -> None:
    for name in "abc":
        service("create_project", project_name=name)
    first = service("list_projects", max_results=2)
    service("delete_project", project_name="a")
    second = service("list_projects", max_results=2, next_token=first["NextToken"])
    assert (names(first), names(second)) == (["a", "b"], ["c"])
    assert "NextToken" not in second


@pytest.mark.parametrize("size", [0, 101])
def test_pages_have_1_to_100_rows(service: Any, size: int) -> None:
    with pytest.raises(ValidationError, match="MaxResults"):
        service("list_projects", max_results=size)


def test_a_token_is_of_one_listing_and_unaltered(service: Any) -> None:
    for name in "abc":
        service("create_project", project_name=name)
    token = service("list_projects", max_results=1)["NextToken"]
    other = replace(service, owner=Owner("111111111111", "us-east-1"))
    altered = [token[:-4] + "AAA=", "B" + token[1:], token + "AAAA", "", "AAAA", "===", "ä"]
    for caller, wrong in [(other, token), *((service, one) for one in altered)]:
        with pytest.raises(ValidationError, match="token of the page"):
            caller("list_projects", next_token=wrong)
    with pytest.raises(ValidationError, match="token of the page"):
        service("list_models", project_name="a", next_token=token)


def test_tags_are_put_on_changed_and_taken_off(modelled: Any) -> None:
    modelled("tag_resource", resource_arn=ARN, tags=[{"Key": "b", "Value": "1"}, {"Key": "a", "Value": ""}])
    modelled("tag_resource", resource_arn=ARN, tags=[{"Key": "b", "Value": "2"}])
    modelled("untag_resource", resource_arn=ARN, tag_keys=["a", "not there"])
    assert modelled("list_tags_for_resource", resource_arn=ARN) == {"Tags": [{"Key": "b", "Value": "2"}]}


@pytest.mark.parametrize("keys", [["a", "a"], ["aws:x"], ["AWS:x"]])
def test_repeated_and_reserved_keys_are_refused(modelled: Any, keys: list[str]) -> None:
    with pytest.raises(ValidationError, match="tag key"):
        modelled("tag_resource", resource_arn=ARN, tags=[{"Key": key, "Value": ""} for key in keys])


def test_a_model_has_at_most_200_tags(modelled: Any) -> None:
    modelled("tag_resource", resource_arn=ARN, tags=[{"Key": f"k{number}", "Value": ""} for number in range(200)])
    with pytest.raises(QuotaError):
        modelled("tag_resource", resource_arn=ARN, tags=[{"Key": "one more", "Value": ""}])
    assert len(modelled("list_tags_for_resource", resource_arn=ARN)["Tags"]) == 200


@pytest.mark.parametrize(
    ("arn", "error"),
    [
        ("arn:aws:lookoutvision:us-east-1:000000000000:project/cars", ValidationError),
        ("cars/1", ValidationError),
        (ARN + "/", ValidationError),
        (ARN.replace("/1", "/latest"), ValidationError),
        (ARN.replace("/1", "/2"), NotFoundError),
        (ARN.replace("/1", "/9999999999"), NotFoundError),
        (ARN.replace("cars", "vans"), NotFoundError),
        (ARN.replace("us-east-1", "eu-west-1"), NotFoundError),
        (ARN.replace("000000000000", "111111111111"), NotFoundError),
    ],
)
def test_only_own_models_have_tags(modelled: Any, arn: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        modelled("list_tags_for_resource", resource_arn=arn)
