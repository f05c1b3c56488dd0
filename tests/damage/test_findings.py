"""Findings as a line of JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from walkaround.damage.findings import Findings

FINDINGS = Findings(
    source="a b.jpg", anomalous=True, confidence=0.912345, label="dent", damage=0.912345,
    probabilities={"normal": 0.087655, "dent": 0.912345}, width=640, height=480, heat_map=np.ones((2, 2), np.float32),
)  # fmt: skip


def test_a_picture_has_plain_values_and_no_time() -> None:
    line = FINDINGS.as_json()
    assert json.loads(json.dumps(line)) == {
        "source": "a b.jpg", "anomalous": True, "confidence": 0.9123, "label": "dent", "damage": 0.9123,
        "probabilities": {"normal": 0.0877, "dent": 0.9123}, "width": 640, "height": 480,
    }  # fmt: skip


@pytest.mark.parametrize(("time", "written"), [(0.0, 0.0), (1.23456, 1.235)])
def test_a_frame_has_its_time(time: float, written: float) -> None:
    assert replace(FINDINGS, time=time).as_json()["time"] == written
