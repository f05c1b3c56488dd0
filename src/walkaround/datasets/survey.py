"""One look at every picture, shared by the check and by training: facts, duplicate groups, and what is left out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from walkaround.damage.kinds import means_normal
from walkaround.datasets.duplicates import duplicate_groups
from walkaround.datasets.labels import told
from walkaround.datasets.sample import Dataset, Problem, Sample
from walkaround.errors import PictureError
from walkaround.media.facts import PictureFacts, picture_facts

Progress = Callable[[int, int], None]
"""Called with (pictures done, pictures in all)."""

_THREADS = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Survey:
    """The samples that can be used, in the dataset's order, with what is known of each.

    Attributes:
        samples: those whose picture can be read and whose label nothing contradicts; labelled or not.
        facts: of each sample's picture.
        groups: int64 [samples], near-duplicates share a number; see `duplicate_groups`.
        problems: of reading the dataset, and one for each picture that is left out here.
        left_out: the samples that are left out here.
    """

    samples: tuple[Sample, ...]
    facts: tuple[PictureFacts, ...]
    groups: NDArray[np.int64]
    problems: tuple[Problem, ...]
    left_out: tuple[Sample, ...] = ()

    @property
    def draws(self) -> bool:
        """Whether there are boxes or masks."""
        return any(sample.places for sample in self.samples)

    def why_only_normal(self, normal: Callable[[str], bool], *, left_out: Iterable[Sample]) -> str | None:
        """What of damage was left out, in one sentence, so that normal pictures are all that is left by mistake alone.

        Args:
            normal: whether a class name means a whole car.
            left_out: the samples that count as left out.

        Returns:
            None where nothing is known to have been left out but normal pictures.
        """
        lost = sorted({label for sample in left_out for label in sample.labels if not normal(label)})
        if lost:
            return f"No picture of {', '.join(map(repr, lost))} could be used."
        return next((problem.message for problem in self.problems if problem.kind == "bad-label"), None)


def survey(dataset: Dataset, *, progress: Progress | None = None) -> Survey:
    """Look at every picture of `dataset`; those that cannot be used are left out, each named in a problem."""
    looks = _looks(dataset.samples, progress)
    unreadable = tuple(
        Problem(kind="unreadable", severity="warning", message=str(look), files=(str(sample.path),))
        for sample, look in zip(dataset.samples, looks, strict=True)
        if isinstance(look, PictureError)
    )
    pairs = [(sample, look) for sample, look in zip(dataset.samples, looks, strict=True) if isinstance(look, PictureFacts)]
    contradicted, conflicts = _contradictions(pairs)
    kept = [(sample, fact) for sample, fact in pairs if fact.sha256 not in contradicted]
    facts = tuple(fact for _, fact in kept)
    return Survey(
        samples=tuple(sample for sample, _ in kept),
        facts=facts,
        groups=duplicate_groups(facts),
        problems=(*dataset.problems, *unreadable, *conflicts),
        left_out=tuple(
            sample
            for sample, look in zip(dataset.samples, looks, strict=True)
            if isinstance(look, PictureError) or look.sha256 in contradicted
        ),
    )


def _looks(samples: Sequence[Sample], progress: Progress | None) -> list[PictureFacts | PictureError]:
    looks: list[PictureFacts | PictureError] = []
    pool = ThreadPoolExecutor(_THREADS)  # Pillow decodes outside the interpreter's lock
    try:
        for look in pool.map(_look, samples):
            looks.append(look)
            if progress is not None:
                progress(len(looks), len(samples))
    finally:
        pool.shutdown(cancel_futures=True)  # an interrupted check ends at once
    return looks


def _look(sample: Sample) -> PictureFacts | PictureError:
    try:
        return picture_facts(sample.path)
    except PictureError as error:
        return error


def _contradictions(pairs: Sequence[tuple[Sample, PictureFacts]]) -> tuple[set[str], list[Problem]]:
    """Checksums of the files that bear two labels, and a problem for each: which is right is unknown, so all stay out."""
    named: defaultdict[str, list[Sample]] = defaultdict(list)
    for sample, fact in pairs:
        if sample.label is not None:
            named[fact.sha256].append(sample)
    contradicted = {checksum: samples for checksum, samples in named.items() if len({sample.labels for sample in samples}) > 1}
    problems = [
        Problem(
            kind="two-labels",
            severity="error",
            message="The same picture is labelled "
            + " and ".join(f"{told(sample.labels)!r} ({sample.where or sample.path})" for sample in samples)
            + ": it is not used for training; delete the wrong one"
            + _if_both(samples),
            files=tuple(str(sample.path) for sample in samples),
        )
        for samples in contradicted.values()
    ]
    return set(contradicted), problems


def _if_both(samples: Sequence[Sample]) -> str:
    """How to say that a picture shows several damage types, where its labels do not contradict each other."""
    if any(means_normal(label) for sample in samples for label in sample.labels):
        return "."
    return ", or give --multi-label if the picture shows all of these."
