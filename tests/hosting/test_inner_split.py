"""The test set that is taken out of a project's only dataset."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from walkaround.datasets.sample import Sample
from walkaround.errors import TrainingError
from walkaround.hosting.operations.training.inner_split import check_minimums, with_test


def samples(normal: int, anomaly: int) -> list[Sample]:
    labels = ["normal"] * normal + ["anomaly"] * anomaly
    return [Sample(path=Path(f"{number}.jpg"), label=label) for number, label in enumerate(labels)]


@pytest.mark.parametrize(
    ("normal", "anomaly", "tested"),
    [(20, 10, (10, 10)), (20, 14, (10, 14)), (20, 15, (10, 10)), (100, 40, (20, 10)), (1000, 500, (200, 100))],
)
def test_at_least_ten_of_each_are_tested_and_a_fifth_where_that_is_more(
    normal: int, anomaly: int, tested: tuple[int, int]
) -> None:
    given = samples(normal, anomaly)
    split = with_test(given, np.arange(len(given)))
    assert [one.path for one in split] == [one.path for one in given]
    counts = Counter(one.label for one in split if one.split == "test")
    assert (counts["normal"], counts["anomaly"]) == tested
    assert split == with_test(given, np.arange(len(given)))
    assert split != with_test(given, np.arange(len(given)), seed=1) or tested == (normal, anomaly)


def test_near_copies_stay_together() -> None:
    given = samples(60, 60)
    groups = np.arange(120) // 3
    split = with_test(given, groups)
    assert all(len({one.split for one in split[at : at + 3]}) == 1 for at in range(0, 120, 3))
    assert all(12 <= count <= 14 for count in Counter(one.label for one in split if one.split == "test").values())


@pytest.mark.parametrize(("normal", "anomaly"), [(19, 10), (20, 9)])
def test_too_few_pictures_are_refused(normal: int, anomaly: int) -> None:
    with pytest.raises(TrainingError, match=f"{normal} usable pictures labelled normal and {anomaly}"):
        check_minimums(samples(normal, anomaly), normal=20, anomaly=10, left_out=3)
