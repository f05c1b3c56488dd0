"""Scores of a classifier: truth and findings in, numbers out, each with its 95 % interval or the reason why there is none."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from walkaround.damage.findings import Findings
from walkaround.errors import InputError
from walkaround.evaluation.curves import expected_calibration_error, precision_recall_curve, reliability_table, roc_curve
from walkaround.evaluation.intervals import (
    Interval,
    f1_interval,
    f1_per_class,
    macro_f1_interval,
    ranking_intervals,
    wilson,
)
from walkaround.evaluation.ranking import auroc, average_precision
from walkaround.evaluation.scores import ClassScores, Confusion, Scores

FEW = 30
"""Fewer pictures of a kind than this make every score about it a rough guess."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Answers:
    """Truth and answers side by side, [n] each."""

    truth: tuple[str, ...]
    named: tuple[str, ...]
    damaged: NDArray[np.bool_]
    alarm: NDArray[np.bool_]
    probability: NDArray[np.float64]
    probabilities: tuple[Mapping[str, float], ...]

    @property
    def has_both(self) -> bool:
        return bool(self.damaged.any()) and not self.damaged.all()


@dataclass
class _Tally:
    """The scores found so far, and what could not be told."""

    values: dict[str, float] = field(default_factory=dict)
    intervals: dict[str, Interval] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    reasons: dict[str, list[str]] = field(default_factory=dict)

    def proportion(self, name: str, right: int, of: int, *, without: str) -> None:
        """Score `right / of`; where there is nothing to count, note `without` as the reason."""
        if of:
            self.values[name], self.intervals[name] = right / of, wilson(right, of)
        else:
            self.undefined(name, reason=without)

    def undefined(self, *names: str, reason: str) -> None:
        self.reasons.setdefault(reason, []).extend(names)

    def all_notes(self) -> tuple[str, ...]:
        return (*self.notes, *(f"Undefined, because {reason}: {', '.join(names)}." for reason, names in self.reasons.items()))


def score(
    truth: Sequence[str],
    findings: Sequence[Findings],
    *,
    classes: Sequence[str],
    normal: Collection[str],
    threshold: float,
    seed: int = 0,
) -> Scores:
    """Compare what a model found with what is true.

    Labels are compared when the model tells several classes of damage apart and the truth uses any of them; otherwise the
    verdict, damaged or whole, whatever names either side has for it.

    Args:
        truth: label of each picture.
        findings: the model's answer for each picture, in the same order.
        classes: names that the model can answer.
        normal: labels, of truth and model alike, that mean a whole car; every other label means damage.
        threshold: probability from which the model calls a picture damaged; the verdicts themselves are those of `findings`.
        seed: of the resampling behind the intervals.

    Raises:
        InputError: when the two sequences differ in length, or a probability of damage is not within 0 to 1.
    """
    answers, tally = _answers(truth, findings, classes=classes, normal=normal), _Tally()
    of_labels = _labels_can_be_compared(truth, classes=classes, normal=normal, notes=tally.notes)
    _note_small_print(answers, threshold, tally)
    _score_verdicts(answers, tally, seed=seed, of_labels=of_labels)
    _score_probabilities(answers, tally, seed=seed)
    confusion, per_class = _verdict_tables(answers, classes, normal)
    if of_labels:
        confusion, per_class = _score_labels(answers, classes, tally, seed=seed)
    return Scores(
        n=len(truth),
        damaged=int(answers.damaged.sum()),
        whole=int((~answers.damaged).sum()),
        hits=int((answers.damaged & answers.alarm).sum()),
        false_alarms=int((~answers.damaged & answers.alarm).sum()),
        of_labels=of_labels,
        threshold=float(threshold),
        accuracy=tally.values.get("accuracy"),
        damage_accuracy=tally.values.get("damage_accuracy"),
        precision=tally.values.get("precision"),
        recall=tally.values.get("recall"),
        specificity=tally.values.get("specificity"),
        f1=tally.values.get("f1"),
        auroc=tally.values.get("auroc"),
        average_precision=tally.values.get("average_precision"),
        macro_f1=tally.values.get("macro_f1"),
        brier=tally.values.get("brier"),
        calibration_error=tally.values.get("calibration_error"),
        confusion=confusion,
        per_class=per_class,
        intervals=tally.intervals,
        reliability=reliability_table(answers.damaged, answers.probability) if answers.has_both else (),
        precision_recall=precision_recall_curve(answers.damaged, answers.probability) if answers.has_both else None,
        roc=roc_curve(answers.damaged, answers.probability) if answers.has_both else None,
        notes=tally.all_notes(),
    )


