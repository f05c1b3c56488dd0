"""Kept drafts judged by another threshold say what the model itself says by it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from walkaround.hosting.operations.lines.proposals import THRESHOLD, judged, proposal_of
from walkaround.inspection.detector import findings_of
from walkaround.models.package import Card, Task

CASES: list[tuple[Task, tuple[str, ...], dict[str, float] | None]] = [
    ("classes", ("normal", "dent", "scratch"), None),
    ("anomaly", ("normal", "anomaly"), None),
    ("multi-label", ("normal", "glass", "smash"), {"glass": 0.3, "smash": 0.6}),
]


def card_of(task: Task, classes: tuple[str, ...], limits: dict[str, float] | None) -> Card:
    about = {"name": "made", "model_sha256": "", "created": "", "walkaround": "0", "side": 32, "threshold": 0.5}
    return Card(task=task, classes=classes, normal=("normal",), kind_thresholds=limits, **about)  # type: ignore[arg-type]


def said(card: Card, probabilities: Any, threshold: float) -> dict[str, Any]:
    """What the detector says by a threshold, as it is kept."""
    found = findings_of(
        probabilities,
        classes=card.classes,
        damaged=np.array([name not in card.normal for name in card.classes]),
        threshold=threshold,
        source="a.jpg",
        size=(64, 48),
        kind_thresholds=card.kind_thresholds,
    )
    return {**found.as_json(), THRESHOLD: threshold}


@pytest.mark.parametrize(("task", "classes", "limits"), CASES)
def test_another_threshold_gives_what_the_model_itself_would_say(
    task: Task, classes: tuple[str, ...], limits: dict[str, float] | None
) -> None:
    card = card_of(task, classes, limits)
    chance = np.random.default_rng(5)
    turned = 0
    for _ in range(200):
        probabilities = chance.dirichlet(np.ones(len(classes))).round(4)  # as many digits as a line keeps
        probabilities = np.append(probabilities[:-1], 1 - probabilities[:-1].sum())
        if limits is not None:
            probabilities[1:] = chance.random(2).round(4)
        former, present = chance.uniform(0.1, 0.9, 2).tolist()
        line = said(card, probabilities, former)
        assert judged(line, card, threshold=present) == said(card, probabilities, present)
        turned += line["anomalous"] != said(card, probabilities, present)["anomalous"]
    assert turned > 20


def test_a_verdict_at_the_limit_stays_while_the_threshold_does() -> None:
    card = card_of(*CASES[1])
    line = said(card, np.array([0.49996, 0.50004]), 0.50002)
    assert (line["damage"], line["anomalous"]) == (0.5, True), "rounded, it is below its threshold"
    assert judged(line, card, threshold=0.50002) == line


def test_a_picture_that_is_called_whole_has_no_damage_types() -> None:
    card = card_of(*CASES[0])
    line = said(card, np.array([0.3, 0.6, 0.1]), 0.5)
    assert [kind["label"] for kind in proposal_of(line)["kinds"]] == ["dent"]
    whole = proposal_of(judged(line, card, threshold=0.9))
    assert (whole["label"], whole["kinds"], whole["confidence"]) == ("normal", [], pytest.approx(0.3))
