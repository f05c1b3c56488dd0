"""Heat maps on their way to a row and to a browser."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from walkaround.inspection.heats import heat_png, packed_heat, unpacked_heat


def test_a_heat_map_comes_back_nearly_as_it_was() -> None:
    heat = np.random.default_rng(1).random((20, 14), dtype=np.float32) * 2
    packed = json.loads(json.dumps(packed_heat(heat)))
    assert len(json.dumps(packed)) < 1200
    assert np.abs(unpacked_heat(packed) - heat).max() < 0.002


@pytest.mark.parametrize("change", [{"rows": 0}, {"rows": 3}, {"rows": 2000, "columns": 2000}, {"columns": -2}])
def test_what_is_no_heat_map_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"heat map|reshape"):
        unpacked_heat({**packed_heat(np.ones((2, 2), np.float32)), **change})


def test_the_png_has_the_shape_of_the_picture_and_covers_what_is_hot() -> None:
    heat = np.zeros((8, 8), np.float32)
    heat[:2, :2] = 1.5
    image = Image.open(io.BytesIO(heat_png(heat, width=4000, height=3000)))
    assert (image.format, image.mode, image.size) == ("PNG", "RGBA", (512, 384))
    cover = np.asarray(image.getchannel("A"))
    assert cover[:60, :60].mean() > 100
    assert cover[200:, 200:].max() == 0
    small = Image.open(io.BytesIO(heat_png(heat, width=100, height=50)))
    assert small.size == (100, 50)
