"""Damage types of which a picture may show several are measured each for itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn import metrics

from walkaround.damage.findings import Findings
from walkaround.datasets.sample import Sample
from walkaround.evaluation.kind_scores import score_kinds
from walkaround.evaluation.measure import Evaluation, measure
from walkaround.evaluation.mistakes import find_mistakes
from walkaround.evaluation.page import page
from walkaround.evaluation.scorecard import as_json
from walkaround.evaluation.thresholds import best_f1
from walkaround.evaluation.wording import kinds_headline
from walkaround.inspection.detector import findings_of

CLASSES = ("normal", "dent", "scratch", "lamp")
LIMITS = {"dent": 0.5, "scratch": 0.5, "lamp": 0.5}


def found(damage: float, *kinds: float, source: str = "a.jpg") -> Findings:
    return findings_of(
        np.array([1 - damage, *kinds]),
        classes=CLASSES,
        damaged=np.array([False, True, True, True]),
        threshold=0.5,
        source=source,
        size=(64, 48),
        kind_thresholds=LIMITS,
    )


def test_a_picture_gets_all_damage_types_above_their_thresholds_the_surest_first() -> None:
    both = found(0.95, 0.6, 0.9, 0.3)
    assert both.kinds == {"scratch": 0.9, "dent": 0.6}
    assert (both.anomalous, both.label) == (True, "scratch")
    assert both.damage == pytest.approx(0.95)
    assert both.as_json()["kinds"] == {"scratch": 0.9, "dent": 0.6}
    unsure = found(0.6, 0.4, 0.3, 0.2)
    assert (unsure.kinds, unsure.label) == ({}, "dent")
    whole = found(0.3, 0.6, 0.9, 0.9)
    assert (whole.anomalous, whole.kinds, whole.label) == (False, {}, "normal"), "a whole car has no damage types"


def sets(seed: int, n: int = 120) -> tuple[list[tuple[str, ...]], list[Findings]]:
    rng = np.random.default_rng(seed)
    shown = rng.random((n, 3)) < (0.4, 0.3, 0.1)
    sure = np.clip(0.5 + 0.25 * np.where(shown, 1, -1) + rng.normal(0, 0.25, (n, 3)), 0.01, 0.99)
    labels = [tuple(name for name, there in zip(LIMITS, row, strict=True) if there) or ("normal",) for row in shown]
    damage = np.where(shown.any(axis=1), 0.99, np.maximum(sure.max(axis=1), 0.02))
    return labels, [found(float(d), *row.tolist()) for d, row in zip(damage, sure, strict=True)]


def test_scores_are_those_of_scikit_learn_and_lie_in_their_intervals() -> None:
    labels, findings = sets(0)
    outcome = score_kinds(labels, findings, thresholds=LIMITS, normal=["normal"], seed=1)
    assert outcome is not None
    truth = np.array([[name in names for name in LIMITS] for names in labels])
    told = np.array([[name in (one.kinds or ()) for name in LIMITS] for one in findings])
    sure = np.array([[one.probabilities[name] for name in LIMITS] for one in findings])
    assert outcome.macro_f1 == pytest.approx(metrics.f1_score(truth, told, average="macro"))
    assert outcome.micro_f1 == pytest.approx(metrics.f1_score(truth, told, average="micro"))
    assert outcome.subset_accuracy == pytest.approx(metrics.accuracy_score(truth, told))
    assert outcome.mean_average_precision == pytest.approx(metrics.average_precision_score(truth, sure, average="macro"))
    for k, (name, one) in enumerate(outcome.per_class.items()):
        (no, alarms), (misses, hits) = metrics.confusion_matrix(truth[:, k], told[:, k]).tolist()
        assert (one.rejections, one.false_alarms, one.misses, one.hits) == (no, alarms, misses, hits), name
        for score in ("precision", "recall", "f1", "average_precision"):
            low, high = one.intervals[score]
            assert low <= getattr(one, score) <= high
    for score, (low, high) in outcome.intervals.items():
        assert low < getattr(outcome, score) < high
    again = score_kinds(labels, findings, thresholds=LIMITS, normal=["normal"], seed=1)
    assert again == outcome


def test_what_cannot_be_compared_is_told_and_left_out() -> None:
    labels, findings = sets(1, 40)
    more = [("anomaly",), ("rust",), ("dent", "rust")]
    answers = [*findings, found(0.9, 0.9, 0.1, 0.1), found(0.9, 0.1, 0.1, 0.1), found(0.9, 0.9, 0.1, 0.1)]
    outcome = score_kinds([*labels, *more], answers, thresholds=LIMITS, normal=["normal"])
    assert outcome is not None
    assert (outcome.n, outcome.unnamed) == (42, 1)
    assert any("does not know 'rust' (on 2)" in note for note in outcome.notes)
    assert outcome.names_wrongly(("dent", "rust"), answers[-1])
    assert not outcome.names_wrongly(("anomaly",), answers[-3])
    assert score_kinds([("anomaly",), ("normal",)], answers[:2], thresholds=LIMITS, normal=["normal"]) is None


def test_a_type_that_no_picture_shows_is_not_measured() -> None:
    answers = [found(0.9, 0.9, 0.1, 0.1), found(0.1, 0.0, 0.0, 0.0)]
    outcome = score_kinds([("dent",), ("normal",)], answers, thresholds=LIMITS, normal=["normal"])
    assert outcome is not None
    lamp = outcome.per_class["lamp"]
    assert (lamp.support, lamp.recall, lamp.f1, lamp.average_precision) == (0, None, None, None)
    assert any("'scratch', 'lamp'" in note for note in outcome.notes)
    assert outcome.macro_f1 == 1.0


def measured(
    folder: Path, thresholds: Mapping[str, float] | None, labels: Sequence[tuple[str, ...]], findings: list[Findings]
) -> Evaluation:
    samples = []
    for number, names in enumerate(labels):
        path = folder / f"{number}.jpg"
        Image.new("RGB", (64, 48)).save(path)
        samples.append(Sample(path=path, label=names[0], also=names[1:]))
    return measure(
        lambda paths: findings, samples, classes=CLASSES, normal=["normal"], threshold=0.5, kind_thresholds=thresholds
    )


def test_the_page_and_the_json_tell_each_type_for_itself(tmp_path: Path) -> None:
    labels, findings = sets(2, 60)
    outcome = measured(tmp_path, LIMITS, labels, findings)
    assert outcome.scores.of_labels is False
    assert outcome.scores.confusion.classes == ("normal", "anomaly"), "only whole and damaged exclude each other"
    stored = as_json(outcome, {})
    kinds = stored["kinds"]
    assert isinstance(kinds, dict)
    assert set(kinds["classes"]) == set(LIMITS)
    assert kinds["classes"]["dent"]["support"] == sum("dent" in names for names in labels)
    text = page(outcome, title="cars", facts={}, pictures=4)
    assert "Each damage type for itself" in text
    assert "There, not told" in text
    assert text.count("Confusion matrix") == 1
    assert outcome.kinds is not None
    assert "damage types that" in " ".join(kinds_headline(outcome.kinds))
    mistakes = find_mistakes(outcome)
    assert all(set(row.labels) != set(row.findings.kinds or ()) for row in mistakes.misnamed)
    assert any(len(row.labels) > 1 for row in outcome.rows)


def test_of_damaged_cars_alone_no_verdict_is_scored(tmp_path: Path) -> None:
    answers = [found(0.9, 0.9, 0.1, 0.1), found(0.9, 0.1, 0.9, 0.1)]
    outcome = measured(tmp_path, LIMITS, [("dent",), ("scratch",)], answers)
    assert outcome.scores.accuracy is None
    assert outcome.scores.recall is None
    assert any("the verdict was not measured" in note for note in outcome.scores.notes)
    assert outcome.kinds is not None
    assert outcome.kinds.subset_accuracy == 1.0
    assert "scorecard" in page(outcome, title="cars", facts={}, pictures=0)


def test_a_model_that_names_one_type_is_right_with_any_of_them(tmp_path: Path) -> None:
    answers = [found(0.9, 0.9, 0.1, 0.1), found(0.9, 0.1, 0.1, 0.8), found(0.1, 0.0, 0.0, 0.0)]
    outcome = measured(tmp_path, None, [("dent", "scratch"), ("dent", "scratch"), ("normal",)], answers)
    assert outcome.kinds is None
    assert outcome.scores.accuracy == pytest.approx(2 / 3)
    assert any("2 pictures have several labels" in note for note in outcome.scores.notes)


def test_the_threshold_with_the_best_f1_finds_a_rare_type() -> None:
    rng = np.random.default_rng(0)
    shown = rng.random(2000) < 0.05
    logits = rng.normal(np.where(shown, -1.0, -4.0), 1.0)
    sure = 1 / (1 + np.exp(-logits))
    limit = best_f1(shown, sure)
    best = max(metrics.f1_score(shown, sure >= at) for at in np.linspace(0.01, 0.9, 200))
    assert 0 < limit < 0.6
    assert metrics.f1_score(shown, sure >= limit) > best - 0.08
