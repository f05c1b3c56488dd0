"""Two models side by side, on the test pictures that both have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from walkaround.damage.findings import Findings
from walkaround.damage.kinds import ANOMALY
from walkaround.errors import ConflictError
from walkaround.evaluation.measured import MeasuredPicture, MeasuredSet
from walkaround.evaluation.paired import Answers, Difference, compare, mean_difference
from walkaround.hosting.operations.models.measured import MeasuredModel

_MOST_TOLD = 2_000
_FEW = 30


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One of the models."""

    model: MeasuredModel
    measured: MeasuredSet

    @property
    def threshold(self) -> float:
        """The one that counts."""
        return self.measured.threshold if self.model.adopted is None else self.model.adopted


@dataclass(frozen=True, kw_only=True)
class _Pair:
    """A picture that both saw: its places in the two sets, what is true, and what they say."""

    numbers: tuple[int, int]
    pictures: tuple[MeasuredPicture, MeasuredPicture]
    labels: tuple[str, ...]
    label: str | None
    damaged: bool | None
    found: tuple[Findings, Findings]
    both_damaged: bool

    @property
    def was_relabelled(self) -> bool:
        """Whether its label changed between the trainings; one of them may just not have learnt which damage it is."""
        one, other = (picture.labels for picture in self.pictures)
        return one != other and not (self.both_damaged and (ANOMALY,) in (one, other))


def compare_models(first: Compared, second: Compared) -> dict[str, Any]:
    """What REST tells of two models.

    Where their labels of a picture differ, since somebody changed it between the trainings, that of the later model counts.

    Raises:
        ConflictError: there is no labelled picture that both were tested on.
    """
    pairs = _pairs(first, second)
    judged = [pair for pair in pairs if pair.damaged is not None]
    if not judged:
        raise ConflictError(
            f"Versions {first.model.version} and {second.model.version} of project {first.model.project!r} were tested on no"
            " picture in common: train both with the same test dataset.",
            resource_id=f"{first.model.project}/{second.model.version}",
            resource_type="MODEL",
        )
    outcome = compare(
        [str(pair.label) for pair in judged],
        np.array([pair.damaged for pair in judged], dtype=np.bool_),
        _answers(judged, 0),
        _answers(judged, 1),
        classes=_kinds(judged, first.measured, second.measured),
    )
    return {
        **asdict(outcome),
        "first": str(first.model.version),
        "second": str(second.model.version),
        "first_threshold": first.threshold,
        "second_threshold": second.threshold,
        "places": {name: asdict(value) for name, value in _places(pairs).items()},
        "same_pictures": len(pairs) == len(first.measured.pictures) == len(second.measured.pictures)
        and not any(pair.was_relabelled for pair in pairs),
        "warnings": _warnings(first, second, pairs, judged),
        "pictures": _differing(pairs),
    }


def _pairs(first: Compared, second: Compared) -> list[_Pair]:
    others = {one.ref: number for number, one in enumerate(second.measured.pictures)}
    later = max(first, second, key=lambda one: one.model.version)
    pairs = []
    for number, one in enumerate(first.measured.pictures):
        other = others.get(one.ref)
        if other is None:
            continue
        pictures = (one, second.measured.pictures[other])
        judged = pictures[0 if later is first else 1]
        pairs.append(
            _Pair(
                numbers=(number, other),
                pictures=pictures,
                labels=judged.labels,
                label=judged.told,
                damaged=later.measured.is_damaged(judged),
                found=(first.measured.findings(number, first.threshold), second.measured.findings(other, second.threshold)),
                both_damaged=bool(first.measured.is_damaged(one) and second.measured.is_damaged(pictures[1])),
            )
        )
    return pairs


def _answers(pairs: Sequence[_Pair], which: int) -> Answers:
    return Answers(
        alarm=np.array([pair.found[which].anomalous for pair in pairs], dtype=np.bool_),
        damage=np.array([pair.found[which].damage for pair in pairs], dtype=np.float64),
        named=[pair.found[which].label for pair in pairs],
    )


