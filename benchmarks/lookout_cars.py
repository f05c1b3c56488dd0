"""Drawn cars as a user of Lookout for Vision has them: pictures in a bucket, and manifests that label them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from walkaround.damage.kinds import DAMAGE_TYPES
from walkaround.datasets.drawn.car import draw_car


def draw_cars(folder: Path, *, normal: int, anomaly: int, seed: int) -> list[Path]:
    """Small pictures of whole cars in `normal/` and of damaged ones in `anomaly/`; the same seed draws the same."""
    rng = np.random.default_rng(seed)
    paths = []
    for label, count in (("normal", normal), ("anomaly", anomaly)):
        (folder / label).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            kinds = [] if label == "normal" else [str(DAMAGE_TYPES[number % len(DAMAGE_TYPES)]), "smash"]
            car = draw_car(int(rng.integers(2**31)), damage=kinds, width=224, height=168)
            path = folder / label / f"car_{number:03d}.jpg"
            Image.fromarray(car.pixels).save(path, quality=88)
            paths.append(path)
    return paths


def manifest_line(bucket: str, key: str, label: str) -> dict[str, Any]:
    """One line of a manifest as Lookout for Vision wants it."""
    metadata = {
        "class-name": label,
        "confidence": 1.0,
        "type": "groundtruth/image-classification",
        "human-annotated": "yes",
        "creation-date": "2025-06-01T12:00:00.000000",
        "job-name": "labeling-job/anomaly-label",
    }
    return {
        "source-ref": f"s3://{bucket}/{key}",
        "anomaly-label": int(label == "anomaly"),
        "anomaly-label-metadata": metadata,
    }


def write_manifest(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    """One JSON object a line."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def fill_bucket(folder: Path, pictures: Path) -> None:
    """Copy pictures into a bucket's folder, with all.manifest, train.manifest, and test.manifest for ten of each label."""
    keys = {}
    for source in sorted(pictures.glob("*/*.jpg")):
        key = f"cars/{source.parent.name}/{source.name}"
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, folder / key)
        keys[key] = source.parent.name
    held = [key for name in ("normal", "anomaly") for key in [key for key in keys if keys[key] == name][-10:]]
    lines = {key: manifest_line(folder.name, key, label) for key, label in keys.items()}
    write_manifest(folder / "all.manifest", list(lines.values()))
    write_manifest(folder / "train.manifest", [line for key, line in lines.items() if key not in held])
    write_manifest(folder / "test.manifest", [lines[key] for key in held])
