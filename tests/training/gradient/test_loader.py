from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from walkaround.damage.places import Place, Polygons
from walkaround.errors import StorageError
from walkaround.media.pictures import read_picture
from walkaround.models.preparation import network_pixels
from walkaround.training.gradient.augment import Augmentation
from walkaround.training.gradient.batches import Batch
from walkaround.training.gradient.decoded import IGNORED, Decoded
from walkaround.training.gradient.loader import Loader
from walkaround.training.plan import Picture

Painter = Callable[[int], list[Picture]]
CLASSES = ("dent", "scratch")


def rectangle(label: str, left: float, top: float, right: float, bottom: float, *, crowd: bool = False) -> Place:
    ring = ((left, top), (right, top), (right, bottom), (left, bottom))
    return Place(label=label, box=(left, top, right, bottom), outline=Polygons(rings=(ring,)), crowd=crowd)


def same(one: Batch, other: Batch) -> bool:
    pairs = [(one.pixels, other.pixels), *zip(one.boxes, other.boxes, strict=True), (one.masks, other.masks)]
    return one.indices == other.indices and all(
        a is b or (a is not None and b is not None and torch.equal(a, b)) for a, b in pairs
    )


def test_a_picture_comes_as_the_network_will_see_it(painted: Painter, tmp_path: Path) -> None:
    [picture] = painted(1)
    decoded = Decoded([picture], classes=CLASSES, side=48, folder=tmp_path, headroom=1, masks=True)
    [batch] = Loader(decoded, batch=4, labels=("normal", "anomaly"))
    wanted = network_pixels(read_picture(picture.sample.path, side=48).pixels, 48)
    assert np.array_equal(batch.inputs[0].numpy(), wanted)
    assert picture.sample.places is not None
    assert picture.sample.places[0].box is not None
    assert batch.boxes[0][0].numpy() == pytest.approx(np.array(picture.sample.places[0].box) / [96, 64, 96, 64])
    assert batch.classes[0].tolist() == [0]
    assert batch.labels.tolist() == [1]
    assert batch.masks is not None
    assert float((batch.masks == 1).float().mean()) == pytest.approx(20 * 20 / (96 * 64), rel=0.15)


def test_crowds_and_other_classes_are_not_learnt_and_not_background(painted: Painter, tmp_path: Path) -> None:
    [picture] = painted(1)
    places = (rectangle("rust", 0, 0, 48, 32), rectangle("dent", 48, 32, 96, 64), rectangle("dent", 48, 0, 96, 32, crowd=True))
    picture = replace(picture, sample=replace(picture.sample, places=places))
    scene = Decoded([picture], classes=CLASSES, side=32, folder=tmp_path, masks=True).scene(0)
    assert scene.boxes.tolist() == [[0.5, 0.5, 1, 1]]
    assert scene.ignored.tolist() == [[0, 0, 0.5, 0.5], [0.5, 0, 1, 0.5]]
    assert scene.mask is not None
    assert [int(scene.mask[row, column]) for row, column in ((5, 5), (40, 40), (5, 40), (40, 5))] == [IGNORED, 1, IGNORED, 0]


def test_each_picture_is_decoded_once_and_found_again(painted: Painter, tmp_path: Path) -> None:
    pictures = painted(3)
    first = Decoded(pictures, classes=CLASSES, side=32, folder=tmp_path).scene(1)
    for picture in pictures:
        picture.sample.path.unlink()
    again = Decoded(pictures, classes=CLASSES, side=32, folder=tmp_path)
    assert np.array_equal(again.scene(1).pixels, first.pixels)


def test_a_damaged_slot_is_decoded_again(painted: Painter, tmp_path: Path) -> None:
    pictures = painted(2)
    first = Decoded(pictures, classes=CLASSES, side=32, folder=tmp_path / "kept")
    before = first.scene(1).pixels.copy()
    [file] = (tmp_path / "kept").iterdir()
    with file.open("r+b") as kept:
        kept.seek(-500, 2)
        kept.write(bytes(100))
    assert np.array_equal(Decoded(pictures, classes=CLASSES, side=32, folder=tmp_path / "kept").scene(1).pixels, before)


def test_a_folder_that_cannot_be_written_is_told(painted: Painter, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="a part of the path is a file"):
        Decoded(painted(1), classes=CLASSES, side=32, folder=tmp_path / "file" / "inside")


def test_the_same_numbers_give_the_same_batches_whatever_the_threads(painted: Painter, tmp_path: Path) -> None:
    decoded = Decoded(painted(10), classes=CLASSES, side=32, folder=tmp_path, masks=True)
    one, many = (Loader(decoded, batch=4, augmentation=Augmentation(), seed=5, threads=threads) for threads in (1, 4))
    batches = list(one.epoch(3))
    assert len(batches) == len(one) == 3
    assert all(same(a, b) for a, b in zip(batches, many.epoch(3), strict=True))
    assert same(batches[2], next(one.epoch(3, first=2)))
    assert not same(batches[0], next(one.epoch(4)))


def test_an_epoch_has_every_picture_and_only_full_batches(painted: Painter, tmp_path: Path) -> None:
    loader = Loader(
        Decoded(painted(10), classes=CLASSES, side=32, folder=tmp_path), batch=4, augmentation=Augmentation(mosaic=0)
    )
    batches = list(loader.epoch(0))
    assert [len(batch) for batch in batches] == [4, 4, 4]
    assert {index for batch in batches for index in batch.indices} == set(range(10))


def test_validation_sees_every_picture_once_in_order(painted: Painter, tmp_path: Path) -> None:
    loader = Loader(Decoded(painted(5), classes=CLASSES, side=32, folder=tmp_path), batch=2)
    assert [batch.indices for batch in loader] == [(0, 1), (2, 3), (4,)]


class Member:
    """One of two processes, of which only the number matters here."""

    def __init__(self, rank: int) -> None:
        self.rank, self.size = rank, 2

    def average(self, tensors: object) -> None: ...
    def share(self, tensors: object) -> None: ...
    def agree(self, numbers: object) -> list[float]:
        raise NotImplementedError


def test_two_processes_share_every_batch(painted: Painter, tmp_path: Path) -> None:
    decoded = Decoded(painted(8), classes=CLASSES, side=32, folder=tmp_path)
    whole = list(Loader(decoded, batch=4, augmentation=Augmentation()).epoch(1))
    parts = [list(Loader(decoded, batch=4, augmentation=Augmentation(), team=Member(rank)).epoch(1)) for rank in (0, 1)]
    for batch, *shares in zip(whole, *parts, strict=True):
        assert torch.equal(batch.pixels[0::2], shares[0].pixels)
        assert torch.equal(batch.pixels[1::2], shares[1].pixels)


def test_a_loop_that_stops_half_way_leaves_no_thread_behind(painted: Painter, tmp_path: Path) -> None:
    batches = Loader(Decoded(painted(10), classes=CLASSES, side=32, folder=tmp_path), batch=2).epoch(0)
    next(batches)
    batches.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("loader")]
