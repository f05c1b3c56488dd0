"""A dataset with masks trains a segmentation model: its evaluation has each anomaly label, its answers areas and a mask."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from walkaround.aws.lookoutvision import detection_document

OUTPUT = {"S3Location": {"Bucket": "photos", "Prefix": "out-"}}
COLOUR = "#23A436"
ABOUT = {"type": "groundtruth/image-classification", "human-annotated": "yes"}


def spray(bucket: Path, key: str, seed: int) -> None:
    """Paint a large magenta spot on a picture, and its mask."""
    image = Image.open(bucket / key).convert("RGB")
    mask = Image.new("RGB", image.size)
    rng = np.random.default_rng(seed)
    width, height = image.size
    x, y = int(rng.integers(0, width // 2)), int(rng.integers(0, height // 2))
    place = (x, y, x + width // 3, y + height // 3)
    ImageDraw.Draw(image).ellipse(place, fill=(255, 0, 220))
    ImageDraw.Draw(mask).ellipse(place, fill=COLOUR)
    image.save(bucket / key, quality=92)
    (bucket / "masks").mkdir(exist_ok=True)
    mask.save(bucket / "masks" / f"{Path(key).stem}.png")


def line(key: str, label: str) -> str:
    members: dict[str, Any] = {"source-ref": f"s3://photos/{key}", "x": 1, "x-metadata": {**ABOUT, "class-name": label}}
    if label == "anomaly":
        colours = {"0": {"class-name": "paint", "hex-color": COLOUR}}
        members["x-ref"] = f"s3://photos/masks/{Path(key).stem}.png"
        members["x-ref-metadata"] = {"type": "groundtruth/semantic-segmentation", "internal-color-map": colours}
    return json.dumps(members)


@pytest.fixture
def segmenting(tmp_path: Path, photos: Path, keys: dict[str, list[str]], serve: Callable[..., Any]) -> Iterator[Any]:
    """A service with a training dataset of 20 whole cars and 20 that were sprayed at, with masks."""
    bucket = tmp_path / "data" / "buckets" / "photos"
    shutil.copytree(photos, bucket)
    for seed, key in enumerate(keys["anomaly"]):
        spray(bucket, key, seed)
    lines = [line(key, label) for label, some in keys.items() for key in some]
    (bucket / "m").write_text("\n".join(lines))
    made = serve(tmp_path / "data", training_minutes=0.5)
    made("create_project", project_name="cars")
    source = {"GroundTruthManifest": {"S3Object": {"Bucket": "photos", "Key": "m"}}}
    made("create_dataset", project_name="cars", dataset_type="train", dataset_source=source)
    made.wait("create_dataset")
    yield made
    made.stop()
    made.database.close()


def test_masks_make_a_segmentation_model(segmenting: Any, keys: dict[str, list[str]]) -> None:
    pytest.importorskip("torch")
    segmenting("create_model", project_name="cars", output_config=OUTPUT)
    segmenting.wait("train", seconds=500)
    model = segmenting.model()
    assert model["Status"] == "TRAINED", model["StatusMessage"]
    told = json.loads(segmenting.buckets.read("photos", model["EvaluationResult"]["Key"], at_most=10**6))
    (paint,) = told["AggregatedEvaluationResults"]["Metrics"]["PixelAnomalyClassMetrics"]
    assert set(paint) == {"Precision", "Recall", "F1Score", "AIOU", "ClassName"}
    assert paint["ClassName"] == "paint"
    assert 0 < paint["AIOU"] <= 1, paint  # how well it learns in half a minute depends on the machine
    segmenting("start_model", project_name="cars", model_version="1", min_inference_units=1)
    segmenting.wait("host")
    content = segmenting.buckets.read("photos", keys["anomaly"][0], at_most=10**7)
    result = detection_document(segmenting.detect(content))["DetectAnomalyResult"]
    assert [(one["Name"], one["PixelAnomaly"]["Color"]) for one in result["Anomalies"]] == [
        ("background", "#FFFFFF"),
        ("paint", COLOUR),
    ]
    assert Image.open(io.BytesIO(result["AnomalyMask"])).size == Image.open(io.BytesIO(content)).size


def test_a_mask_of_another_size_fails_the_training_and_says_which(segmenting: Any, keys: dict[str, list[str]]) -> None:
    pytest.importorskip("torch")
    name = Path(keys["anomaly"][0]).stem
    place = segmenting.settings.data / "buckets" / "photos" / "masks" / f"{name}.png"
    Image.open(place).resize((50, 40)).save(place)
    segmenting("create_model", project_name="cars", output_config=OUTPUT)
    segmenting.wait("train")
    model = segmenting.model()
    assert model["Status"] == "TRAINING_FAILED"
    assert (
        f"s3://photos/{keys['anomaly'][0]}: its mask 's3://photos/masks/{name}.png' is 50 x 40 pixels" in model["StatusMessage"]
    )
