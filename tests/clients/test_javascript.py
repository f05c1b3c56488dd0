"""The JavaScript clients, @aws-sdk/client-lookoutvision and the former aws-sdk 2, through the whole life of a project."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from served import Served

STORIES = Path(__file__).parent / "stories"


@pytest.mark.parametrize(
    ("particular", "project", "sdk"),
    [("sdk_v3.mjs", "cars-js", "@aws-sdk/client-lookoutvision"), ("sdk_v2.mjs", "cars-js-2", "aws-sdk")],
)
def test_an_sdk_for_javascript_with_every_form_of_a_body(
    run: Callable[..., dict[str, Any]],
    server: Served,
    javascript: Path,
    cars: Path,
    bucket: Path,
    particular: str,
    project: str,
    sdk: str,
) -> None:
    quiet = {"AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE": "1"}
    seen = run(server, shutil.which("node"), STORIES / "story.mjs", javascript, project, bucket.name, cars, particular, **quiet)
    assert seen["sdk"] == sdk
    assert seen["train"] == {"Total": 40, "Labeled": 40, "Normal": 20, "Anomaly": 20}
    assert seen["accuracy"] >= 0.75
    assert seen["performance"]["F1Score"] >= 0.7
