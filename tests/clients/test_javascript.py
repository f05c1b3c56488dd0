"""The JavaScript clients, @aws-sdk/client-lookoutvision and the former aws-sdk 2, through the whole life of a project."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from served import Served

STORIES = Path(__file__).parent / "stories"


def test_the_javascript_client_with_every_form_of_a_body(
    run: Callable[..., dict[str, Any]], server: Served, javascript: Path, cars: Path, bucket: Path
) -> None:
    seen = run(server, shutil.which("node"), STORIES / "story.mjs", javascript, "cars-js", bucket.name, cars)
    assert seen["train"] == {"Total": 40, "Labeled": 40, "Normal": 20, "Anomaly": 20}
    assert seen["accuracy"] >= 0.75
    assert seen["performance"]["F1Score"] >= 0.7


def test_the_former_javascript_sdk(
    run: Callable[..., dict[str, Any]], server: Served, javascript: Path, cars: Path, bucket: Path
) -> None:
    quiet = {"AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE": "1"}
    seen = run(server, shutil.which("node"), STORIES / "story_v2.mjs", javascript, "cars-js-2", bucket.name, cars, **quiet)
    assert seen["version"].startswith("2.")
    assert seen["train"] == {"Total": 40, "Labeled": 40, "Normal": 20, "Anomaly": 20}
    assert seen["accuracy"] >= 0.75
    assert seen["performance"]["F1Score"] >= 0.7
