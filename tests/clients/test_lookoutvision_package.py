"""The PyPI package `lookoutvision`, unmodified, through its whole flow, with its buckets on S3."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from served import Served

STORIES = Path(__file__).parent / "stories"


def test_the_package_of_awslabs_from_pictures_to_cross_validation(
    run: Callable[..., dict[str, Any]], server_on_s3: Served, old: Path, cars: Path
) -> None:
    for name, label in (("good", "normal"), ("bad", "anomaly")):
        if not (server_on_s3.folder / name).exists():
            (server_on_s3.folder / name).symlink_to(cars / label)
    story, quick = STORIES / "lookoutvision_story.py", STORIES / "quick"
    seen = run(server_on_s3, old / "python", story, "cars-package", "photos-of-package", PYTHONPATH=str(quick))
    assert seen["stats"]["test"] == {"Total": 20, "Labeled": 20, "Normal": 10, "Anomaly": 10}
    assert seen["found"] >= 0.8
    assert seen["false_alarms"] <= 0.4
    assert min(seen["folds"]) >= 0.6
