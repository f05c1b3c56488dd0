"""Scores of boxes: what can be worked out by hand comes out, and what the library says agrees with our own counting."""

from __future__ import annotations

import json

import numpy as np
import pytest

from walkaround.damage.findings import FoundBox
from walkaround.damage.places import Box
from walkaround.errors import InputError
from walkaround.evaluation.box_scores import BoxScores
from walkaround.evaluation.detect import BoxRow, TrueBox, matched, score_boxes

HERE, NEAR, FAR = (10.0, 10.0, 50.0, 50.0), (12.0, 10.0, 52.0, 50.0), (200.0, 200.0, 260.0, 260.0)


def true(box: Box, label: str = "dent", *, crowd: bool = False) -> TrueBox:
    return TrueBox(label=label, box=box, crowd=crowd)


def found(box: Box, score: float = 0.9, label: str = "dent") -> FoundBox:
    return FoundBox(label=label, score=score, box=box)


def row(truth: list[TrueBox], boxes: list[FoundBox]) -> BoxRow:
    return BoxRow(truth=tuple(truth), found=tuple(boxes))


def scored(*rows: BoxRow, threshold: float = 0.5, classes: tuple[str, ...] = ("dent", "scratch")) -> BoxScores:
    return score_boxes(rows, classes=classes, thresholds=dict.fromkeys(classes, threshold))


