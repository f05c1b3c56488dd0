"""Shortcuts: labels that size, shape, compression, sharpness, light or file type give away without a look at the damage.

For every trait a tiny model (the share of the label in eight ranges of the trait) is cross-validated on one picture of each
group of near-duplicates, and scored by AUROC: the share of pairs, one picture of each label, that it puts in the right order.
Only what is both large and far beyond chance for so many pictures is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from sklearn.tree import DecisionTreeClassifier

from walkaround.damage.kinds import means_normal
from walkaround.datasets.split import Labels, folds_by_group
from walkaround.media.facts import PictureFacts

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_FOLDS = 5
_RANGES = 8
_FEWEST = 8
"""Different pictures on each side; with fewer, chance alone makes any trait look telling."""
_MOST = 4000
_ALARM = 0.7
_DEVIATIONS = 3.5
"""Standard errors beyond chance, so that nine traits of a small dataset do not cry wolf by luck."""


@dataclass(frozen=True)
class Trait:
    """Something about a picture that is no damage.

    Attributes:
        name: what a sentence calls it.
        family: of the traits of one family only the most telling is told.
        value: the number for a picture.
        shown: how a sentence shows a number of it.
        low, high: what pictures with a low and a high number are like.
    """

    name: str
    family: str
    value: Callable[[PictureFacts], float]
    shown: str
    low: str
    high: str


_LOSSLESS = 101.0  # above every JPEG quality

TRAITS = (
    Trait("Picture width", "size", lambda f: f.width, "{:.0f} px wide", "narrow", "wide"),
    Trait("Picture height", "size", lambda f: f.height, "{:.0f} px high", "low", "high"),
    Trait("Picture shape", "shape", lambda f: f.width / f.height, "{:.2f} times as wide as high", "upright", "wide"),
    Trait(
        "File size", "compression", lambda f: f.bytes / (f.width * f.height), "{:.2f} bytes a pixel", "small-file", "large-file"
    ),
    Trait(
        "JPEG quality", "compression", lambda f: f.jpeg_quality or _LOSSLESS, "quality {:.0f}", "low-quality", "high-quality"
    ),
    Trait("Sharpness", "sharpness", lambda f: f.sharpness, "sharpness {:.3f}", "blurred", "sharp"),
    Trait("Fine detail", "sharpness", lambda f: f.detail, "detail {:.3f}", "soft", "crisp"),
    Trait("Brightness", "light", lambda f: f.brightness, "brightness {:.2f}", "dark", "bright"),
)


@dataclass(frozen=True, kw_only=True)
class Shortcut:
    """A trait that gives a label away.

    Attributes:
        trait: its family: "size", "shape", "compression", "sharpness", "light", "file type", or "together" for all.
        label: the class that it tells from the others.
        auroc: share of pairs that it puts in the right order, on pictures that the tiny model was not fitted on.
        message: one sentence with the numbers and what to do.
    """

    trait: str
    label: str
    auroc: float
    message: str


@dataclass(frozen=True, kw_only=True, eq=False)
class _Question:
    """Is a picture of `label` (`positive`), or of `other`? With the fold of each picture."""

    label: str
    other: str
    positive: Mask
    folds: NDArray[np.int64]

    @property
    def chance(self) -> float:
        """Standard error of the AUROC of a model that knows nothing (Hanley and McNeil 1982)."""
        ours, others = int(self.positive.sum()), int((~self.positive).sum())
        return sqrt((ours + others + 1) / (12 * ours * others))


def find_shortcuts(labels: Labels, facts: Sequence[PictureFacts], groups: NDArray[np.int64]) -> tuple[Shortcut, ...]:
    """Find the traits that tell damaged from whole, or one class from all others; the most telling first, one a family.

    Args:
        labels: class name of each picture, or its class names.
        facts: of each picture.
        groups: int64 [pictures], near-duplicates share a number; one picture of each group is looked at.
    """
    _, different = np.unique(groups, return_index=True)
    chosen = np.random.default_rng(0).permutation(different)[:_MOST]
    sets = [(names,) if isinstance(names, str) else tuple(names) for names in labels]
    names, facts = [sets[i] for i in chosen], [facts[i] for i in chosen]
    worst: dict[str, Shortcut] = {}
    for question in _questions(names):
        for shortcut in _answers(question, facts):
            if shortcut.trait not in worst or shortcut.auroc > worst[shortcut.trait].auroc:
                worst[shortcut.trait] = shortcut
    return tuple(sorted(worst.values(), key=lambda shortcut: -shortcut.auroc))


def _questions(names: Sequence[tuple[str, ...]]) -> Iterator[_Question]:
    """Damaged or whole, and with more than two classes each one against the rest."""
    classes = sorted({name for labels in names for name in labels})
    whole = [name for name in classes if means_normal(name)]
    damaged = [name for name in classes if name not in whole]
    sides = [(damaged, whole)] if damaged and whole else []
    if len(classes) > 2 or not sides:
        sides += [([name], [other for other in classes if other != name]) for name in classes]
    for ours, others in sides:
        positive = np.array([not set(ours).isdisjoint(labels) for labels in names], dtype=np.bool_)
        if min(positive.sum(), (~positive).sum()) >= _FEWEST:
            label = ours[0] if len(ours) == 1 else "damaged"
            other = others[0] if len(others) == 1 else "whole" if others == whole else "the rest"
            alone = np.arange(len(names))
            folds = folds_by_group([str(side) for side in positive], alone, folds=_FOLDS, seed=0)
            yield _Question(label=label, other=other, positive=positive, folds=folds)


def _answers(question: _Question, facts: Sequence[PictureFacts]) -> Iterator[Shortcut]:
    """Every trait that answers the question alone, and where one does, all together if they answer it better still."""
    alone = 0.0  # AUROC of the most telling one
    columns: list[Floats] = []
    for trait in TRAITS:
        values = np.array([trait.value(fact) for fact in facts], dtype=np.float64)
        rates = _out_of_fold_rates(question, _ranges(values))
        columns.append(values)
        auroc = float(roc_auc_score(question.positive, rates))
        if _alarming(question, auroc):
            alone = max(alone, auroc)
            yield Shortcut(trait=trait.family, label=question.label, auroc=auroc, message=_told(question, trait, values, auroc))
    formats = np.array([fact.format for fact in facts])
    rates = _out_of_fold_rates(question, formats)
    auroc = float(roc_auc_score(question.positive, rates))
    if _alarming(question, auroc):
        alone = max(alone, auroc)
        yield Shortcut(trait="file type", label=question.label, auroc=auroc, message=_told_of_format(question, formats, auroc))
    together = _auroc_together(question, np.column_stack((*columns, rates))) if alone else 0.0
    if together > alone:
        yield Shortcut(trait="together", label=question.label, auroc=together, message=_told_together(question, together))


def _alarming(question: _Question, auroc: float) -> bool:
    return auroc >= max(_ALARM, 0.5 + _DEVIATIONS * question.chance)


def _ranges(values: Floats) -> NDArray[np.int64]:
    """Number of the range, of eight with about as many pictures each, that each value lies in."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, _RANGES + 1)[1:-1]))
    return np.searchsorted(edges, values, side="right")


