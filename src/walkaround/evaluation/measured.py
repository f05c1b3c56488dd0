"""What a model said of each test picture, kept so that scores can be told at any threshold, and models compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from walkaround.damage.findings import Findings, FoundBox
from walkaround.datasets.labels import told
from walkaround.datasets.sample import Sample
from walkaround.errors import InputError
from walkaround.evaluation.measure import Evaluation, measure
from walkaround.inspection.detector import told_kinds

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class MeasuredPicture:
    """One test picture: what is true of it, and what the model said.

    Attributes:
        ref: s3://bucket/key of the picture.
        split: the dataset that it is in, "train" where a part of that was kept back; None: not known.
        label, also: what a person saw, as `walkaround.datasets.sample.Sample` has it; None: nobody said.
        damage: calibrated probability of damage.
        probabilities: class name to calibrated probability.
        width, height: of the upright original, in pixels.
        boxes: that the model told of; None from a model that finds none.
        line: of the manifest, where places were drawn on the picture; else None.
        missed, false_alarms, overlap, badness: see `PlacedRow`; badness is None where places were not measured.
    """

    ref: str
    split: str | None
    label: str | None
    damage: float
    probabilities: Mapping[str, float]
    width: int
    height: int
    boxes: tuple[FoundBox, ...] | None = None
    also: tuple[str, ...] = ()
    line: str | None = None
    missed: int = 0
    false_alarms: int = 0
    overlap: float | None = None
    badness: float | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """All that a person saw."""
        return () if self.label is None else (self.label, *self.also)

    @property
    def told(self) -> str | None:
        """The same as one text; None: nobody said."""
        return told(self.labels) or None


@dataclass(frozen=True, kw_only=True, eq=False)
class MeasuredSet:
    """All test pictures of a model.

    Attributes:
        classes, normal: see `Card`; among the normal ones are all labels of the pictures that mean a whole car.
        threshold: at which it was measured, the package's own.
        kind_thresholds: of a multi-label model, see `Card`.
        seed: of the resampling behind the intervals.
        exact: False where probabilities were read from an evaluation manifest, which has four digits of them.
        pictures: in the order in which they were measured.
    """

    classes: tuple[str, ...]
    normal: tuple[str, ...]
    threshold: float
    kind_thresholds: Mapping[str, float] | None = None
    seed: int = 0
    exact: bool = True
    pictures: tuple[MeasuredPicture, ...] = field(repr=False)

    @cached_property
    def damage(self) -> NDArray[np.float64]:
        """float64 [pictures]: probability of damage of each."""
        return np.array([one.damage for one in self.pictures], dtype=np.float64)

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits of the pictures and their labels: alike where two models were measured on the same."""
        lines = sorted(f"{one.ref}\0{one.told}" for one in self.pictures)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]

    def is_damaged(self, picture: MeasuredPicture) -> bool | None:
        """Whether a person saw damage; None: nobody said."""
        return None if picture.label is None else any(label not in self.normal for label in picture.labels)

    def findings(self, number: int, threshold: float) -> Findings:
        """What the model says of a picture, by its number from 0, at a threshold."""
        one = self.pictures[number]
        anomalous = one.damage >= threshold
        agreeing = [name for name in self.classes if (name not in self.normal) == anomalous] or list(self.classes)
        best = max(agreeing, key=lambda name: one.probabilities[name])
        thresholds = self.kind_thresholds
        kinds = None if thresholds is None else told_kinds(one.probabilities, thresholds, anomalous=anomalous)
        return Findings(
            source=one.ref,
            anomalous=anomalous,
            confidence=one.damage if anomalous else 1.0 - one.damage,
            label=next(iter(kinds or ()), best),
            damage=one.damage,
            probabilities=one.probabilities,
            width=one.width,
            height=one.height,
            kinds=kinds,
        )


def evaluation_at(measured: MeasuredSet, threshold: float) -> Evaluation:
    """All scores of the verdicts at another threshold, with their intervals; pictures without a label have no say.

    Raises:
        InputError: the threshold is no probability.
    """
    if not 0 <= threshold <= 1:
        raise InputError(f"{threshold} is no threshold: it is a probability of damage; give a number from 0 to 1.")
    numbers = [number for number, one in enumerate(measured.pictures) if one.label is not None]
    labelled = [measured.pictures[number] for number in numbers]
    evaluation = measure(
        lambda _: [measured.findings(number, threshold) for number in numbers],
        [Sample(path=Path(one.ref), label=one.label, also=one.also) for one in labelled],
        classes=measured.classes,
        normal=measured.normal,
        threshold=threshold,
        seed=measured.seed,
        kind_thresholds=measured.kind_thresholds,
    )
    return replace(evaluation, rows=(), seconds=0.0)


def to_lines(measured: MeasuredSet) -> Iterator[str]:
    """JSON lines: what holds for all, then each picture. Probabilities keep all digits, so that verdicts stay the same."""
    about = {name: getattr(measured, name) for name in ("classes", "normal", "threshold", "kind_thresholds", "seed")}
    yield json.dumps({"format": FORMAT, **about}) + "\n"
    for one in measured.pictures:
        line = asdict(one)
        line["boxes"] = None if one.boxes is None else [[box.label, box.score, *box.box] for box in one.boxes]
        yield json.dumps({name: value for name, value in line.items() if value is not None}) + "\n"


def from_lines(lines: Iterable[str]) -> MeasuredSet:
    """What `to_lines` wrote.

    Raises:
        ValueError: it is something else, or of a later format.
    """
    first, *others = map(json.loads, lines)
    if first.pop("format") != FORMAT:
        raise ValueError("a file of a later format")
    pictures = tuple(_picture(one) for one in others)
    return MeasuredSet(
        classes=tuple(first["classes"]),
        normal=tuple(first["normal"]),
        threshold=first["threshold"],
        kind_thresholds=first["kind_thresholds"],
        seed=first["seed"],
        pictures=pictures,
    )


def _picture(line: dict[str, Any]) -> MeasuredPicture:
    boxes: Sequence[Any] | None = line.pop("boxes", None)
    found = None
    if boxes is not None:
        found = tuple(FoundBox(label=label, score=sure, box=(x0, y0, x1, y1)) for label, sure, x0, y0, x1, y1 in boxes)
    return MeasuredPicture(**{"label": None, "split": None, **line, "also": tuple(line["also"])}, boxes=found)
