"""The nouns of measuring boxes: scores of one class, and of all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from walkaround.evaluation.intervals import Interval


@dataclass(frozen=True, kw_only=True)
class AveragePrecisions:
    """COCO's twelve numbers, 0 to 1; None where there is no box of that kind to be found.

    A box is found when one of its class overlaps it enough: by intersection over union of 0.50, 0.55 … 0.95, over which `ap`
    and the recalls are means.

    Attributes:
        ap: average precision.
        ap50, ap75: at intersection over union of 0.50 and 0.75 alone.
        ap_small, ap_medium, ap_large: of boxes of less than 32 x 32 pixels of the original, up to 96 x 96, and more.
        ar1, ar10, ar100: highest recall with as many boxes a picture.
        ar_small, ar_medium, ar_large: `ar100` by size.
    """

    ap: float | None = None
    ap50: float | None = None
    ap75: float | None = None
    ap_small: float | None = None
    ap_medium: float | None = None
    ap_large: float | None = None
    ar1: float | None = None
    ar10: float | None = None
    ar100: float | None = None
    ar_small: float | None = None
    ar_medium: float | None = None
    ar_large: float | None = None


@dataclass(frozen=True, kw_only=True)
class ToldScores:
    """Scores of the boxes that the model tells of, at its own thresholds and an intersection over union of 0.5.

    Attributes:
        there: boxes that are to be found, crowds not among them.
        told: boxes that the model tells of; those in crowds do not count.
        hits: how many of them are right.
        precision: share of told boxes that are right; None where none is told.
        recall: share of boxes that are found; None where none is there.
        f1: their harmonic mean; None where there are neither.
    """

    there: int
    told: int
    hits: int
    precision: float | None
    recall: float | None
    f1: float | None
    intervals: Mapping[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class BoxClassScores:
    """Scores of one class.

    Attributes:
        average: over all scores.
        told: at the model's own threshold.
        pictures: how many pictures show the class.
        threshold: the score from which the model tells of a box.
        intervals: of `ap50`.
    """

    average: AveragePrecisions
    told: ToldScores
    pictures: int
    threshold: float
    intervals: Mapping[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class BoxScores:
    """What a set of pictures says about a model that finds boxes.

    Attributes:
        n: how many pictures.
        classes: names; a class without a box to be found is in no mean.
        average: means over the classes.
        told: of all boxes together.
        per_class: by class name.
        intervals: of the mean `ap50`.
        notes: what should be known, in sentences.
    """

    n: int
    classes: tuple[str, ...]
    average: AveragePrecisions
    told: ToldScores
    per_class: Mapping[str, BoxClassScores]
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain values, rounded to a ten-thousandth."""
        return {
            "n": self.n,
            **_plain(self.average, self.told, self.intervals),
            "classes": {
                name: {
                    **_plain(scores.average, scores.told, scores.intervals),
                    "pictures": scores.pictures,
                    "threshold": round(scores.threshold, 4),
                }
                for name, scores in self.per_class.items()
            },
            "notes": list(self.notes),
        }


def _plain(average: AveragePrecisions, told: ToldScores, intervals: Mapping[str, Interval]) -> dict[str, Any]:
    own = asdict(told)
    ends = {**intervals, **own.pop("intervals")}
    rounded = {
        name: round(value, 4) if isinstance(value, float) else value for name, value in {**asdict(average), **own}.items()
    }
    return {**rounded, "intervals": {name: [round(end, 4) for end in interval] for name, interval in ends.items()}}
