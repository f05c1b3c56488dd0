"""The job that packs a model for use elsewhere: an archive with the package and a runner, and a component recipe beside it."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from walkaround.buckets.buckets import Buckets
from walkaround.damage.kinds import shows_damage
from walkaround.errors import BucketError, PackageError
from walkaround.hosting.jobs.work import Outcome, Task, nothing
from walkaround.hosting.owner import Owner
from walkaround.models.package import CARD_FILE, MODEL_FILE, read_package
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.tables import Model, Packaging, Project, now

_COPIED = ("runner.py", "requirements.txt", "README.md")
_TIME = (1980, 1, 1, 0, 0, 0)  # the same package gives the same archive
_ARCHITECTURES = {"X86_64": "amd64", "ARM64": "aarch64"}


@dataclass(frozen=True)
class PackageWork:
    """Packs a model and writes the archive to the output location."""

    database: Database
    buckets: Buckets
    settings: Settings

    def run(self, task: Task) -> Outcome:
        """Write the archive and the recipe; done again, they are the same."""
        with self.database.transaction() as session:
            packaging = session.get(Packaging, task.subject)
            if packaging is None or packaging.status not in ("CREATED", "RUNNING"):
                return Outcome(write=nothing)
            packaging.status, packaging.updated = "RUNNING", now()
            project = session.get_one(Project, packaging.project_id)
            query = select(Model.package).filter_by(project_id=project.id, version=int(packaging.model_version))
            package = session.scalar(query)
        if package is None:
            return self.give_up(task.subject, f"Version {packaging.model_version} of the model is not there any more.")
        component = _component(packaging, Owner(account=project.account, region=project.region))
        try:
            self._write(component, self.settings.data / package)
        except (BucketError, PackageError) as problem:
            return self.give_up(task.subject, str(problem))
        return Outcome(write=lambda session: _set(session, task.subject, "SUCCEEDED", "", component.output))

    def give_up(self, subject: int, reason: str) -> Outcome:
        """The model cannot be packed."""
        return Outcome(write=lambda session: _set(session, subject, "FAILED", reason, None), error=reason)

    def _write(self, component: Component, package: Path) -> None:
        read_package(package)  # proves that it is whole
        self.buckets.write(component.bucket, component.archive_key, archive(package, component))
        self.buckets.write(component.bucket, component.recipe_key, recipe(component))


@dataclass(frozen=True, kw_only=True)
class Component:
    """A component to be made."""

    owner: Owner
    name: str
    version: str
    description: str
    bucket: str
    prefix: str
    architecture: str | None

    @property
    def archive_key(self) -> str:
        """Key of the archive; the prefix is joined with nothing between, as in the evaluation files."""
        return f"{self.prefix}{self.name}-{self.version}.zip"

    @property
    def recipe_key(self) -> str:
        """Key of the recipe."""
        return f"{self.prefix}{self.name}-{self.version}.json"

    @property
    def output(self) -> dict[str, str]:
        """ModelPackagingOutputDetails.Greengrass."""
        arn = self.owner.component_arn(self.name, self.version)
        return {"ComponentVersionArn": arn, "ComponentName": self.name, "ComponentVersion": self.version}


def archive(package: Path, component: Component) -> bytes:
    """A zip file: the package, the runner with its requirements and a text, which classes mean damage, and the recipe."""
    content = io.BytesIO()
    files = resources.files("walkaround.hosting.jobs.component")
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
        for name in (MODEL_FILE, CARD_FILE):
            target.writestr(_member(f"package/{name}"), (package / name).read_bytes())
        for name in _COPIED:
            target.writestr(_member(name), files.joinpath(name).read_bytes())
        target.writestr(_member("recipe.json"), recipe(component))
        target.writestr(_member("damage.json"), json.dumps(_damage_names(package)))
    return content.getvalue()


def _damage_names(package: Path) -> list[str]:
    """Those classes of boxes and masks that mean damage, which the runner cannot tell by itself."""
    card = read_package(package).card
    return sorted({name for part in (card.boxes, card.masks) if part for name in part.classes if shows_damage(name)})


def recipe(component: Component) -> bytes:
    """A recipe in the format of AWS IoT Greengrass V2 (RecipeFormatVersion 2020-01-25)."""
    stem = f"{component.name}-{component.version}"
    platform = {"os": "linux"} | ({"architecture": component.architecture} if component.architecture else {})
    folder = f"{{artifacts:decompressedPath}}/{stem}"
    told: dict[str, Any] = {
        "RecipeFormatVersion": "2020-01-25",
        "ComponentName": component.name,
        "ComponentVersion": component.version,
        "ComponentDescription": component.description,
        "ComponentPublisher": "walkaround",
        "ComponentConfiguration": {"DefaultConfiguration": {"Port": 8080}},
        "Manifests": [
            {
                "Platform": platform,
                "Lifecycle": {
                    "install": f"python3 -m venv {folder}/env && {folder}/env/bin/pip install -r {folder}/requirements.txt",
                    "run": f"{folder}/env/bin/python {folder}/runner.py --serve {{configuration:/Port}}",
                },
                "Artifacts": [{"Uri": f"s3://{component.bucket}/{component.archive_key}", "Unarchive": "ZIP"}],
            }
        ],
    }
    return json.dumps(told, indent=2, ensure_ascii=False).encode()


def _component(packaging: Packaging, owner: Owner) -> Component:
    asked = packaging.configuration["Greengrass"]
    place = asked["S3OutputLocation"]
    architecture = asked["TargetPlatform"]["Arch"] if "TargetPlatform" in asked else "ARM64"  # the one device is a Jetson
    return Component(
        owner=owner,
        name=packaging.component_name,
        version=packaging.component_version,
        description=asked.get("ComponentDescription") or f"Model {packaging.model_version} of walkaround",
        bucket=place["Bucket"],
        prefix=place.get("Prefix") or "",
        architecture=_ARCHITECTURES.get(architecture),
    )


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, _TIME)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = (0o755 if name == "runner.py" else 0o644) << 16
    return member


def _set(session: Session, subject: int, status: str, message: str, output: dict[str, str] | None) -> None:
    packaging = session.get(Packaging, subject)
    if packaging is not None:
        packaging.status, packaging.message, packaging.output, packaging.updated = status, message, output, now()
