from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from walkaround.damage.findings import Findings
from walkaround.errors import InputError
from walkaround.evaluation.classify import score

TYPES = ("normal", "dent", "scratch")


def found(damage: float, label: str = "", **probabilities: float) -> Findings:
    anomalous = damage >= 0.5
    return Findings(
        source="car.jpg",
        anomalous=anomalous,
        confidence=max(damage, 1 - damage),
        label=label or ("anomaly" if anomalous else "normal"),
        damage=damage,
        probabilities=probabilities,
        width=640,
        height=480,
    )


def drawn(n: int, seed: int) -> tuple[list[str], list[Findings]]:
    rng = np.random.default_rng(seed)
    truth = rng.choice(["normal", "anomaly"], n).tolist()
    return truth, [found(float(rng.beta(4, 2) if label == "anomaly" else rng.beta(2, 4))) for label in truth]


def test_two_classes_are_scored_by_verdict_like_scikit_learn_does() -> None:
    truth, findings = drawn(300, seed=1)
    scores = score(truth, findings, classes=["normal", "anomaly"], normal={"normal"}, threshold=0.5)
    damaged, alarm = [label == "anomaly" for label in truth], [finding.anomalous for finding in findings]
    damage = [finding.damage for finding in findings]
    assert not scores.of_labels
    assert scores.accuracy == scores.damage_accuracy == pytest.approx(metrics.accuracy_score(damaged, alarm))
    assert scores.precision == pytest.approx(metrics.precision_score(damaged, alarm))
    assert scores.recall == pytest.approx(metrics.recall_score(damaged, alarm))
    assert scores.f1 == pytest.approx(metrics.f1_score(damaged, alarm))
    assert scores.auroc == pytest.approx(metrics.roc_auc_score(damaged, damage))
    assert scores.average_precision == pytest.approx(metrics.average_precision_score(damaged, damage))
    assert scores.brier == pytest.approx(metrics.brier_score_loss(damaged, damage))
    assert scores.confusion.counts.tolist() == metrics.confusion_matrix(damaged, alarm).tolist()
    assert scores.macro_f1 is None
    assert scores.notes == ()


def test_every_score_lies_in_its_interval_and_curves_stay_small() -> None:
    truth, findings = drawn(900, seed=2)
    scores = score(truth, findings, classes=["normal", "anomaly"], normal={"normal"}, threshold=0.5)
    expected = {
        "accuracy",
        "damage_accuracy",
        "precision",
        "recall",
        "specificity",
        "f1",
        "auroc",
        "average_precision",
        "brier",
    }
    assert set(scores.intervals) == expected
    for name, (low, high) in scores.intervals.items():
        assert 0 <= low < getattr(scores, name) < high <= 1, name
    assert scores.precision_recall is not None
    assert scores.roc is not None
    assert len(scores.precision_recall.threshold) == len(scores.precision_recall.recall) <= 200
    assert (scores.roc.false_alarms[0], scores.roc.recall[-1]) == (0, 1)
    assert sum(row.n for row in scores.reliability) == 900


def test_several_classes_are_scored_by_label_and_by_verdict() -> None:
    truth = ["normal", "normal", "dent", "dent", "scratch", "scratch"]
    findings = [
        found(0.1, "normal", normal=0.9, dent=0.05, scratch=0.05),
        found(0.6, "dent", normal=0.4, dent=0.4, scratch=0.2),
        found(0.9, "dent", normal=0.1, dent=0.8, scratch=0.1),
        found(0.9, "scratch", normal=0.1, dent=0.3, scratch=0.6),
        found(0.9, "scratch", normal=0.1, dent=0.1, scratch=0.8),
        found(0.2, "normal", normal=0.8, dent=0.1, scratch=0.1),
    ]
    scores = score(truth, findings, classes=TYPES, normal={"normal"}, threshold=0.5)
    named = [finding.label for finding in findings]
    assert scores.of_labels
    assert scores.accuracy == pytest.approx(3 / 6)
    assert scores.damage_accuracy == pytest.approx(4 / 6)
    assert scores.precision == scores.recall == pytest.approx(3 / 4)
    assert scores.macro_f1 == pytest.approx(metrics.f1_score(truth, named, average="macro"))
    assert scores.confusion.classes == TYPES
    assert scores.confusion.counts.tolist() == metrics.confusion_matrix(truth, named, labels=TYPES).tolist()
    dent = scores.per_class["dent"]
    assert (dent.support, dent.precision, dent.recall) == (2, 0.5, 0.5)
    assert dent.auroc == pytest.approx(metrics.roc_auc_score([t == "dent" for t in truth], [0.05, 0.4, 0.8, 0.3, 0.1, 0.1]))


