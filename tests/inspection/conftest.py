"""A small model of drawn cars that tells whole ones from smashed ones, made once for all tests."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from walkaround.datasets.drawn.car import draw_car
from walkaround.inspection.detector import Detector
from walkaround.media.videos import Frame, write_video
from walkaround.models.classify import Classifier, write_features
from walkaround.models.heads import fit_linear
from walkaround.models.names import FEATURES
from walkaround.models.network import Network
from walkaround.models.package import Card, write_package
from walkaround.models.preparation import SIDE, network_pixels
from walkaround.models.projection import fit_projection

Pixels = NDArray[np.uint8]
CLASSES = ("normal", "smash")


@pytest.fixture(scope="session")
def cars() -> dict[str, list[Pixels]]:
    """Six whole cars and six smashed ones, in the same views."""
    return {
        "normal": [draw_car(seed, focus="smash", width=320, height=240).pixels for seed in range(6)],
        "smash": [draw_car(seed, damage=["smash"], width=320, height=240).pixels for seed in range(6)],
    }


@pytest.fixture(scope="session")
def detector(cars: dict[str, list[Pixels]], tmp_path_factory: pytest.TempPathFactory) -> Detector:
    network = Network(write_features())
    pictures = [pixels for name in CLASSES for pixels in cars[name]]
    features = np.concatenate([network.run(network_pixels(pixels)[None], [FEATURES])[0] for pixels in pictures])
    projection = fit_projection(features)
    head = fit_linear(projection.coordinates(features), np.repeat([0, 1], 6), strength=10.0)
    model = Classifier(projection=projection, head=head, damaged=(False, True), slope=4.0, offset=0.0, heat_scale=0.01).write()
    card = Card(
        name="drawn cars",
        task="classes",
        classes=CLASSES,
        normal=("normal",),
        threshold=0.5,
        side=SIDE,
        model_sha256=hashlib.sha256(model).hexdigest(),
        created="2025-01-01T00:00:00Z",
        walkaround="0",
    )
    return Detector(write_package(tmp_path_factory.mktemp("package") / "drawn", model, card), threads=2)


@pytest.fixture(scope="session")
def clip(cars: dict[str, list[Pixels]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three whole cars and three smashed ones, half a second each."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    scenes = [*cars["normal"][:3], *cars["smash"][:3]]
    frames = [Frame(time=number / 10, pixels=scenes[number // 5]) for number in range(30)]
    write_video(path, frames, frame_rate=10.0)
    return path


@pytest.fixture(scope="session")
def save() -> Callable[[Pixels, Path], Path]:
    """Write pixels as JPEG, or as PNG where the name says so, in folders that are made."""

    def write(pixels: Pixels, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, "PNG" if path.suffix == ".png" else "JPEG", quality=95)
        return path

    return write