def _answers(
    truth: Sequence[str], findings: Sequence[Findings], *, classes: Sequence[str], normal: Collection[str]
) -> _Answers:
    if len(truth) != len(findings):
        raise InputError(
            f"{len(truth)} labels cannot be compared with {len(findings)} findings; give one finding for each label."
        )
    for found in findings:
        if not 0.0 <= found.damage <= 1.0:
            raise InputError(f"{found.source}: {found.damage} is no probability of damage; it must lie within 0 to 1.")
    return _Answers(
        truth=tuple(_in_words_of_model(label, classes, normal) for label in truth),
        named=tuple(found.label for found in findings),
        damaged=np.array([label not in normal for label in truth], dtype=np.bool_),
        alarm=np.array([found.anomalous for found in findings], dtype=np.bool_),
        probability=np.array([found.damage for found in findings], dtype=np.float64),
        probabilities=tuple(found.probabilities for found in findings),
    )


def _in_words_of_model(label: str, classes: Sequence[str], normal: Collection[str]) -> str:
    """The model's only name for a whole car in place of another one ("good" for "normal"); any other label as it is."""
    whole = [name for name in classes if name in normal]
    return whole[0] if label in normal and label not in classes and len(whole) == 1 else label


def _labels_can_be_compared(truth: Sequence[str], *, classes: Sequence[str], normal: Collection[str], notes: list[str]) -> bool:
    """Whether truth and model speak of the same classes; what does not fit is noted."""
    types = [name for name in classes if name not in normal]
    labels = sorted({label for label in truth if label not in normal})
    unknown = [label for label in labels if label not in classes]
    if len(classes) <= 2 and len(types) <= 1:
        if len(labels) > 1:
            notes.append(f"The truth has {len(labels)} classes of damage and the model one, so only the verdict is compared.")
        return False
    if labels and unknown == labels:
        notes.append(f"The truth calls damage {_listed(labels)}, no class of the model, so only the verdict is compared.")
        return False
    if unknown:
        notes.append(f"The model does not know the class {_listed(unknown)}; every picture of it counts as wrongly labelled.")
    return True


def _note_small_print(answers: _Answers, threshold: float, tally: _Tally) -> None:
    other = int(((answers.probability >= threshold) != answers.alarm).sum())
    if other:
        tally.notes.append(
            f"The verdict of {other} pictures is not that of the threshold {threshold:.3f}; the verdict counted."
        )
    for kind, count in (("damaged", int(answers.damaged.sum())), ("whole", int((~answers.damaged).sum()))):
        if 0 < count < FEW:
            tally.notes.append(f"Only {count} {kind} pictures were measured: read the intervals, not the scores.")


def _score_verdicts(answers: _Answers, tally: _Tally, *, seed: int, of_labels: bool) -> None:
    """Precision, recall and their kin of the verdict; damage types without whole cars would get a recall of 1 for nothing."""
    damaged, alarm = answers.damaged, answers.alarm
    missing = "no picture is damaged" if not damaged.any() else "no picture is of a whole car"
    if of_labels and not answers.has_both:
        tally.undefined("damage_accuracy", "precision", "recall", "specificity", "f1", reason=missing)
        return
    hits = int((damaged & alarm).sum())
    for name in ("damage_accuracy",) if of_labels else ("damage_accuracy", "accuracy"):
        tally.proportion(name, int((damaged == alarm).sum()), len(damaged), without="there is no picture")
    tally.proportion("recall", hits, int(damaged.sum()), without="no picture is damaged")
    tally.proportion(
        "specificity", int((~damaged & ~alarm).sum()), int((~damaged).sum()), without="no picture is of a whole car"
    )
    if not answers.has_both:
        tally.undefined("precision", "f1", reason=missing)
        return
    tally.proportion("precision", hits, int(alarm.sum()), without="no picture was called damaged")
    counts = _verdict_counts(answers)
    tally.values["f1"] = float(f1_per_class(counts)[1])
    tally.intervals["f1"] = f1_interval(counts, seed=seed)


