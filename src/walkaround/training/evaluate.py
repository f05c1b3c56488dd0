"""Measuring all that a package finds on labelled pictures that it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from walkaround.buckets.buckets import Buckets
from walkaround.damage.findings import Findings
from walkaround.damage.kinds import ANOMALY, NORMAL, means_normal, shows_damage
from walkaround.damage.places import Place
from walkaround.datasets.faults import require_good_places
from walkaround.datasets.gathering import gathered
from walkaround.datasets.renaming import parse_renames, renamed
from walkaround.datasets.sample import Sample
from walkaround.errors import DatasetError, PictureError
from walkaround.evaluation.measure import Evaluation, Row, measure
from walkaround.evaluation.place_scores import PlaceEvaluation
from walkaround.evaluation.placed import PlaceTally
from walkaround.inspection.detector import Detector
from walkaround.training.fitting import Progress, silent
from walkaround.training.pictures import read_pictures
from walkaround.training.recipe import Recipe


def evaluate(
    package: Path | str | Detector,
    pictures: Path | str,
    *,
    threshold: float | None = None,
    recipe: Recipe | None = None,
    buckets: Buckets | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Score a package at its own threshold, or at another: the verdict where pictures have labels, boxes and masks where drawn.

    Args:
        package: its folder, or a detector that holds it.
        pictures: a folder, table, manifest or annotation file with labels; see `walkaround.datasets.reading.read_dataset`.
        threshold: probability of damage from which a picture counts as damaged; the package's own where None.
        recipe: settings; of these the seed, of the resampling behind the intervals, the cache, and what is renamed and skipped
            matter here.
        buckets: where the buckets of `s3://` addresses are.
        progress: told what is being done and how far it is.

    Raises:
        PackageError: the package is missing or damaged.
        DatasetError: there are no labelled pictures, or labels that cannot be used.
    """
    detector = package if isinstance(package, Detector) else Detector(package)
    detector = detector if threshold is None else detector.at_threshold(threshold)
    recipe, report = recipe or Recipe(), progress or silent
    dataset = read_pictures(pictures, recipe, buckets=buckets, report=report)
    require_good_places(dataset)
    dataset = renamed(dataset, parse_renames(recipe.rename))
    if detector.card.task == "multi-label":
        normal, classes = detector.card.normal, detector.card.classes
        dataset = gathered(dataset, lambda name: name in normal or _is_normal(name, classes))
    if not any(_can_be_judged(detector, sample) for sample in dataset.samples):
        raise DatasetError(
            f"{str(dataset.origin)!r} has no labelled pictures to measure on;"
            " put them into folders such as 'anomaly' and 'normal'."
        )
    return measure_package(detector, dataset.samples, seed=recipe.seed, progress=report)


def measure_package(detector: Detector, samples: Sequence[Sample], *, seed: int = 0, progress: Progress = silent) -> Evaluation:
    """Score all that a package finds, the verdict, boxes and masks, looking at each picture once.

    Args:
        detector: holds the package.
        samples: the kept-back pictures; those without a label and without places are only counted.
        seed: of the resampling behind the intervals.
        progress: told how far it is.
    """
    card = detector.card
    samples = [_with_verdict(detector, sample) for sample in samples]
    labels = {label for sample in samples for label in sample.labels}
    normal = {*card.normal, *(label for label in labels if _is_normal(label, card.classes))}
    for_damage = all(shows_damage(name) for part in (card.boxes, card.masks) if part is not None for name in part.classes)
    tally = PlaceTally(box_thresholds=detector.box_thresholds, mask_classes=() if card.masks is None else card.masks.classes)
    looked = [sample for sample in samples if sample.label is not None or _can_be_judged(detector, sample)]
    answers: dict[Path, Findings | PictureError] = {}
    unmeasured: list[tuple[Path, str]] = []
    started = perf_counter()
    predictions = detector.with_every_box().predict([sample.path for sample in looked])
    for done, (sample, answer) in enumerate(zip(looked, predictions, strict=True), start=1):
        answers[sample.path] = answer if isinstance(answer, PictureError) else tally.told(answer)
        try:
            _add(tally, sample, answer, whole=bool(sample.labels) and normal.issuperset(sample.labels) and for_damage)
        except PictureError as problem:  # of a mask file
            unmeasured.append((sample.path, str(problem)))
        progress("Measuring", done, len(looked))
    seconds = perf_counter() - started
    evaluation = measure(
        lambda paths: [answers[path] for path in paths],
        samples,
        classes=card.classes,
        normal=normal,
        threshold=detector.threshold,
        seed=seed,
        kind_thresholds=card.kind_thresholds,
    )
    unlabelled = [path for path in evaluation.unlabelled if path not in answers]
    unread = [(path, str(answers[path])) for path in evaluation.unlabelled if isinstance(answers.get(path), PictureError)]
    return replace(
        evaluation,
        seconds=seconds,
        unlabelled=tuple(unlabelled),
        unreadable=(*evaluation.unreadable, *unread, *unmeasured),
        places=tally.outcome(seed=seed) if tally.pictures else None,
    )


