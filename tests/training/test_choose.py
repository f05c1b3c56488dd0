"""Candidates are compared on pictures they did not see, within the time there is."""

from __future__ import annotations

import time

import numpy as np
import pytest
from numpy.typing import NDArray

from walkaround.models.classify import Classifier
from walkaround.models.heads import LinearHead, Rows, fit_linear
from walkaround.models.projection import Projection
from walkaround.training.choose import MOST_KERNEL_ROWS, Candidate, Trial, best, compare, labels_of, training_rows
from walkaround.training.fitting import choose_threshold

IDS = np.arange(40, dtype=np.int64) % 2
FOLDS = np.arange(40, dtype=np.int64) // 2 % 4
GOOD = Candidate(name="good", fit=lambda rows, ids: fit_linear(rows, ids, strength=10.0))


def guess(rows: Rows, ids: NDArray[np.int64]) -> LinearHead:
    """A head that calls everything the second class."""
    return LinearHead(weights=np.zeros((rows.shape[1], 1), np.float32), offsets=np.ones(1, np.float32))


def slow(rows: Rows, ids: NDArray[np.int64]) -> LinearHead:
    time.sleep(0.05)
    return guess(rows, ids)


GUESS, SLOW = Candidate(name="guess", fit=guess), Candidate(name="slow", fit=slow)


def views(count: int = 2) -> list[Rows]:
    """Two classes apart along the first coordinate; each view is noisier than the one before."""
    rng = np.random.default_rng(0)
    clean = np.stack([IDS * 2.0 - 1, np.zeros(40)], axis=1)
    return [(clean + rng.normal(0, 0.2 + number, clean.shape)).astype(np.float32) for number in range(count)]


def test_the_better_candidate_wins_and_equals_keep_their_order() -> None:
    seen: list[tuple[int, int]] = []
    trials = compare(views(), IDS, FOLDS, candidates=[GUESS, GOOD, GOOD], progress=lambda *done: seen.append(done))
    assert [trial.candidate.name for trial in trials] == ["guess", "good", "good"]
    assert best(trials) is trials[1]
    assert trials[0].accuracy == (0.5, 0.5)
    assert trials[1].accuracy[0] > 0.95 > trials[1].accuracy[1] > 0.6
    assert trials[1].merit == pytest.approx(sum(trials[1].accuracy) / 2)
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_every_score_comes_from_a_head_that_did_not_see_the_picture() -> None:
    """Labels of pure noise cannot be told out of fold, though they can by heart."""
    rng = np.random.default_rng(3)
    rows, ids = rng.normal(size=(200, 60)).astype(np.float32), rng.integers(0, 2, 200)
    by_heart = labels_of(GOOD.fit(rows, ids).scores(rows)) == ids
    trial = compare([rows], ids, np.arange(200) % 5, candidates=[GOOD])[0]
    assert by_heart.mean() > 0.7
    assert 0.35 < trial.accuracy[0] < 0.65


@pytest.mark.parametrize(("left", "tried"), [(-1.0, 1), (0.0, 1), (0.3, 1), (60.0, 3)])
def test_a_candidate_that_would_not_be_done_in_time_is_not_begun(left: float, tried: int) -> None:
    deadline = time.monotonic() + left
    assert len(compare(views(), IDS, FOLDS, candidates=[SLOW] * 3, deadline=deadline)) == tried


def test_rows_beyond_what_a_kernel_takes_are_thinned_evenly() -> None:
    rows, ids = np.arange(9000, dtype=np.float32)[:, None], np.arange(9000) % 3
    thinned, kept = training_rows([rows], ids, seed=1)
    assert len(thinned) == len(kept) == MOST_KERNEL_ROWS
    assert (thinned[:, 0].astype(int) % 3 == kept).all()
    assert len(training_rows([rows[:10], rows[:10]], ids[:10], seed=1)[0]) == 20


@pytest.mark.parametrize(("scores", "labels"), [([[0.5], [-0.1]], [1, 0]), ([[0.1, 0.3, 0.2], [2, 1, 0]], [1, 0])])
def test_labels_of_scores(scores: list[list[float]], labels: list[int]) -> None:
    assert labels_of(np.array(scores, dtype=np.float32)).tolist() == labels


def threshold_of(scores: list[float], ids: list[int], damaged: tuple[bool, ...]) -> float:
    """The threshold for out-of-fold scores of one view, of which the probability is the sigmoid."""
    trial = Trial(candidate=GUESS, scores=np.array(scores, np.float32)[None, :, None], accuracy=(0.5,), seconds=0.0)
    one = np.ones(1, np.float32)
    classifier = Classifier(
        projection=Projection(mean=one, scale=one, components=one[:, None]),
        head=guess(np.zeros((1, 1), np.float32), np.zeros(1, np.int64)),
        damaged=damaged,
        slope=1.0,
        offset=0.0,
    )
    return choose_threshold(trial, classifier, np.array(ids))


def test_the_threshold_separates_what_can_be_separated() -> None:
    """Whole cars score up to 1, damaged ones from 2: half would call two whole cars damaged."""
    threshold = threshold_of([-1, 0.5, 1, 2, 3], [0, 0, 0, 1, 1], (False, True))
    assert 1 / (1 + np.exp(-1)) < threshold <= 1 / (1 + np.exp(-2))


def test_without_a_whole_class_everything_is_damaged() -> None:
    assert threshold_of([-1, 1], [0, 1], (True, True)) == 0.5
