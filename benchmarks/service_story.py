"""The whole story on real pictures: into a bucket, manifests, datasets, train, evaluate, start, detect, stop, delete.

`service_story.py PHOTOS [--pictures 300] [--seed 7]`: PHOTOS has the folders `normal` and `anomaly`. A third of the pictures is
the test dataset; each of those is asked about again over HTTP. Without --pictures all are taken. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from lookout_cars import manifest_line, write_manifest
from lookout_client import client_of, describe_model, detect, host, make_dataset, train, until
from served import Served

PROJECT, BUCKET = "car-damage", "car-photos"


def main() -> None:
    """Tell it."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("photos", type=Path)
    arguments.add_argument("--pictures", type=int)
    arguments.add_argument("--seed", type=int, default=7)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="walkaround-story-") as folder:
        bucket = Path(folder) / BUCKET
        held_back = fill(bucket, given.photos, pictures=given.pictures, seed=given.seed)
        served = Served(folder=Path(folder) / "served", buckets={BUCKET: bucket})
        served.start()
        result = tell(served, bucket, held_back)
        result["exit_code"] = served.stop()
    print(json.dumps(result))


def fill(bucket: Path, photos: Path, *, pictures: int | None, seed: int) -> list[Path]:
    """Copy a seeded choice into the bucket, with manifests; the pictures of the test dataset."""
    bucket.mkdir(parents=True)
    lines: dict[str, list[dict[str, Any]]] = {"train": [], "test": []}
    held_back = []
    for label in ("normal", "anomaly"):
        paths = sorted(path for path in (photos / label).iterdir() if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
        random.Random(seed).shuffle(paths)
        paths = paths[: pictures // 2] if pictures else paths
        for number, path in enumerate(paths):
            kind = "test" if number % 3 == 0 else "train"
            key = f"{kind}/{label}/{number:04d}{path.suffix.lower()}"
            (bucket / key).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, bucket / key)
            lines[kind].append(manifest_line(BUCKET, key, label))
            held_back += [bucket / key] if kind == "test" else []
    for kind, content in lines.items():
        write_manifest(bucket / f"{kind}.manifest", content)
    return held_back


def tell(served: Served, bucket: Path, held_back: list[Path]) -> dict[str, Any]:
    """From project to deletion; what came out."""
    client = client_of(served)
    client.create_project(ProjectName=PROJECT)
    stats = {
        kind: make_dataset(client, PROJECT, kind, bucket=BUCKET, key=f"{kind}.manifest")["ImageStats"]
        for kind in ("train", "test")
    }
    started = time.monotonic()
    model = train(client, PROJECT, bucket=BUCKET)
    seconds = time.monotonic() - started
    evaluated = json.loads((bucket / model["EvaluationResult"]["Key"]).read_text())
    host(client, PROJECT)
    found = {path: detect(client, PROJECT, path) for path in held_back}
    right = [result["IsAnomalous"] == (path.parent.name == "anomaly") for path, result in found.items()]
    delete(client)
    return {
        "stats": stats,
        "training_seconds": round(seconds, 1),
        "performance": model["Performance"],
        "metrics": evaluated["AggregatedEvaluationResults"]["Metrics"],
        "accuracy": sum(right) / len(right),
        "same_as_evaluated": agreeing(bucket / model["EvaluationManifest"]["Key"], found),
    }


def agreeing(manifest: Path, found: dict[Path, dict[str, Any]]) -> float:
    """Share of pictures of which the hosted model says what the evaluation manifest says."""
    said: dict[str, str] = {}
    for line in manifest.read_text().splitlines():
        entry = json.loads(line)
        said[entry["source-ref"].rpartition(f"{BUCKET}/")[2]] = entry["anomaly-label-detected-metadata"]["class-name"]
    verdicts = {f"{path.parts[-3]}/{path.parts[-2]}/{path.name}": result["IsAnomalous"] for path, result in found.items()}
    agree = sum(said[key] == ("anomaly" if verdict else "normal") for key, verdict in verdicts.items())
    return agree / len(verdicts)


def delete(client: Any) -> None:
    """Stop the model, then delete everything."""
    client.stop_model(ProjectName=PROJECT, ModelVersion="1")
    until("TRAINED", lambda: describe_model(client, PROJECT))
    client.delete_model(ProjectName=PROJECT, ModelVersion="1")
    while client.list_models(ProjectName=PROJECT)["Models"]:
        time.sleep(0.1)
    for kind in ("train", "test"):
        client.delete_dataset(ProjectName=PROJECT, DatasetType=kind)
    client.delete_project(ProjectName=PROJECT)


if __name__ == "__main__":
    main()
