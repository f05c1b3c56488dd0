from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, jaccard_score, precision_recall_fscore_support

from walkaround.damage.findings import Findings, FoundMasks
from walkaround.damage.places import Place, Polygons
from walkaround.datasets.sample import Sample
from walkaround.errors import InputError, PictureError
from walkaround.evaluation.segment import MaskTally, measure_masks, pixel_confusion

CLASSES = ("dent", "scratch")


def square(left: int, top: int, right: int, bottom: int, *, label: str = "dent", crowd: bool = False) -> Place:
    ring = ((left, top), (right, top), (right, bottom), (left, bottom))
    return Place(label=label, box=None, outline=Polygons(rings=(ring,)), crowd=crowd)


def answer(path: Path, labels: NDArray[np.uint8], *, names: tuple[str, ...] = CLASSES) -> Findings:
    masks = FoundMasks(names=names, labels=labels, colours={})
    return Findings(source=str(path), anomalous=True, confidence=1, label="anomaly", damage=1, width=8, height=8, masks=masks)


def maps(count: int, *, seed: int = 0, wrong: float = 0.3) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Truth and a guess of which a part is wrong."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        truth = np.kron(rng.integers(0, 3, (2, 3)), np.ones((5, 7), dtype=int)).astype(np.uint8)
        yield truth, np.where(rng.random(truth.shape) < wrong, rng.integers(0, 3, truth.shape), truth).astype(np.uint8)


def test_scores_over_all_pixels_are_those_of_scikit_learn() -> None:
    tally, pairs = MaskTally(CLASSES), list(maps(6))
    for truth, found in pairs:
        tally.add(truth, found)
    scores = tally.scores()
    flat = [np.concatenate([pair[side].ravel() for pair in pairs]) for side in (0, 1)]
    iou = jaccard_score(*flat, average=None)
    precision, recall, f1, _ = precision_recall_fscore_support(*flat)
    np.testing.assert_array_equal(scores.confusion, confusion_matrix(*flat))
    assert scores.mean_iou == pytest.approx(iou[1:].mean())
    assert scores.mean_iou_with_background == pytest.approx(iou.mean())
    assert scores.background_iou == pytest.approx(iou[0])
    assert scores.accuracy == pytest.approx((flat[0] == flat[1]).mean())
    np.testing.assert_allclose(tally.iou, iou)
    for number, name in enumerate(CLASSES, start=1):
        told = scores.per_class[name]
        assert told.iou == pytest.approx(iou[number])
        pixels = (told.pixels.precision, told.pixels.recall, told.pixels.f1)
        assert pixels == pytest.approx((precision[number], recall[number], f1[number]))
        assert told.share == pytest.approx((flat[0] == number).mean())


def test_every_picture_counts_the_same_in_aiou_and_false_alarms_count_nothing() -> None:
    tally = MaskTally(["dent"])
    large, small, none = (np.zeros((10, 10), dtype=np.uint8) for _ in range(3))
    large[:, :] = 1
    small[0, :2] = 1
    found = small.copy()
    found[0, 1] = 0
    tally.add(large, large)  # 1
    tally.add(small, found)  # a half
    tally.add(none, small)  # 0: a false alarm
    tally.add(none, none)  # not involved
    told = tally.scores().per_class["dent"]
    assert told.aiou == pytest.approx(0.5)
    assert told.iou == pytest.approx(101 / 104)
    assert told.support == 2
    assert (told.pictures.precision, told.pictures.recall) == pytest.approx((2 / 3, 1.0))
    assert told.pictures.f1 == pytest.approx(0.8)


def test_a_coarse_grid_is_laid_over_the_picture_and_ignored_pixels_count_neither_way() -> None:
    truth = np.zeros((6, 8), dtype=np.uint8)
    truth[:3, :4] = 1
    found = np.array([[1, 0], [2, 0]], dtype=np.uint8)
    expected = [[24, 0, 12], [0, 12, 0], [0, 0, 0]]
    np.testing.assert_array_equal(pixel_confusion(truth, found, classes=2), expected)
    ignored = np.zeros(truth.shape, dtype=np.bool_)
    ignored[3:, :4] = True
    counted = pixel_confusion(truth, found, classes=2, ignored=ignored)
    np.testing.assert_array_equal(counted, [[24, 0, 0], [0, 12, 0], [0, 0, 0]])


@pytest.mark.parametrize("shape", [(1, 5_000_000), (3000, 1500), (7, 1)])
def test_large_and_long_pictures_are_counted_whole(shape: tuple[int, int]) -> None:
    truth = np.ones(shape, dtype=np.uint8)
    assert pixel_confusion(truth, np.array([[1]], dtype=np.uint8), classes=1).tolist() == [[0, 0], [0, truth.size]]


