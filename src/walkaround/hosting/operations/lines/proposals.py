"""What a model would say of a picture as labels: verdict, damage types, places, for a person to accept or correct."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from walkaround.damage.kinds import ANOMALY, NORMAL, shows_damage
from walkaround.datasets.runs import packed, runs_of
from walkaround.inspection.detector import told_kinds
from walkaround.inspection.masks import MASKS, enlarged, unpacked
from walkaround.models.package import Card

THRESHOLD = "threshold"
"""The member of a kept line of a draft that says by which probability of damage its verdict was given."""

_PROBABLE = 0.5
_DIGITS = 4  # of probabilities in a line


def judged(line: Mapping[str, Any], card: Card, *, threshold: float) -> dict[str, Any]:
    """A kept line with the verdict that its model gives by another threshold: label, confidence and damage types follow.

    Boxes and areas stay. Those of a model that goes by places alone depend on its threshold, and have to be looked for again.

    Args:
        line: of `walkaround.inspection.masks.kept_line`, with the threshold by which it was judged.
        card: of the package that gave it.
        threshold: probability of damage from which a picture is called damaged now.
    """
    if line.get(THRESHOLD) == threshold:  # its own digits were rounded, so that a verdict at the limit could turn
        return dict(line)
    probabilities: Mapping[str, float] = line["probabilities"]
    damage = float(line["damage"])
    anomalous = damage >= threshold
    agreeing = [name for name in probabilities if (name not in card.normal) == anomalous]
    best = max(agreeing or probabilities, key=lambda name: probabilities[name])
    told = {**line, THRESHOLD: threshold, "anomalous": anomalous, "label": best}
    told["confidence"] = round(damage if anomalous else 1.0 - damage, _DIGITS)
    if card.kind_thresholds is not None:
        told["kinds"] = told_kinds(probabilities, card.kind_thresholds, anomalous=anomalous)
        told["label"] = next(iter(told["kinds"]), best)
    return told


def proposal_of(line: Mapping[str, Any]) -> dict[str, Any]:
    """Labels that say what findings say.

    Args:
        line: of `walkaround.inspection.masks.kept_line`.

    Returns:
        label, confidence, kinds, places with boxes and run lengths, and the picture's width and height in pixels. A picture
        that is called whole has no kinds.
    """
    return {
        "label": ANOMALY if line["anomalous"] else NORMAL,
        "confidence": line["confidence"],
        "kinds": [{"label": name, "score": value} for name, value in _kinds(line).items()],
        "places": [*_areas(line), *_boxes(line)],
        "width": line["width"],
        "height": line["height"],
    }


def _kinds(line: Mapping[str, Any]) -> dict[str, float]:
    """The damage types that are told: by their own thresholds where the model has such, else the probable ones."""
    told: Mapping[str, float] | None = line.get("kinds") if line["anomalous"] else {}
    if told is not None:
        return dict(told)
    probable = {name: value for name, value in line["probabilities"].items() if value >= _PROBABLE}
    return {name: value for name, value in probable.items() if name not in (NORMAL, ANOMALY) and shows_damage(name)}


def _boxes(line: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    width, height = float(line["width"]), float(line["height"])
    for box in line.get("boxes") or ():
        left, top, right, bottom = (round(edge, 1) for edge in box["box"])
        edges = [max(0.0, left), max(0.0, top), min(width, right), min(height, bottom)]
        if edges[2] > edges[0] and edges[3] > edges[1]:
            yield {"label": box["label"], "box": edges, "score": box["score"]}


def _areas(line: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    masks = unpacked(line[MASKS]) if MASKS in line else None
    if masks is None or not masks.labels.any():
        return
    width, height = int(line["width"]), int(line["height"])
    pixels = enlarged(masks.labels, width=width, height=height)
    for number, name in enumerate(masks.names, start=1):
        inside = pixels == number
        if inside.any():
            yield {"label": name, "runs": {"size": [height, width], "counts": packed(runs_of(inside))}}
