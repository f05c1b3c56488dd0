"""Masks on their way: nothing is lost in a row, and a PNG shows each class in its colour at the picture's size."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from walkaround.damage.findings import FoundMasks
from walkaround.inspection.masks import MOST_BYTES, anomalies_of, mask_png, packed, told_colours, unpacked

COLOURS = {"dent": "#23A436", "scratch": "#ff00aa"}


def masks(rows: int = 40, columns: int = 60, *, colours: dict[str, str] | None = None) -> FoundMasks:
    """A dent on the left tenth, a scratch in the lower right."""
    labels = np.zeros((rows, columns), np.uint8)
    labels[:, : columns // 10] = 1
    labels[rows // 2 :, columns // 2 :] = 2
    return FoundMasks(names=("dent", "scratch"), labels=labels, colours=COLOURS if colours is None else colours)


def shares(png: bytes) -> dict[str, float]:
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).reshape(-1, 3)
    colours, counts = np.unique(pixels, axis=0, return_counts=True)
    return {f"#{colour.tobytes().hex().upper()}": count / len(pixels) for colour, count in zip(colours, counts, strict=True)}


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_what_was_packed_comes_out_as_it_was(rows: int, columns: int, seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, 3, (rows, columns), dtype=np.uint8)
    given_masks = FoundMasks(names=("dent", "scratch"), labels=labels, colours=COLOURS)
    again = unpacked(packed(given_masks))
    assert (again.names, again.colours) == (given_masks.names, given_masks.colours)
    assert np.array_equal(again.labels, labels)


@pytest.mark.parametrize("changed", [{"rows": 41}, {"rows": 0}, {"rows": 10**6, "columns": 10**6}, {"names": ["dent"]}])
def test_what_was_not_packed_here_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"mask|reshape"):
        unpacked(packed(masks()) | changed)


@pytest.mark.parametrize(("width", "height"), [(600, 400), (64, 64), (1000, 64), (59, 41)])
def test_a_png_has_the_size_of_the_picture_and_the_colours_that_are_told(width: int, height: int) -> None:
    png = mask_png(masks(), width=width, height=height)
    image = Image.open(io.BytesIO(png))
    assert (image.size, image.format, image.mode) == ((width, height), "PNG", "P")
    told = {one["PixelAnomaly"]["Color"]: one["PixelAnomaly"]["TotalPercentageArea"] for one in anomalies_of(masks())}
    assert shares(png) == pytest.approx(told, abs=0.03)


def test_the_background_is_told_first_and_areas_are_shares_of_the_picture() -> None:
    assert anomalies_of(masks()) == [
        {"Name": "background", "PixelAnomaly": {"TotalPercentageArea": pytest.approx(0.65), "Color": "#FFFFFF"}},
        {"Name": "scratch", "PixelAnomaly": {"TotalPercentageArea": pytest.approx(0.25), "Color": "#FF00AA"}},
        {"Name": "dent", "PixelAnomaly": {"TotalPercentageArea": pytest.approx(0.10), "Color": "#23A436"}},
    ]


def test_a_picture_without_damage_has_the_background_alone() -> None:
    nothing = FoundMasks(names=("dent",), labels=np.zeros((20, 20), np.uint8), colours={})
    assert [one["Name"] for one in anomalies_of(nothing)] == ["background"]
    assert shares(mask_png(nothing, width=100, height=80)) == {"#FFFFFF": 1.0}


@pytest.mark.parametrize(
    "colours", [{}, {"dent": "#ffffff", "scratch": "#FFFFFF"}, {"dent": "#123456", "scratch": "#123456"}, {"dent": "red"}]
)
def test_every_class_has_a_colour_of_its_own(colours: dict[str, str]) -> None:
    told = told_colours(masks(colours=colours))
    assert len({"#FFFFFF", *told.values()}) == 3
    assert set(shares(mask_png(masks(colours=colours), width=300, height=200))) == {"#FFFFFF", *told.values()}


def test_the_smallest_thing_found_is_drawn() -> None:
    labels = np.zeros((80, 80), np.uint8)
    labels[40, 40] = 1
    found = FoundMasks(names=("dent",), labels=labels, colours={"dent": "#23A436"})
    assert shares(mask_png(found, width=800, height=800))["#23A436"] == pytest.approx(1 / 6400, rel=0.5)


def test_a_png_is_never_larger_than_a_client_takes() -> None:
    labels = np.random.default_rng(0).integers(0, 4, (2400, 3600), dtype=np.uint8)
    noise = FoundMasks(names=("a", "b", "c"), labels=labels, colours={})
    png = mask_png(noise, width=4096, height=4096)
    assert len(png) <= MOST_BYTES
    assert Image.open(io.BytesIO(png)).size == (4096, 4096)
