"""The nouns of a dataset: a sample (one picture and its label), a problem that a person can act on, and the dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from walkaround.damage.places import Place, labels_of

Split = Literal["train", "validation", "test"]
Severity = Literal["error", "warning", "note"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""Worst first."""

_SPLIT_NAMES: Mapping[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}


def split_named(name: str) -> Split | None:
    """The split that `name` stands for ("Val" is "validation"), or None when it names none."""
    return _SPLIT_NAMES.get(name.strip().casefold())


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One picture of a dataset.

    Attributes:
        path: the file on this machine.
        label: the class name of the picture as a whole; where nobody gave one, "anomaly" or "normal" by the damage that is
            drawn on it; None where that tells nothing either. Of a picture that shows several, the first by name.
        split: the part that the dataset itself puts the picture in, None when it leaves that open.
        where: the line that names the picture ("labels.csv, line 7"), empty when a folder holds it.
        places: the boxes and masks that were drawn on it; None where nobody was asked to draw, empty where there was nothing to
            draw.
        also: the further class names of a picture that shows several, sorted.
    """

    path: Path
    label: str | None
    split: Split | None = None
    where: str = ""
    places: tuple[Place, ...] | None = None
    also: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """All class names of the picture, none where nobody gave one."""
        return () if self.label is None else (self.label, *self.also)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something wrong with a dataset, told so that a person can act on it.

    Attributes:
        kind: a short fixed name for programs, such as "unreadable".
        severity: an "error" spoils training, a "warning" lowers its worth, a "note" is good to know.
        message: one sentence: what is wrong, and what to do.
        files: the files or lines that it is about.
    """

    kind: str
    severity: Severity
    message: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Samples in a fixed order, and the problems of the lines and files that were left out while reading.

    Attributes:
        origin: the folder, table or manifest that was read; text where it is in a bucket.
        samples: what can be used, as far as is known without opening the pictures.
        problems: what was left out, and why.
    """

    origin: Path | str
    samples: tuple[Sample, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def labelled(self) -> tuple[Sample, ...]:
        """The samples that have a label."""
        return tuple(sample for sample in self.samples if sample.label is not None)

    @property
    def counts(self) -> dict[str, int]:
        """How many samples each class has, by class name in sorted order; a sample of several classes counts for each."""
        return dict(sorted(Counter(label for sample in self.samples for label in sample.labels).items()))

    @property
    def place_classes(self) -> tuple[str, ...]:
        """The class names of all boxes and masks, sorted."""
        return labels_of(place for sample in self.samples for place in sample.places or ())

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names, sorted."""
        return tuple(self.counts)
