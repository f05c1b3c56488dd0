"""Several tellings of the same pictures made one: labels from one file and places from another, repeats, contradictions."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from walkaround.damage.kinds import ANOMALY, NORMAL, means_normal, means_part
from walkaround.damage.places import Place
from walkaround.datasets.faults import Faults
from walkaround.datasets.sample import Sample


def merged(labelled: Sequence[Sample], drawn: Sequence[Sample]) -> Iterator[Sample]:
    """The samples of a table or of class folders, each with what annotation files have drawn on its picture."""
    by_picture: defaultdict[str, list[Sample]] = defaultdict(list)
    for sample in drawn:
        by_picture[_key(sample.path)].append(sample)
    met = set()
    for sample in labelled:
        met.add(_key(sample.path))
        for other in by_picture.get(_key(sample.path), [sample]):
            yield replace(
                sample,
                label=sample.label if sample.label is not None else other.label,
                also=sample.also if sample.label is not None else other.also,
                split=sample.split or other.split,
                where=sample.where or other.where,
                places=other.places if sample.places is None else sample.places,
            )
            if None not in (sample.places, other.places) and _differ(sample, other):
                yield other
    yield from (sample for sample in drawn if _key(sample.path) not in met)


def without_repeats(samples: Iterable[Sample], faults: Faults) -> list[Sample]:
    """One of the samples that say the same of the same file; those whose labels disagree all stay, for the check to tell.

    Where places disagree nobody knows which are right, so the picture loses them all.
    """
    by_picture: defaultdict[str, list[Sample]] = defaultdict(list)
    first: dict[tuple[str, tuple[str, ...], str | None], Sample] = {}
    for sample in samples:
        by_picture[_key(sample.path)].append(sample)
        key = (_key(sample.path), sample.labels, sample.split)
        if first.setdefault(key, sample) is not sample and not _contradict(first[key], sample):
            faults.add("repeated", sample.where, f"{str(sample.path)!r} was named before")
    agreed = {picture: _agreed(told, faults) for picture, told in by_picture.items()}
    return [replace(sample, places=agreed[picture]) for (picture, _, _), sample in first.items()]


def labelled_by_places(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """Samples without a label of their own labelled by what was drawn: "anomaly" where there is damage, else "normal".

    Parts of a car are no damage. In a dataset that shows no damage at all, an empty picture tells nothing.
    """
    damaged = any(_shows_damage(sample) for sample in samples)
    return tuple(
        replace(sample, label=ANOMALY if _shows_damage(sample) else NORMAL)
        if damaged and sample.label is None and sample.places is not None
        else sample
        for sample in samples
    )


def _shows_damage(sample: Sample) -> bool:
    return any(not means_normal(place.label) and not means_part(place.label) for place in sample.places or ())


def _agreed(told: Sequence[Sample], faults: Faults) -> tuple[Place, ...] | None:
    drawn = [sample for sample in told if sample.places is not None]
    for sample in drawn[1:]:
        if _differ(drawn[0], sample):
            faults.add(
                "disagreeing",
                sample.where or str(sample.path),
                f"what is drawn on {str(sample.path)!r} is not what {drawn[0].where or 'the other file'} has on it",
            )
            return None
    return drawn[0].places if drawn else None


def _contradict(first: Sample, second: Sample) -> bool:
    return first.places is not None and second.places is not None and _differ(first, second)


def _differ(first: Sample, second: Sample) -> bool:
    return Counter(first.places or ()) != Counter(second.places or ())


def _key(path: Path) -> str:
    return os.path.normpath(path.absolute())