def _kinds(pairs: Sequence[_Pair], first: MeasuredSet, second: MeasuredSet) -> list[str]:
    """Labels of the pictures that both models know, where both tell several kinds of damage apart."""
    for one in (first, second):
        if one.kind_thresholds is not None or sum(name not in one.normal for name in one.classes) < 2:
            return []
    shown = {pair.label for pair in pairs}
    return [name for name in first.classes if name in second.classes and name in shown]


def _places(pairs: Sequence[_Pair]) -> Mapping[str, Difference]:
    """Places of pictures on which both were measured."""
    told: dict[str, Difference] = {}
    masked = [pair.pictures for pair in pairs if None not in (pair.pictures[0].overlap, pair.pictures[1].overlap)]
    if masked:
        told["overlap"] = _mean(masked, "overlap")
    boxed = [pair for pair in pairs if all(one.boxes is not None and one.badness is not None for one in pair.pictures)]
    if boxed:
        for name in ("missed", "false_alarms"):
            told[name] = _mean([pair.pictures for pair in boxed], name)
    return told


def _mean(pictures: Sequence[tuple[MeasuredPicture, MeasuredPicture]], name: str) -> Difference:
    first, second = (np.array([float(getattr(pair[which], name)) for pair in pictures]) for which in (0, 1))
    return mean_difference(first, second)


def _warnings(first: Compared, second: Compared, pairs: Sequence[_Pair], judged: Sequence[_Pair]) -> list[str]:
    told = []
    left = [len(one.measured.pictures) - len(pairs) for one in (first, second)]
    if any(left):
        each = [f"{count:,} of version {one.model.version}" for count, one in zip(left, (first, second), strict=True) if count]
        told.append(
            f"The models were tested on different pictures: only the {len(pairs):,} that both have count,"
            f" and {' and '.join(each)} are left out."
        )
    changed = sum(pair.was_relabelled for pair in pairs)
    if changed:
        told.append(f"The label of {changed:,} of these pictures was changed between the trainings; the later one counts.")
    counts = {"damaged": sum(bool(pair.damaged) for pair in judged), "whole": sum(not pair.damaged for pair in judged)}
    few = [f"{count} {kind}" for kind, count in counts.items() if count < _FEW]
    if few:
        told.append(f"There are only {' and '.join(few)} pictures: read the intervals, not the scores.")
    if not (first.measured.exact and second.measured.exact):
        told.append("A version is of an older walkaround, which kept four digits of the pictures' probabilities.")
    adopted = [one.model.version for one in (first, second) if one.model.adopted is not None]
    told += [f"Version {one} answers by a threshold that was adopted, perhaps looking at these pictures." for one in adopted]
    return told


def _differing(pairs: Sequence[_Pair]) -> list[dict[str, Any]]:
    told = [pair for pair in pairs if _say(pair, 0) != _say(pair, 1)]
    told.sort(key=lambda pair: -abs(pair.found[0].damage - pair.found[1].damage))
    return [
        {
            "picture": pair.pictures[0].ref,
            "label": pair.label,
            "damaged": pair.damaged,
            "first_number": pair.numbers[0] + 1,
            "second_number": pair.numbers[1] + 1,
            "first_damage": pair.found[0].damage,
            "second_damage": pair.found[1].damage,
            "first_found": pair.found[0].label,
            "second_found": pair.found[1].label,
            "first_right": _right(pair, 0),
            "second_right": _right(pair, 1),
        }
        for pair in told[:_MOST_TOLD]
    ]


def _say(pair: _Pair, which: int) -> tuple[bool, str]:
    return pair.found[which].anomalous, pair.found[which].label


def _right(pair: _Pair, which: int) -> bool | None:
    if pair.damaged is None:
        return None
    found = pair.found[which]
    if found.anomalous != pair.damaged or not pair.damaged:
        return found.anomalous == pair.damaged
    if found.kinds is not None:
        return pair.labels == (ANOMALY,) or set(found.kinds) == set(pair.labels)
    return pair.label not in found.probabilities or found.label == pair.label
