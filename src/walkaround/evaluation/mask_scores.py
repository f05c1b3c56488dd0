"""The nouns of measuring masks: scores of one class, and of all."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from walkaround.evaluation.intervals import Interval

BACKGROUND = "background"


@dataclass(frozen=True, kw_only=True)
class PixelScores:
    """Scores of one class over all pixels, or of one class over all pictures; None where nothing was there to be scored.

    Attributes:
        precision: share of what was marked that is right.
        recall: share of what is there that was marked.
        f1: their harmonic mean; over pixels, this is the Dice coefficient.
        intervals: score name to the ends of its 95 % interval.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    intervals: dict[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class MaskClassScores:
    """Scores of one class.

    Attributes:
        iou: pixels that are and were marked as the class, by those that are or were, over all pictures together; None where
            there are neither.
        aiou: mean over the pictures that show the class or were said to of each one's own `iou`, 0 for a false alarm or a miss.
        pixels: precision, recall and F1 of pixels, over all pictures together.
        pictures: the same of pictures: was the class found in those that show it, and only there?
        support: how many pictures show the class.
        share: share of all pixels that are of the class.
        intervals: of `iou` and `aiou`.
    """

    iou: float | None
    aiou: float | None
    pixels: PixelScores
    pictures: PixelScores
    support: int
    share: float
    intervals: dict[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class MaskScores:
    """What a set of pictures says about a model that finds masks.

    Attributes:
        n: how many pictures.
        classes: names, background not among them.
        mean_iou: mean of the classes' `iou`, background NOT counted; over those that are there or were marked.
        mean_iou_with_background: the same with background as one class more, which is how most tables of benchmarks count.
        mean_aiou: mean of the classes' `aiou`, background not counted.
        background_iou: intersection over union of what is of no class.
        accuracy: share of right pixels, background counted.
        per_class: by class name.
        confusion: int64 [1 + classes, 1 + classes], pixels; rows are the truth, columns what was marked, background first.
        intervals: score name to the ends of its 95 % interval, by drawing pictures again.
        unreadable: path and reason of each picture that could not be read; they are in no score.
        notes: what should be known, in sentences.
    """

    n: int
    classes: tuple[str, ...]
    mean_iou: float | None
    mean_iou_with_background: float | None
    mean_aiou: float | None
    background_iou: float | None
    accuracy: float | None
    per_class: dict[str, MaskClassScores]
    confusion: NDArray[np.int64]
    intervals: dict[str, Interval] = field(default_factory=dict)
    unreadable: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain values, rounded to a ten-thousandth."""
        return {
            "n": self.n,
            **{name: _rounded(getattr(self, name)) for name in _MEANS},
            "intervals": _rounded(self.intervals),
            "classes": {name: _rounded(asdict(scores)) for name, scores in self.per_class.items()},
            "confusion": {"classes": [BACKGROUND, *self.classes], "pixels": self.confusion.tolist()},
            "notes": list(self.notes),
        }


_MEANS = ("mean_iou", "mean_iou_with_background", "mean_aiou", "background_iou", "accuracy")


def _rounded(value: Any) -> Any:
    """`value` with every float in it rounded."""
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    if isinstance(value, (tuple, list)):
        return [_rounded(part) for part in value]
    return round(value, 4) if isinstance(value, float) else value
