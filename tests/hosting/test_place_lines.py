"""Masks and boxes in lines of manifests: as lenient as real ones need, and no more."""

from __future__ import annotations

from typing import Any

import pytest

from walkaround.damage.places import Place
from walkaround.hosting.operations.lines.place_lines import LineFault, Mask, boxes_of, masks_of

REF = "s3://photos/masks/a.png"
TYPE = "groundtruth/semantic-segmentation"


def masked(colour_map: Any, *, ref: Any = REF, **more: Any) -> dict[str, Any]:
    return {"m-ref": ref, "m-ref-metadata": {"internal-color-map": colour_map, "type": TYPE, **more}}


def boxed(*boxes: dict[str, Any], class_map: Any = None, size: Any = None) -> dict[str, Any]:
    value: dict[str, Any] = {"annotations": list(boxes)} | ({} if size is None else {"image_size": size})
    return {"job": value, "job-metadata": {"class-map": class_map or {"0": "dent"}, "type": "groundtruth/object-detection"}}


def box(**changes: Any) -> dict[str, Any]:
    return {"class_id": 0, "left": 10, "top": 20, "width": 30, "height": 40} | changes


DEFECT = {"class-name": "cracked", "hex-color": "#23A436"}


@pytest.mark.parametrize(
    ("members", "colours", "background"),
    [
        (masked({"0": DEFECT}, **{"creation-date": "Mon Aug 22 2022 13:52:52 GMT-0700 (Pacific)"}), {"#23a436": "cracked"}, []),
        (masked({"0": {"class-name": "BACKGROUND", "hex-color": "#ffffff"}, "1": DEFECT}), {"#23a436": "cracked"}, ["#ffffff"]),
        (masked({"0": {"class-name": "BACKGROUND", "hex-color": "#ffffff", "confidence": 0.0}}), {}, ["#ffffff"]),
        (masked({"0": {"class-name": "Background"}, "9": {**DEFECT, "hex-color": "23A436"}}), {"#23a436": "cracked"}, []),
        (masked({"1": DEFECT, "2": {**DEFECT, "hex-color": "#000001"}}), {"#23a436": "cracked", "#000001": "cracked"}, []),
        ({"m-ref": REF, "m-ref-metadata": {"internal-color-map": {"0": DEFECT}}}, {"#23a436": "cracked"}, []),
    ],
)
def test_maps_of_colours_are_read_as_real_manifests_have_them(
    members: dict[str, Any], colours: dict[str, str], background: list[str]
) -> None:
    assert masks_of(members) == (Mask(ref=REF, colours=colours, background=frozenset(background)),)


@pytest.mark.parametrize(
    "members",
    [{}, {"source-ref": REF, "source-ref-metadata": {"type": TYPE}}, {"log-ref": REF}, {"m-ref": REF, "m-ref-metadata": {}}],
)
def test_what_is_no_mask_is_none(members: dict[str, Any]) -> None:
    assert masks_of(members) == ()


@pytest.mark.parametrize(
    ("members", "said"),
    [
        (masked({"0": DEFECT}, ref=7), "it has no m-ref"),
        (masked({"0": DEFECT}, ref="s3://photos"), "is not s3://bucket/key"),
        (masked({}), "m-ref-metadata has no internal-color-map"),
        (masked({"0": "red"}), "entry '0' of the internal-color-map is no JSON object"),
        (masked({"0": {"class-name": "", "hex-color": "#23A436"}}), "has the class-name ''"),
        (masked({"0": {**DEFECT, "hex-color": "green"}}), r"\('cracked'\) has the hex-color 'green'"),
        (masked({"0": DEFECT, "1": {**DEFECT, "class-name": "bent"}}), "gives 'bent' and 'cracked' the same colour"),
        (
            masked({str(n): {"class-name": f"label {n}", "hex-color": f"#{n:06x}"} for n in range(101)}),
            "has 101 anomaly labels, and a project may have 100",
        ),
    ],
)
def test_a_mask_that_cannot_be_meant_is_refused(members: dict[str, Any], said: str) -> None:
    with pytest.raises(LineFault, match=said):
        masks_of(members)


@pytest.mark.parametrize(
    ("members", "places"),
    [
        ({}, None),
        ({"job": 5, "job-metadata": {"type": "groundtruth/object-detection"}}, None),
        (boxed(), ()),
        (boxed(box()), (Place(label="dent", box=(10.0, 20.0, 40.0, 60.0)),)),
        (
            boxed(box(width=30.5), size=[{"width": 40, "height": 60, "depth": 3}]),
            (Place(label="dent", box=(10, 20, 40.5, 60)),),
        ),
    ],
)
def test_boxes_are_those_of_ground_truth(members: dict[str, Any], places: tuple[Place, ...] | None) -> None:
    assert boxes_of(members) == places


@pytest.mark.parametrize(
    ("members", "said"),
    [
        (boxed(box(), box(class_id=1)), "box 2 of job has the class_id 1, which the class-map does not name"),
        (boxed(box(width=0)), "box 1 of job has no area"),
        (boxed(box(left="10")), "has '10' for left, and a number of pixels is meant"),
        (boxed(box(top=True)), "has True for top"),
        (boxed(box(left=20), size=[{"width": 40, "height": 60}]), "reaches out of its picture of 40 x 60 pixels"),
        (boxed(*[box()] * 1001), "no list of at most 1,000"),
        (boxed(7), "box 1 of job is no JSON object"),  # type: ignore[arg-type]
    ],
)
def test_a_box_that_cannot_be_is_refused(members: dict[str, Any], said: str) -> None:
    with pytest.raises(LineFault, match=said):
        boxes_of(members)
