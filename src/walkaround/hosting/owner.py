"""Whose data it is, and the names (ARNs) under which the world knows it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from walkaround.errors import ValidationError

_MODEL_ARN = re.compile(
    r"arn:aws[a-z-]*:lookoutvision:([a-z0-9-]*):([0-9]*):model/([a-zA-Z0-9][a-zA-Z0-9_-]*)/([1-9][0-9]{0,9})"
)


@dataclass(frozen=True)
class Owner:
    """An account in a region: nothing of one is ever visible to another."""

    account: str
    region: str

    def project_arn(self, project: str) -> str:
        """The name of a project."""
        return f"arn:aws:lookoutvision:{self.region}:{self.account}:project/{project}"

    def model_arn(self, project: str, version: int) -> str:
        """The name of a model."""
        return f"arn:aws:lookoutvision:{self.region}:{self.account}:model/{project}/{version}"

    def model_folder(self, project: str, version: int) -> Path:
        """Where the package of a model is, relative to the data folder, in a folder of the attempt; nothing else is there."""
        return Path("models", self.account, self.region, project, str(version))

    def endpoint_arn(self, endpoint: str) -> str:
        """The name of an endpoint."""
        return f"arn:aws:sagemaker:{self.region}:{self.account}:endpoint/{endpoint.lower()}"

    def component_arn(self, component: str, version: str) -> str:
        """The name of a component that a packaging job made."""
        return f"arn:aws:greengrass:{self.region}:{self.account}:components:{component}:versions:{version}"


def parse_model_arn(arn: str) -> tuple[Owner, str, str]:
    """The owner, project and version in the name of a model.

    Raises:
        ValidationError: it is not the name of a model; only models have tags.
    """
    match = _MODEL_ARN.fullmatch(arn)
    if match is None:
        raise ValidationError(
            f"{arn[:200]!r} is not the ARN of a model, and only models have tags: "
            "give arn:aws:lookoutvision:REGION:ACCOUNT:model/PROJECT/VERSION."
        )
    region, account, project, version = match.groups()
    return Owner(account=account, region=region), project, version