def _score_probabilities(answers: _Answers, tally: _Tally, *, seed: int) -> None:
    names = ("auroc", "average_precision", "brier")
    if not answers.has_both:
        missing = "no picture is damaged" if not answers.damaged.any() else "no picture is of a whole car"
        tally.undefined(*names, "calibration_error", reason=missing)
        return
    tally.values["auroc"] = auroc(answers.damaged, answers.probability)
    tally.values["average_precision"] = average_precision(answers.damaged, answers.probability)
    tally.values["brier"] = float(np.square(answers.probability - answers.damaged).mean())
    tally.values["calibration_error"] = expected_calibration_error(reliability_table(answers.damaged, answers.probability))
    intervals = ranking_intervals(answers.damaged, answers.probability, seed=seed)
    tally.intervals |= {"auroc": intervals.auroc, "average_precision": intervals.average_precision, "brier": intervals.brier}


def _verdict_tables(
    answers: _Answers, classes: Sequence[str], normal: Collection[str]
) -> tuple[Confusion, dict[str, ClassScores]]:
    whole_names = [name for name in classes if name in normal]
    types = [name for name in classes if name not in normal]
    whole = whole_names[0] if len(whole_names) == 1 else "whole"
    damaged = types[0] if len(types) == 1 else "damaged"
    per_class = {
        whole: _class_scores(~answers.damaged, ~answers.alarm, 1 - answers.probability),
        damaged: _class_scores(answers.damaged, answers.alarm, answers.probability),
    }
    return Confusion(classes=(whole, damaged), counts=_verdict_counts(answers)), per_class


def _verdict_counts(answers: _Answers) -> NDArray[np.int64]:
    """int64 [2, 2]: truth by verdict, whole before damaged."""
    cells = 2 * answers.damaged.astype(np.int64) + answers.alarm
    return np.bincount(cells, minlength=4).reshape(2, 2)


def _score_labels(
    answers: _Answers, classes: Sequence[str], tally: _Tally, *, seed: int
) -> tuple[Confusion, dict[str, ClassScores]]:
    """Accuracy and macro F1 of the labels; classes that the model does not know stand last in the tables."""
    names = (*classes, *sorted({*answers.truth, *answers.named} - set(classes)))
    truth, named = np.array(answers.truth, dtype=object), np.array(answers.named, dtype=object)
    number = {name: place for place, name in enumerate(names)}
    counts = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(counts, ([number[name] for name in answers.truth], [number[name] for name in answers.named]), 1)
    tally.proportion("accuracy", int(np.trace(counts)), len(truth), without="there is no picture")
    if len(truth):
        used = (counts.sum(0) + counts.sum(1)) > 0
        tally.values["macro_f1"] = float(f1_per_class(counts)[used].mean())
        tally.intervals["macro_f1"] = macro_f1_interval(counts, seed=seed)
    else:
        tally.undefined("macro_f1", reason="there is no picture")
    unseen = [name for name in classes if name not in answers.truth]
    if unseen:
        tally.notes.append(f"No picture is labelled {_listed(unseen)}, so how well the model knows it was not measured.")
    wrongly = [name for name in unseen if name in answers.named]
    if wrongly:
        tally.notes.append(f"Pictures were called {_listed(wrongly)} though none is; macro_f1 counts an F1 of 0 for it.")
    per_class = {name: _class_scores(truth == name, named == name, _probability_of(name, answers)) for name in names}
    return Confusion(classes=names, counts=counts), per_class


def _probability_of(name: str, answers: _Answers) -> NDArray[np.float64] | None:
    """The probability of class `name` in each picture, None when the model never gives one."""
    if not any(name in probabilities for probabilities in answers.probabilities):
        return None
    return np.array([probabilities.get(name, 0.0) for probabilities in answers.probabilities], dtype=np.float64)


def _class_scores(true: NDArray[np.bool_], named: NDArray[np.bool_], probability: NDArray[np.float64] | None) -> ClassScores:
    hits, support, called = int((true & named).sum()), int(true.sum()), int(named.sum())
    both = (
        0 < support < len(true)
    )  # where the class, or all else, is missing, a precision would be 0 or 1 as a matter of course
    ranked = probability if both else None
    return ClassScores(
        precision=hits / called if called and both else None,
        recall=hits / support if support else None,
        f1=2 * hits / (support + called) if both else None,
        support=support,
        auroc=None if ranked is None else auroc(true, ranked),
        average_precision=None if ranked is None else average_precision(true, ranked),
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)
