"""Other names for classes, so that fine ones fold into coarse ones: `*-dent=dent`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache

from walkaround.damage.kinds import ANOMALY, NORMAL
from walkaround.datasets.faults import LineError, checked_label, shown
from walkaround.datasets.labels import agreed
from walkaround.datasets.sample import Dataset, Sample
from walkaround.errors import DatasetError, InputError


@dataclass(frozen=True, kw_only=True)
class Rename:
    """One rule.

    Attributes:
        old: class name; `*`, `?` and `[...]` stand for other letters as in names of files.
        new: the name that such classes get.
    """

    old: str
    new: str


def parse_renames(texts: Sequence[str]) -> tuple[Rename, ...]:
    """The rules that texts OLD=NEW stand for.

    Raises:
        InputError: one is no such text.
    """
    return tuple(_parsed(text) for text in texts)


def renamed(dataset: Dataset, renames: Sequence[Rename], *, demanding: bool = True) -> Dataset:
    """The dataset with other names for the classes of its pictures and of its places; the first rule that fits counts.

    `normal` and `anomaly` are renamed only by a rule that calls them so: `*=damage` is meant for what is drawn, and must not
    make whole cars damaged.

    Args:
        dataset: to be read with other eyes.
        renames: rules, all of which look at the names as they were.
        demanding: whether each rule has to fit a class, so that a slip of the pen is told.

    Raises:
        DatasetError: a rule fits no class of the dataset.
    """
    names = sorted({*dataset.classes, *dataset.place_classes})
    for rule in renames if demanding else ():
        if not any(_fits(name, rule) for name in names):
            known = ", ".join(map(repr, names)) or "none"
            raise DatasetError(
                f"No class of {str(dataset.origin)!r} is called {rule.old!r}, which is to become {rule.new!r}; its classes"
                f" are {known}."
            )

    @cache
    def name_of(name: str) -> str:
        return next((rule.new for rule in renames if _fits(name, rule)), name)

    samples = tuple(
        replace(
            _relabelled(sample, [name_of(label) for label in sample.labels]),
            places=None
            if sample.places is None
            else tuple(replace(place, label=name_of(place.label)) for place in sample.places),
        )
        for sample in dataset.samples
    )
    return replace(dataset, samples=samples)


def _relabelled(sample: Sample, labels: Sequence[str]) -> Sample:
    """The sample with other labels; what a rule makes normal is no damage any more, and so is not told beside damage."""
    damage = [label for label in labels if label != NORMAL]
    label, also = agreed(damage or labels)
    return replace(sample, label=label, also=also)


def _fits(name: str, rule: Rename) -> bool:
    return name == rule.old or (name not in (NORMAL, ANOMALY) and fnmatchcase(name, rule.old))


def _parsed(text: str) -> Rename:
    old, equals, new = text.rpartition("=")
    try:
        label = checked_label(new)
    except LineError:
        label = None
    if not equals or not old.strip() or label is None:
        raise InputError(f"{shown(text, longest=80)} renames nothing: write OLD=NEW, such as '*-dent=dent'.")
    return Rename(old=old.strip(), new=label)