def test_what_nobody_showed_or_named_is_no_score_and_does_not_lower_the_mean() -> None:
    tally = MaskTally(CLASSES)
    truth = np.ones((4, 4), dtype=np.uint8)
    tally.add(truth, truth)
    scores = tally.scores()
    scratch = scores.per_class["scratch"]
    assert (scratch.iou, scratch.aiou, scratch.pixels.f1, scratch.pictures.f1, scratch.support) == (None, None, None, None, 0)
    assert scores.mean_iou == scores.mean_iou_with_background == 1.0
    assert scores.background_iou is None
    assert MaskTally(CLASSES).scores().mean_iou is None
    assert scores.as_json()["classes"]["scratch"]["iou"] is None


def test_intervals_hold_the_truth_about_95_times_of_100_even_for_few_pictures() -> None:
    rng, pictures, runs, held, aheld = np.random.default_rng(5), 12, 100, 0, 0
    quality = rng.beta(2, 1, size=200_000)  # of a picture: the share of its 100 pixels of dent that are found, none is false
    size = 100
    truth = np.ones((1, size), dtype=np.uint8)
    for run in range(runs):
        tally = MaskTally(["dent"])
        for right in (rng.choice(quality, size=pictures) * size).astype(int):
            tally.add(truth, (np.arange(size) < right).astype(np.uint8)[None])
        told = tally.scores(seed=run).per_class["dent"].intervals
        mean = float((quality * size).astype(int).mean()) / size
        held += told["iou"][0] <= mean <= told["iou"][1]
        aheld += told["aiou"][0] <= mean <= told["aiou"][1]
    assert 0.88 * runs <= held
    assert 0.92 * runs <= aheld


def test_intervals_are_around_their_scores_and_repeat_with_the_seed() -> None:
    tally = MaskTally(CLASSES)
    for truth, found in maps(20):
        tally.add(truth, found)
    scores = tally.scores(seed=3)
    for name in ("mean_iou", "mean_iou_with_background", "mean_aiou", "background_iou"):
        low, high = scores.intervals[name]
        assert 0 <= low < getattr(scores, name) < high <= 1
    assert scores.as_json() == tally.scores(seed=3).as_json()


def test_predictions_are_measured_against_what_was_drawn_on_samples(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(4)]
    half = square(0, 0, 4, 8)
    samples = [
        Sample(path=paths[0], label=None, places=(half, square(4, 0, 8, 8, crowd=True))),
        Sample(path=paths[1], label=None, places=(square(0, 0, 8, 8, label="rust"), half)),
        Sample(path=paths[2], label=None, places=()),
        Sample(path=paths[3], label="normal", places=None),
    ]
    grid = np.array([[2, 1]], dtype=np.uint8)  # the other order of names: dent on the left, scratch on the right

    def predict(asked: Sequence[Path]) -> list[Findings | PictureError]:
        assert list(asked) == paths[:3]
        return [
            answer(paths[0], grid, names=CLASSES[::-1]),
            answer(paths[1], grid, names=CLASSES[::-1]),
            PictureError("no picture"),
        ]

    scores = measure_masks(predict, samples, classes=CLASSES)
    assert scores.n == 2
    assert scores.confusion.tolist() == [[0, 0, 0], [0, 64, 0], [0, 0, 0]]
    assert scores.unreadable == ((str(paths[2]), "no picture"),)


@pytest.mark.parametrize("count", [0, 2])
def test_a_model_that_gives_too_few_or_many_answers_or_no_masks_is_refused(tmp_path: Path, count: int) -> None:
    path = tmp_path / "a.png"
    samples = [Sample(path=path, label=None, places=())]
    whole = np.zeros((1, 1), dtype=np.uint8)
    with pytest.raises(InputError, match=f"{count} answers for 1"):
        measure_masks(lambda paths: [answer(path, whole)] * count, samples, classes=CLASSES)
    none = Findings(source="a", anomalous=False, confidence=1, label="normal", damage=0, width=8, height=8)
    with pytest.raises(InputError, match="no masks"):
        measure_masks(lambda paths: [none], samples, classes=CLASSES)
    with pytest.raises(InputError, match="beyond its 1 classes"):
        pixel_confusion(whole, whole + 2, classes=1)


def test_a_few_pictures_without_fault_prove_little() -> None:
    tally = MaskTally(CLASSES)
    for label in (0, 1, 1):
        tally.add(np.full((4, 4), label, np.uint8), np.full((4, 4), label, np.uint8))
    scores = tally.scores()
    own = scores.per_class[CLASSES[0]]
    for low, high in (scores.intervals["mean_iou"], own.intervals["iou"], own.intervals["aiou"], own.pixels.intervals["f1"]):
        assert low == pytest.approx(0.342, abs=1e-3)
        assert high == 1.0
