"""Facts of a picture: they move with what they measure, and hardly with anything else."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from walkaround.media.facts import PictureFacts, picture_facts


@cache
def scene(seed: int, width: int = 640, height: int = 480) -> Image.Image:
    """Random noise whose energy is the same in every octave, as in photographs."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width, 3))
    for octave in range(2, 10):
        noise = rng.normal(size=(1 << octave, 1 << octave, 3))
        layers = [np.asarray(Image.fromarray(noise[..., c].astype(np.float32)).resize((width, height), 3)) for c in range(3)]
        total += np.stack(layers, axis=2)
    return Image.fromarray(np.clip(128 + 22 * total, 0, 255).astype(np.uint8))


def facts(image: Image.Image, path: Path, *, quality: int = 90) -> PictureFacts:
    image.save(path, quality=quality)
    return picture_facts(path)


@pytest.mark.parametrize("quality", [1, 10, 35, 49, 50, 51, 75, 90, 95, 99, 100])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_jpeg_quality_is_read_from_the_quantisation_table(quality: int, mode: str, tmp_path: Path) -> None:
    assert facts(scene(0, 64, 48).convert(mode), tmp_path / "a.jpg", quality=quality).jpeg_quality == quality


def test_the_plain_facts(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    found = facts(Image.new("RGB", (30, 20), (255, 0, 0)), path)
    assert (found.width, found.height, found.format, found.pages, found.jpeg_quality) == (30, 20, "PNG", 1, None)
    assert found.bytes == path.stat().st_size
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.brightness == pytest.approx(0.299, abs=0.005)
    assert found.contrast == found.sharpness == found.detail == 0
    assert found.colourfulness == pytest.approx(0.3 * np.hypot(1, 0.5), abs=0.005)


def test_blur_and_enlargement_lower_sharpness_and_detail(tmp_path: Path) -> None:
    photo = scene(1)
    original = facts(photo, tmp_path / "original.jpg")
    blurred = facts(photo.filter(ImageFilter.GaussianBlur(3)), tmp_path / "blurred.jpg")
    enlarged = facts(photo.resize((320, 240), Image.Resampling.LANCZOS).resize(photo.size, 3), tmp_path / "enlarged.jpg")
    assert blurred.sharpness < 0.5 * original.sharpness
    assert max(blurred.detail, enlarged.detail) < 0.33 < 0.4 < original.detail


def test_a_thumbnail_is_less_sharp_for_the_network_but_full_of_detail(tmp_path: Path) -> None:
    original = facts(scene(2), tmp_path / "original.jpg")
    thumbnail = facts(scene(2).resize((160, 120), Image.Resampling.LANCZOS), tmp_path / "thumbnail.jpg")
    assert thumbnail.sharpness < 0.75 * original.sharpness
    assert thumbnail.detail > 0.4


def test_brightness_contrast_and_colourfulness_move_as_the_picture_does(tmp_path: Path) -> None:
    original = facts(scene(3), tmp_path / "a.png")
    darker = facts(ImageEnhance.Brightness(scene(3)).enhance(0.5), tmp_path / "b.png")
    flatter = facts(ImageEnhance.Contrast(scene(3)).enhance(0.5), tmp_path / "c.png")
    grey = facts(scene(3).convert("L"), tmp_path / "d.png")
    assert darker.brightness == pytest.approx(original.brightness / 2, rel=0.05)
    assert flatter.contrast == pytest.approx(original.contrast / 2, rel=0.05)
    assert grey.colourfulness == 0 < original.colourfulness
    assert flatter.sharpness == pytest.approx(original.sharpness, rel=0.05)


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.resize((321, 240), Image.Resampling.LANCZOS),
        lambda image: image.resize((1300, 975), Image.Resampling.BICUBIC),
        lambda image: ImageEnhance.Brightness(image).enhance(0.8),
        lambda image: image.convert("L"),
        lambda image: image.filter(ImageFilter.GaussianBlur(1)),
    ],
    ids=["smaller", "larger", "darker", "grey", "blurred"],
)
def test_near_duplicates_have_nearly_the_same_hash(change: object, tmp_path: Path) -> None:
    assert callable(change)
    original = facts(scene(4), tmp_path / "a.jpg")
    changed = facts(change(scene(4)), tmp_path / "b.jpg", quality=40)
    assert (original.dhash ^ changed.dhash).bit_count() <= 10
    assert original.sha256 != changed.sha256


def test_different_pictures_have_different_hashes_and_thumbnails(tmp_path: Path) -> None:
    several = [facts(scene(seed, 160, 120), tmp_path / "a.jpg") for seed in range(10)]
    distances = [(a.dhash ^ b.dhash).bit_count() for i, a in enumerate(several) for b in several[:i]]
    assert min(distances) > 30
    assert len({found.thumbnail for found in several}) == 10
    assert {len(found.thumbnail) for found in several} == {32 * 32}


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 400), (3000, 2)])
def test_extreme_sizes_have_facts(size: tuple[int, int], tmp_path: Path) -> None:
    found = facts(Image.effect_noise(size, 80), tmp_path / "a.png")
    assert (found.width, found.height) == size
    assert np.isfinite([found.sharpness, found.detail, found.brightness, found.contrast, found.colourfulness]).all()
