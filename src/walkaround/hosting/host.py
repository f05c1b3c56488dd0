"""Everything that the service can do, one method each: the same for the AWS door, the REST API, the console and tests.

A method takes the session of the caller's transaction, the owner, and the members of the request; it returns the members of the
reply in the service's spelling, times as datetimes in UTC. It writes rows, and jobs for what takes time, and nothing else: what
was answered is on disk when the transaction is, and nothing happened if it is not. The constraints of single members (lengths,
patterns, enumerations) are the door's to check; what depends on what is stored is checked here.

DetectAnomalies is not here: it asks the processes that hold models, and no database.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from walkaround.hosting.operations import projects
from walkaround.hosting.operations.datasets import datasets
from walkaround.hosting.operations.datasets.entry_listing import EntryFilter, list_dataset_entries
from walkaround.hosting.operations.models import models, packagings
from walkaround.hosting.operations.rows import Reply, present
from walkaround.hosting.operations.tags import list_tags_for_resource, tag_resource, untag_resource
from walkaround.hosting.owner import Owner as Owner
from walkaround.settings import Settings


class Host:
    """The operations of the service. It holds nothing but the settings; threads may share it."""

    def __init__(self, settings: Settings) -> None:
        """Serve within the limits that `settings` give."""
        self._settings = settings

    def create_project(self, session: Session, owner: Owner, *, project_name: str) -> Reply:
        """See `projects.create_project`."""
        return projects.create_project(session, owner, project_name=project_name, at_most=self._settings.projects_per_account)

    def list_projects(
        self, session: Session, owner: Owner, *, next_token: str | None = None, max_results: int | None = None
    ) -> Reply:
        """See `projects.list_projects`."""
        return projects.list_projects(session, owner, next_token=next_token, max_results=max_results)

    def describe_project(self, session: Session, owner: Owner, *, project_name: str) -> Reply:
        """See `projects.describe_project`."""
        return projects.describe_project(session, owner, project_name=project_name)

    def delete_project(self, session: Session, owner: Owner, *, project_name: str) -> Reply:
        """See `projects.delete_project`."""
        return projects.delete_project(session, owner, project_name=project_name)

    def create_dataset(
        self,
        session: Session,
        owner: Owner,
        *,
        project_name: str,
        dataset_type: str,
        dataset_source: dict[str, Any] | None = None,
    ) -> Reply:
        """See `datasets.create_dataset`."""
        return datasets.create_dataset(
            session, owner, project_name=project_name, dataset_type=dataset_type, dataset_source=dataset_source
        )

    def describe_dataset(self, session: Session, owner: Owner, *, project_name: str, dataset_type: str) -> Reply:
        """See `datasets.describe_dataset`."""
        return datasets.describe_dataset(session, owner, project_name=project_name, dataset_type=dataset_type)

    def delete_dataset(self, session: Session, owner: Owner, *, project_name: str, dataset_type: str) -> Reply:
        """See `datasets.delete_dataset`."""
        return datasets.delete_dataset(session, owner, project_name=project_name, dataset_type=dataset_type)

    def list_dataset_entries(
        self,
        session: Session,
        owner: Owner,
        *,
        project_name: str,
        dataset_type: str,
        labeled: bool | None = None,
        anomaly_class: str | None = None,
        before_creation_date: datetime | None = None,
        after_creation_date: datetime | None = None,
        source_ref_contains: str | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
    ) -> Reply:
        """See `entry_listing.list_dataset_entries`."""
        wanted = EntryFilter(
            labeled=labeled,
            anomaly_class=anomaly_class,
            before=before_creation_date,
            after=after_creation_date,
            contains=source_ref_contains,
        )
        return list_dataset_entries(
            session,
            owner,
            project_name=project_name,
            dataset_type=dataset_type,
            wanted=wanted,
            page=(next_token, max_results),
        )

    def update_dataset_entries(
        self, session: Session, owner: Owner, *, project_name: str, dataset_type: str, changes: bytes
    ) -> Reply:
        """See `datasets.update_dataset_entries`."""
        return datasets.update_dataset_entries(
            session, owner, project_name=project_name, dataset_type=dataset_type, changes=changes
        )

    def create_model(
        self,
        session: Session,
        owner: Owner,
        *,
        project_name: str,
        output_config: dict[str, Any],
        description: str | None = None,
        kms_key_id: str | None = None,
        tags: Sequence[dict[str, str]] | None = None,
        options: dict[str, Any] | None = None,
    ) -> Reply:
        """See `models.create_model`; `options` are of the REST API alone, see `training_options`."""
        details = present({"Description": description, "KmsKeyId": kms_key_id, "Tags": tags, "Options": options})
        return models.create_model(
            session,
            owner,
            project_name=project_name,
            output_config=output_config,
            settings=self._settings,
            details=details,
        )

    def list_models(
        self,
        session: Session,
        owner: Owner,
        *,
        project_name: str,
        next_token: str | None = None,
        max_results: int | None = None,
    ) -> Reply:
        """See `models.list_models`."""
        return models.list_models(session, owner, project_name=project_name, next_token=next_token, max_results=max_results)

    def describe_model(self, session: Session, owner: Owner, *, project_name: str, model_version: str) -> Reply:
        """See `models.describe_model`."""
        return models.describe_model(session, owner, project_name=project_name, model_version=model_version)

    def delete_model(self, session: Session, owner: Owner, *, project_name: str, model_version: str) -> Reply:
        """See `models.delete_model`."""
        return models.delete_model(session, owner, project_name=project_name, model_version=model_version)

    def start_model(
        self,
        session: Session,
        owner: Owner,
        *,
        project_name: str,
        model_version: str,
        min_inference_units: int,
        max_inference_units: int | None = None,
    ) -> Reply:
        """See `models.start_model`."""
        return models.start_model(
            session,
            owner,
            project_name=project_name,
            model_version=model_version,
            units=(min_inference_units, max_inference_units),
            settings=self._settings,
        )

    def stop_model(self, session: Session, owner: Owner, *, project_name: str, model_version: str) -> Reply:
        """See `models.stop_model`."""
        return models.stop_model(session, owner, project_name=project_name, model_version=model_version)

    def start_model_packaging_job(
        self,
        session: Session,
        owner: Owner,
        *,
        project_name: str,
        model_version: str,
        configuration: dict[str, Any],
        job_name: str | None = None,
        description: str | None = None,
    ) -> Reply:
        """See `packagings.start_model_packaging_job`."""
        return packagings.start_model_packaging_job(
            session,
            owner,
            project_name=project_name,
            model_version=model_version,
            configuration=configuration,
            names=(job_name, description),
        )

    def list_model_packaging_jobs(
        self,
        session: Session,
        owner: Owner,
        *,
        project_name: str,
        next_token: str | None = None,
        max_results: int | None = None,
    ) -> Reply:
        """See `packagings.list_model_packaging_jobs`."""
        return packagings.list_model_packaging_jobs(
            session, owner, project_name=project_name, next_token=next_token, max_results=max_results
        )

    def describe_model_packaging_job(self, session: Session, owner: Owner, *, project_name: str, job_name: str) -> Reply:
        """See `packagings.describe_model_packaging_job`."""
        return packagings.describe_model_packaging_job(session, owner, project_name=project_name, job_name=job_name)

    def list_tags_for_resource(self, session: Session, owner: Owner, *, resource_arn: str) -> Reply:
        """See `tags.list_tags_for_resource`."""
        return list_tags_for_resource(session, owner, resource_arn=resource_arn)

    def tag_resource(self, session: Session, owner: Owner, *, resource_arn: str, tags: Sequence[dict[str, str]]) -> Reply:
        """See `tags.tag_resource`."""
        return tag_resource(session, owner, resource_arn=resource_arn, tags=tags)

    def untag_resource(self, session: Session, owner: Owner, *, resource_arn: str, tag_keys: Sequence[str]) -> Reply:
        """See `tags.untag_resource`."""
        return untag_resource(session, owner, resource_arn=resource_arn, tag_keys=tag_keys)
