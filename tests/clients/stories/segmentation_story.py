"""Masks through boto3 and, where it is there, the package `lookoutvision`: `segmentation_story.py PROJECT BUCKET PICTURE`.

It is run by the Python of a client's environment. The bucket has `masks.manifest` and `broken.manifest`; model 1 of the project
finds masks. The last line that it writes is JSON: what it saw.
"""

from __future__ import annotations

import base64
import json
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import boto3

PROJECT, BUCKET, PICTURE = sys.argv[1], sys.argv[2], Path(sys.argv[3])
lookout = boto3.client("lookoutvision")


def main() -> None:
    """Datasets with masks, and a model that finds some."""
    seen: dict[str, Any] = {"broken": dataset("test", "broken.manifest"), "masks": dataset("train", "masks.manifest")}
    pages = lookout.get_paginator("list_dataset_entries").paginate(ProjectName=PROJECT, DatasetType="train")
    seen["entries"] = [entry for page in pages for entry in page["DatasetEntries"]]
    lookout.start_model(ProjectName=PROJECT, ModelVersion="1", MinInferenceUnits=1)
    while lookout.describe_model(ProjectName=PROJECT, ModelVersion="1")["ModelDescription"]["Status"] != "HOSTED":
        time.sleep(0.2)
    body = PICTURE.read_bytes()
    result = lookout.detect_anomalies(ProjectName=PROJECT, ModelVersion="1", Body=body, ContentType="image/png")
    seen["result"] = shown(result["DetectAnomalyResult"])
    if find_spec("lookoutvision"):
        from lookoutvision.lookoutvision import LookoutForVision

        project = LookoutForVision(project_name=PROJECT, model_version="1")
        seen["package"] = shown(project.predict(local_file=str(PICTURE), content_type="image/png"))
    lookout.stop_model(ProjectName=PROJECT, ModelVersion="1")
    sys.stdout.write("\n" + json.dumps(seen) + "\n")


def dataset(kind: str, manifest: str) -> dict[str, Any]:
    """Its description, once it was made or refused."""
    source = {"GroundTruthManifest": {"S3Object": {"Bucket": BUCKET, "Key": manifest}}}
    lookout.create_dataset(ProjectName=PROJECT, DatasetType=kind, DatasetSource=source)
    while True:
        told = lookout.describe_dataset(ProjectName=PROJECT, DatasetType=kind)["DatasetDescription"]
        if told["Status"] != "CREATE_IN_PROGRESS":
            return {name: told[name] for name in ("Status", "StatusMessage", "ImageStats")}
        time.sleep(0.2)


def shown(result: dict[str, Any]) -> dict[str, Any]:
    """The result as JSON; the client has decoded the mask."""
    assert isinstance(result["AnomalyMask"], bytes), type(result["AnomalyMask"])
    return {**result, "AnomalyMask": base64.b64encode(result["AnomalyMask"]).decode()}


if __name__ == "__main__":
    main()
