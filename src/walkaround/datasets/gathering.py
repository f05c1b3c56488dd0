"""Datasets read as multi-label: what several lines, folders or drawn places say of one picture adds up to its labels."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from walkaround.damage.kinds import ANOMALY, shows_damage
from walkaround.datasets.labels import agreed
from walkaround.datasets.sample import Dataset, Sample

IsNormal = Callable[[str], bool]
"""Whether a class name means a whole car."""


def gathered(dataset: Dataset, is_normal: IsNormal) -> Dataset:
    """The dataset with the labels of each picture put together.

    A picture that is labelled in several lines, or whose file is in several folders, shows all of the damage types that it is
    labelled with; one of which a line says that it is whole and another that it is not stays as it is, for the check to tell.
    A picture of which it is known only that it is damaged shows the damage types that are drawn on it.
    """
    samples = [named_by_places(sample, is_normal) for sample in dataset.samples]
    contents = _contents(samples)
    sets: defaultdict[str, list[Sample]] = defaultdict(list)
    for sample, content in zip(samples, contents, strict=True):
        if sample.label is not None:
            sets[content].append(sample)
    together: dict[tuple[str, str | None, str | None], Sample] = {}
    for sample, content in zip(samples, contents, strict=True):
        named = sets[content]
        whole = [any(map(is_normal, one.labels)) for one in named]
        if sample.label is not None and len(named) > 1 and not any(whole):
            label, also = agreed(name for one in named for name in one.labels)
            sample = replace(sample, label=label, also=also)
        together.setdefault((os.path.normpath(sample.path.absolute()), sample.split, "; ".join(sample.labels)), sample)
    return replace(dataset, samples=tuple(together.values()))


def named_by_places(sample: Sample, is_normal: IsNormal) -> Sample:
    """The sample with the damage types that are drawn on it, where it is known only that it is damaged."""
    kinds = {place.label for place in sample.places or () if shows_damage(place.label) and not is_normal(place.label)}
    if sample.labels != (ANOMALY,) or not kinds:
        return sample
    label, also = agreed(kinds)
    return replace(sample, label=label, also=also)


def _contents(samples: Sequence[Sample]) -> list[str]:
    """For each sample what tells its picture from every other: checksums where sizes are the same, else paths."""
    paths = {sample.path for sample in samples}
    sizes = {path: _size(path) for path in paths}
    common = Counter(sizes.values())
    names = {path: _checksum(path) if common[sizes[path]] > 1 else str(path) for path in paths}
    return [names[sample.path] for sample in samples]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # whoever reads the picture says what is wrong with it
        return -1


def _checksum(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return str(path)
