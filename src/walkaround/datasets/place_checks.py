"""What is wrong with boxes and masks: too few of a class, too small to be seen, at odds with the picture's label."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import groupby

from walkaround.damage.kinds import NORMAL, means_normal, means_part, simplified
from walkaround.datasets.sample import Problem, Sample, Severity
from walkaround.datasets.survey import Survey
from walkaround.media.facts import PictureFacts

_FEWEST, _ADVISED = 5, 50
"""Different pictures of a class: what training takes at least, and what makes it useful."""
_TINY = 1 / 64
"""Of the picture's side: 5 pixels where a network sees 320."""
_TINY_SHARE = 0.1
_NAMED = 3


def place_counts(looked: Survey) -> dict[str, int]:
    """How many boxes and masks each class has, crowds not counted, by class name in sorted order."""
    places = (place for sample in looked.samples for place in sample.places or ())
    return dict(sorted(Counter(place.label for place in places if not place.crowd).items()))


def place_problems(looked: Survey) -> Iterator[Problem]:
    """What should be known about the boxes and masks of a dataset; nothing where it has none."""
    drawn = [(sample, fact) for sample, fact in zip(looked.samples, looked.facts, strict=True) if sample.places is not None]
    if not drawn:
        return
    yield from _rare(looked)
    yield from _spelling(looked)
    yield from _tiny(drawn)
    yield from _at_odds(drawn)
    undrawn = [sample for sample in looked.samples if sample.places is None]
    if undrawn:
        yield _problem(
            "undrawn",
            "note",
            f"Nobody drew on {len(undrawn):,} of {len(looked.samples):,} pictures: these teach no boxes or masks, but for those"
            f" labelled as whole: {_named(undrawn)}.",
            undrawn,
        )


def _rare(looked: Survey) -> Iterator[Problem]:
    pictures: defaultdict[str, set[int]] = defaultdict(set)
    for sample, group in zip(looked.samples, looked.groups.tolist(), strict=True):
        for place in sample.places or ():
            if not place.crowd:
                pictures[place.label].add(group)
    rare = {name: len(groups) for name, groups in sorted(pictures.items()) if len(groups) < _FEWEST}
    few = {name: len(groups) for name, groups in sorted(pictures.items()) if _FEWEST <= len(groups) < _ADVISED}
    if rare:
        yield _problem(
            "rare-places",
            "warning",
            f"Too few different pictures to learn where something is, {_FEWEST} at least: {_counted(rare)}. Draw more, or fold"
            " such classes into others with --rename.",
        )
    if few:
        yield _problem(
            "few-places",
            "note",
            f"Few different pictures to learn where something is, {_ADVISED} are better: {_counted(few)}. Draw more, or fold"
            " such classes into others with --rename.",
        )


def _spelling(looked: Survey) -> Iterator[Problem]:
    names = sorted(place_counts(looked), key=simplified)
    for _, same in groupby(names, key=simplified):
        spellings = sorted(same)
        if len(spellings) > 1:
            yield _problem(
                "spelling",
                "warning",
                f"The classes {', '.join(map(repr, spellings))} of boxes and masks differ only in spelling: if they are one,"
                " fold them with --rename.",
            )


def _tiny(drawn: list[tuple[Sample, PictureFacts]]) -> Iterator[Problem]:
    tiny: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    files: list[Sample] = []
    for sample, fact in drawn:
        for place in sample.places or ():
            box = place.box
            if box is None or place.crowd:
                continue
            counts[place.label] += 1
            if min((box[2] - box[0]) / fact.width, (box[3] - box[1]) / fact.height) < _TINY:
                tiny[place.label] += 1
                files.append(sample)
    if tiny:
        shares = ", ".join(f"{count:,} of {counts[name]:,} {name!r}" for name, count in sorted(tiny.items()))
        yield _problem(
            "tiny-places",
            "warning" if sum(tiny.values()) >= _TINY_SHARE * sum(counts.values()) else "note",
            f"Smaller than a 64th of the picture's side, less than 5 pixels where a network sees 320: {shares}. Train at a"
            " larger size, or on closer pictures.",
            list(dict.fromkeys(files)),
        )


def _at_odds(drawn: list[tuple[Sample, PictureFacts]]) -> Iterator[Problem]:
    labelled = [(sample, sample.label, sample.places or ()) for sample, _ in drawn if sample.label is not None]
    damaged = [
        sample
        for sample, label, places in labelled
        if means_normal(label) and any(not means_normal(place.label) and not means_part(place.label) for place in places)
    ]
    bare = [sample for sample, label, places in labelled if not means_normal(label) and not places]
    if damaged:
        yield _problem(
            "normal-with-places",
            "warning",
            f"Damage is drawn on {len(damaged):,} pictures that are labelled {NORMAL!r} or the like: {_named(damaged)}; correct"
            " the label, or take the drawing out.",
            damaged,
        )
    if bare:
        yield _problem(
            "damage-without-places",
            "note",
            f"On {len(bare):,} pictures that are labelled as damaged nothing is drawn: {_named(bare)}; they teach that"
            " nothing is there.",
            bare,
        )


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name!r} is on {count}" for name, count in counts.items())


def _named(samples: list[Sample]) -> str:
    more = f" and {len(samples) - _NAMED:,} more" if len(samples) > _NAMED else ""
    return ", ".join(str(sample.path) for sample in samples[:_NAMED]) + more


def _problem(kind: str, severity: Severity, message: str, samples: list[Sample] | None = None) -> Problem:
    return Problem(kind=kind, severity=severity, message=message, files=tuple(str(sample.path) for sample in samples or ()))
