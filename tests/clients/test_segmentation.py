"""Segmentation as clients of the old service know it: datasets with masks, and results with areas and a mask."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from made_models import BOX_PART, MASK_PART, made_package, picture_with
from served import Served
from walkaround.hosting.operations.models.imported import import_package
from walkaround.hosting.owner import Owner
from walkaround.settings import Settings
from walkaround.store.opening import database_of

STORY = Path(__file__).parent / "stories" / "segmentation_story.py"
Run = Callable[..., dict[str, Any]]
COLOUR = "#23A436"


def line(bucket: str, name: str, *, mask: str | None) -> dict[str, Any]:
    """As the guide of the service has it."""
    label = "normal" if mask is None else "anomaly"
    about = {"class-name": label, "type": "groundtruth/image-classification", "human-annotated": "yes", "confidence": 1}
    told = {"source-ref": f"s3://{bucket}/{name}", "anomaly-label": int(mask is not None), "anomaly-label-metadata": about}
    if mask is not None:
        colours = {"0": {"class-name": "cracked", "hex-color": COLOUR}}
        told["anomaly-mask-ref"] = f"s3://{bucket}/{mask}"
        told["anomaly-mask-ref-metadata"] = {"internal-color-map": colours, "type": "groundtruth/semantic-segmentation"}
    return told


@pytest.fixture(scope="module")
def segmented(server: Served, bucket: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Make a project whose model 1 finds masks, and two manifests in the bucket; a picture with a bright spot."""
    folder = tmp_path_factory.mktemp("segmented")
    package = made_package(folder / "all", damage=0.8, boxes=BOX_PART, masks=MASK_PART)
    mask = Image.new("RGB", (224, 168))
    mask.paste(COLOUR, (20, 20, 90, 80))
    mask.save(bucket / "mask.png")
    lines = [line(bucket.name, "a.jpg", mask="mask.png"), line(bucket.name, "b.jpg", mask=None)]
    broken = [line(bucket.name, "a.jpg", mask="a.jpg"), line(bucket.name, "b.jpg", mask="gone.png")]
    (bucket / "a.jpg").write_bytes(b"no mask")
    for name, some in {"masks": lines, "broken": broken}.items():
        (bucket / f"{name}.manifest").write_text("".join(json.dumps(one) + "\n" for one in some))
    Image.fromarray(picture_with((64, 48, 128, 96))).save(folder / "spot.png")

    def make(project: str) -> Path:
        settings = Settings(data=server.data)
        with database_of(settings).transaction() as session:
            import_package(
                session, Owner("000000000000", "us-east-1"), project_name=project, package=package, settings=settings
            )
        return folder / "spot.png"

    return make


def check(seen: dict[str, Any], bucket: Path) -> None:
    """What a client saw is what the service's guide says."""
    assert seen["broken"]["Status"] == "CREATE_FAILED"
    assert f"line 1: its mask 's3://{bucket.name}/a.jpg' cannot be read" in seen["broken"]["StatusMessage"]
    assert f"line 2: its mask 's3://{bucket.name}/gone.png' is missing" in seen["broken"]["StatusMessage"]
    assert seen["masks"]["Status"] == "CREATE_COMPLETE", seen["masks"]
    assert seen["masks"]["ImageStats"] == {"Total": 2, "Labeled": 2, "Normal": 1, "Anomaly": 1}
    assert seen["entries"] == (bucket / "masks.manifest").read_text().splitlines()
    result = seen["result"]
    assert set(result) == {"Source", "IsAnomalous", "Confidence", "Anomalies", "AnomalyMask"}
    assert (result["IsAnomalous"], result["Confidence"]) == (True, pytest.approx(0.8))
    names = {one["Name"]: one["PixelAnomaly"] for one in result["Anomalies"]}
    assert list(names) == ["background", "scratch"]
    assert names["background"]["Color"] == "#FFFFFF"
    assert sum(one["TotalPercentageArea"] for one in names.values()) == pytest.approx(1)
    mask = Image.open(io.BytesIO(base64.b64decode(result["AnomalyMask"])))
    assert (mask.format, mask.size) == ("PNG", (256, 192))
    assert "#{:02X}{:02X}{:02X}".format(*np.asarray(mask.convert("RGB"))[72, 96]) == names["scratch"]["Color"]


def test_the_old_boto3_and_the_package_of_awslabs(
    run: Run, server: Served, old: Path, bucket: Path, segmented: Callable[[str], Path]
) -> None:
    seen = run(server, old / "python", STORY, "masks-old", bucket.name, segmented("masks-old"))
    check(seen, bucket)
    assert seen["package"] == seen["result"]


def test_a_current_boto3(
    run: Run, server: Served, current: Path, bucket: Path, segmented: Callable[[str], Path], tmp_path: Path
) -> None:
    subprocess.run([sys.executable, "-m", "walkaround", "aws", "install-model"], env={"HOME": str(tmp_path)}, check=True)
    picture = segmented("masks-current")
    check(run(server, current / "python", STORY, "masks-current", bucket.name, picture, HOME=str(tmp_path)), bucket)
