"""What a model found as TensorFlow Serving tells of an object-detection model, and what ours tell besides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from walkaround.damage.findings import Findings


def prediction_of(findings: Findings, ids: Mapping[str, int]) -> dict[str, Any]:
    """The prediction for one picture.

    `detection_boxes` are `[ymin, xmin, ymax, xmax]` as fractions of the upright picture, the surest first;
    `detection_classes` count from 1, as in the label map of the records; a model that finds no boxes has empty lists. The
    other keys are our own: class names, the verdict, and the share of the picture that each kind covers.

    Args:
        findings: of the picture.
        ids: class ids by name, from 1.
    """
    boxes = findings.boxes or ()
    edges = [
        [top / findings.height, left / findings.width, bottom / findings.height, right / findings.width]
        for left, top, right, bottom in (found.box for found in boxes)
    ]
    prediction: dict[str, Any] = {
        "detection_boxes": [[min(1.0, max(0.0, edge)) for edge in box] for box in edges],
        "detection_classes": [float(ids[found.label]) for found in boxes],
        "detection_scores": [found.score for found in boxes],
        "num_detections": len(boxes),
        "detection_class_names": [found.label for found in boxes],
        "anomalous": findings.anomalous,
        "confidence": findings.confidence,
        "label": findings.label,
        "probabilities": dict(findings.probabilities),
        **({} if findings.kinds is None else {"kinds": dict(findings.kinds)}),
    }
    if findings.masks is not None:
        prediction["areas"] = findings.masks.areas
    return prediction
