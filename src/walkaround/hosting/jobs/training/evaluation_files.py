"""The two files that a training writes to its output location, as the old service wrote them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from walkaround.damage.findings import Findings
from walkaround.damage.kinds import ANOMALY, NORMAL
from walkaround.datasets.sample import Split
from walkaround.evaluation.mask_scores import MaskScores
from walkaround.evaluation.measure import Evaluation
from walkaround.evaluation.scores import Scores
from walkaround.hosting.operations.lines.manifest_lines import label_attribute, label_of

_METADATA = "-metadata"
_DETECTED = "-detected"
_CLASSIFICATION = "groundtruth/image-classification"
_UNNAMED = "anomaly-label"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A labelled entry of a dataset: its picture's address, label, line as it was given, and dataset."""

    ref: str
    label: str
    line: str
    split: Split


@dataclass(frozen=True, kw_only=True)
class Named:
    """What was evaluated, and when that ended (UTC)."""

    model_arn: str
    project: str
    version: int
    ended: datetime


def output_key(prefix: str, kind: Literal["EvaluationManifest", "EvaluationResult"], named: Named) -> str:
    """The key of a file: prefix and name are joined with nothing between them, as clients expect."""
    return f"{prefix}{kind}-{named.project}-{named.version}.json"


def evaluation_manifest(evaluation: Evaluation, tested: Mapping[Path, Entry], named: Named) -> bytes:
    """JSON lines: every tested entry with what was detected in its picture.

    Args:
        evaluation: of the test pictures.
        tested: entry by the path of its picture, without links and dots.
        named: what was evaluated.
    """
    lines = []
    for row in evaluation.rows:
        entry = tested[Path(os.path.normpath(row.path))]
        lines.append(json.dumps(_detected(json.loads(entry.line), row.findings, named)) + "\n")
    return "".join(lines).encode()


def evaluation_result(scores: Scores, named: Named, *, training_pictures: int, masks: MaskScores | None = None) -> bytes:
    """One JSON object with the numbers of all test pictures; undefined ones are 0.

    Args:
        scores: of the verdicts.
        named: what was evaluated.
        training_pictures: how many it learnt from.
        masks: scores of the masks, which a classification model does not have.
    """
    metrics = {
        "ROCAUC": scores.auroc,
        "AveragePrecision": scores.average_precision,
        "Precision": scores.precision,
        "Recall": scores.recall,
        "F1Score": scores.f1,
    }
    told = {
        "Version": 1,
        "EvaluationDetails": {
            "ModelArn": named.model_arn,
            "EvaluationEndTimestamp": _moment(named),
            "NumberOfTrainingImages": training_pictures,
            "NumberOfTestingImages": scores.n,
        },
        "AggregatedEvaluationResults": {"Metrics": {name: value or 0.0 for name, value in metrics.items()} | _pixels(masks)},
    }
    return json.dumps(told).encode()


def _pixels(masks: MaskScores | None) -> dict[str, Any]:
    """Scores of each anomaly label over all pixels, and its intersection over union picture by picture.

    Clients take the key for that of a segmentation model, so classification models do not have it.
    """
    if masks is None:
        return {}
    rows = [
        {
            "Precision": scores.pixels.precision or 0.0,
            "Recall": scores.pixels.recall or 0.0,
            "F1Score": scores.pixels.f1 or 0.0,
            "AIOU": scores.aiou or 0.0,
            "ClassName": name,
        }
        for name, scores in masks.per_class.items()
    ]
    return {"PixelAnomalyClassMetrics": rows}


def _detected(line: dict[str, Any], findings: Findings, named: Named) -> dict[str, Any]:
    name = label_attribute(line) or _UNNAMED
    if name in line:  # clients write any number there; the class name counts
        line[name] = int(label_of(line, name) == ANOMALY)
    return {
        **line,
        name + _DETECTED: int(findings.anomalous),
        name + _DETECTED + _METADATA: {
            "class-name": ANOMALY if findings.anomalous else NORMAL,
            "confidence": round(findings.confidence, 4),
            "type": _CLASSIFICATION,
            "human-annotated": "no",
            "creation-date": _moment(named),
            "job-name": "training-job/anomaly-detection",
            "model-arn": named.model_arn,
            "project-name": named.project,
            "model-version": str(named.version),
        },
    }


def _moment(named: Named) -> str:
    return named.ended.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
