from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from walkaround.damage.colours import colour_of
from walkaround.damage.places import MaskFile, Place
from walkaround.datasets.outlines import label_map
from walkaround.datasets.sample import Sample
from walkaround.errors import TrainingError
from walkaround.evaluation.segment import MaskTally
from walkaround.media.pictures import read_picture
from walkaround.models.names import MASK_PIXELS, MASKS
from walkaround.models.network import Network
from walkaround.models.preparation import network_pixels
from walkaround.training.gradient.augment import Augmentation
from walkaround.training.gradient.decoded import Decoded
from walkaround.training.gradient.loader import Loader
from walkaround.training.gradient.masks import FittedMasks, MaskRecipe, choose_smallest, colours_for, fit_masks
from walkaround.training.gradient.mirror import in_a_mirror, suited
from walkaround.training.plan import Picture
from walkaround.training.run import Run

Painter = Callable[[int], list[Picture]]
CLASSES = ("dent", "scratch")
QUICK = MaskRecipe(
    side=64, steps=60, batch=4, frozen=6, augmentation=Augmentation(mosaic=0.0, zoom=(0.9, 1.2), blur=0.0, compress=0.0)
)


def mean_iou(fitted: FittedMasks, pictures: list[Picture]) -> float:
    """Of the exported model, at the size of the pictures."""
    network, tally = Network(fitted.model, parts=(MASK_PIXELS,)), MaskTally(fitted.part.classes)
    for picture in pictures:
        pixels = read_picture(picture.sample.path).pixels
        [found] = network.run(network_pixels(pixels, fitted.part.side)[None], [MASKS], part=MASK_PIXELS)
        truth = label_map(picture.sample.places or (), CLASSES, width=pixels.shape[1], height=pixels.shape[0])
        tally.add(truth, found[0].argmax(axis=0).astype(np.uint8))
    return float(tally.iou[1:].mean())


def test_painted_damage_is_learnt_and_found_by_the_exported_model(painted: Painter, tmp_path: Path) -> None:
    pictures = painted(40)
    fitted = fit_masks(pictures[:32], classes=CLASSES, run=Run(folder=tmp_path / "run", threads=1), recipe=QUICK)
    assert mean_iou(fitted, pictures[32:]) > 0.5
    assert (fitted.part.classes, fitted.part.side) == (CLASSES, 64)
    assert fitted.part.colours == tuple(map(colour_of, CLASSES))
    assert 0 <= fitted.part.smallest < 0.02
    assert 55 <= fitted.told["steps"] <= 65  # whole epochs
    assert fitted.told["mean_iou"] > 0.4
    assert len(fitted.told["history"]) >= 5


def test_the_same_seed_gives_the_same_model(painted: Painter, tmp_path: Path) -> None:
    recipe = replace(QUICK, steps=4, frozen=7)
    models = [
        fit_masks(painted(16), classes=CLASSES, run=Run(folder=tmp_path / name, threads=1), recipe=recipe).model
        for name in ("a", "b")
    ]
    assert models[0] == models[1]


def test_a_class_of_too_few_pictures_is_named(painted: Painter, tmp_path: Path) -> None:
    pictures = painted(6)
    with pytest.raises(TrainingError, match=r"dent in 3, scratch in 3"):
        fit_masks(pictures, classes=CLASSES, run=Run(folder=tmp_path))
    boxes = [
        replace(p, sample=replace(p.sample, places=tuple(replace(place, outline=None) for place in p.sample.places or ())))
        for p in painted(20)
    ]
    with pytest.raises(TrainingError, match=r"dent in 0, scratch in 0"):
        fit_masks(boxes, classes=CLASSES, run=Run(folder=tmp_path))


@pytest.mark.parametrize(
    ("areas", "shown", "expected"),
    [
        ([[0.2], [0.1], [0.0]], [[1], [1], [0]], (0.0, 1.0)),  # nothing is wrong: nothing is taken for noise
        ([[0.2], [0.1], [0.001], [0.004]], [[1], [1], [0], [0]], (0.004, 1.0)),
        ([[0.2], [0.01], [0.01]], [[1], [1], [0]], (0.0, 0.8)),  # noise as large as damage stays
        ([[0.2, 0.3], [0.1, 0.0]], [[0, 0], [0, 0]], (0.0, 0.0)),
    ],
)
def test_the_smallest_area_is_the_lowest_that_parts_noise_from_damage(
    areas: list[list[float]], shown: list[list[int]], expected: tuple[float, float]
) -> None:
    floor, f1 = choose_smallest(np.array(areas), np.array(shown, dtype=np.bool_))
    assert f1 == pytest.approx(expected[1])
    assert expected[0] <= floor <= expected[0] * 1.3 + 1e-9


