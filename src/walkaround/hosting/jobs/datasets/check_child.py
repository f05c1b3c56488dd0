"""A check as a process of its own: pictures from buckets in, problems out, each with the entries that it is about.

Run as `python -m walkaround.hosting.jobs.datasets.check_child FOLDER PARENT LOG`, with the settings as JSON on its input;
`check_job` starts it. Pictures are called by the names which they were uploaded under.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from walkaround.buckets.buckets import buckets_of
from walkaround.datasets.checks import check_survey, leaks
from walkaround.datasets.sample import SEVERITIES, Dataset, Problem, Sample
from walkaround.datasets.survey import Survey, survey
from walkaround.errors import TrainingError
from walkaround.hosting.jobs.datasets.check_job import OTHER_FILE, OWN_FILE, RESULT_FILE, TASK_FILE
from walkaround.hosting.jobs.fetching import Report, fetch
from walkaround.hosting.jobs.named_pictures import NamedEntry, id_of, linked, read_entries, run_told
from walkaround.hosting.jobs.told_child import Teller
from walkaround.hosting.jobs.training.training_places import with_places
from walkaround.hosting.operations.lines.manifest_lines import stored_line
from walkaround.settings import Settings
from walkaround.training.check import Unseen, read_unseen
from walkaround.training.recipe import Part, Recipe

_MESSAGES = 50
"""Sentences of one kind of problem; there may be one for each picture."""


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What was looked at.

    Attributes:
        all: the pictures of both datasets.
        own: those of the dataset that is checked.
        missing: problems of pictures that are not in their bucket.
    """

    all: Survey
    own: Survey
    missing: Sequence[Problem]


def run_check(folder: Path, settings: Settings, *, report: Report) -> dict[str, Any]:
    """Check what was put aside in `folder`.

    Raises:
        UnavailableError: a bucket does not answer.
        StorageError: the disk refuses.
    """
    told = json.loads((folder / TASK_FILE).read_text(encoding="utf-8"))
    own, other = list(read_entries(folder / OWN_FILE)), list(read_entries(folder / OTHER_FILE))
    links, kind = folder / "own", str(told["kind"])
    beside = folder / ("test" if kind == "train" else "train")
    get = partial(fetch, buckets=buckets_of(settings), cache=settings.data / "cache" / "pictures", report=report)
    paths = get([entry.ref for entry in (*own, *other)], doing="Fetching pictures")
    looked = _looked(own, other, paths, links=links, beside=beside, kind=kind, report=report)
    drawn = _drawn(looked.own, own, links, partial(get, doing="Fetching masks"))
    unseen = None
    if told["labels"]:
        recipe = Recipe(cache=settings.data / "cache" / "features", only=(Part.VERDICT,))
        unseen = read_unseen(looked.own, recipe, report)
    found = check_survey(
        Dataset(origin=folder, samples=looked.own.samples), drawn[0], label_doubt={} if unseen is None else unseen.doubts
    )
    problems = [*looked.missing, *drawn[1], *found.problems, *_leaks(looked.all, links)]
    problems.sort(key=lambda problem: SEVERITIES.index(problem.severity))
    labels = {entry.id: entry.label for entry in own}
    counts = {"counts": dict(found.counts), "unlabelled": found.unlabelled, "places": dict(found.places)}
    result = {
        **_told(problems, counts, labels, links=links, beside=beside, pictures=len(own), read_labels=unseen is not None),
        "doubts": list(_doubts(unseen, labels, links)),
    }
    (folder / RESULT_FILE).write_text(json.dumps(result), encoding="utf-8")
    return {"done": True}


