"""A small model of drawn cars that tells whole ones from smashed ones, made once for all tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from fitted_models import fitted_package, smashed_cars
from walkaround.inspection.detector import Detector
from walkaround.media.videos import Frame, write_video

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="session")
def cars() -> dict[str, list[Pixels]]:
    """Six whole cars and six smashed ones, in the same views."""
    return smashed_cars(6)


@pytest.fixture(scope="session")
def detector(cars: dict[str, list[Pixels]], tmp_path_factory: pytest.TempPathFactory) -> Detector:
    return Detector(fitted_package(tmp_path_factory.mktemp("package") / "drawn", cars), threads=2)


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
