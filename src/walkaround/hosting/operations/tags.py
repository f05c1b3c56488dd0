"""Tags: words that users put on models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from walkaround.errors import NotFoundError, QuotaError, ValidationError
from walkaround.hosting.operations.rows import Reply, find_model, find_project
from walkaround.hosting.owner import Owner, parse_model_arn
from walkaround.store.tables import Model, Project, Tag

_MOST = 200
_RESERVED = "aws:"


def list_tags_for_resource(session: Session, owner: Owner, *, resource_arn: str) -> Reply:
    """The tags of a model, by key.

    Raises:
        ValidationError: the ARN is not of a model.
        NotFoundError: there is no such model.
    """
    _, model = _tagged(session, owner, resource_arn)
    tags = session.scalars(select(Tag).filter_by(model_id=model.id).order_by(Tag.key))
    return {"Tags": [{"Key": tag.key, "Value": tag.value} for tag in tags]}


def tag_resource(session: Session, owner: Owner, *, resource_arn: str, tags: Sequence[dict[str, str]]) -> Reply:
    """Put tags on a model; one of a key that is there gets the new value.

    Raises:
        ValidationError: the ARN is not of a model, a key is given twice or is reserved.
        NotFoundError: there is no such model.
        QuotaError: the model would have more than 200 tags.
    """
    project, model = _tagged(session, owner, resource_arn, to_change=True)
    write_tags(session, owner, project, model, tags=tags)
    return {}


def untag_resource(session: Session, owner: Owner, *, resource_arn: str, tag_keys: Sequence[str]) -> Reply:
    """Take tags from a model; keys that are not there are passed over.

    Raises:
        ValidationError: the ARN is not of a model.
        NotFoundError: there is no such model.
    """
    _, model = _tagged(session, owner, resource_arn, to_change=True)
    session.execute(delete(Tag).where(Tag.model_id == model.id, Tag.key.in_(list(tag_keys))))
    return {}


def write_tags(session: Session, owner: Owner, project: Project, model: Model, *, tags: Sequence[dict[str, str]]) -> None:
    """Put tags on a row, see `tag_resource`."""
    repeated = [key for key, times in Counter(tag["Key"] for tag in tags).items() if times > 1]
    reserved = [tag["Key"] for tag in tags if tag["Key"].lower().startswith(_RESERVED)]
    if repeated:
        raise ValidationError(f"The tag key {repeated[0]!r} is given more than once: give it once.")
    if reserved:
        raise ValidationError(f"The tag key {reserved[0]!r} begins with {_RESERVED!r}, which is reserved: choose another.")
    present = {tag.key: tag for tag in session.scalars(select(Tag).filter_by(model_id=model.id))}
    for tag in tags:
        if tag["Key"] in present:
            present[tag["Key"]].value = tag["Value"]
        else:
            present[tag["Key"]] = Tag(model_id=model.id, key=tag["Key"], value=tag["Value"])
            session.add(present[tag["Key"]])
    if len(present) > _MOST:
        raise QuotaError(
            f"The model would have {len(present)} tags; it may have {_MOST}: take some from it first.",
            quota_code="tags_per_resource",
            resource_id=owner.model_arn(project.name, model.version),
            resource_type="MODEL",
        )
    session.flush()


def _tagged(session: Session, owner: Owner, arn: str, *, to_change: bool = False) -> tuple[Project, Model]:
    named, project_name, version = parse_model_arn(arn)
    if named != owner:
        raise NotFoundError(
            f"There is no {arn!r} in account {owner.account}, region {owner.region}: check both.",
            resource_id=arn,
            resource_type="MODEL",
        )
    project = find_project(session, owner, project_name, to_change=to_change)
    return project, find_model(session, project, version, to_change=to_change)