def _looked(
    own: Sequence[NamedEntry],
    other: Sequence[NamedEntry],
    paths: Mapping[int, Path],
    *,
    links: Path,
    beside: Path,
    kind: str,
    report: Report,
) -> Looked:
    """Look at the pictures of both datasets, because the same photo in both makes scores flatter."""
    samples, missing = [], []
    for number, entry in enumerate((*own, *other)):
        place, split = (links, kind) if number < len(own) else (beside, beside.name)
        if number in paths:
            path = linked(entry, paths[number], place)
            samples.append(Sample(path=path, label=entry.label, split="train" if split == "train" else "test"))
        elif place == links:
            missing.append(
                Problem(
                    kind="missing",
                    severity="warning",
                    message=f"{entry.name} is not in its bucket any more, or too large: put it back, or take it out.",
                    files=(f"{links}/{entry.id}/",),
                )
            )
    dataset = Dataset(origin=links, samples=tuple(samples))
    looked = survey(dataset, progress=lambda done, of: report("Looking at pictures", done, of))
    return Looked(all=looked, own=_own(looked, links), missing=missing)


def _own(looked: Survey, links: Path) -> Survey:
    """The part of a survey that is of the dataset itself."""
    keep = [number for number, sample in enumerate(looked.samples) if id_of(str(sample.path), links) is not None]
    return Survey(
        samples=tuple(looked.samples[number] for number in keep),
        facts=tuple(looked.facts[number] for number in keep),
        groups=looked.groups[np.array(keep, dtype=np.int64)],
        problems=tuple(one for one in looked.problems if any(id_of(file, links) is not None for file in one.files)),
        left_out=tuple(sample for sample in looked.left_out if id_of(str(sample.path), links) is not None),
    )


def _drawn(looked: Survey, own: Sequence[NamedEntry], links: Path, get: Any) -> tuple[Survey, list[Problem]]:
    """The survey with what was drawn; where masks cannot be used, without it and with the reason."""
    lines = {entry.id: stored_line(entry.line) for entry in own}
    if not any(line.masks or line.boxes is not None for line in lines.values()):
        return looked, []
    by_path = {sample.path: lines[id_of(str(sample.path), links) or 0] for sample in looked.samples}
    try:
        return with_places(looked, by_path, get), []
    except TrainingError as problem:
        return looked, [Problem(kind="bad-place", severity="error", message=str(problem))]


def _leaks(looked: Survey, links: Path) -> Iterator[Problem]:
    """Near-duplicates in both datasets."""
    for problem in leaks(looked):
        if any(id_of(file, links) is not None for file in problem.files):
            yield problem


def _told(
    problems: Sequence[Problem],
    counts: Mapping[str, Any],
    labels: Mapping[int, str | None],
    *,
    links: Path,
    beside: Path,
    pictures: int,
    read_labels: bool,
) -> dict[str, Any]:
    """The report, one problem for each kind, and the entries that each is about."""
    groups: dict[str, dict[str, Any]] = {}
    flags: dict[tuple[int, str], int] = {}
    own, other = re.compile(re.escape(f"{links}/") + r"\d+/"), re.compile(re.escape(f"{beside}/") + r"\d+/")
    for problem in problems:
        group = groups.setdefault(
            problem.kind,
            {"kind": problem.kind, "severity": problem.severity, "messages": [], "count": 0},
        )
        group["count"] += 1
        if len(group["messages"]) < _MESSAGES:
            group["messages"].append(other.sub(f"{beside.name}/", own.sub("", problem.message)))
        for file in problem.files:
            entry = id_of(file, links)
            if entry is not None:
                flags.setdefault((entry, problem.kind), len(flags))
    told = []
    for group in groups.values():
        named = sum(kind == group["kind"] for _, kind in flags)
        told.append({**group, "pictures": named})
    return {
        "report": {
            "pictures": pictures,
            "passed": all(problem.severity != "error" for problem in problems),
            "read_labels": read_labels,
            **counts,
            "problems": told,
        },
        "flags": [[entry, kind, number, labels[entry]] for (entry, kind), number in flags.items()],
    }


def _doubts(
    unseen: Unseen | None, labels: Mapping[int, str | None], links: Path
) -> Iterator[tuple[int, float, str, str | None]]:
    for path, doubt, suggests in () if unseen is None else unseen.opinions:
        entry = id_of(str(path), links)
        if entry is not None:
            yield entry, doubt, suggests, labels[entry]


def main(arguments: list[str]) -> None:
    """Check what FOLDER holds."""
    run_told(lambda folder, settings: run_check(folder, settings, report=Teller()), arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
