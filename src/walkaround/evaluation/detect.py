"""Scores of boxes: COCO's average precision and recall, and precision and recall of the boxes that a model tells of.

Lin et al. (2014), Microsoft COCO; computed by faster-coco-eval. Two things differ from the usual. The size of a box to be
found is that of the box, because many datasets have no outlines. And AP50 has an interval: pictures are drawn again with
replacement 500 times, not by matching boxes again, which does not depend on the other pictures, but by counting each picture's
matched and unmatched boxes as often as it was drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from walkaround.damage.findings import FoundBox
from walkaround.damage.places import Box
from walkaround.errors import InputError
from walkaround.evaluation.box_scores import AveragePrecisions, BoxClassScores, BoxScores, ToldScores
from walkaround.evaluation.intervals import Interval, over_pictures, wilson

OVERLAP = 0.5
"""Intersection over union from which a box that the model tells of is right."""
MOST_BOXES = 100
"""Of one picture and class, the surest; the others do not count, as in COCO."""

_RESAMPLES = 500
_CELLS_AT_ONCE = 1 << 21
_RECALLS = np.linspace(0.0, 1.0, 101)
_SIZES = ("all", "small", "medium", "large")


@dataclass(frozen=True, kw_only=True)
class TrueBox:
    """A box that somebody drew: class name, edges in pixels of the upright original, and whether it is a crowd."""

    label: str
    box: Box
    crowd: bool = False


@dataclass(frozen=True, kw_only=True)
class BoxRow:
    """One measured picture: what was drawn on it, and every box that the model thinks of, however unsure."""

    truth: tuple[TrueBox, ...]
    found: tuple[FoundBox, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Match:
    """How the boxes of one class in one picture go together at `OVERLAP`.

    Attributes:
        scores: float64 [k], of the boxes that were found, falling; those in crowds are left out.
        right: bool [k], whether each is right.
        of: int64 [k], number of the true box that it found, -1 for none.
        there: int64, how many boxes are to be found.
    """

    scores: NDArray[np.float64]
    right: NDArray[np.bool_]
    of: NDArray[np.int64]
    there: int


def score_boxes(rows: Sequence[BoxRow], *, classes: Sequence[str], thresholds: Mapping[str, float], seed: int = 0) -> BoxScores:
    """Compare what a model found with what was drawn.

    Args:
        rows: the pictures. Boxes of classes that the model does not know are left out, and a note tells so.
        classes: names of the model's boxes.
        thresholds: class name to the score from which the model tells of a box.
        seed: of the resampling behind the intervals.

    Raises:
        InputError: a box that was found is of no class of the model.
    """
    strange = sorted({found.label for row in rows for found in row.found} - set(classes))
    if strange:
        raise InputError(
            f"The model found boxes of {strange[0]!r}, which is none of its classes: measure with its own classes."
        )
    precision, recall = _coco(rows, classes)
    matches = {name: [matched(row, name) for row in rows] for name in classes}
    drawn = _resampled(matches, seed)
    shows = {name: [match.there > 0 for match in matches[name]] for name in classes}
    average = _averages(precision, recall)
    per_class = [_averages(precision[:, :, [number]], recall[:, [number]]) for number in range(len(classes))]
    return BoxScores(
        n=len(rows),
        classes=tuple(classes),
        average=average,
        told=_told(
            [match for name in classes for match in matches[name]], [thresholds[name] for name in classes for _ in rows]
        ),
        per_class={
            name: BoxClassScores(
                average=per_class[number],
                told=_told(matches[name], [thresholds[name]] * len(rows)),
                pictures=sum(shows[name]),
                threshold=thresholds[name],
                intervals=_interval(per_class[number], drawn[:, number], pictures=sum(shows[name])),
            )
            for number, name in enumerate(classes)
        },
        intervals=_interval(average, _row_means(drawn), pictures=sum(map(any, zip(*shows.values(), strict=True)))),
        notes=_notes(rows, classes, matches),
    )


def matched(row: BoxRow, name: str) -> Match:
    """Match the boxes of one class as COCO does: the surest first, each with the free true box that it overlaps most.

    A box that lies mostly in a crowd, and has no true box, is neither right nor wrong.
    """
    truth = [true for true in row.truth if true.label == name and not true.crowd]
    crowds = np.array([true.box for true in row.truth if true.label == name and true.crowd], np.float64).reshape(-1, 4)
    found = sorted((one for one in row.found if one.label == name), key=lambda one: -one.score)[:MOST_BOXES]
    boxes = np.array([one.box for one in found], np.float64).reshape(-1, 4)
    overlaps = _overlaps(boxes, np.array([true.box for true in truth], np.float64).reshape(-1, 4))
    in_crowd = _overlaps(boxes, crowds, of_first=True).max(axis=1, initial=0.0) >= OVERLAP
    of, free = np.full(len(found), -1, np.int64), np.ones(len(truth), np.bool_)
    for number in range(len(found)):
        candidates = np.where(free, overlaps[number], -1.0)
        if len(truth) and candidates.max() >= OVERLAP - 1e-10:
            best = int(len(truth) - 1 - candidates[::-1].argmax())  # of equals the last, as COCO's code has it
            of[number], free[best] = best, False
    counts = (of >= 0) | ~in_crowd
    return Match(
        scores=np.array([one.score for one in found], np.float64)[counts],
        right=(of >= 0)[counts],
        of=of[counts],
        there=len(truth),
    )


def _overlaps(boxes: NDArray[np.float64], others: NDArray[np.float64], *, of_first: bool = False) -> NDArray[np.float64]:
    """float64 [boxes, others]: intersection over union, or over the first box's own area."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(axis=2)
    own, other = ((edges[:, 2:] - edges[:, :2]).prod(axis=1) for edges in (boxes, others))
    whole = own[:, None] if of_first else own[:, None] + other[None] - common
    return np.asarray(common / np.maximum(whole, 1e-12), dtype=np.float64)


