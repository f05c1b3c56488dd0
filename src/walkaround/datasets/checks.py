"""The data check: everything about a dataset that would spoil a model or its scores, as sentences to act on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from walkaround.damage.kinds import means_normal, simplified
from walkaround.datasets.labels import told
from walkaround.datasets.place_checks import place_counts, place_problems
from walkaround.datasets.sample import SEVERITIES, Dataset, Problem, Sample, Severity
from walkaround.datasets.shortcuts import find_shortcuts
from walkaround.datasets.survey import Progress, Survey, survey
from walkaround.media.facts import PictureFacts

_TINY = 64
"""Pixels on the shorter side; Lookout for Vision took none smaller."""
_FEWEST = 3
_NORMAL_ADVISED = 20
_ANOMALY_ADVISED = 10
"""Lookout for Vision's minimums for training on one dataset."""
_IMBALANCE = 10
_DOUBT = 0.8
_STRONG = 0.8
"""AUROC of a shortcut. What tells less often can come of the damage itself: a smashed car is no shiny one."""
_NAMED = 3


@dataclass(frozen=True, kw_only=True)
class CheckReport:
    """What the check found.

    Attributes:
        origin: the folder, table or manifest.
        counts: usable pictures of each class.
        unlabelled: usable pictures without a label.
        places: boxes and masks of each class.
        problems: the worst first.
    """

    origin: Path | str
    counts: Mapping[str, int]
    unlabelled: int
    problems: tuple[Problem, ...]
    places: Mapping[str, int] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether nothing would spoil training: there may be warnings, but no error."""
        return all(problem.severity != "error" for problem in self.problems)

    def as_json(self) -> dict[str, object]:
        """Plain values for a JSON file."""
        return {
            "origin": str(self.origin),
            "passed": self.passed,
            "counts": dict(self.counts),
            "unlabelled": self.unlabelled,
            "places": dict(self.places),
            "problems": [
                {"kind": problem.kind, "severity": problem.severity, "message": problem.message, "files": list(problem.files)}
                for problem in self.problems
            ],
        }


def check_dataset(
    dataset: Dataset, *, progress: Progress | None = None, label_doubt: Mapping[Path, tuple[str, float]] | None = None
) -> CheckReport:
    """Look at every picture of `dataset` and list what is wrong.

    Args:
        dataset: what `read_dataset` gave.
        progress: called with (pictures done, pictures in all).
        label_doubt: for pictures whose label looks wrong: the label that a cross-validated model suggests, and its probability.
    """
    return check_survey(dataset, survey(dataset, progress=progress), label_doubt=label_doubt)


def check_survey(
    dataset: Dataset, looked: Survey, *, label_doubt: Mapping[Path, tuple[str, float]] | None = None
) -> CheckReport:
    """List what is wrong with a dataset that was surveyed already; see `check_dataset`."""
    checks: tuple[Callable[[Survey], Iterator[Problem]], ...] = (
        _classes,
        _few,
        _imbalance,
        _spelling,
        _several,
        _tiny,
        _pages,
        _copies,
        leaks,
        _unlabelled,
        _shortcuts,
        place_problems,
    )
    problems = [
        *looked.problems,
        *(problem for check in checks for problem in check(looked)),
        *_doubts(looked, label_doubt or {}),
    ]
    return CheckReport(
        origin=dataset.origin,
        counts=dict(sorted(Counter(label for sample in looked.samples for label in sample.labels).items())),
        unlabelled=sum(sample.label is None for sample in looked.samples),
        problems=tuple(sorted(problems, key=lambda problem: SEVERITIES.index(problem.severity))),
        places=place_counts(looked),
    )


def _different(looked: Survey) -> dict[str, int]:
    """How many pictures each class has, near-duplicates counted once."""
    pairs = zip(looked.samples, looked.groups, strict=True)
    seen = {(label, int(group)) for sample, group in pairs for label in sample.labels}
    return dict(sorted(Counter(label for label, _ in seen).items()))


def _classes(looked: Survey) -> Iterator[Problem]:
    classes = list(_different(looked))
    normal = [name for name in classes if means_normal(name)]
    if looked.draws:
        return  # what is drawn teaches something, whatever the pictures as a whole are labelled
    if not classes:
        yield _problem("no-labels", "error", "No usable picture has a label: sort the pictures into one folder for each class.")
    elif classes == normal and (lost := looked.why_only_normal(means_normal, left_out=looked.left_out)):
        yield _problem("normal-left", "error", f"Only normal pictures are left: {lost[0].lower() + lost[1:]}")
    elif classes == normal:
        yield _problem(
            "normal-only",
            "note",
            f"All labelled pictures are {_listed(normal)}: a model will be trained that reports whatever looks different;"
            " add pictures of damage to train one that knows damage.",
        )
    elif len(classes) == 1:
        yield _problem(
            "one-class", "error", f"All labelled pictures are {classes[0]!r}: add pictures of whole cars as 'normal'."
        )
    elif not normal:
        yield _problem(
            "no-normal",
            "warning",
            f"No class means a whole car ({_listed(classes)}): a model can tell these apart but not say that nothing is wrong;"
            " add pictures of whole cars as 'normal'.",
        )


def _few(looked: Survey) -> Iterator[Problem]:
    for name, count in _different(looked).items():
        advised = _NORMAL_ADVISED if means_normal(name) else _ANOMALY_ADVISED
        if count < _FEWEST:
            yield _problem(
                "too-few",
                "warning" if looked.draws else "error",
                f"The class {name!r} has {_count(count, 'picture')} that differ: add {_FEWEST - count} more at least,"
                f" better {advised} in all, or take the class out.",
            )
        elif count < advised:
            yield _problem(
                "few", "warning", f"The class {name!r} has only {count} different pictures: add more, to {advised} at least."
            )


def _imbalance(looked: Survey) -> Iterator[Problem]:
    counts = _different(looked)
    if len(counts) > 1 and max(counts.values()) > _IMBALANCE * min(counts.values()):
        most, least = max(counts, key=lambda name: counts[name]), min(counts, key=lambda name: counts[name])
        yield _problem(
            "imbalance",
            "warning",
            f"The class {most!r} has {counts[most]:,} different pictures and {least!r} only {counts[least]:,}: add pictures of"
            f" {least!r}, or the model will seldom find it.",
        )


def _spelling(looked: Survey) -> Iterator[Problem]:
    for _, names in groupby(sorted(_different(looked), key=simplified), key=simplified):
        spellings = sorted(names)
        if len(spellings) > 1:
            yield _problem(
                "spelling",
                "warning",
                f"The classes {_listed(spellings)} differ only in spelling: if they are one, spell it in one way.",
            )


def _several(looked: Survey) -> Iterator[Problem]:
    several = [sample for sample in looked.samples if sample.also]
    if several:
        yield _problem(
            "several-labels",
            "note",
            f"{_count(len(several), 'picture')} with several labels, such as {several[0].path} ({told(several[0].labels)}): a"
            " multi-label model will be trained, which tells each damage type for itself.",
            several,
        )


def _tiny(looked: Survey) -> Iterator[Problem]:
    tiny = [(sample, fact) for sample, fact in _seen(looked) if min(fact.width, fact.height) < _TINY]
    if tiny:
        sizes = ", ".join(f"{sample.path} ({fact.width}x{fact.height})" for sample, fact in tiny[:_NAMED])
        yield _problem(
            "tiny",
            "warning",
            f"{_count(len(tiny), 'picture')} under {_TINY} pixels on the shorter side, too small to show damage:"
            f" {sizes}{_more(tiny)}; use the originals or take them out.",
            [sample for sample, _ in tiny],
        )


def _pages(looked: Survey) -> Iterator[Problem]:
    animated = [sample for sample, fact in _seen(looked) if fact.pages > 1]
    if animated:
        yield _problem(
            "pages",
            "note",
            f"{_count(len(animated), 'picture')} with several pages or an animation, of which only the first is used:"
            f" {_named(animated)}.",
            animated,
        )


def _copies(looked: Survey) -> Iterator[Problem]:
    exact: defaultdict[str, list[Sample]] = defaultdict(list)
    for sample, fact in _seen(looked):
        exact[fact.sha256].append(sample)
    repeats = [samples for samples in exact.values() if len(samples) > 1]
    if repeats:
        yield _problem(
            "duplicates",
            "note",
            f"{_count(sum(len(samples) - 1 for samples in repeats), 'picture')} too many, exact copies of others, such as"
            f" {_named(repeats[0])}: they add nothing and are kept on one side of every split; take them out.",
            [sample for samples in repeats for sample in samples],
        )
    first_of_file = {fact.sha256: index for index, (_, fact) in reversed(list(enumerate(_seen(looked))))}
    near = [group for group in _groups(looked, sorted(first_of_file.values())) if len(group) > 1]
    if near:
        yield _problem(
            "near-duplicates",
            "note",
            f"Found {_count(len(near), 'group')} of pictures that are one photo resized, cropped, recompressed or mirrored,"
            f" such as {_named(near[0])}: they are kept on one side of every split; one of each is enough.",
            [sample for group in near for sample in group],
        )
    for group in near:
        if len(labels := {told(sample.labels) for sample in group if sample.labels}) > 1:
            yield _problem(
                "near-two-labels",
                "warning",
                f"Pictures that look like one photo are labelled {_listed(sorted(labels))}: look at {_named(group)} and correct"
                " the wrong label.",
                group,
            )


def leaks(looked: Survey) -> Iterator[Problem]:
    """Near-duplicates in more than one of train, validation and test."""
    leaking = [
        group
        for group in _groups(looked, range(len(looked.samples)))
        if len({sample.split for sample in group if sample.split is not None}) > 1
    ]
    if leaking:
        yield _problem(
            "split-leak",
            "warning",
            f"Found {_count(len(leaking), 'group')} of near-duplicates in more than one of train, validation and test, such as"
            f" {_named(leaking[0])}: scores would flatter the model; keep each group in one split.",
            [sample for group in leaking for sample in group],
        )


def _unlabelled(looked: Survey) -> Iterator[Problem]:
    bare = [sample for sample in looked.samples if sample.label is None]
    if bare and len(bare) < len(looked.samples) and not looked.draws:
        yield _problem(
            "unlabelled",
            "note",
            f"{_count(len(bare), 'picture')} without a label are not used for training: {_named(bare)}.",
            bare,
        )


def _shortcuts(looked: Survey) -> Iterator[Problem]:
    labelled = [index for index, sample in enumerate(looked.samples) if sample.label is not None]
    for shortcut in find_shortcuts(
        [looked.samples[index].labels for index in labelled],
        [looked.facts[index] for index in labelled],
        looked.groups[labelled],
    ):
        yield _problem("shortcut", "warning" if shortcut.auroc >= _STRONG else "note", shortcut.message)


def _doubts(looked: Survey, label_doubt: Mapping[Path, tuple[str, float]]) -> Iterator[Problem]:
    doubted = [
        (probability, sample, suggested)
        for sample in looked.samples
        for suggested, probability in [label_doubt.get(sample.path, (told(sample.labels), 0.0))]
        if sample.label is not None and suggested != told(sample.labels) and probability >= _DOUBT
    ]
    for probability, sample, suggested in sorted(doubted, key=lambda doubt: -doubt[0]):
        yield _problem(
            "label-doubt",
            "warning",
            f"{sample.path} is labelled {told(sample.labels)!r} but looks like {suggested!r} ({probability:.0%}): look at it"
            " and correct the label if it is wrong.",
            [sample],
        )


def _seen(looked: Survey) -> Iterator[tuple[Sample, PictureFacts]]:
    return zip(looked.samples, looked.facts, strict=True)


def _groups(looked: Survey, indices: Sequence[int]) -> list[list[Sample]]:
    """The samples at `indices`, by duplicate group."""
    groups: defaultdict[int, list[Sample]] = defaultdict(list)
    for index in indices:
        groups[int(looked.groups[index])].append(looked.samples[index])
    return list(groups.values())


def _problem(kind: str, severity: Severity, message: str, samples: Sequence[Sample] = ()) -> Problem:
    return Problem(kind=kind, severity=severity, message=message, files=tuple(str(sample.path) for sample in samples))


def _count(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number:,} {noun}s"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _named(samples: Sequence[Sample]) -> str:
    return ", ".join(str(sample.path) for sample in samples[:_NAMED]) + _more(samples)


def _more(items: Sequence[object]) -> str:
    return f" and {len(items) - _NAMED:,} more" if len(items) > _NAMED else ""
