"""What is drawn here is a line as Ground Truth writes it: it says the same when it is read again, and nothing else is lost."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from walkaround.damage.colours import colours_of
from walkaround.damage.places import Place, Polygons
from walkaround.errors import ValidationError
from walkaround.hosting.operations.lines.drawn_lines import agreed_label, drawing_of, drawn_line, version_of
from walkaround.hosting.operations.lines.manifest_lines import Line, parse_lines

SIZE = {"width": 200, "height": 100}
LINE = {"source-ref": "s3://photos/a.jpg", "walkaround-name": "a.jpg", "other": {"kept": True}}
NAN = float("nan")


def box(label: str = "dent", *edges: float) -> Place:
    left, top, right, bottom = edges or (10.0, 20.0, 60.0, 80.0)
    return Place(label=label, box=(left, top, right, bottom))


def outline(label: str, *points: tuple[float, float]) -> Place:
    rings = Polygons(rings=(points or ((0.0, 0.0), (100.0, 0.0), (100.0, 100.0), (0.0, 100.0)),))
    return Place(label=label, box=None, outline=rings)


def drawn(*places: Place, line: dict[str, Any] | None = None) -> tuple[dict[str, Any], Line]:
    members = drawn_line(line or LINE, drawing_of(places, **SIZE), places, bucket="walkaround-000000000000")
    (read,) = parse_lines(json.dumps(members).encode()).values()
    return members, read


EDGES = st.tuples(st.floats(0, 99), st.floats(0, 49), st.floats(1, 100), st.floats(1, 50))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["dent", "scratch", "ä b"]), EDGES), max_size=20))
def test_boxes_are_read_as_they_were_drawn(given_boxes: list[tuple[str, tuple[float, float, float, float]]]) -> None:
    places = [box(label, x, y, x + width, y + height) for label, (x, y, width, height) in given_boxes]
    members, read = drawn(*places)
    assert read.boxes is not None
    assert [place.label for place in read.boxes] == [place.label for place in places]
    edges = [edge for place in read.boxes for edge in place.box or ()]
    assert edges == pytest.approx([edge for place in places for edge in place.box or ()], abs=0.02)
    assert members["other"] == {"kept": True}


def test_outlines_become_a_mask_with_its_colours() -> None:
    places = [outline("dent"), outline("scratch", (50.0, 0.0), (150.0, 0.0), (150.0, 50.0), (50.0, 50.0))]
    drawing = drawing_of(places, **SIZE)
    colours = colours_of(["dent", "scratch"])
    image = Image.open(io.BytesIO(drawing.mask or b"")).convert("RGB")
    assert image.size == (200, 100)
    picked = {"#{:02X}{:02X}{:02X}".format(*np.asarray(image)[y, x]) for x, y in ((10, 90), (120, 20), (190, 90))}
    assert picked == {colours["dent"], colours["scratch"], "#FFFFFF"}
    _, read = drawn(*places)
    (mask,) = read.masks
    assert mask.colours == {colour.lower(): label for label, colour in colours.items()}
    assert mask.ref == f"s3://walkaround-000000000000/{drawing.mask_name}"
    assert read.boxes is None


def test_what_is_drawn_again_replaces_all_that_was_drawn() -> None:
    first, _ = drawn(outline("dent"), box("scratch"))
    again, read = drawn(line=first)
    assert (read.masks, read.boxes) == ((), ())
    assert {key for key in again if key not in LINE} == {"anomaly-boxes", "anomaly-boxes-metadata", "walkaround-drawing-ref"}
    assert version_of(json.dumps(again)) != version_of(json.dumps(first))


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (box("dent", 10, 20, 10, 80), "Place 1 .* has a box without area"),
        (box("dent", 10, 20, 210, 80), "reaches out of the picture, which has 200 x 100 pixels"),
        (box("dent", -5, 20, 60, 80), "reaches out of the picture"),
        (box("dent", NAN, 20, 60, 80), "has a coordinate that is no number"),
        (box("background"), "has a label that cannot be one"),
        (box(" dent"), "has a label that cannot be one"),
        (box("de\nnt"), "has a label that cannot be one"),
        (outline("dent", (10.2, 10.2), (10.3, 10.2), (10.3, 10.3)), "has an outline that encloses no pixel"),
        (outline("dent", (10, 10), (300, 10), (10, 90)), "reaches out of the picture"),
    ],
)
def test_a_place_that_cannot_be_is_refused(place: Place, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        drawing_of([place], **SIZE)


def test_more_than_a_line_or_a_mask_holds_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"too many boxes"):
        drawn(*[box()] * 200)
    with pytest.raises(ValidationError, match="21 labels, and 20 are allowed"):
        drawing_of([outline(f"label {number}") for number in range(21)], **SIZE)


@pytest.mark.parametrize(
    ("label", "places", "wanted", "agreed"),
    [
        (None, [], None, None),
        (None, [box()], None, "anomaly"),
        ("normal", [], None, "normal"),
        ("normal", [box()], "anomaly", "anomaly"),
        ("anomaly", [], None, "anomaly"),
        ("anomaly", [], "normal", "normal"),
        ("normal", [box()], None, ValidationError),
        ("anomaly", [box()], "normal", ValidationError),
        ("normal", [box("wheel")], None, "normal"),
    ],
)
def test_the_label_agrees_with_what_is_drawn(label: Any, places: list[Place], wanted: Any, agreed: Any) -> None:
    if agreed is ValidationError:
        with pytest.raises(ValidationError, match="'dent' is drawn on it"):
            agreed_label(label, places, wanted=wanted)
    else:
        assert agreed_label(label, places, wanted=wanted) == agreed
