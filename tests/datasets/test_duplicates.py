from __future__ import annotations

import io
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from walkaround.datasets.duplicates import duplicate_groups, near_duplicates_between
from walkaround.media.facts import PictureFacts, picture_facts

Draw = Callable[[int], Image.Image]
SCENES = 24


def recompressed(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=35)
    return Image.open(file)


def cropped(image: Image.Image, share: float) -> Image.Image:
    across, down = image.width * share, image.height * share
    return image.crop((int(across), int(down), int(image.width - across), int(image.height - down)))


COPIES: dict[str, tuple[Callable[[Image.Image], Image.Image], float]] = {
    "recompressed": (recompressed, 1.0),
    "halved": (lambda image: image.resize((image.width // 2, image.height // 2)), 1.0),
    "squeezed": (lambda image: image.resize((224, 224)), 1.0),
    "cropped by 3 % a side": (lambda image: cropped(image, 0.03), 0.95),
    "cropped by 5 % a side": (lambda image: cropped(image, 0.05), 0.95),
    "cropped by 7 % a side": (lambda image: cropped(image, 0.07), 0.8),
    "brightened": (lambda image: ImageEnhance.Brightness(image).enhance(1.2), 0.95),
    "darkened": (lambda image: ImageEnhance.Brightness(image).enhance(0.7), 1.0),
    "mirrored": (lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), 1.0),
}


def facts_of(images: Sequence[Image.Image], folder: Path) -> list[PictureFacts]:
    facts = []
    for number, image in enumerate(images):
        image.save(folder / f"{number}.png")
        facts.append(picture_facts(folder / f"{number}.png"))
    return facts


@pytest.mark.parametrize("name", COPIES)
def test_copies_are_found_and_strangers_are_not(tmp_path: Path, draw_scene: Draw, name: str) -> None:
    copy, recall = COPIES[name]
    originals = [draw_scene(seed) for seed in range(SCENES)]
    groups = duplicate_groups(facts_of([*originals, *map(copy, originals)], tmp_path))
    assert len(set(groups[:SCENES].tolist())) == SCENES, "no two scenes are one"
    assert (groups[:SCENES] == groups[SCENES:]).mean() >= recall


def test_the_same_file_is_one_group_whatever_it_shows(some_facts: PictureFacts) -> None:
    blank = [replace(some_facts, sha256=checksum) for checksum in ("a", "b", "a", "c", "b")]
    assert duplicate_groups(blank).tolist() == [0, 1, 0, 2, 1]


def test_different_cars_on_one_background_stay_apart(tmp_path: Path, draw_scene: Draw) -> None:
    background = draw_scene(999)
    images = []
    for seed in range(30):
        image = background.copy()
        image.paste(draw_scene(seed).resize((110, 70)), (60, 60))
        images.append(image)
    groups = duplicate_groups(facts_of([*images, recompressed(images[3])], tmp_path))
    assert len(set(groups.tolist())) == 30
    assert groups[3] == groups[30]


def test_nothing_and_one_picture(some_facts: PictureFacts) -> None:
    assert duplicate_groups([]).shape == (0,)
    assert duplicate_groups([some_facts]).tolist() == [0]


def test_thousands_of_pictures_take_seconds(some_facts: PictureFacts) -> None:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (2000, 8, 8), dtype=np.uint8).repeat(4, axis=1).repeat(4, axis=2)
    coarse[1000:1100] = coarse[:100]
    facts = [replace(some_facts, sha256=str(number), thumbnail=one.tobytes()) for number, one in enumerate(coarse)]
    start = time.process_time()
    groups = duplicate_groups(facts)
    assert time.process_time() - start < 10
    assert groups.max() + 1 == 1900


@pytest.mark.parametrize("name", ["recompressed", "halved", "mirrored"])
def test_copies_are_found_between_two_sets(tmp_path: Path, draw_scene: Draw, name: str) -> None:
    known = facts_of([draw_scene(seed) for seed in range(SCENES)], tmp_path)
    new = facts_of([draw_scene(99), *(COPIES[name][0](draw_scene(seed)) for seed in (3, 7))], tmp_path)
    pairs = near_duplicates_between([one.thumbnail for one in new], [one.thumbnail for one in known])
    assert pairs.tolist() == [[1, 3], [2, 7]]
    assert near_duplicates_between([], [known[0].thumbnail]).shape == (0, 2)
