"""Painted pictures with places."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from walkaround.damage.places import Place, Polygons
from walkaround.datasets.sample import Sample
from walkaround.training.plan import Picture

Painter = Callable[[int], list[Picture]]
CLASSES = ("dent", "scratch")


@pytest.fixture
def painted(tmp_path: Path) -> Painter:
    """Pictures of 96 x 64 pixels with a red rectangle on noise, which is a dent or, where it is wide, a scratch."""

    def paint(count: int) -> list[Picture]:
        pictures = []
        for number in range(count):
            rng = np.random.default_rng(number)
            pixels = rng.integers(60, 120, size=(64, 96, 3)).astype(np.uint8)
            left, top = (int(edge) for edge in rng.integers(5, 35, size=2))
            width, height = (50, 8) if number % 2 else (20, 20)
            pixels[top : top + height, left : left + width] = (220, 20, 20)
            path = tmp_path / f"{number}.png"
            Image.fromarray(pixels).save(path)
            box = (float(left), float(top), float(left + width), float(top + height))
            ring = ((box[0], box[1]), (box[2], box[1]), (box[2], box[3]), (box[0], box[3]))
            place = Place(label=CLASSES[number % 2], box=box, outline=Polygons(rings=(ring,)))
            sample = Sample(path=path, label="anomaly", places=(place,))
            pictures.append(Picture(sample=sample, sha256=hashlib.sha256(path.read_bytes()).hexdigest(), group=number))
        return pictures

    return paint
