"""The files of a training: what was given comes back with what was detected, and masks have scores for each anomaly label."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from walkaround.damage.findings import Findings
from walkaround.datasets.sample import Sample
from walkaround.evaluation.measure import measure
from walkaround.evaluation.segment import MaskTally
from walkaround.hosting.jobs.training.evaluation_files import Entry, Named, evaluation_manifest, evaluation_result

NAMED = Named(model_arn="arn", project="cars", version=1, ended=datetime(2026, 1, 1, tzinfo=UTC))
CLASS = {"class-name": "anomaly", "type": "groundtruth/image-classification"}
OTHER = {"class-name": "normal", "type": "groundtruth/object-detection"}


def found(paths: Sequence[Path]) -> list[Findings]:
    told: dict[str, Any] = {"anomalous": True, "confidence": 0.9, "label": "anomaly", "damage": 0.9, "width": 8, "height": 8}
    return [Findings(source=str(path), probabilities={"anomaly": 0.9, "normal": 0.1}, **told) for path in paths]


def manifest(**members: Any) -> dict[str, Any]:
    path = Path("/pictures/a.jpg")
    line = json.dumps({"source-ref": "s3://photos/a.jpg", **members})
    entry = Entry(ref="s3://photos/a.jpg", label="anomaly", line=line, split="test")
    evaluation = measure(
        found, [Sample(path=path, label="anomaly")], classes=["anomaly", "normal"], normal=["normal"], threshold=0.5
    )
    content = evaluation_manifest(evaluation, {path: entry}, NAMED)
    assert content.isascii()
    told: dict[str, Any] = json.loads(content)
    return told


@pytest.mark.parametrize("name", ["job", "\u00e4", "\ud800"])
def test_any_text_can_be_written(name: str) -> None:
    assert manifest(**{"x": 0, "x-metadata": {**CLASS, "job-name": name}})["x-metadata"]["job-name"] == name


def test_what_was_detected_stands_beside_the_attribute_that_labels_the_picture() -> None:
    told = manifest(**{"box": 5, "box-metadata": OTHER, "x": 0, "x-metadata": CLASS})
    assert (told["box"], told["x"], told["x-detected"]) == (5, 1, 1)
    assert "box-detected" not in told


def result(masks: MaskTally | None) -> dict[str, Any]:
    samples = [Sample(path=Path("/pictures/a.jpg"), label="anomaly")]
    evaluation = measure(found, samples, classes=["anomaly", "normal"], normal=["normal"], threshold=0.5)
    scores = None if masks is None else masks.scores()
    told: dict[str, Any] = json.loads(evaluation_result(evaluation.scores, NAMED, training_pictures=3, masks=scores))
    metrics: dict[str, Any] = told["AggregatedEvaluationResults"]["Metrics"]
    return metrics


def test_each_anomaly_label_has_its_metrics() -> None:
    tally = MaskTally(["dent", "scratch"])
    truth, marked = np.zeros((10, 10), np.uint8), np.zeros((10, 10), np.uint8)
    truth[:5], marked[:5, :5] = 1, 1
    tally.add(truth, marked)
    assert result(tally)["PixelAnomalyClassMetrics"] == [
        {"Precision": 1.0, "Recall": 0.5, "F1Score": pytest.approx(2 / 3), "AIOU": 0.5, "ClassName": "dent"},
        {"Precision": 0.0, "Recall": 0.0, "F1Score": 0.0, "AIOU": 0.0, "ClassName": "scratch"},
    ]


def test_a_classification_model_has_no_such_key() -> None:
    assert set(result(None)) == {"ROCAUC", "AveragePrecision", "Precision", "Recall", "F1Score"}