def made_up(seed: int, pictures: int = 30) -> list[BoxRow]:
    """Pictures in which some boxes are found well, some badly, some twice, and some are invented."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(pictures):
        truth, boxes = [], []
        for _ in range(int(rng.integers(0, 5))):
            x, y, w, h = rng.uniform(0, 400), rng.uniform(0, 300), rng.uniform(5, 200), rng.uniform(5, 150)
            label = str(rng.choice(["dent", "scratch"]))
            truth.append(true((x, y, x + w, y + h), label, crowd=bool(rng.uniform() < 0.1)))
            for _ in range(int(rng.integers(0, 3))):
                dx, dy = rng.normal(0, 0.15, 2) * [w, h]
                boxes.append(found((x + dx, y + dy, x + dx + w, y + dy + h), float(rng.uniform(0.05, 1)), label))
        for _ in range(int(rng.integers(0, 3))):
            x, y = rng.uniform(0, 400), rng.uniform(0, 300)
            boxes.append(found((x, y, x + 50, y + 40), float(rng.uniform(0.05, 0.8)), str(rng.choice(["dent", "scratch"]))))
        rows.append(row(truth, boxes))
    return rows


def test_a_model_without_fault_has_the_best_scores() -> None:
    scores = scored(row([true(HERE), true(FAR, "scratch")], [found(HERE), found(FAR, label="scratch")]))
    average, told = scores.average, scores.told
    assert [average.ap, average.ap50, average.ap75, average.ar100, average.ap_medium] == [1.0] * 5
    assert (average.ap_small, average.ar_small, average.ap_large) == (None, None, None)
    assert (told.there, told.told, told.hits, told.precision, told.recall, told.f1) == (2, 2, 2, 1.0, 1.0, 1.0)


def test_a_wrong_box_above_a_right_one_costs_half_the_precision() -> None:
    scores = scored(row([true(HERE)], [found(FAR, 0.9), found(HERE, 0.8)]), classes=("dent",))
    assert scores.average.ap50 == pytest.approx(0.5)
    assert (scores.told.precision, scores.told.recall) == (0.5, 1.0)


@pytest.mark.parametrize(("shift", "right"), [(0.0, True), (13.3, True), (13.4, False)])  # 40 wide: a third is the limit
def test_half_of_both_boxes_has_to_be_common(shift: float, right: bool) -> None:
    moved = (HERE[0] + shift, HERE[1], HERE[2] + shift, HERE[3])
    assert scored(row([true(HERE)], [found(moved)])).told.hits == int(right)


def test_a_second_box_on_the_same_damage_is_a_false_alarm() -> None:
    assert scored(row([true(HERE)], [found(HERE), found(NEAR, 0.8)])).told.precision == 0.5


def test_a_name_of_another_class_is_a_miss_and_a_false_alarm() -> None:
    told = scored(row([true(HERE)], [found(HERE, label="scratch")])).told
    assert (told.hits, told.told, told.there) == (0, 1, 1)


def test_a_box_below_its_threshold_is_not_told_but_counts_in_the_average() -> None:
    scores = scored(row([true(HERE)], [found(HERE, 0.4)]))
    assert scores.average.ap50 == 1.0
    assert (scores.told.told, scores.told.precision, scores.told.recall) == (0, None, 0.0)


def test_a_crowd_is_neither_hit_nor_missed() -> None:
    crowd = true((0, 0, 100, 100), crowd=True)
    scores = scored(row([crowd, true(FAR)], [found(HERE), found(FAR, 0.8)]), classes=("dent",))
    assert scores.average.ap50 == 1.0
    assert (scores.told.there, scores.told.told, scores.told.precision) == (1, 1, 1.0)


def test_a_picture_without_damage_can_only_raise_false_alarms() -> None:
    scores = scored(row([], [found(HERE)]), row([], []))
    assert (scores.n, scores.average.ap, scores.told.precision, scores.told.recall) == (2, None, 0.0, None)
    assert scores.intervals == {}
    assert "only false alarms" in scores.notes[0]


@pytest.mark.parametrize("seed", range(6))
def test_our_own_matching_gives_the_librarys_average_precision(seed: int) -> None:
    rows = made_up(seed)
    scores = scored(*rows)
    for name in scores.classes:
        matches = [matched(one, name) for one in rows]
        order = np.argsort(-np.concatenate([match.scores for match in matches]), kind="stable")
        right = np.concatenate([match.right for match in matches])[order]
        recall = right.cumsum() / sum(match.there for match in matches)
        precision = np.maximum.accumulate((right.cumsum() / np.arange(1, len(right) + 1))[::-1])[::-1]
        at = np.searchsorted(recall, np.linspace(0, 1, 101))
        assert scores.per_class[name].average.ap50 == pytest.approx(np.append(precision, 0.0)[at].mean(), abs=1e-9)


def test_the_interval_holds_the_score_and_narrows_with_more_pictures() -> None:
    few, many = scored(*made_up(1, 20)), scored(*made_up(1, 300))
    for scores in (few, many):
        low, high = scores.intervals["ap50"]
        assert 0 <= low < (scores.average.ap50 or 0) < high <= 1
    widths = [scores.intervals["ap50"][1] - scores.intervals["ap50"][0] for scores in (few, many)]
    assert widths[1] < 0.6 * widths[0]


def test_the_same_seed_gives_the_same_interval() -> None:
    rows = made_up(2)
    assert scored(*rows).intervals == scored(*rows).intervals


def test_sizes_are_those_of_the_original() -> None:
    small, large = (0.0, 0.0, 20.0, 20.0), (100.0, 100.0, 300.0, 300.0)
    average = scored(row([true(small), true(large)], [found(large)])).average
    assert (average.ap_small, average.ap_large, average.ar100) == (0.0, 1.0, 0.5)


def test_a_class_that_the_model_does_not_know_is_left_out_and_told_of() -> None:
    scores = scored(row([true(HERE), true(FAR, "rust")], [found(HERE)]))
    assert scores.told.recall == 1.0
    assert "does not know the class 'rust'" in scores.notes[0]
    assert "No box is labelled 'scratch'" in scores.notes[1]
    with pytest.raises(InputError, match="'rust', which is none of its classes"):
        scored(row([], [found(HERE, label="rust")]))


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    scored(*made_up(3))
    assert capfd.readouterr() == ("", "")


def test_scores_are_plain_values() -> None:
    told = json.loads(json.dumps(scored(*made_up(4)).as_json()))
    assert told["classes"]["dent"]["threshold"] == 0.5
    assert set(told["intervals"]) == {"ap50", "precision", "recall"}
    assert told["n"] == 30


def test_no_pictures_have_no_scores() -> None:
    scores = scored()
    assert (scores.n, scores.average.ap, scores.told.precision) == (0, None, None)


def test_one_picture_without_fault_proves_little() -> None:
    scores = scored(row([true(HERE)], [found(HERE)]), row([], []))
    for low, high in (scores.intervals["ap50"], scores.per_class["dent"].intervals["ap50"]):
        assert low == pytest.approx(0.2065, abs=1e-3)
        assert high == 1.0
    assert scores.per_class["scratch"].intervals == {}
