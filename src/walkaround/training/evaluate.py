"""Measuring a package on labelled pictures that it was not trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from walkaround.buckets.buckets import Buckets
from walkaround.damage.findings import Findings
from walkaround.damage.kinds import means_normal
from walkaround.datasets.reading import read_dataset
from walkaround.errors import DatasetError, PictureError
from walkaround.evaluation.measure import Evaluation, Row, measure
from walkaround.inspection.detector import Detector
from walkaround.training.fitting import Progress, silent


def evaluate(
    package: Path | str | Detector,
    pictures: Path | str,
    *,
    threshold: float | None = None,
    seed: int = 0,
    buckets: Buckets | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Score a package at its own threshold, or at another.

    Args:
        package: its folder, or a detector that holds it.
        pictures: a folder, table or manifest with labels.
        threshold: probability of damage from which a picture counts as damaged; the package's own where None.
        seed: of the resampling behind the intervals.
        buckets: where the buckets of `s3://` addresses are.
        progress: told what is being done and how far it is.

    Raises:
        PackageError: the package is missing or damaged.
        DatasetError: there are no labelled pictures.
    """
    detector = package if isinstance(package, Detector) else Detector(package)
    detector = detector if threshold is None else detector.at_threshold(threshold)
    report = progress or silent
    dataset = read_dataset(pictures, buckets=buckets, progress=lambda done, total: report("Fetching pictures", done, total))
    labelled = [sample for sample in dataset.samples if sample.label is not None]
    if not labelled:
        raise DatasetError(
            f"{str(dataset.origin)!r} has no labelled pictures to measure on;"
            " put them into folders such as 'anomaly' and 'normal'."
        )

    def predict(paths: Sequence[Path]) -> Iterator[Findings | PictureError]:
        for done, answer in enumerate(detector.predict(paths), start=1):
            report("Measuring", done, len(paths))
            yield answer

    card = detector.card
    normal = {*card.normal, *(sample.label for sample in labelled if sample.label and _is_normal(sample.label, card.classes))}
    return measure(predict, dataset.samples, classes=card.classes, normal=normal, threshold=detector.threshold, seed=seed)


def _is_normal(label: str, classes: Sequence[str]) -> bool:
    """Whether a label of the pictures means a whole car: what the package has a class for, the package decides."""
    return label not in classes and means_normal(label)


def with_heat_maps(detector: Detector, evaluation: Evaluation, *, at_most: int = 24) -> Evaluation:
    """The same evaluation, with heat maps for the most confident mistakes, which are the ones that a page shows."""
    wrong = [row for row in evaluation.rows if _is_mistake(row, evaluation)]
    wrong.sort(key=lambda row: -row.findings.confidence)
    shown = {row.path for row in wrong[: 2 * at_most]}
    rows = []
    for row in evaluation.rows:
        looked = detector.read(row.path, heat=True) if row.path in shown else row.findings
        rows.append(replace(row, findings=looked) if isinstance(looked, Findings) else row)
    return replace(evaluation, rows=tuple(rows))


def _is_mistake(row: Row, evaluation: Evaluation) -> bool:
    wrong_verdict = row.findings.anomalous == (row.truth in evaluation.normal)
    return wrong_verdict or (evaluation.scores.of_labels and row.findings.label != row.truth)


def facts_of(detector: Detector, evaluation: Evaluation) -> dict[str, str]:
    """How it was measured, in words for a page: name to value."""
    card = detector.card
    return {
        "Package": f"{card.name}, fingerprint {detector.package.fingerprint}",
        "Trained": f"{card.created} on {card.data.get('pictures', 0):,} pictures, seed {card.training.get('seed')}",
        "Measured": f"{datetime.now(UTC).isoformat(timespec='seconds')} on {evaluation.scores.n:,} pictures",
        "Threshold": f"{detector.threshold:.3f}" + (" (the package's own)" if detector.threshold == card.threshold else ""),
        "Seconds": f"{evaluation.seconds:.1f}",
        "walkaround": card.walkaround,
    }
