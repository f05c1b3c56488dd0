"""Pictures and facts that the tests of this room make: seeded, tiny, nothing stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from walkaround.media.facts import PictureFacts


def scene(seed: int, *, width: int = 240, height: int = 180) -> Image.Image:
    """A made-up photo: a gradient with two dozen shapes on it, different for every seed."""
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 255, (2, 2, 3), dtype=np.uint8)
    image = Image.fromarray(corners).resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for number in range(24):
        left, top = rng.uniform(-0.1, 0.9, 2) * (width, height)
        right, bottom = (left, top) + rng.uniform(0.05, 0.5, 2) * (width, height)
        shape = draw.ellipse if number % 2 else draw.rectangle
        shape((left, top, right, bottom), fill=tuple(rng.integers(0, 255, 3).tolist()))
    return image


@pytest.fixture
def save_scene() -> Callable[..., Path]:
    """Save the scene of a seed as a picture: save_scene(path, seed)."""

    def save(path: Path, seed: int = 0, *, width: int = 240, height: int = 180) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        scene(seed, width=width, height=height).save(path)
        return path

    return save


@pytest.fixture
def draw_scene() -> Callable[[int], Image.Image]:
    """The scene of a seed, unsaved."""
    return scene


@pytest.fixture
def some_facts() -> PictureFacts:
    """Facts of an ordinary photo, to be varied with `dataclasses.replace`."""
    return PictureFacts(
        path=Path("photo.jpg"),
        width=1200,
        height=900,
        format="JPEG",
        pages=1,
        bytes=250_000,
        jpeg_quality=88,
        sharpness=0.1,
        detail=0.3,
        brightness=0.5,
        contrast=0.2,
        colourfulness=0.2,
        sha256="00",
        dhash=0,
        thumbnail=bytes(256),
    )


@pytest.fixture
def save_photo() -> Callable[..., Path]:
    """Save a blank photo of a size, stored lying on its side where an EXIF orientation says so: save_photo(path, 40, 30)."""

    def save(path: Path, width: int = 40, height: int = 30, *, orientation: int = 1) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        stored = (height, width) if orientation > 4 else (width, height)
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.new("RGB", stored, "grey").save(path, exif=exif)
        return path

    return save
