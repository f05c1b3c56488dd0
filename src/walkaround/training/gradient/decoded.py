"""Pictures decoded once, at the scale that a network needs, with their places as arrays; kept in a file between epochs."""

from __future__ import annotations

import copy
import hashlib
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from walkaround.damage.places import Place
from walkaround.datasets.outlines import box_of, label_map, mask_of
from walkaround.datasets.sample import Sample
from walkaround.datasets.stacking import small_on_top
from walkaround.errors import writing
from walkaround.media.pictures import read_picture
from walkaround.models.preparation import stretched
from walkaround.training.places import fingerprint_of

VERSION = 2
"""Changes with every change of what is kept."""

IGNORED = 255
"""In a mask: nothing is to be learnt here."""


class Labelled(Protocol):
    """A picture with its labels: `walkaround.training.plan.Picture` is one."""

    @property
    def sample(self) -> Sample:
        """Its path, label and places."""

    @property
    def sha256(self) -> str:
        """Of its bytes."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """One picture with its places.

    Attributes:
        pixels: uint8 [h, w, 3], RGB.
        boxes: float32 [k, 4]: left, top, right and bottom edge as fractions of the picture, 0 to 1.
        classes: int64 [k], from 0.
        ignored: float32 [i, 4], areas in which nothing is to be learnt.
        mask: uint8 [h, w]: 0 is background, n is class n - 1, 255 is not learnt; None where no masks are asked for.
    """

    pixels: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    classes: NDArray[np.int64]
    ignored: NDArray[np.float32]
    mask: NDArray[np.uint8] | None


_Places = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]
"""Boxes, classes and ignored areas, as in `Scene`."""


class Decoded:
    """All pictures of a training as scenes of one size. Thread-safe."""

    def __init__(
        self,
        pictures: Sequence[Labelled],
        *,
        classes: Sequence[str],
        side: int,
        folder: Path,
        masks: bool = False,
        headroom: float = 1.5,
    ) -> None:
        """Open the file of decoded pictures; nothing is read yet, each picture when it is first asked for.

        Args:
            pictures: in the order of their numbers.
            classes: of boxes and masks; places of others are areas in which nothing is to be learnt.
            side: height and width of the network's input.
            folder: of the file.
            masks: also keep which pixel belongs to what.
            headroom: pictures are kept this much larger than `side`, so that a closer look shows more; 1 where none is taken.

        Raises:
            StorageError: the folder cannot be written.
        """
        self.pictures = tuple(pictures)
        self.classes = tuple(classes)
        self.side = side
        self.kept = math.ceil(side * headroom)
        self._masks = masks
        self._layers = 4 if masks else 3
        self._places: dict[int, _Places] = {}
        self._slots = tuple(range(len(pictures)))
        self._file = _SlotFile(folder / f"pictures-{self._key()}.u8", len(pictures), self.kept * self.kept * self._layers)

    def __len__(self) -> int:
        return len(self.pictures)

    def close(self, *, delete: bool = False) -> None:
        """Delete the file, where it will not be needed again; it is not held open."""
        if delete:
            self._file.path.unlink(missing_ok=True)

    def part(self, numbers: Sequence[int]) -> Decoded:
        """Some of the pictures, kept in the same file."""
        part = copy.copy(self)
        part.pictures = tuple(self.pictures[number] for number in numbers)
        part._slots = tuple(self._slots[number] for number in numbers)
        part._places = {}
        return part

    def scene(self, index: int) -> Scene:
        """Picture number `index`, decoded the first time, taken from the file afterwards.

        Raises:
            PictureError: the picture cannot be read any more.
            StorageError: the disk is full.
        """
        slot = self._file.read(self._slots[index])
        if slot is None:
            slot = self._decode(index)
            self._file.write(self._slots[index], slot)
        if index not in self._places:  # two threads may both find it missing, and find the same
            self._places[index] = _places_of(self.pictures[index].sample, self.classes, width=slot.width, height=slot.height)
        boxes, classes, ignored = self._places[index]
        count = 3 * self.kept * self.kept
        return Scene(
            pixels=slot.planes[:count].reshape(self.kept, self.kept, 3),
            boxes=boxes,
            classes=classes,
            ignored=ignored,
            mask=slot.planes[count:].reshape(self.kept, self.kept) if self._masks else None,
        )

    def _key(self) -> str:
        told = hashlib.sha256(f"{VERSION} {self.kept} {self.classes if self._masks else ''}".encode())
        for picture in self.pictures:
            line = f"{picture.sha256} {fingerprint_of(picture.sample) if self._masks else ''}\n"
            told.update(line.encode("utf-8", "backslashreplace"))
        return told.hexdigest()[:16]

    def _decode(self, index: int) -> _Slot:
        sample = self.pictures[index].sample
        picture = read_picture(sample.path, side=self.kept)
        planes = stretched(picture.pixels, self.kept).reshape(-1)
        if self._masks:
            mask = self._mask(sample.places or (), picture.width, picture.height)
            planes = np.concatenate([planes, mask.reshape(-1)])
        return _Slot(width=picture.width, height=picture.height, planes=planes)

    def _mask(self, places: Sequence[Place], width: int, height: int) -> NDArray[np.uint8]:
        """The label map; what is not learnt is 255, where nothing that is learnt lies over it."""
        size = (self.kept, self.kept)
        mask = label_map(small_on_top(places), self.classes, width=width, height=height, size=size)
        for place in places:
            if place.outline is not None and (place.crowd or place.label not in self.classes):
                mask[mask_of(place.outline, width, height, size=size) & (mask == 0)] = IGNORED
        return mask


def _places_of(sample: Sample, classes: Sequence[str], *, width: int, height: int) -> _Places:
    """Boxes and class ids of the places that are learnt, and the boxes of the others, all as fractions of the picture."""
    scale = np.array([width, height, width, height], dtype=np.float32)
    boxes: list[NDArray[np.float32]] = []
    ids: list[int] = []
    ignored: list[NDArray[np.float32]] = []
    for place in sample.places or ():
        edges = box_of(place, width, height)
        if edges is None:
            continue  # a mask without a pixel
        box = np.clip(np.array(edges, dtype=np.float32) / scale, 0, 1)
        if place.crowd or place.label not in classes:
            ignored.append(box)
        else:
            boxes.append(box)
            ids.append(classes.index(place.label))
    return (
        np.array(boxes, dtype=np.float32).reshape(-1, 4),
        np.array(ids, dtype=np.int64),
        np.array(ignored, dtype=np.float32).reshape(-1, 4),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Slot:
    """Size of the original, and its planes as uint8 [bytes]."""

    width: int
    height: int
    planes: NDArray[np.uint8]


class _SlotFile:
    """Slots of one size in a file: a header of width, height and checksum, then the planes.

    A slot counts once its checksum holds, so whatever a killed process or a power cut leaves is decoded again.
    """

    _HEADER = 12

    def __init__(self, path: Path, slots: int, size: int) -> None:
        self.path = path
        self._proven = np.zeros(slots, dtype=np.bool_)
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            with path.open("r+b") as file:
                file.truncate(slots * (self._HEADER + size))
        self._rows = np.memmap(path, np.uint8, "r", shape=(slots, self._HEADER + size))

    def read(self, index: int) -> _Slot | None:
        row: NDArray[np.uint8] = np.asarray(self._rows[index])
        width, height, checksum = row[: self._HEADER].view(np.uint32).tolist()
        planes = row[self._HEADER :]
        if not width or (not self._proven[index] and zlib.crc32(planes.data) != checksum):
            return None
        self._proven[index] = True
        return _Slot(width=width, height=height, planes=planes)

    def write(self, index: int, slot: _Slot) -> None:
        header = np.array([slot.width, slot.height, zlib.crc32(np.ascontiguousarray(slot.planes).data)], dtype=np.uint32)
        with writing(self.path), self.path.open("r+b") as file:
            file.seek(index * self._rows.shape[1])
            file.write(header.tobytes() + slot.planes.tobytes())
