"""What is kept of test pictures: it survives its file, and tells the same scores as the measurement did, at any threshold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from walkaround.damage.findings import FoundBox
from walkaround.errors import InputError
from walkaround.evaluation.measured import MeasuredPicture, MeasuredSet, evaluation_at, from_lines, to_lines
from walkaround.evaluation.scorecard import as_json


def picture(number: int, label: str | None, damage: float, **more: Any) -> MeasuredPicture:
    probabilities = {"normal": 1 - damage, "anomaly": damage}
    return MeasuredPicture(
        ref=f"s3://photos/{number}.jpg",
        split="test",
        label=label,
        damage=damage,
        probabilities=probabilities,
        width=64,
        height=48,
        **more,
    )


def drawn_set(*, n: int = 80, seed: int = 0) -> MeasuredSet:
    rng = np.random.default_rng(seed)
    damaged = rng.random(n) < 0.4
    damage = np.clip(rng.normal(0.35 + 0.35 * damaged, 0.2), 0, 1)
    return MeasuredSet(
        classes=("normal", "anomaly"),
        normal=("normal",),
        threshold=0.5,
        pictures=tuple(
            picture(number, "anomaly" if true else "normal", float(value))
            for number, (true, value) in enumerate(zip(damaged, damage, strict=True))
        ),
    )


def test_a_set_survives_its_file() -> None:
    boxes = (FoundBox(label="dent", score=0.9, box=(1.0, 2.0, 30.5, 40.0)),)
    some = replace(
        drawn_set(n=3), pictures=(picture(0, "anomaly", 0.123456789012345, boxes=boxes, line='{"a": 1}'), picture(1, None, 0.5))
    )
    again = from_lines(list(to_lines(some)))
    assert again.pictures == some.pictures
    assert (again.classes, again.normal, again.threshold, again.exact) == (some.classes, some.normal, 0.5, True)
    assert again.fingerprint == some.fingerprint


def test_a_file_of_a_later_format_is_refused() -> None:
    lines = list(to_lines(drawn_set(n=1)))
    with pytest.raises(ValueError, match="later format"):
        from_lines([lines[0].replace('"format": 1', '"format": 2'), *lines[1:]])


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.71, 1.0])
def test_scores_at_a_threshold_are_those_of_scikit_learn(threshold: float) -> None:
    some = drawn_set()
    truth = np.array([one.label == "anomaly" for one in some.pictures])
    alarm = some.damage >= threshold
    scores = evaluation_at(some, threshold).scores
    assert scores.damage_accuracy == metrics.accuracy_score(truth, alarm)
    assert scores.recall == metrics.recall_score(truth, alarm)
    assert scores.precision == (metrics.precision_score(truth, alarm) if alarm.any() else None)
    assert scores.auroc == pytest.approx(metrics.roc_auc_score(truth, some.damage))
    low, high = scores.intervals["recall"]
    assert low <= (scores.recall or 0.0) <= high


def test_pictures_without_a_label_have_no_say() -> None:
    some = drawn_set(n=20)
    more = replace(some, pictures=(*some.pictures, picture(99, None, 0.9)))
    assert as_json(evaluation_at(more, 0.5), {}) == as_json(evaluation_at(some, 0.5), {})


def test_the_fingerprint_is_of_pictures_and_labels_alone() -> None:
    some = drawn_set(n=20)
    turned = replace(some, pictures=some.pictures[::-1], threshold=0.1)
    other = replace(some, pictures=(replace(some.pictures[0], label=None), *some.pictures[1:]))
    assert some.fingerprint == turned.fingerprint
    assert some.fingerprint != other.fingerprint


def test_a_threshold_that_is_no_probability_is_refused() -> None:
    with pytest.raises(InputError, match="is no threshold"):
        evaluation_at(drawn_set(n=4), 1.5)


def test_kinds_of_damage_keep_their_names_at_another_threshold() -> None:
    probabilities = {"whole": 0.5, "dent": 0.2, "scratch": 0.3}
    one = replace(picture(0, "scratch", 0.5), probabilities=probabilities)  # each for itself, or adding up: damage counts
    some = MeasuredSet(classes=("whole", "dent", "scratch"), normal=("whole",), threshold=0.6, pictures=(one,))
    assert some.damage.tolist() == [0.5]
    assert [some.findings(0, threshold).label for threshold in (0.6, 0.4)] == ["whole", "scratch"]


def test_kinds_of_a_multi_label_model_are_told_from_their_own_thresholds() -> None:
    probabilities = {"normal": 0.2, "dent": 0.7, "scratch": 0.4}
    one = replace(picture(0, "dent", 0.8, also=("scratch",)), probabilities=probabilities)
    other = replace(picture(1, "normal", 0.1), probabilities={"normal": 0.9, "dent": 0.1, "scratch": 0.1})
    some = MeasuredSet(
        classes=("normal", "dent", "scratch"),
        normal=("normal",),
        threshold=0.5,
        kind_thresholds={"dent": 0.5, "scratch": 0.3},
        pictures=(one, other) * 20,
    )
    assert (one.told, some.is_damaged(one), some.is_damaged(other)) == ("dent; scratch", True, False)
    assert list(some.findings(0, 0.5).kinds or ()) == ["dent", "scratch"]
    assert some.findings(0, 0.9).kinds == {}
    again = from_lines(list(to_lines(some)))
    assert again.pictures == some.pictures
    kinds = [evaluation_at(again, threshold).kinds for threshold in (0.5, 0.9)]
    assert [one.subset_accuracy if one is not None else None for one in kinds] == [1.0, 0.5]
