"""The JavaScript client, @aws-sdk/client-lookoutvision, through the whole life of a project."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from served import Served

STORY = Path(__file__).parent / "stories" / "story.mjs"


def test_the_javascript_client_with_every_form_of_a_body(
    run: Callable[..., dict[str, Any]], server: Served, javascript: Path, cars: Path, bucket: Path
) -> None:
    seen = run(server, shutil.which("node"), STORY, javascript, "cars-js", bucket.name, cars)
    assert seen["train"] == {"Total": 40, "Labeled": 40, "Normal": 20, "Anomaly": 20}
    assert seen["accuracy"] >= 0.75
    assert seen["performance"]["F1Score"] >= 0.7
