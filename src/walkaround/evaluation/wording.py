"""Scores in plain words, for a reader who pays for the damage and never heard of recall."""

from __future__ import annotations

from walkaround.evaluation.intervals import Interval
from walkaround.evaluation.kind_scores import KindEvaluation
from walkaround.evaluation.place_scores import PlaceEvaluation
from walkaround.evaluation.scores import Scores

ENOUGH = 100
"""With fewer pictures than this, "of 100" would promise too much: the counts themselves are told."""
_RARE = 0.1


def headline(scores: Scores) -> tuple[str, ...]:
    """One to three sentences that hold the outcome, most important first."""
    sentences = []
    if scores.recall is not None:
        found = ("Of 100 damaged cars, it finds {}", "It found {} of {} damaged cars")
        sentences.append(_told(found, scores.hits, of=scores.damaged, interval=scores.intervals["recall"]))
    if scores.precision is not None:
        real = ("Of 100 alarms, {} are real", "{} of its {} alarms were real")
        alarms = scores.hits + scores.false_alarms
        sentences.append(_told(real, scores.hits, of=alarms, interval=scores.intervals["precision"]))
    elif scores.specificity is not None:
        quiet = ("Of 100 undamaged cars, it leaves {} in peace", "It left {} of {} undamaged cars in peace")
        right = scores.whole - scores.false_alarms
        sentences.append(_told(quiet, right, of=scores.whole, interval=scores.intervals["specificity"]))
    if scores.of_labels and scores.accuracy is not None:
        named = ("Of 100 pictures, it gives {} the right name", "It gave {} of {} pictures the right name")
        right = round(scores.accuracy * scores.n)
        sentences.append(_told(named, right, of=scores.n, interval=scores.intervals["accuracy"]))
    return tuple(sentences) or ("There was no picture to measure it on.",)


def place_headline(places: PlaceEvaluation) -> tuple[str, ...]:
    """Up to three sentences on boxes and masks, most important first."""
    sentences = []
    if places.boxes is not None:
        told = places.boxes.told
        if told.recall is not None:
            what = "places of damage" if places.of_damage else "places that were drawn"
            found = (f"Of 100 {what}, it finds {{}}", f"It found {{}} of {{}} {what}")
            sentences.append(_told(found, told.hits, of=told.there, interval=told.intervals["recall"]))
        if told.precision is not None:
            real = ("Of 100 boxes that it draws, {} are right", "{} of its {} boxes were right")
            sentences.append(_told(real, told.hits, of=told.told, interval=told.intervals["precision"]))
    if places.masks is not None and places.masks.mean_iou is not None:
        share, interval = places.masks.mean_iou, places.masks.intervals["mean_iou"]
        sentences.append(f"What it marks and what was marked overlap by {share:.0%} ({_span(interval)}%).")
    return tuple(sentences)


def kinds_headline(kinds: KindEvaluation) -> tuple[str, ...]:
    """Up to two sentences on damage types of which a picture may show several."""
    sentences = []
    if kinds.micro_recall is not None:
        found = ("Of 100 damage types that are there, it names {}", "It named {} of {} damage types that were there")
        sentences.append(_told(found, kinds.hits, of=kinds.shown, interval=kinds.intervals["micro_recall"]))
    if kinds.micro_precision is not None:
        real = ("Of 100 that it names, {} are there", "{} of the {} that it named were there")
        sentences.append(_told(real, kinds.hits, of=kinds.told, interval=kinds.intervals["micro_precision"]))
    return tuple(sentences)


def basis(scores: Scores) -> str:
    """What the headline rests on."""
    return (
        f"Measured on {scores.n:,} pictures: {scores.damaged:,} of damaged cars and {scores.whole:,} of undamaged ones."
        " In brackets, the range that holds the true value 95 times of 100, for pictures like these."
    )


def precision_elsewhere(scores: Scores) -> str | None:
    """How many alarms would be real where damage is rare; None when it is as rare here, or cannot be told."""
    if (
        scores.precision is None
        or scores.recall is None
        or scores.specificity is None
        or scores.damaged < 1.5 * _RARE * scores.n
    ):
        return None
    found = _RARE * scores.recall
    likely, low, high = (
        found / (found + (1 - _RARE) * (1 - specificity)) if found else 0.0
        for specificity in (scores.specificity, *scores.intervals["specificity"])
    )
    return (
        "How many alarms are real depends on how common damage is."
        f" Here {of_hundred(scores.damaged / scores.n)} of 100 pictures show it;"
        f" where only 10 of 100 do, {of_hundred(likely)} of 100 alarms would be real ({_span((low, high))})."
    )


def of_hundred(share: float) -> str:
    """A share as a number of 100, never rounded to all or nothing when it is neither."""
    if 0 < share < 0.005:
        return "fewer than 1"
    if 0.995 <= share < 1:
        return "more than 99"
    return str(round(share * 100))


def _told(sentences: tuple[str, str], part: int, *, of: int, interval: Interval) -> str:
    """The first sentence, of 100, where enough was counted; the second, with the counts, where it was not."""
    if of >= ENOUGH:
        return f"{sentences[0].format(of_hundred(part / of))} ({_span(interval)})."
    return f"{sentences[1].format(part, of)} ({_span(interval)}%)."


def _span(interval: Interval) -> str:
    return f"{round(interval[0] * 100)} to {round(interval[1] * 100)}"
