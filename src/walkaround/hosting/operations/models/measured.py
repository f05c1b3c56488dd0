"""The test pictures of models: read from the file beside the package, or, of older models, from the evaluation manifest."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from walkaround.buckets.buckets import Buckets
from walkaround.damage.kinds import ANOMALY, NORMAL
from walkaround.errors import BucketError, ConflictError
from walkaround.evaluation.measured import MeasuredPicture, MeasuredSet, from_lines
from walkaround.hosting.operations.lines.manifest_lines import stored_line
from walkaround.store.tables import Model, Project

_KEPT = 6
"""Sets in memory, the last used: 16,000 pictures are some 15 MB."""
_LONGEST_MANIFEST = 1 << 30
_SOURCE = "source-ref"
_DETECTED = "-detected"


def measured_file(package: Path) -> Path:
    """Where a training keeps what its package said of the test pictures: beside it, since a package is sealed."""
    return package.parent / "measured.jsonl"


@dataclass(frozen=True, kw_only=True)
class MeasuredModel:
    """What is needed to know of a model to find its test pictures, when the database is let go.

    Attributes:
        package: path below the data folder.
        manifest: bucket and key of the evaluation manifest.
        trained: its own threshold, as its scores tell.
        adopted: the threshold that a person adopted.
    """

    id: int
    project: str
    version: int
    status: str
    package: str | None
    manifest: Mapping[str, Any] | None
    trained: float | None
    adopted: float | None

    @property
    def threshold(self) -> float | None:
        """The one that counts."""
        return self.trained if self.adopted is None else self.adopted


def measured_model(project: Project, model: Model) -> MeasuredModel:
    """Of the rows."""
    return MeasuredModel(
        id=model.id,
        project=project.name,
        version=model.version,
        status=model.status,
        package=model.package,
        manifest=model.evaluation_manifest,
        trained=(model.scores or {}).get("threshold"),
        adopted=model.threshold,
    )


class MeasuredSets:
    """Reads test pictures, and keeps the last few sets in memory. Thread-safe."""

    def __init__(self, data: Path, buckets: Buckets) -> None:
        """Nothing is read yet."""
        self._data, self._buckets = data, buckets
        self._kept: OrderedDict[Hashable, MeasuredSet] = OrderedDict()
        self._reading: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def of(self, model: MeasuredModel) -> MeasuredSet:
        """The test pictures of a model.

        Raises:
            ConflictError: none are known: it was not trained here, or its files were removed.
            UnavailableError: the bucket of the evaluation manifest does not answer.
        """
        key = (model.id, model.package)
        kept = self._found(key)
        if kept is not None:
            return kept
        with self._lock:
            reading = self._reading.setdefault(key, threading.Lock())
        with reading:  # two who ask for the same wait for one reading, and for no other's
            kept = self._found(key)
            if kept is not None:
                return kept
            try:
                kept = self._read(model)
            finally:
                with self._lock:
                    self._reading.pop(key, None)
            with self._lock:
                self._kept[key] = kept
                if len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            return kept

    def _found(self, key: Hashable) -> MeasuredSet | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _read(self, model: MeasuredModel) -> MeasuredSet:
        if model.package is None:
            raise _unknown(model, f"it has not been measured: its status is {model.status}")
        path = measured_file(self._data / model.package)
        try:
            with path.open(encoding="utf-8") as lines:
                return from_lines(lines)
        except FileNotFoundError:
            return self._of_manifest(model)
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise _unknown(model, f"the file {str(path)!r} cannot be read ({problem})") from problem

    def _of_manifest(self, model: MeasuredModel) -> MeasuredSet:
        """Of a model that was trained before probabilities were kept: its manifest has the verdicts' confidence."""
        if model.manifest is None or model.trained is None:
            raise _unknown(model, "it was not trained here, so that what it said of each picture is not known")
        try:
            content = self._buckets.read(model.manifest["Bucket"], model.manifest["Key"], at_most=_LONGEST_MANIFEST)
            pictures = tuple(_of_line(text) for text in content.decode("utf-8").splitlines())
        except (BucketError, ValueError, KeyError, TypeError) as problem:
            raise _unknown(model, f"its evaluation manifest cannot be read ({problem})") from problem
        return MeasuredSet(classes=(NORMAL, ANOMALY), normal=(NORMAL,), threshold=model.trained, exact=False, pictures=pictures)


def _of_line(text: str) -> MeasuredPicture:
    members: dict[str, Any] = json.loads(text)
    name = next(key.removesuffix(_DETECTED) for key in members if key.endswith(_DETECTED))
    about = members[f"{name}{_DETECTED}-metadata"]
    confidence = float(about["confidence"])
    damage = confidence if about["class-name"] == ANOMALY else round(1 - confidence, 4)
    line = stored_line(text)
    return MeasuredPicture(
        ref=members[_SOURCE],
        split=None,
        label=line.label,
        damage=damage,
        probabilities={NORMAL: 1 - damage, ANOMALY: damage},
        width=0,
        height=0,
        line=text if line.boxes or line.masks else None,
    )


def _unknown(model: MeasuredModel, why: str) -> ConflictError:
    return ConflictError(
        f"Of model {model.version} of project {model.project!r} no test pictures are known: {why}.",
        resource_id=f"{model.project}/{model.version}",
        resource_type="MODEL",
    )
