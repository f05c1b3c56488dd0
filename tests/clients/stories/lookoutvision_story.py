"""The PyPI package `lookoutvision` through its whole flow: `lookoutvision_story.py PROJECT BUCKET`.

It is run in a folder that has pictures in `good/` and `bad/`, by the Python of the client's environment. The order is that of
the package's own example notebooks. The last line that it writes is JSON: what it saw.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import boto3
import matplotlib as mpl
from lookoutvision.image import Image
from lookoutvision.lookoutvision import LookoutForVision
from lookoutvision.manifest import Manifest
from lookoutvision.metrics import Metrics

PROJECT, BUCKET = sys.argv[1:3]
FOLDER = "cars/"
seen: dict[str, Any] = {}


def main() -> None:
    """Look at the pictures, upload, make datasets, train, host, predict, compare, stop, cross-validate."""
    mpl.use("Agg")
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    manifests = upload()
    project = LookoutForVision(project_name=PROJECT)
    arn = project.create_project()
    assert arn == project.create_project() == project.describe_project(), arn
    make_datasets(project, manifests)
    train(project)
    predict(project)
    compare()
    assert project.stop_model()["Status"] == "STOPPING_HOSTING"
    assert project.deploy()["status"] == "HOSTED"  # it was TRAINED again, which the package asks for
    project.stop_model()
    clean_up(project)
    cross_validate(project)
    sys.stdout.write("\n" + json.dumps(seen) + "\n")


def upload() -> dict[str, Any]:
    """Pictures and manifests into the bucket, by the package."""
    image = Image()
    sizes = image.check_image_sizes(normal="good", anomaly="bad")
    assert all(one["compliant"] for one in sizes.values()), sizes
    assert image.check_image_shapes()["good"]["compliant"]
    image.upload_from_local(bucket=BUCKET, s3_path=FOLDER, train_and_test=True, test_split=0.2, processes_num=2)
    manifests: dict[str, Any] = Manifest(bucket=BUCKET, s3_path=FOLDER, datasets=["training", "validation"]).push_manifests()
    assert set(manifests) == {"training", "validation"}, manifests
    return manifests


def make_datasets(project: LookoutForVision, manifests: dict[str, Any]) -> None:
    """Made once; made again, refused; updated, which deletes them and makes them at once."""
    made = project.create_datasets(manifests, wait=True)
    assert [one["Status"] for one in made.values()] == ["CREATE_COMPLETE"] * 2, made
    assert project.create_datasets(manifests, wait=True) == {}
    made = project.update_datasets(manifests, wait=True)
    assert [one["Status"] for one in made.values()] == ["CREATE_COMPLETE"] * 2, made


def train(project: LookoutForVision) -> None:
    """A model and its hosting."""
    fitted = project.fit(output_bucket=BUCKET, model_prefix="results_", train_and_test=True, wait=True)
    assert fitted["status"] == "Success!", fitted
    seen["stats"] = {name: fitted[f"{name}_datasets"]["ImageStats"] for name in ("train", "test")}
    metrics = Metrics(PROJECT).describe_model()
    assert set(metrics.index) == {"F1Score", "Recall", "Precision"}, metrics
    assert set(metrics["Status"]) == {"TRAINED"}, metrics
    deployed = project.deploy(min_inf_units=1, wait=True)
    assert deployed["status"] == deployed["model"]["Status"] == "HOSTED", deployed


def predict(project: LookoutForVision) -> None:
    """From a file, from the bucket, many from a folder, many from the bucket."""
    bad = sorted(Path("bad").iterdir())
    one = project.predict(local_file=str(bad[0]))
    assert one["Source"] == {"Type": "direct"}, one
    key = boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"{FOLDER}training/anomaly/")["Contents"][0]["Key"]
    stored = project.predict(bucket=BUCKET, key=key)
    assert stored == project.predict(local_file=f"bad/{key.rpartition('/')[2]}"), stored
    results = project.batch_predict(local_path="bad")["predicted_result"]
    seen["found"] = sum(result["IsAnomalous"] for result in results) / len(bad)
    project.batch_predict(
        input_bucket=BUCKET, input_prefix=f"{FOLDER}validation/normal/", output_bucket=BUCKET, output_prefix="predictions/"
    )
    written = boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="predictions/")["Contents"]
    results = [json.loads(boto3.client("s3").get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read()) for one in written]
    assert len(results) == seen["stats"]["test"]["Normal"]
    seen["false_alarms"] = sum(result["IsAnomalous"] for result in results) / len(results)


def compare() -> None:
    """The tables and the chart of all models."""
    metrics = Metrics(PROJECT)
    table = metrics.describe_models()
    assert set(table["Status"]) == {"HOSTED"}, table
    seen["performance"] = {name: float(value) for name, value in table["Performance"].items()}
    metrics.compare_models()


def clean_up(project: LookoutForVision) -> None:
    """The package's own deletion of everything."""
    assert project.delete_lookoutvision_project(PROJECT)["Success"]
    assert project.describe_project() == {}


def cross_validate(project: LookoutForVision) -> None:
    """Two folds, trained at the same time, each in a project of its own that is deleted at the end."""
    image = Image()
    folds = image.kfold_split(n_splits=2, normal="good", anomaly="bad")
    image.kfold_upload(BUCKET, "folds", PROJECT, *folds)
    summary = project.train_k_fold(input_bucket=BUCKET, output_bucket=BUCKET, s3_path="folds", n_splits=2)
    assert list(summary["model_name"]) == [f"{PROJECT}_0", f"{PROJECT}_1"], summary
    assert summary["NumberOfTestImages"].sum() == len(os.listdir("good")) + len(os.listdir("bad"))  # noqa: PTH208
    seen["folds"] = [float(value) for value in summary["F1Score"]]
    left = [one["ProjectName"] for one in boto3.client("lookoutvision").list_projects()["Projects"]]
    assert not [name for name in left if name.startswith(PROJECT)], left


if __name__ == "__main__":
    main()
