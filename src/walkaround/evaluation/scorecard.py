"""The scorecard of a measurement: as plain values for the card of a package, and as one page for whoever has to trust it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from walkaround.evaluation.measure import Evaluation
from walkaround.evaluation.page import page
from walkaround.evaluation.scores import Scores
from walkaround.inspection.outputs import byte_writer

_SCORES = (
    "n",
    "damaged",
    "whole",
    "hits",
    "false_alarms",
    "of_labels",
    "threshold",
    "accuracy",
    "damage_accuracy",
    "precision",
    "recall",
    "specificity",
    "f1",
    "auroc",
    "average_precision",
    "macro_f1",
    "brier",
    "calibration_error",
)


def as_json(evaluation: Evaluation, card_facts: Mapping[str, object]) -> dict[str, object]:
    """The scores as plain values for JSON, undefined ones as None; no single picture but the unreadable ones is named.

    Args:
        evaluation: what was measured.
        card_facts: what the card should say of how (package fingerprint, date, ...), plain values; it comes back under "facts".
    """
    scores = evaluation.scores
    return {
        **{name: getattr(scores, name) for name in _SCORES},
        "confusion": {"classes": list(scores.confusion.classes), "matrix": scores.confusion.counts.tolist()},
        "per_class": {name: asdict(of_class) for name, of_class in scores.per_class.items()},
        "intervals": {name: list(interval) for name, interval in scores.intervals.items()},
        "curves": _curves(scores),
        "notes": list(scores.notes),
        **({} if evaluation.kinds is None else {"kinds": evaluation.kinds.as_json()}),
        **_places(evaluation),
        "unreadable": [{"image": str(path), "message": message} for path, message in evaluation.unreadable],
        "unlabelled": len(evaluation.unlabelled),
        "seconds": round(evaluation.seconds, 3),
        "seed": evaluation.seed,
        "facts": dict(card_facts),
    }


def _places(evaluation: Evaluation) -> dict[str, object]:
    """Scores of boxes and masks, where there are any."""
    if evaluation.places is None:
        return {}
    parts = {"boxes": evaluation.places.boxes, "masks": evaluation.places.masks}
    return {name: part.as_json() for name, part in parts.items() if part is not None}


def write_html(path: Path, evaluation: Evaluation, *, title: str, facts: Mapping[str, str], pictures: int = 24) -> None:
    """Write the page: one file that needs no network, under 3 MB.

    Args:
        path: where to; what is there is replaced at once or not at all.
        evaluation: what was measured.
        title: of the page, such as the name of the model.
        facts: how it was measured, a name to a value, shown in this order.
        pictures: how many mistakes to show at most; 0 for a page without any photograph.

    Raises:
        StorageError: when the file cannot be written.
    """
    text = page(evaluation, title=title, facts=facts, pictures=pictures)
    with byte_writer(path) as put:
        put(text.encode("utf-8", "backslashreplace"))


def _curves(scores: Scores) -> dict[str, object]:
    """Rounded to four places: they are for drawing."""
    curves: dict[str, object] = {"reliability": [asdict(row) for row in scores.reliability]}
    for name, curve in (("precision_recall", scores.precision_recall), ("roc", scores.roc)):
        if curve is not None:
            curves[name] = {axis: [round(value, 4) for value in values] for axis, values in asdict(curve).items()}
    return curves
