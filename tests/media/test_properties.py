"""Properties of pictures: what they say, and that they do not depend on how far a picture was reduced."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from walkaround.media.properties import measures_of


def drawn(width: int = 1280, height: int = 960) -> Image.Image:
    """Blots on a ramp, the same at every size."""
    rng = np.random.default_rng(5)
    coarse = rng.integers(0, 255, (24, 32, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def measured(image: Image.Image) -> dict[str, float]:
    return measures_of(np.asarray(image), 1280, 960)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_a_reduced_picture_measures_as_the_whole_one(factor: int) -> None:
    assert measured(drawn().reduce(factor)) == pytest.approx(measured(drawn()), rel=0.03)


def test_what_is_measured() -> None:
    plain = measured(drawn())
    assert plain["pixels"] == 1280 * 960
    assert plain["aspect"] == pytest.approx(4 / 3)
    assert measured(drawn().point(lambda value: value // 2))["brightness"] == pytest.approx(plain["brightness"] / 2, rel=0.02)
    assert measured(drawn().filter(ImageFilter.GaussianBlur(20)))["sharpness"] < 0.8 * plain["sharpness"]
    assert measured(drawn().convert("L").convert("RGB"))["saturation"] == 0


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 4000, 3), (4000, 1, 3), (63, 65, 3)])
@pytest.mark.parametrize("value", [0, 255])
def test_any_shape_is_measured(shape: tuple[int, int, int], value: int) -> None:
    found = measures_of(np.full(shape, value, np.uint8), shape[1], shape[0])
    assert (found["brightness"], found["sharpness"], found["saturation"]) == (value / 255, 0, 0)