@pytest.mark.parametrize(
    ("truth", "damages", "missing"),
    [
        ([], [], {"accuracy", "precision", "recall", "specificity", "f1", "auroc", "average_precision", "brier"}),
        (["normal"] * 3, [0.1, 0.2, 0.9], {"precision", "recall", "f1", "auroc", "average_precision", "brier"}),
        (["anomaly"] * 3, [0.1, 0.2, 0.9], {"precision", "specificity", "f1", "auroc", "average_precision", "brier"}),
        (["normal", "anomaly"], [0.1, 0.2], {"precision"}),
    ],
)
def test_what_is_undefined_is_none_with_a_reason(truth: list[str], damages: list[float], missing: set[str]) -> None:
    scores = score(truth, [found(d) for d in damages], classes=["anomaly", "normal"], normal={"normal"}, threshold=0.5)
    for name in missing:
        assert getattr(scores, name) is None
        assert any("Undefined" in note and name in note for note in scores.notes), name
        assert name not in scores.intervals
    present = {"accuracy", "precision", "recall", "specificity", "f1", "auroc", "average_precision", "brier"} - missing
    assert all(np.isfinite(getattr(scores, name)) for name in present)


def test_damage_types_without_whole_cars_have_label_scores_alone() -> None:
    scores = score(["dent", "scratch"], [found(1, "dent"), found(1, "dent")], classes=TYPES, normal={"normal"}, threshold=0.5)
    assert scores.accuracy == 0.5
    assert scores.macro_f1 == pytest.approx(1 / 3)
    assert (scores.recall, scores.damage_accuracy, scores.auroc) == (None, None, None)


def test_a_label_that_the_model_does_not_know_is_wrong_and_noted() -> None:
    truth, findings = ["dent", "hail", "normal"], [found(0.9, "dent"), found(0.9, "dent"), found(0.1, "normal")]
    scores = score(truth, findings, classes=TYPES, normal={"normal"}, threshold=0.5)
    assert scores.accuracy == pytest.approx(2 / 3)
    assert scores.damage_accuracy == 1
    assert scores.confusion.classes == (*TYPES, "hail")
    assert any("'hail'" in note for note in scores.notes)


def test_another_name_for_a_whole_car_is_understood() -> None:
    truth, findings = ["dent", "good"], [found(0.9, "dent"), found(0.1, "normal")]
    assert score(truth, findings, classes=TYPES, normal={"normal", "good"}, threshold=0.5).accuracy == 1


@pytest.mark.parametrize(
    ("truth", "classes", "labels"),
    [
        (["normal", "anomaly"], TYPES, ["normal", "dent"]),
        (["normal", "dent", "scratch"], ("normal", "anomaly"), ["normal", "anomaly", "anomaly"]),
    ],
)
def test_coarse_and_fine_labels_meet_at_the_verdict(truth: list[str], classes: tuple[str, ...], labels: list[str]) -> None:
    findings = [found(0.1 if label == "normal" else 0.9, label) for label in labels]
    scores = score(truth, findings, classes=classes, normal={"normal"}, threshold=0.5)
    assert not scores.of_labels
    assert scores.accuracy == 1
    assert scores.confusion.counts.sum() == len(truth)
    assert any("only the verdict is compared" in note for note in scores.notes)


def test_few_pictures_and_a_strange_threshold_are_noted() -> None:
    scores = score(
        ["normal", "anomaly"], [found(0.4), found(0.9)], classes=["normal", "anomaly"], normal={"normal"}, threshold=0.3
    )
    assert any("1 pictures is not that of the threshold" in note for note in scores.notes)
    assert sum("read the intervals" in note for note in scores.notes) == 2


@pytest.mark.parametrize("damage", [float("nan"), -0.1, 1.5])
def test_what_is_no_probability_is_refused_by_name(damage: float) -> None:
    with pytest.raises(InputError, match=r"car\.jpg.*within 0 to 1"):
        score(["normal"], [found(damage)], classes=TYPES, normal={"normal"}, threshold=0.5)


def test_labels_and_findings_must_pair_up() -> None:
    with pytest.raises(InputError, match="2 labels cannot be compared with 1"):
        score(["normal", "dent"], [found(0.1)], classes=TYPES, normal={"normal"}, threshold=0.5)


def test_calibration_error_sees_overconfidence() -> None:
    rng = np.random.default_rng(8)
    truth = np.where(rng.random(2000) < 0.7, "anomaly", "normal").tolist()
    honest, boastful = (
        score(truth, [found(p)] * 2000, classes=["normal", "anomaly"], normal={"normal"}, threshold=0.5) for p in (0.7, 0.99)
    )
    assert honest.calibration_error == pytest.approx(0, abs=0.03)
    assert boastful.calibration_error == pytest.approx(0.29, abs=0.03)
