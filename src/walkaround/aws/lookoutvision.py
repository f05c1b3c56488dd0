"""The 22 operations of Lookout for Vision: each is one method of the host, with what it needs of a role."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from walkaround.aws.replies import Reply, document_of, json_reply
from walkaround.aws.service_model import Operation
from walkaround.damage.findings import Findings
from walkaround.hosting.owner import Owner
from walkaround.inspection.masks import anomalies_of, mask_png
from walkaround.store.database import Database
from walkaround.store.keys import Role
from walkaround.store.tokens import remember, replayed


class Way(NamedTuple):
    """How an operation is answered: which method of the host does it, and the least role that may ask."""

    method: str
    role: Role


WAYS: Mapping[str, Way] = MappingProxyType(
    {
        "CreateProject": Way("create_project", "manage"),
        "ListProjects": Way("list_projects", "read"),
        "DescribeProject": Way("describe_project", "read"),
        "DeleteProject": Way("delete_project", "manage"),
        "CreateDataset": Way("create_dataset", "manage"),
        "DescribeDataset": Way("describe_dataset", "read"),
        "DeleteDataset": Way("delete_dataset", "manage"),
        "ListDatasetEntries": Way("list_dataset_entries", "read"),
        "UpdateDatasetEntries": Way("update_dataset_entries", "manage"),
        "CreateModel": Way("create_model", "manage"),
        "ListModels": Way("list_models", "read"),
        "DescribeModel": Way("describe_model", "read"),
        "DeleteModel": Way("delete_model", "manage"),
        "StartModel": Way("start_model", "manage"),
        "StopModel": Way("stop_model", "manage"),
        "StartModelPackagingJob": Way("start_model_packaging_job", "manage"),
        "ListModelPackagingJobs": Way("list_model_packaging_jobs", "read"),
        "DescribeModelPackagingJob": Way("describe_model_packaging_job", "read"),
        "ListTagsForResource": Way("list_tags_for_resource", "read"),
        "TagResource": Way("tag_resource", "manage"),
        "UntagResource": Way("untag_resource", "manage"),
    }
)
"""All but DetectAnomalies, which asks the pool of hosted models and no database."""


def role_for(operation: Operation) -> Role:
    """The least role that may ask for an operation."""
    return "detect" if operation.name == "DetectAnomalies" else WAYS[operation.name].role


class Waker(Protocol):
    """What runs the jobs that operations leave behind."""

    def wake(self) -> None:
        """Look for jobs that are due."""


class LookoutVision:
    """Answers every operation but DetectAnomalies, each in one transaction. Its methods block; they may run in threads."""

    def __init__(self, host: object, *, database: Database, jobs: Waker) -> None:
        """Serve what `host` does.

        Args:
            host: a `walkaround.hosting.host.Host`; `WAYS` names the methods.
            database: where its transactions run.
            jobs: woken after a change is on disk.
        """
        self._host = host
        self._database = database
        self._jobs = jobs

    def answer(self, operation: Operation, owner: Owner, parameters: Mapping[str, Any]) -> Reply:
        """Do an operation, or repeat what was answered when the same client token asked before.

        Raises:
            ServiceError: of the host.
        """
        way = WAYS[operation.name]
        method = getattr(self._host, way.method)
        given = {name: value for name, value in parameters.items() if not operation.input.members[name].is_token}
        arguments = {snake_case(name): value for name, value in given.items()}
        token = parameters.get("ClientToken")
        if way.role == "read":
            with self._database.reading() as session:
                return json_reply(operation.status, document_of(operation.output, method(session, owner, **arguments)))
        with self._database.transaction() as session:
            digest = _digest(given) if token else ""
            document = replayed(session, owner, operation.name, token, digest) if token else None
            if document is None:
                document = document_of(operation.output, method(session, owner, **arguments))
                if token:
                    remember(session, owner, operation.name, token, digest, document)
        self._jobs.wake()
        return json_reply(operation.status, document)


def detection_document(findings: Findings) -> dict[str, Any]:
    """What DetectAnomalies answers: a verdict and the confidence in it, and what a segmentation model found where.

    The first anomaly is always the background; one follows for each type that was found. The verdict is computed apart from
    the masks, so that the two may disagree.
    """
    result: dict[str, Any] = {
        "Source": {"Type": "direct"},
        "IsAnomalous": bool(findings.anomalous),
        "Confidence": float(findings.confidence),
    }
    if findings.masks is not None:
        result["Anomalies"] = anomalies_of(findings.masks)
        result["AnomalyMask"] = mask_png(findings.masks, width=findings.width, height=findings.height)
    return {"DetectAnomalyResult": result}


def snake_case(name: str) -> str:
    """The name of a method's parameter for a member: `KmsKeyId` is `kms_key_id`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _digest(parameters: Mapping[str, Any]) -> str:
    """SHA-256 that tells one request's parameters from another's."""
    return hashlib.sha256(json.dumps(parameters, sort_keys=True, default=_plain).encode("utf-8")).hexdigest()


def _plain(value: object) -> str:
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} cannot be a parameter")
