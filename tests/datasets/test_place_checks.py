"""What the check says of boxes and masks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from walkaround.damage.places import Place
from walkaround.datasets.checks import check_survey
from walkaround.datasets.sample import Dataset, Sample
from walkaround.datasets.survey import Survey
from walkaround.media.facts import PictureFacts

LARGE = (100.0, 100.0, 400.0, 400.0)
TINY = (100.0, 100.0, 110.0, 400.0)


def looked(facts: PictureFacts, *samples: Sample) -> Survey:
    count = len(samples)
    return Survey(
        samples=samples,
        facts=tuple(replace(facts, path=sample.path, sha256=str(number)) for number, sample in enumerate(samples)),
        groups=np.arange(count),
        problems=(),
    )


def sample(
    number: int, label: str | None, *places: tuple[str, tuple[float, float, float, float]], drawn: bool = True
) -> Sample:
    told = tuple(Place(label=name, box=box) for name, box in places)
    return Sample(path=Path(f"{number}.jpg"), label=label, places=told if drawn else None)


def many(count: int, *places: tuple[str, tuple[float, float, float, float]]) -> list[Sample]:
    return [sample(number, "anomaly", *places) for number in range(count)]


@pytest.mark.parametrize(
    ("samples", "kind", "severity", "text"),
    [
        (many(4, ("dent", LARGE)), "rare-places", "warning", "'dent' is on 4"),
        (many(6, ("dent", LARGE), ("dent", LARGE)), "few-places", "note", "'dent' is on 6"),
        (many(6, ("dent", TINY)), "tiny-places", "warning", "6 of 6 'dent'"),
        ([*many(19, ("dent", LARGE)), sample(99, "anomaly", ("dent", TINY))], "tiny-places", "note", "1 of 20 'dent'"),
        (many(6, ("Dent", LARGE), ("dent", LARGE)), "spelling", "warning", "'Dent', 'dent'"),
        ([sample(1, "normal", ("dent", LARGE))], "normal-with-places", "warning", "1.jpg"),
        ([sample(1, "anomaly"), *many(2, ("dent", LARGE))], "damage-without-places", "note", "On 1 pictures"),
        ([sample(1, None, drawn=False), *many(2, ("dent", LARGE))], "undrawn", "note", "1 of 3 pictures"),
    ],
)
def test_a_fault_of_places_is_told(
    some_facts: PictureFacts, samples: list[Sample], kind: str, severity: str, text: str
) -> None:
    survey = looked(some_facts, *samples)
    report = check_survey(Dataset(origin="here", samples=tuple(samples)), survey)
    [problem] = [problem for problem in report.problems if problem.kind == kind]
    assert problem.severity == severity
    assert text in problem.message


def test_places_are_counted_and_need_no_labels_of_pictures(some_facts: PictureFacts) -> None:
    samples = [sample(number, None, ("front_door", LARGE), ("hood", LARGE)) for number in range(60)]
    report = check_survey(Dataset(origin="here", samples=tuple(samples)), looked(some_facts, *samples))
    assert report.as_json()["places"] == {"front_door": 60, "hood": 60}
    assert report.passed
    assert not {problem.kind for problem in report.problems} & {"no-labels", "unlabelled", "few-places"}


def test_a_dataset_without_places_is_told_nothing_of_them(some_facts: PictureFacts) -> None:
    samples = [sample(number, "normal", drawn=False) for number in range(3)]
    report = check_survey(Dataset(origin="here", samples=tuple(samples)), looked(some_facts, *samples))
    assert {problem.kind for problem in report.problems} & {"undrawn", "few-places", "rare-places"} == set()