def test_colours_are_those_of_the_mask_files_and_never_white_or_twice(tmp_path: Path) -> None:
    def painted_in(*colours: tuple[str, str]) -> Picture:
        places = tuple(
            Place(label=label, box=None, outline=MaskFile(path=tmp_path / "m.png", colour=colour)) for label, colour in colours
        )
        return Picture(sample=Sample(path=tmp_path / "p.png", label=None, places=places), sha256="", group=0)

    pictures = [
        painted_in(("dent", "#23a436"), ("crack", "#ffffff")),
        painted_in(("dent", "#23a436"), ("hole", "#23a436")),
        painted_in(("dent", "#111111"), ("rust", colour_of("scratch").lower())),
    ]
    colours = colours_for(pictures, ["dent", "crack", "hole", "rust", "scratch"])
    assert colours[0] == "#23A436"
    assert colours[3] == colour_of("scratch")
    assert len(set(colours)) == 5
    assert "#FFFFFF" not in colours


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("front_left_door", "front_right_door"),
        ("Right mirror", "Left mirror"),
        ("rearLeftLamp", "rearRightLamp"),
        ("LEFT-DOOR", "RIGHT-DOOR"),
        ("bright_lamp", "bright_lamp"),
        ("leftover", "leftover"),
        ("hood", "hood"),
    ],
)
def test_a_mirror_exchanges_sides(name: str, expected: str) -> None:
    assert in_a_mirror(name) == expected
    assert in_a_mirror(expected) == name


def test_classes_of_sides_are_exchanged_and_without_a_twin_nothing_is_mirrored() -> None:
    own = Augmentation(flip=0.5)
    assert suited(own, ["left_door", "hood", "right_door"]) == replace(own, twins=(2, 1, 0))
    assert suited(own, ["dent", "scratch"]) == own
    assert suited(own, ["left_door", "hood"]).flip == 0


def test_names_follow_the_pictures_into_the_mirror(tmp_path: Path) -> None:
    """The left of two lamps is on the left of every picture, mirrored or not."""
    names = ("left_lamp", "right_lamp")
    pixels, labels = np.zeros((64, 64, 3), dtype=np.uint8), np.full((64, 64, 3), 255, dtype=np.uint8)
    pixels[:10, :10] = 200  # a corner that tells which pictures are mirrored
    for side, columns in enumerate((slice(6, 22), slice(42, 58))):
        labels[20:40, columns] = (0, 100 * side, 0)
    path, mask = tmp_path / "lamps.png", tmp_path / "mask.png"
    Image.fromarray(pixels).save(path)
    Image.fromarray(labels).save(mask)
    places = tuple(
        Place(label=name, box=None, outline=MaskFile(path=mask, colour=f"#00{100 * side:02x}00"))
        for side, name in enumerate(names)
    )
    picture = Picture(sample=Sample(path=path, label=None, places=places), sha256="lamps", group=0)
    decoded = Decoded([picture] * 8, classes=names, side=64, folder=tmp_path, masks=True, headroom=1.0)
    still = Augmentation(mosaic=0.0, zoom=(1.0, 1.0), aspect=0.0, colour=0.0, blur=0.0, compress=0.0, flip=0.5)
    [batch] = Loader(decoded, batch=8, augmentation=still)
    decoded.close()
    mirrored = batch.pixels[:, 0, 2, 2] < 100
    assert 0 < int(mirrored.sum()) < 8
    assert batch.masks is not None
    for shown in batch.masks.numpy():
        assert (np.unique(shown[:, :32]).tolist(), np.unique(shown[:, 32:]).tolist()) == ([0, 1], [0, 2])
    for boxes, classes in zip(batch.boxes, batch.classes, strict=True):
        assert [int(c) for _, c in sorted(zip(boxes[:, 0].tolist(), classes.tolist(), strict=True))] == [0, 1]
