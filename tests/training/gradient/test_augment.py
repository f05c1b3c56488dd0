from __future__ import annotations

import numpy as np
import pytest

from walkaround.training.gradient.augment import Area, Augmentation, augmented, flipped, framed
from walkaround.training.gradient.decoded import Scene

STILL = Augmentation(mosaic=0, zoom=(1, 1), aspect=0, flip=0, colour=0, blur=0, compress=0)


def scene(*boxes: tuple[float, float, float, float], side: int = 100, ignored: tuple[Area, ...] = ()) -> Scene:
    """A grey picture in which each box is a bright rectangle, in pixels and mask alike."""
    pixels, mask = np.full((side, side, 3), 114, dtype=np.uint8), np.zeros((side, side), dtype=np.uint8)
    for number, (left, top, right, bottom) in enumerate(boxes):
        rows, columns = slice(round(top * side), round(bottom * side)), slice(round(left * side), round(right * side))
        pixels[rows, columns] = 250
        mask[rows, columns] = number + 1
    return Scene(
        pixels=pixels,
        boxes=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        classes=np.arange(len(boxes), dtype=np.int64),
        ignored=np.array(ignored, dtype=np.float32).reshape(-1, 4),
        mask=mask,
    )


def bright_box(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], over: int = 180) -> list[float]:
    rows, columns = np.nonzero(pixels.max(axis=2) > over) if pixels.ndim == 3 else np.nonzero(pixels)
    height, width = pixels.shape[:2]
    return [columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height]


@pytest.mark.parametrize(
    ("area", "left"),
    [
        ((0.0, 0.0, 1.0, 1.0), [(0.2, 0.2, 0.4, 0.6)]),
        ((0.0, 0.0, 0.5, 1.0), [(0.4, 0.2, 0.8, 0.6)]),
        ((0.3, 0.0, 1.3, 1.0), [(0.0, 0.2, 0.1, 0.6)]),  # half of the box is in the frame: it is cut
        ((-0.5, -0.5, 1.5, 1.5), [(0.35, 0.35, 0.45, 0.55)]),
        ((0.37, 0.0, 1.0, 1.0), []),  # less than a third of it is: nothing to learn from
        ((0.5, 0.0, 1.0, 1.0), []),
    ],
)
def test_boxes_go_with_the_frame(area: Area, left: list[Area]) -> None:
    found = framed(scene((0.2, 0.2, 0.4, 0.6)), area, (100, 100))
    assert found.boxes == pytest.approx(np.array(left, dtype=np.float32).reshape(-1, 4), abs=1e-6)
    assert len(found.classes) == len(left)
    if left:
        assert bright_box(found.pixels) == pytest.approx(left[0], abs=0.015)
        assert found.mask is not None
        assert bright_box(found.mask) == pytest.approx(left[0], abs=0.015)


def test_what_is_left_of_a_box_outside_the_frame_is_not_taken_for_background() -> None:
    found = framed(scene((0.2, 0.2, 0.4, 0.6)), (0.37, 0.0, 1.0, 1.0), (100, 100))
    assert found.ignored == pytest.approx(np.array([[0, 0.2, 0.03 / 0.63, 0.6]]), abs=1e-6)


def test_a_box_too_small_to_be_seen_is_not_learnt() -> None:
    found = framed(scene((0.5, 0.5, 0.51, 0.9)), (0.0, 0.0, 1.0, 1.0), (100, 100))
    assert len(found.boxes) == 0
    assert len(found.ignored) == 1


def test_ignored_areas_go_with_the_frame() -> None:
    found = framed(scene(ignored=((0.0, 0.0, 0.2, 0.2), (0.6, 0.0, 0.8, 1.0))), (0.5, 0.0, 1.0, 1.0), (50, 50))
    assert found.ignored == pytest.approx(np.array([[0.2, 0, 0.6, 1]]), abs=1e-6)


def test_a_mirrored_scene_is_mirrored_in_all_its_parts() -> None:
    found = flipped(scene((0.1, 0.2, 0.3, 0.5), ignored=((0.0, 0.0, 0.2, 1.0),)))
    assert found.boxes == pytest.approx(np.array([[0.7, 0.2, 0.9, 0.5]]))
    assert found.ignored == pytest.approx(np.array([[0.8, 0.0, 1.0, 1.0]]))
    assert bright_box(found.pixels) == pytest.approx(found.boxes[0])
    assert found.mask is not None
    assert bright_box(found.mask) == pytest.approx(found.boxes[0])


@pytest.mark.parametrize("mosaic", [0.0, 1.0])
def test_boxes_stay_on_what_they_are_around(mosaic: float) -> None:
    settings = Augmentation(mosaic=mosaic, zoom=(0.6, 1.3), colour=0, blur=0, compress=0)
    empty = scene()
    for seed in range(40):
        found = augmented(
            lambda index: scene((0.3, 0.35, 0.6, 0.6)) if index == 0 else empty,
            0,
            side=120,
            settings=settings,
            rng=np.random.default_rng(seed),
            others=0 if mosaic == 0 else 1,
        )
        for box in found.boxes:
            left, top, right, bottom = (round(float(edge) * 120) for edge in box)
            assert found.pixels[top:bottom, left:right].max(axis=2).mean() > 235
            assert found.mask is not None
            assert (found.mask[top:bottom, left:right] == 1).mean() > 0.85


def test_a_mosaic_shows_four_pictures_and_learns_nothing_outside_of_them() -> None:
    scenes = [scene((0.0, 0.0, 1.0, 1.0)) for _ in range(3)]
    settings = Augmentation(mosaic=1, zoom=(1, 1), flip=0, colour=0, blur=0, compress=0)
    rng = np.random.default_rng(2)
    found = augmented(lambda index: scenes[index], 0, side=100, settings=settings, rng=rng, others=3)
    assert len(found.boxes) == 4
    areas = (found.boxes[:, 2] - found.boxes[:, 0]) * (found.boxes[:, 3] - found.boxes[:, 1])
    assert areas.sum() == pytest.approx(1, abs=1e-5)
    assert (found.pixels == 250).all()


@pytest.mark.parametrize(
    "settings",
    [
        Augmentation(mosaic=0, zoom=(1, 1), aspect=0, flip=0, colour=1, blur=0, compress=0),
        Augmentation(mosaic=0, zoom=(1, 1), aspect=0, flip=0, colour=0, blur=1, compress=0),
        Augmentation(mosaic=0, zoom=(1, 1), aspect=0, flip=0, colour=0, blur=0, compress=1),
    ],
)
def test_light_and_cameras_change_pixels_alone(settings: Augmentation) -> None:
    before = scene((0.2, 0.2, 0.4, 0.6), side=64)
    found = augmented(lambda index: before, 0, side=64, settings=settings, rng=np.random.default_rng(0), others=0)
    assert (found.pixels != before.pixels).any()
    assert found.boxes == pytest.approx(before.boxes)
    assert before.mask is not None
    assert found.mask is not None
    assert np.array_equal(found.mask, before.mask)


def test_without_disturbances_a_scene_is_what_it_was() -> None:
    before = scene((0.2, 0.2, 0.4, 0.6), side=64)
    found = augmented(lambda index: before, 0, side=64, settings=STILL, rng=np.random.default_rng(0), others=0)
    assert np.array_equal(found.pixels, before.pixels)
    assert found.boxes == pytest.approx(before.boxes)
