"""The whole story on real pictures of cars, from a bucket to deletion, against a running server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PHOTOS = ROOT.parent / "shared" / "data" / "car-damage"


@pytest.mark.photos
@pytest.mark.skipif(not PHOTOS.is_dir(), reason="needs real pictures: ../shared/data/car-damage")
def test_the_whole_story_on_real_pictures() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "service_story.py"), str(PHOTOS), "--pictures", "300", "--seed", "7"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-4000:]
    told = json.loads(result.stdout.splitlines()[-1])
    assert told["stats"]["train"] == {"Total": 200, "Labeled": 200, "Normal": 100, "Anomaly": 100}
    assert told["stats"]["test"] == {"Total": 100, "Labeled": 100, "Normal": 50, "Anomaly": 50}
    assert told["accuracy"] >= 0.8  # a model that learnt nothing is right in half
    assert told["performance"]["F1Score"] >= 0.75
    assert told["metrics"]["ROCAUC"] >= 0.88
    assert told["same_as_evaluated"] == 1.0  # what was measured is what is hosted
    assert told["exit_code"] == 0
