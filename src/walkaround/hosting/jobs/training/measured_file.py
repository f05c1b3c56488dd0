"""What a training keeps of each test picture, beside the model's package."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from walkaround.damage.findings import Findings
from walkaround.errors import writing
from walkaround.evaluation.measure import Evaluation
from walkaround.evaluation.measured import MeasuredPicture, MeasuredSet, to_lines
from walkaround.evaluation.place_scores import PlacedRow
from walkaround.hosting.jobs.training.evaluation_files import Entry
from walkaround.hosting.operations.lines.manifest_lines import stored_line
from walkaround.hosting.operations.models.measured import measured_file
from walkaround.inspection.outputs import replacing
from walkaround.models.package import Package


def write_measured(package: Package, evaluation: Evaluation, tested: Mapping[Path, Entry]) -> None:
    """Write the file beside the package.

    Args:
        package: the model that was measured.
        evaluation: of the test pictures.
        tested: entry by the path of its picture, without links and dots.

    Raises:
        StorageError: the disk refuses.
    """
    path = measured_file(package.path)
    lines = "".join(to_lines(measured_set(package, evaluation, tested)))
    with replacing(path) as file, writing(path):
        file.write(lines.encode())


def measured_set(package: Package, evaluation: Evaluation, tested: Mapping[Path, Entry]) -> MeasuredSet:
    """What is kept of every picture that was measured, by its verdict or by its places."""
    placed = {} if evaluation.places is None else {_key(row.path): row for row in evaluation.places.rows}
    found = {_key(row.path): row.findings for row in evaluation.rows}
    labels = {_key(row.path): row.labels or (row.truth,) for row in evaluation.rows}
    whole = {label for some in labels.values() for label in some if label in evaluation.normal}
    every = {**{path: row.findings for path, row in placed.items()}, **found}
    return MeasuredSet(
        classes=package.card.classes,
        normal=tuple(sorted({*package.card.normal, *whole})),
        threshold=package.card.threshold,
        kind_thresholds=package.card.kind_thresholds,
        seed=evaluation.seed,
        pictures=tuple(
            _picture(tested[path], findings, labels=labels.get(path, ()), row=placed.get(path))
            for path, findings in every.items()
        ),
    )


def _picture(entry: Entry, findings: Findings, *, labels: tuple[str, ...], row: PlacedRow | None) -> MeasuredPicture:
    line = stored_line(entry.line)
    return MeasuredPicture(
        ref=entry.ref,
        split=entry.split,
        label=next(iter(labels), None),
        also=labels[1:],
        damage=findings.damage,
        probabilities=dict(findings.probabilities),
        width=findings.width,
        height=findings.height,
        boxes=(row.findings if row is not None else findings).boxes,
        line=entry.line if line.boxes or line.masks else None,
        missed=0 if row is None else row.missed,
        false_alarms=0 if row is None else row.false_alarms,
        overlap=None if row is None else row.overlap,
        badness=None if row is None else row.badness,
    )


def _key(path: Path) -> Path:
    return Path(os.path.normpath(path))
