from __future__ import annotations

from pathlib import Path

import pytest

from walkaround.damage.places import Place
from walkaround.datasets.renaming import parse_renames, renamed
from walkaround.datasets.sample import Dataset, Sample
from walkaround.errors import DatasetError, InputError

BOX = (0.0, 0.0, 5.0, 5.0)
DATASET = Dataset(
    origin="here",
    samples=(
        Sample(
            path=Path("a.jpg"),
            label="minor-dent",
            places=(Place(label="severe-dent", box=BOX), Place(label="scratch", box=BOX)),
        ),
        Sample(path=Path("b.jpg"), label=None, places=()),
        Sample(path=Path("c.jpg"), label="normal"),
    ),
)


@pytest.mark.parametrize(
    ("rules", "labels", "places"),
    [
        ([], ["minor-dent", None, "normal"], ["severe-dent", "scratch"]),
        (["*-dent=dent"], ["dent", None, "normal"], ["dent", "scratch"]),
        (["severe-dent=smash", "*-dent=dent"], ["dent", None, "normal"], ["smash", "scratch"]),
        (["*=damage", "scratch=never"], ["damage", None, "normal"], ["damage", "damage"]),
        (["normal=whole"], ["minor-dent", None, "whole"], ["severe-dent", "scratch"]),
        (["scratch=severe-dent", "severe-dent=scratch"], ["minor-dent", None, "normal"], ["scratch", "severe-dent"]),
        (["[ms]*-dent=a=b"], ["minor-dent", None, "normal"], ["severe-dent", "scratch"]),
    ],
)
def test_the_first_rule_that_fits_counts(rules: list[str], labels: list[str | None], places: list[str]) -> None:
    dataset = renamed(DATASET, parse_renames(rules), demanding=False)
    assert [sample.label for sample in dataset.samples] == labels
    assert [place.label for place in dataset.samples[0].places or ()] == places
    assert [sample.places for sample in dataset.samples[1:]] == [(), None]


def test_a_rule_that_fits_nothing_names_what_there_is() -> None:
    with pytest.raises(DatasetError, match=r"'dint'.*'minor-dent', 'normal', 'scratch', 'severe-dent'"):
        renamed(DATASET, parse_renames(["dint=dent"]))


@pytest.mark.parametrize("text", ["dent", "=dent", "dent=", "a=\x07", "a=" + "b" * 200])
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="write OLD=NEW"):
        parse_renames([text])
