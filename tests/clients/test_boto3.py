"""boto3 through the whole life of a project: the last one that knows the service, and today's with walkaround's model of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from served import Served

STORY = Path(__file__).parent / "stories" / "boto3_story.py"
Run = Callable[..., dict[str, Any]]


def test_the_last_boto3_that_knows_the_service_with_buckets_on_s3(
    run: Run, server_on_s3: Served, old: Path, cars: Path
) -> None:
    seen = run(server_on_s3, old / "python", STORY, "cars-on-s3", "photos-on-s3", cars)
    assert seen["botocore"] == "1.40.60"
    assert seen["train"] == {"Total": 40, "Labeled": 40, "Normal": 20, "Anomaly": 20}
    assert seen["accuracy"] >= 0.75
    assert seen["performance"]["F1Score"] >= 0.7


def test_a_current_boto3_that_was_given_the_service_model(
    run: Run, server: Served, current: Path, cars: Path, bucket: Path, tmp_path: Path
) -> None:
    subprocess.run([sys.executable, "-m", "walkaround", "aws", "install-model"], env={"HOME": str(tmp_path)}, check=True)
    seen = run(server, current / "python", STORY, "cars-current", bucket.name, cars, HOME=str(tmp_path))
    assert tuple(map(int, seen["botocore"].split("."))) > (1, 40, 60)
    assert seen["accuracy"] >= 0.75
