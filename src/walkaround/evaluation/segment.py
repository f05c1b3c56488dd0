"""Scores of masks: how far what a model marked, pixel by pixel, is what a person marked; per class, with 95 % intervals.

Three questions are kept apart. Of all pixels: intersection over union, precision, recall and F1 over the pixels of all
pictures taken together, in which large marks count most. Picture by picture: `aiou`, the mean of each picture's own
intersection over union, in which every picture counts the same, as the service Lookout for Vision tells it. Of pictures:
whether a class was found in a picture at all, wherever in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from walkaround.damage.findings import FoundMasks
from walkaround.damage.places import Place
from walkaround.datasets.outlines import label_map, mask_of
from walkaround.datasets.sample import Sample
from walkaround.datasets.stacking import small_on_top
from walkaround.errors import InputError, PictureError
from walkaround.evaluation.intervals import RESAMPLES, f1_interval, over_pictures, wilson
from walkaround.evaluation.mask_scores import MaskClassScores, MaskScores, PixelScores
from walkaround.evaluation.measure import Predict

_PIXELS_AT_ONCE = 1 << 21  # keeps the working memory of a picture, however large, near 50 MB
_COUNTS_AT_ONCE = 1 << 22


class MaskTally:
    """Pictures in, one after the other, scores out; of each picture a handful of counts is kept, however large it is."""

    def __init__(self, classes: Sequence[str]) -> None:
        """Begin without pictures; `classes` are the names that label maps count from 1."""
        self.classes = tuple(classes)
        size = len(self.classes) + 1
        self.confusion = np.zeros((size, size), dtype=np.int64)
        self._counts: list[NDArray[np.int64]] = []

    def add(
        self, truth: NDArray[np.uint8], found: NDArray[np.uint8], *, ignored: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int64]:
        """Compare one picture, pixel by pixel of the truth.

        Args:
            truth: uint8 [h, w], 0 is background, n is class n - 1.
            found: uint8 [rows, columns], the same of a regular grid laid over the picture, mostly coarser than it; each pixel
                takes what is marked at its centre.
            ignored: bool [h, w], pixels that count neither way; None: all count.

        Returns:
            int64 [1 + classes, 1 + classes], pixels of this picture; rows are the truth.
        """
        confusion = pixel_confusion(truth, found, classes=len(self.classes), ignored=ignored)
        self.confusion += confusion
        self._counts.append(np.stack([np.diag(confusion), confusion.sum(1), confusion.sum(0)]))
        return confusion

    @property
    def iou(self) -> NDArray[np.float64]:
        """Intersection over union of background and each class, float64 [1 + classes]; NaN where neither is nor was marked."""
        hits = np.diag(self.confusion)
        return _ratios(np.stack([hits, self.confusion.sum(1), self.confusion.sum(0)]))["iou"]

    def scores(self, *, seed: int = 0, unreadable: Sequence[tuple[str, str]] = ()) -> MaskScores:
        """The scores of all pictures so far; `seed` is of the resampling behind the intervals."""
        counts = np.stack(self._counts) if self._counts else np.zeros((0, 3, len(self.confusion)), dtype=np.int64)
        return _scores(counts, self.confusion, self.classes, seed=seed, unreadable=tuple(unreadable))


def measure_masks(predict: Predict, samples: Sequence[Sample], *, classes: Sequence[str], seed: int = 0) -> MaskScores:
    """Let `predict` look at every picture on which somebody drew, or saw nothing to draw, and score the masks it finds.

    Pixels of crowds and of classes that are not among `classes` count neither way.

    Args:
        predict: called once with all paths; its answers may stream in, and have masks.
        samples: the kept-back pictures.
        classes: names of the model's masks.
        seed: of the resampling behind the intervals.

    Raises:
        InputError: `predict` gives fewer or more answers than it got pictures, or answers without masks.
    """
    drawn = [(sample, sample.places) for sample in samples if sample.places is not None]
    answers = list(predict([sample.path for sample, _ in drawn]))
    if len(answers) != len(drawn):
        raise InputError(
            f"The model gave {len(answers)} answers for {len(drawn)} pictures; it must give one for each, in order."
        )
    tally, unreadable = MaskTally(classes), []
    for (sample, places), answer in zip(drawn, answers, strict=True):
        if isinstance(answer, PictureError):
            unreadable.append((str(sample.path), str(answer)))
            continue
        if answer.masks is None:
            raise InputError(f"The model found no masks in {answer.source!r}: give one that was trained on masks.")
        truth, ignored = truth_of(places, tally.classes, width=answer.width, height=answer.height)
        tally.add(truth, renumbered(answer.masks, tally.classes), ignored=ignored)
    return tally.scores(seed=seed, unreadable=unreadable)


def truth_of(
    places: Sequence[Place], classes: Sequence[str], *, width: int, height: int
) -> tuple[NDArray[np.uint8], NDArray[np.bool_] | None]:
    """What a person drew on a picture of `width` by `height` pixels, small places on top, and which pixels count neither way.

    Returns:
        uint8 [height, width], 0 is background, n is `classes[n - 1]`; and bool [height, width], pixels of crowds and of other
        classes that no known class lies over, None where there are none.
    """
    known = [place for place in places if place.label in classes and not place.crowd]
    truth = label_map(small_on_top(known), classes, width=width, height=height)
    others = [place.outline for place in places if (place.crowd or place.label not in classes) and place.outline is not None]
    if not others:
        return truth, None
    ignored = np.zeros(truth.shape, dtype=np.bool_)
    for outline in others:
        ignored |= mask_of(outline, width, height)
    return truth, ignored & (truth == 0)


def renumbered(masks: FoundMasks, classes: Sequence[str]) -> NDArray[np.uint8]:
    """The label map of `masks`, uint8 [rows, columns], with the numbers that `classes` have; other classes are background."""
    if masks.names == tuple(classes):
        return masks.labels
    numbers = [0, *(classes.index(name) + 1 if name in classes else 0 for name in masks.names)]
    return np.array(numbers, dtype=np.uint8)[masks.labels]


def pixel_confusion(
    truth: NDArray[np.uint8], found: NDArray[np.uint8], *, classes: int, ignored: NDArray[np.bool_] | None = None
) -> NDArray[np.int64]:
    """Pixels of one picture by truth (rows) and by what was marked (columns), int64 [1 + classes, 1 + classes].

    The arguments are those of `MaskTally.add`. Large pictures are counted in strips.

    Raises:
        InputError: a number in one of the maps is of no class.
    """
    if max(int(truth.max(initial=0)), int(found.max(initial=0))) > classes:
        raise InputError(f"A label map counts beyond its {classes} classes: measure with the model's own classes.")
    (height, width), (rows, columns), size = truth.shape, found.shape, classes + 1
    row_of = (2 * np.arange(height) + 1) * rows // (2 * height)
    column_of = (2 * np.arange(width) + 1) * columns // (2 * width)
    total = np.zeros(size * size, dtype=np.int64)
    step = max(1, _PIXELS_AT_ONCE // max(1, width))
    for top in range(0, height, step):
        strip = slice(top, top + step)
        cells = truth[strip].astype(np.intp) * size + found[row_of[strip]][:, column_of]
        total += np.bincount(cells.ravel() if ignored is None else cells[~ignored[strip]], minlength=size * size)
    return total.reshape(size, size)


def _scores(
    counts: NDArray[np.int64],
    confusion: NDArray[np.int64],
    classes: tuple[str, ...],
    *,
    seed: int,
    unreadable: tuple[tuple[str, str], ...],
) -> MaskScores:
    """`counts` int64 [pictures, 3, 1 + classes]: pixels that were rightly marked, are there, and were marked."""
    own = _ratios(counts)["iou"]
    drawn = _resampled(counts, own, seed) if len(counts) else {}
    means = _means(_ratios(counts.sum(0)), own)
    involved = {name: len(counts) for name in means} | dict.fromkeys(
        ("mean_iou", "mean_aiou"), int((~np.isnan(own[:, 1:])).any(axis=1).sum())
    )
    return MaskScores(
        n=len(counts),
        classes=classes,
        mean_iou=means["mean_iou"],
        mean_iou_with_background=means["mean_iou_with_background"],
        mean_aiou=means["mean_aiou"],
        background_iou=means["background_iou"],
        accuracy=_number(np.diag(confusion).sum() / confusion.sum()) if confusion.sum() else None,
        per_class={
            name: _class_scores(
                counts[:, :, number], own[:, number], {key: value[:, number] for key, value in drawn.items()}, confusion.sum()
            )
            for number, name in enumerate(classes, start=1)
        },
        confusion=confusion.copy(),
        intervals={
            name: over_pictures(value, _mean_rows(drawn, name), pictures=involved[name])
            for name, value in means.items()
            if value is not None
        },
        unreadable=unreadable,
    )


def _means(ratios: dict[str, NDArray[np.float64]], own: NDArray[np.float64]) -> dict[str, float | None]:
    aiou = np.array([_nan_mean(column) for column in own.T])
    return {
        "mean_iou": _number(_nan_mean(ratios["iou"][1:])),
        "mean_iou_with_background": _number(_nan_mean(ratios["iou"])),
        "mean_aiou": _number(_nan_mean(aiou[1:])),
        "background_iou": _number(ratios["iou"][0]),
    }


def _mean_rows(drawn: dict[str, NDArray[np.float64]], name: str) -> NDArray[np.float64]:
    """A score of `_means` for each resample, float64 [resamples]."""
    scores = drawn["aiou" if name == "mean_aiou" else "iou"]
    if name == "background_iou":
        return scores[:, 0]
    return _nan_mean(scores if name == "mean_iou_with_background" else scores[:, 1:])


def _class_scores(
    counts: NDArray[np.int64], own: NDArray[np.float64], drawn: dict[str, NDArray[np.float64]], pixels: int
) -> MaskClassScores:
    """One class: counts int64 [pictures, 3], own IoU float64 [pictures], scores by name float64 [resamples], pixels in all."""
    sums, involved = counts.sum(0), int((~np.isnan(own)).sum())
    scores = {name: _number(value[0]) for name, value in _ratios(sums[:, None]).items()}
    scores["aiou"] = _number(_nan_mean(own))
    ends = {name: over_pictures(value, drawn[name], pictures=involved) for name, value in scores.items() if value is not None}
    return MaskClassScores(
        iou=scores["iou"],
        aiou=scores["aiou"],
        pixels=PixelScores(
            precision=scores["precision"],
            recall=scores["recall"],
            f1=scores["f1"],
            intervals={name: ends[name] for name in ("precision", "recall", "f1") if name in ends},
        ),
        pictures=_picture_scores(counts),
        support=int((counts[:, 1] > 0).sum()),
        share=float(sums[1] / max(1, pixels)),
        intervals={name: ends[name] for name in ("iou", "aiou") if name in ends},
    )


def _picture_scores(counts: NDArray[np.int64]) -> PixelScores:
    """Was the class found in the pictures that show it, and only there? From counts int64 [pictures, 3] of one class."""
    there, marked = counts[:, 1] > 0, counts[:, 2] > 0
    confusion = np.zeros((2, 2), dtype=np.int64)
    np.add.at(confusion, (there.astype(np.intp), marked.astype(np.intp)), 1)
    (_, alarms), (misses, hits) = confusion.tolist()
    told = {"precision": (hits, hits + alarms), "recall": (hits, hits + misses)}
    f1 = 2 * hits / (2 * hits + alarms + misses) if hits + alarms + misses else None
    ends = {name: wilson(right, of) for name, (right, of) in told.items() if of}
    if f1 is not None:
        ends["f1"] = f1_interval(confusion, seed=0)
    precision, recall = (right / of if of else None for right, of in told.values())
    return PixelScores(precision=precision, recall=recall, f1=f1, intervals=ends)


def _ratios(counts: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
    """Scores float64 [..., classes] from counts [..., 3, classes]; NaN where nothing was there to be scored."""
    hits, there, marked = (counts[..., part, :].astype(np.float64) for part in range(3))
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "iou": hits / (there + marked - hits),
            "precision": hits / marked,
            "recall": hits / there,
            "f1": 2 * hits / (there + marked),
        }


def _resampled(counts: NDArray[np.int64], own: NDArray[np.float64], seed: int) -> dict[str, NDArray[np.float64]]:
    """Scores by name, float64 [resamples, classes], of as many pictures as there are, drawn with replacement."""
    rng, pictures, classes = np.random.default_rng(seed), len(counts), counts.shape[2]
    told = ~np.isnan(own)
    columns = np.concatenate([counts.reshape(pictures, -1), np.where(told, own, 0), told], axis=1)
    step = max(1, _COUNTS_AT_ONCE // pictures)
    sums = np.concatenate(
        [
            rng.multinomial(pictures, np.full(pictures, 1 / pictures), size=min(step, RESAMPLES - start)) @ columns
            for start in range(0, RESAMPLES, step)
        ]
    )
    scores = _ratios(sums[:, : 3 * classes].reshape(-1, 3, classes))
    with np.errstate(invalid="ignore"):
        scores["aiou"] = sums[:, 3 * classes : 4 * classes] / sums[:, 4 * classes :]
    return scores


def _nan_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean over the last axis of what is a number; NaN where nothing is."""
    told = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(told, values, 0).sum(-1) / told.sum(-1), dtype=np.float64)


def _number(value: np.floating[Any] | NDArray[np.float64]) -> float | None:
    return None if np.isnan(value) else float(value)