def _add(tally: PlaceTally, sample: Sample, answer: Findings | PictureError, *, whole: bool) -> None:
    """Have the places of one picture measured, as far as they were drawn; on a whole car there are none of damage."""
    if isinstance(answer, PictureError):
        return
    places = sample.places if sample.places is not None else () if whole else None
    if places is not None:
        boxes = places if all(place.crowd or _has_box(place) for place in places) else None
        masks = places if all(place.crowd or place.outline is not None for place in places) else None
        tally.add(sample.path, for_boxes=boxes, for_masks=masks, findings=answer)


def _has_box(place: Place) -> bool:
    return place.box is not None or place.outline is not None


def _can_be_judged(detector: Detector, sample: Sample) -> bool:
    """Whether there is something to compare with: a label, or places for a model that finds such."""
    finds = detector.card.boxes is not None or detector.card.masks is not None
    return sample.label is not None or (finds and sample.places is not None)


def _with_verdict(detector: Detector, sample: Sample) -> Sample:
    """The sample with the label that the verdict of a model that goes by places can be measured by.

    An unlabelled picture is damaged where damage was drawn, whole where nothing was. Of a model that finds parts of cars and
    no damage, there is no verdict to be measured.
    """
    card = detector.card
    if card.task != "places":
        return sample
    if not any(shows_damage(name) for part in (card.boxes, card.masks) if part is not None for name in part.classes):
        return replace(sample, label=None)
    if sample.label is not None or sample.places is None:
        return sample
    return replace(sample, label=ANOMALY if any(shows_damage(place.label) for place in sample.places) else NORMAL)


def _is_normal(label: str, classes: Sequence[str]) -> bool:
    """Whether a label of the pictures means a whole car: what the package has a class for, the package decides."""
    return label not in classes and means_normal(label)


def with_heat_maps(detector: Detector, evaluation: Evaluation, *, at_most: int = 24) -> Evaluation:
    """The same evaluation, with heat maps and masks for the worst mistakes, which are the ones that a page shows."""
    with_heat = detector.card.task != "places"
    wrong = [row for row in evaluation.rows if with_heat and _is_mistake(row, evaluation)]
    wrong.sort(key=lambda row: -row.findings.confidence)
    shown = {row.path for row in wrong[: 2 * at_most]}
    rows = []
    for row in evaluation.rows:
        looked = detector.read(row.path, heat=True, places=False) if row.path in shown else row.findings
        heat_map = looked.heat_map if isinstance(looked, Findings) else None
        rows.append(replace(row, findings=replace(row.findings, heat_map=heat_map)))
    evaluation = replace(evaluation, rows=tuple(rows))
    return (
        evaluation
        if evaluation.places is None
        else replace(evaluation, places=_with_masks(detector, evaluation.places, at_most))
    )


def _with_masks(detector: Detector, places: PlaceEvaluation, at_most: int) -> PlaceEvaluation:
    if places.masks is None:
        return places
    shown = {row.path for row in places.worst[:at_most]}
    rows = []
    for row in places.rows:
        looked = detector.read(row.path) if row.path in shown else row.findings
        rows.append(replace(row, findings=looked) if isinstance(looked, Findings) else row)
    return replace(places, rows=tuple(rows))


def _is_mistake(row: Row, evaluation: Evaluation) -> bool:
    wrong_verdict = row.findings.anomalous == (row.truth in evaluation.normal)
    if evaluation.kinds is not None:
        return wrong_verdict or evaluation.kinds.names_wrongly(row.labels, row.findings)
    return wrong_verdict or (evaluation.scores.of_labels and row.findings.label != row.truth)


def facts_of(detector: Detector, evaluation: Evaluation) -> dict[str, str]:
    """How it was measured, in words for a page: name to value."""
    card = detector.card
    counted = evaluation.scores.n if evaluation.places is None else max(evaluation.scores.n, len(evaluation.places.rows))
    return {
        "Package": f"{card.name}, fingerprint {detector.package.fingerprint}",
        "Trained": f"{card.created} on {card.data.get('pictures', 0):,} pictures, seed {card.training.get('seed')}",
        "Measured": f"{datetime.now(UTC).isoformat(timespec='seconds')} on {counted:,} pictures",
        "Threshold": f"{detector.threshold:.3f}" + (" (the package's own)" if detector.threshold == card.threshold else ""),
        "walkaround": card.walkaround,
    }
