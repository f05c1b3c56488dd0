"""Several labels of one picture: how they are written, which go together, and how they are told.

A picture shows a set of damage types, and a whole car shows none: its set is empty, which is told as "normal".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from walkaround.damage.kinds import ANOMALY, NORMAL
from walkaround.datasets.faults import LineError, checked_label, shown

_SEPARATOR = re.compile(r"[;|]")

BETWEEN = "; "
"""Stands between the labels of a picture where they are told as one text."""

First = tuple[str | None, tuple[str, ...]]
"""A label and the further ones, as `walkaround.datasets.sample.Sample` has them; (None, ()) where there is none."""


def labels_in(text: str) -> First:
    """The labels of a cell, with ; or | between them.

    Raises:
        LineError: one cannot be a class name, or they contradict each other.
    """
    return agreed([label for part in _SEPARATOR.split(text) if (label := checked_label(part)) is not None])


def labels_of(names: Sequence[object]) -> First:
    """The labels of a list from outside; an empty one is that of a whole car.

    Raises:
        LineError: one cannot be a class name, or they contradict each other.
    """
    labels = [checked_label(name) if isinstance(name, str) else None for name in names]
    if None in labels:
        raise LineError("bad-label", f"the labels {shown(list(names), longest=60)} are not all names")
    return agreed([label for label in labels if label is not None]) if labels else (NORMAL, ())


def agreed(labels: Iterable[str]) -> First:
    """The labels in a fixed order, each once; "anomaly" goes without saying beside a damage type.

    Raises:
        LineError: "normal" stands beside a damage.
    """
    names = sorted(set(labels))
    if NORMAL in names and len(names) > 1:
        raise LineError("bad-label", f"it is labelled {BETWEEN.join(names)!r}, and what is normal shows no damage")
    if len(names) > 1:
        names = [name for name in names if name != ANOMALY]
    return (names[0], tuple(names[1:])) if names else (None, ())


def told(labels: Sequence[str]) -> str:
    """Labels as one text: "dent; scratch"."""
    return BETWEEN.join(labels)