def _coco(rows: Sequence[BoxRow], classes: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Precision [overlaps, recalls, classes, sizes, limits] and recall [overlaps, classes, sizes, limits]; -1: undefined."""
    from faster_coco_eval import COCO, COCOeval_faster

    numbers = {name: number for number, name in enumerate(classes, start=1)}
    annotations: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for image, row in enumerate(rows, start=1):
        for true in row.truth:
            if true.label in numbers:
                entry = _entry(image, numbers[true.label], true.box)
                annotations.append({**entry, "id": len(annotations) + 1, "iscrowd": int(true.crowd)})
        results += [{**_entry(image, numbers[one.label], one.box), "score": one.score} for one in row.found]
    truth = COCO(print_function=_silent)
    truth.dataset = {
        "info": {},
        "images": [{"id": image} for image in range(1, len(rows) + 1)],
        "categories": [{"id": number, "name": name} for name, number in numbers.items()],
        "annotations": annotations,
    }
    truth.createIndex()
    comparison = COCOeval_faster(truth, truth.loadRes(results), iouType="bbox", print_function=_silent)
    comparison.params.maxDets = [1, 10, MOST_BOXES]
    comparison.evaluate()
    comparison.accumulate()
    shape = (10, len(_RECALLS), len(classes), len(_SIZES), 3)
    precision = np.asarray(comparison.eval["precision"], np.float64).reshape(shape)
    return precision, np.asarray(comparison.eval["recall"], np.float64).reshape(10, len(classes), len(_SIZES), 3)


def _silent(*told: object) -> None:
    """In place of the library's printing."""


def _entry(image: int, category: int, box: Box) -> dict[str, Any]:
    left, top, right, bottom = box
    size = [right - left, bottom - top]
    return {"image_id": image, "category_id": category, "bbox": [left, top, *size], "area": size[0] * size[1]}


def _averages(precision: NDArray[np.float64], recall: NDArray[np.float64]) -> AveragePrecisions:
    """Means of what is defined; see `_coco` for the arrays."""
    at = dict(zip(_SIZES, range(len(_SIZES)), strict=True))
    by_size = {f"ap_{size}": _mean(precision[:, :, :, at[size], 2]) for size in _SIZES[1:]}
    recalls = {f"ar_{size}": _mean(recall[:, :, at[size], 2]) for size in _SIZES[1:]}
    return AveragePrecisions(
        ap=_mean(precision[:, :, :, 0, 2]),
        ap50=_mean(precision[0, :, :, 0, 2]),
        ap75=_mean(precision[5, :, :, 0, 2]),
        ar1=_mean(recall[:, :, 0, 0]),
        ar10=_mean(recall[:, :, 0, 1]),
        ar100=_mean(recall[:, :, 0, 2]),
        **by_size,
        **recalls,
    )


def _mean(values: NDArray[np.float64]) -> float | None:
    defined = values[values > -1]
    return float(defined.mean()) if len(defined) else None


def _told(matches: Sequence[Match], thresholds: Sequence[float]) -> ToldScores:
    there = sum(match.there for match in matches)
    sure = [match.scores >= threshold for match, threshold in zip(matches, thresholds, strict=True)]
    told = sum(int(one.sum()) for one in sure)
    hits = sum(int((match.right & one).sum()) for match, one in zip(matches, sure, strict=True))
    proportions = {"precision": (hits, told), "recall": (hits, there)}
    return ToldScores(
        there=there,
        told=told,
        hits=hits,
        precision=hits / told if told else None,
        recall=hits / there if there else None,
        f1=2 * hits / (told + there) if told + there else None,
        intervals={name: wilson(right, of) for name, (right, of) in proportions.items() if of},
    )


def _resampled(matches: Mapping[str, Sequence[Match]], seed: int) -> NDArray[np.float64]:
    """float64 [resamples, classes]: AP50 of each class in pictures drawn again; NaN where none of them shows it."""
    pictures = max(map(len, matches.values()), default=0)
    if not pictures:
        return np.full((0, len(matches)), np.nan)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(pictures, np.full(pictures, 1 / pictures), size=_RESAMPLES)
    return np.stack([_resampled_class(own, drawn) for own in matches.values()], axis=1)


def _resampled_class(matches: Sequence[Match], drawn: NDArray[np.int64]) -> NDArray[np.float64]:
    """float64 [resamples]: AP50 from how often each picture was drawn, int64 [resamples, pictures]."""
    picture = np.repeat(np.arange(len(matches)), [len(match.scores) for match in matches])
    scores, right = (np.concatenate([getattr(match, name) for match in matches]) for name in ("scores", "right"))
    order = np.argsort(-scores, kind="stable")
    picture, right = picture[order], right[order]
    there = drawn @ np.array([match.there for match in matches])
    step = max(1, _CELLS_AT_ONCE // max(1, len(picture)))
    parts = [
        _average_precisions(drawn[start : start + step, picture], right, there[start : start + step])
        for start in range(0, len(drawn), step)
    ]
    return np.concatenate(parts)


def _average_precisions(counts: NDArray[np.int64], right: NDArray[np.bool_], there: NDArray[np.int64]) -> NDArray[np.float64]:
    """AP at 101 recalls of each row: `counts` int64 [rows, k], how often each box counts, the surest first."""
    found = np.cumsum(counts * right, axis=1)
    told = np.cumsum(counts, axis=1)
    precision = found / np.maximum(told, 1)
    precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    scores = np.full(len(counts), np.nan)
    for row in np.flatnonzero(there > 0).tolist():
        reached = np.searchsorted(found[row] / there[row], _RECALLS)
        scores[row] = np.append(precision[row], 0.0)[reached].mean()
    return scores


def _row_means(drawn: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of each row over what is a number; rows without any are left out."""
    known = ~np.isnan(drawn)
    told = known.any(axis=1)
    return np.asarray(np.where(known, drawn, 0)[told].sum(axis=1) / known[told].sum(axis=1), dtype=np.float64)


def _interval(average: AveragePrecisions, samples: NDArray[np.float64], *, pictures: int) -> dict[str, Interval]:
    """Of AP50, from that of pictures drawn again, and from how many pictures show what is to be found."""
    return {} if average.ap50 is None else {"ap50": over_pictures(average.ap50, samples, pictures=pictures)}


def unknown_note(classes: Sequence[str], what: str) -> str:
    """That labels of classes which a model does not know, "3 boxes" say, were not measured."""
    return f"The model does not know the class {', '.join(map(repr, classes))}: {what} left out; --rename makes names fit."


def _notes(rows: Sequence[BoxRow], classes: Sequence[str], matches: Mapping[str, Sequence[Match]]) -> tuple[str, ...]:
    notes = []
    unknown = sorted({true.label for row in rows for true in row.truth} - set(classes))
    if unknown:
        count = sum(true.label in unknown for row in rows for true in row.truth)
        notes.append(unknown_note(unknown, f"{count:,} box{'es' if count > 1 else ''}"))
    missing = [name for name in classes if not any(match.there for match in matches[name])]
    if missing and len(missing) < len(classes):
        notes.append(f"No box is labelled {', '.join(map(repr, missing))}, so how well the model finds it was not measured.")
    if len(missing) == len(classes):
        notes.append("There is no box to be found, so only false alarms could be counted.")
    return tuple(notes)