def _out_of_fold_rates(question: _Question, kinds: NDArray[np.generic]) -> Floats:
    """Share of positives among the pictures of the same kind in the other folds, drawn towards the share of all."""
    _, kind = np.unique(kinds, return_inverse=True)
    rates = np.empty(len(kind))
    for fold in range(_FOLDS):
        held, known = question.folds == fold, question.folds != fold
        share = question.positive[known].mean()
        counts = np.bincount(kind[known], minlength=kind.max() + 1)
        positives = np.bincount(kind[known], weights=question.positive[known], minlength=kind.max() + 1)
        rates[held] = ((positives + 2 * share) / (counts + 2) - share)[kind[held]]
    return rates


def _auroc_together(question: _Question, columns: Floats) -> float:
    scores = np.empty(len(columns))
    for fold in range(_FOLDS):
        held = question.folds == fold
        tree = DecisionTreeClassifier(max_leaf_nodes=16, min_samples_leaf=_FEWEST, random_state=0)
        scores[held] = tree.fit(columns[~held], question.positive[~held]).predict_proba(columns[held])[:, 1]
    return float(roc_auc_score(question.positive, scores))


def _told(question: _Question, trait: Trait, values: Floats, auroc: float) -> str:
    cut, ours, others = _best_cut(values, question.positive)
    shown = trait.shown.format(cut)
    mine, theirs = (trait.low, trait.high) if ours > others else (trait.high, trait.low)
    return (
        f"{trait.name} alone tells {question.label!r} from {question.other!r} in {auroc:.0%} of pairs: {ours:.0%} of"
        f" {question.label!r} are less than {shown}, and {others:.0%} of {question.other!r}. A model can learn this instead of"
        f" damage; add {theirs} pictures of {question.label!r} and {mine} ones of {question.other!r}."
    )


def _best_cut(values: Floats, positive: Mask) -> tuple[float, float, float]:
    """The value that parts the two sides best, and the share of each side that lies below it."""
    cuts = np.unique(np.quantile(values, np.linspace(0.02, 0.98, 97)))
    ours = np.searchsorted(np.sort(values[positive]), cuts) / positive.sum()
    others = np.searchsorted(np.sort(values[~positive]), cuts) / (~positive).sum()
    best = int(np.abs(ours - others).argmax())
    return float(cuts[best]), float(ours[best]), float(others[best])


def _told_of_format(question: _Question, formats: NDArray[np.str_], auroc: float) -> str:
    def apart(name: str) -> float:
        return float((formats[question.positive] == name).mean() - (formats[~question.positive] == name).mean())

    name = max(sorted(set(formats.tolist())), key=apart)
    ours, others = ((formats[side] == name).mean() for side in (question.positive, ~question.positive))
    return (
        f"File type alone tells {question.label!r} from {question.other!r} in {auroc:.0%} of pairs: {ours:.0%} of"
        f" {question.label!r} are {name} files, and {others:.0%} of {question.other!r}. Export all pictures in one way, or add"
        f" {name} files of {question.other!r}."
    )


def _told_together(question: _Question, auroc: float) -> str:
    return (
        f"Taken together, size, shape, compression, sharpness, light and file type tell {question.label!r} from"
        f" {question.other!r} in {auroc:.0%} of pairs: scores measured on this dataset flatter the model; measure it on photos"
        " from where it will work."
    )
