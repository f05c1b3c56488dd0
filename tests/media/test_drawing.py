"""Findings on pictures: nothing is covered or cut off, and what is drawn can be told apart."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from walkaround.damage.findings import Findings, HeatMap
from walkaround.media.drawing import draw_findings
from walkaround.media.heat import heat_layer, heat_overlay

ORANGE, BLUE = (230, 159, 0), (0, 114, 178)
SIZES = [(64, 48), (64, 300), (100, 100), (276, 194), (640, 480), (720, 1280), (2000, 300), (1600, 1200)]


def findings(
    *,
    anomalous: bool = True,
    label: str = "door_dent",
    confidence: float = 0.92,
    heat: HeatMap | None = None,
    time: float | None = None,
) -> Findings:
    return Findings(
        source="a.jpg",
        anomalous=anomalous,
        confidence=confidence,
        label=label,
        damage=0.9,
        width=1,
        height=1,
        heat_map=heat,
        time=time,
    )


def grey(width: int, height: int) -> NDArray[np.uint8]:
    return np.full((height, width, 3), 120, np.uint8)


def hot_spot() -> HeatMap:
    heat = np.zeros((8, 8), np.float32)
    heat[2:4, 5:7] = 1.5
    return heat


def banner(found: Findings, width: int, height: int) -> NDArray[np.uint8]:
    return draw_findings(grey(width, height), found)[height:]


@pytest.mark.parametrize(("width", "height"), [*SIZES, (4000, 3000)])
def test_the_picture_stays_whole_above_the_banner(width: int, height: int) -> None:
    drawn = draw_findings(grey(width, height), findings())
    assert drawn.dtype == np.uint8
    assert drawn.shape[1:] == (width, 3)
    assert np.array_equal(drawn[:height], grey(width, height))
    assert 0 < drawn.shape[0] - height <= max(60, 0.2 * height)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_banner_is_as_high_whatever_it_says(width: int, height: int) -> None:
    short = findings(anomalous=False, label="ok", confidence=0.5)
    long = findings(label="a very long label " * 9, confidence=0.999, time=4000.0)
    assert banner(short, width, height).shape == banner(long, width, height).shape


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("label", ["dent", "a very long label " * 9, "two\nlines\tand\x07bell", "Ünïcode 車", ""])
def test_no_text_touches_the_border(width: int, height: int, label: str) -> None:
    drawn = banner(findings(label=label, time=3725.0), width, height).astype(int)
    for edge in (drawn[:, 0], drawn[:, -1], drawn[0], drawn[-1]):
        assert all(min(abs(pixel - colour).max() for colour in np.array([ORANGE, (22, 25, 29)])) < 3 for pixel in edge)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_verdict_label_confidence_and_time_all_show(width: int, height: int) -> None:
    plain = banner(findings(time=3.0), width, height)
    others = [
        findings(anomalous=False, time=3.0),
        findings(label="scratch", time=3.0),
        findings(confidence=0.61, time=3.0),
        findings(time=4.0),
        findings(),
    ]
    for other in others:
        assert (banner(other, width, height) != plain).any()


def test_verdicts_differ_in_colour() -> None:
    for anomalous, colour in ((True, ORANGE), (False, BLUE)):
        assert tuple(banner(findings(anomalous=anomalous), 640, 480)[0, 0]) == colour


def test_a_class_that_only_repeats_the_verdict_is_not_written() -> None:
    assert np.array_equal(banner(findings(label="anomaly"), 640, 480), banner(findings(label=""), 640, 480))


def test_certainty_is_not_rounded_up_to_a_hundred_percent() -> None:
    assert np.array_equal(banner(findings(confidence=0.996), 640, 480), banner(findings(confidence=1.0), 640, 480))
    assert (banner(findings(confidence=0.996), 640, 480) != banner(findings(confidence=0.99), 640, 480)).any()


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_heat_colours_its_own_place_alone(width: int, height: int) -> None:
    changed = (heat_overlay(grey(width, height), hot_spot()) != 120).any(axis=2)
    assert changed[round(height * 3 / 8), round(width * 6 / 8)]
    assert not changed[:, : width // 3].any()
    assert not changed[height * 3 // 4 :].any()


def test_a_line_of_white_and_black_stands_where_the_heat_reaches_the_threshold() -> None:
    ramp = np.tile(np.linspace(0, 2, 81, dtype=np.float32), (81, 1))
    for background in (0, 120, 255):
        row = heat_overlay(np.full((405, 405, 3), background, np.uint8), ramp)[200].astype(int)
        line = row[192:214]
        assert line.min(axis=1).max() > 240
        assert line.max(axis=1).min() < 130


@pytest.mark.parametrize("value", [0.0, 0.3, -5.0, np.nan])
def test_heat_that_speaks_for_no_damage_leaves_the_picture_alone(value: float) -> None:
    assert np.array_equal(heat_overlay(grey(90, 70), np.full((5, 5), value, np.float32)), grey(90, 70))


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (40, 40)])
def test_a_plain_of_heat_is_coloured_and_not_all_line(shape: tuple[int, int]) -> None:
    drawn = heat_overlay(grey(90, 70), np.ones(shape, np.float32))
    assert (drawn[35, 45] != 120).any()
    assert drawn.min(axis=2).mean() < 200


def test_the_input_is_not_written_to() -> None:
    pixels = grey(90, 70)
    pixels.flags.writeable = False
    drawn = heat_overlay(pixels, hot_spot())
    assert drawn.flags.writeable
    assert (pixels == 120).all()


def test_a_layer_made_before_gives_the_same_picture() -> None:
    pixels, layer = grey(1300, 900), heat_layer(hot_spot(), 1300, 900)
    assert np.array_equal(heat_overlay(pixels, layer), heat_overlay(pixels, hot_spot()))
    found = findings(heat=hot_spot())
    assert np.array_equal(draw_findings(pixels, found, layer=layer), draw_findings(pixels, found))


def test_heat_can_be_left_out() -> None:
    assert np.array_equal(draw_findings(grey(90, 70), findings(heat=hot_spot()), heat=False)[:70], grey(90, 70))
