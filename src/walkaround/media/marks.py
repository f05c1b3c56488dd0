"""Boxes, masks and their names drawn on a picture, so that they stand out on any photo of any size.

Lines have a casing, as on maps: dark around light colours and light around dark ones, so that one of the two is seen on
whatever lies under it. Names stand beside their boxes on the colour of the class: no colour carries a meaning alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from walkaround.damage.colours import Rgb, colour_of, is_light, rgb_of
from walkaround.damage.findings import FoundBox, FoundMasks
from walkaround.media.chips import Rectangle, placed
from walkaround.media.lettering import SMALLEST_FONT, font_of, percent, printable

Pixels = NDArray[np.uint8]

_DARK, _LIGHT = (16, 18, 22), (255, 255, 255)
_TINT = 0.38
"""How much a mask hides of what is under it."""
_MOST_HIDDEN = 0.34
"""The part of a picture that names may hide."""
_NAMED_PARTS = 3
"""So many pieces of a mask get a name each."""
_SMALL_PART = 0.1
"""A piece of less area than this part of the largest one gets none."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Sizes in pixels of what is drawn on a picture.

    Attributes:
        line: thickness of a line.
        casing: what is added to it on either side.
        font: height of letters.
    """

    line: int
    casing: int
    font: int


def scale_of(width: int, height: int) -> Scale:
    """Sizes for a picture: they grow with it, because it will be reduced to the same screen."""
    side = min(width, height) if max(width, height) < 4 * min(width, height) else max(width, height) / 4
    line = max(1 if side < 160 else 2, round(side * 0.0045))
    return Scale(line=line, casing=max(1, round(line * 0.5)), font=max(SMALLEST_FONT, round(side * 0.03)))


def draw_marks(
    pixels: Pixels,
    *,
    boxes: Sequence[FoundBox] = (),
    masks: FoundMasks | None = None,
    colours: Mapping[str, str] | None = None,
    sure: bool = True,
) -> Pixels:
    """Tint what each class covers, frame each box, and name them.

    Names do not cover each other, stay within the picture and hide no more than a third of it; where there is no room for all,
    the surest have theirs. A mask is named where no box has the same name.

    Args:
        pixels: uint8 [h, w, 3], RGB, upright.
        boxes: in pixels of `pixels`.
        masks: what covers which part of the picture.
        colours: class name to "#RRGGBB"; a class that is not in it has that of the masks, or `colour_of` its name.
        sure: whether scores and areas are written; those of what a person drew say nothing.

    Returns:
        uint8 [h, w, 3], a new array.
    """
    drawn, sizes = np.array(pixels), scale_of(pixels.shape[1], pixels.shape[0])
    cells = {} if masks is None else {name: masks.labels == masks.names.index(name) + 1 for name in masks.areas}
    known = {**({} if masks is None else masks.colours), **(colours or {})}
    for name, covered in cells.items():
        _tint(drawn, covered, _colour(name, known), sizes)
    image = Image.fromarray(drawn)
    draw = ImageDraw.Draw(image)
    places = [_visible(found.box, image.size, 3 * sizes.line + 2 * sizes.casing) for found in boxes]
    for number in sorted(range(len(boxes)), key=lambda number: -_area_of(places[number])):
        _frame(draw, places[number], _colour(boxes[number].label, known), sizes)
    names = _Names(image, sizes, avoided=places)
    for number in sorted(range(len(boxes)), key=lambda number: -boxes[number].score):
        name, score = printable(boxes[number].label), percent(boxes[number].score)
        texts = (f"{name} {score}", name, score) if sure else (name,)
        names.add(places[number], texts, _colour(boxes[number].label, known))
    boxed = {found.label for found in boxes}
    for label in (label for label in cells if label not in boxed):
        name = printable(label)
        for order, place in enumerate(_pieces(cells[label], image.size)):
            area = f"{name} {_share(float(cells[label].mean()))}"  # of all pieces: it is written once, at the largest
            names.add(place, (area, name) if sure and not order else (name,), _colour(label, known))
    names.draw()
    return np.array(image)


class _Names:
    """The labels of one picture, placed one after the other and drawn at the end, above all lines."""

    def __init__(self, image: Image.Image, sizes: Scale, *, avoided: Sequence[Rectangle] = ()) -> None:
        self._image, self._sizes, self._avoided = image, sizes, avoided
        self._labels: list[tuple[Rectangle, Rectangle, str, Rgb]] = []

    def add(self, anchor: Rectangle, texts: Iterable[str], colour: Rgb) -> None:
        """Find room for the first of the texts that has some."""
        taken = [label[0] for label in self._labels]
        room = _MOST_HIDDEN * self._image.width * self._image.height - sum(map(_area_of, taken))
        reach = self._sizes.line / 2 + self._sizes.casing
        outer = (anchor[0] - reach, anchor[1] - reach, anchor[2] + reach, anchor[3] + reach)
        for text in filter(None, texts):
            size = self._size(text)
            place = placed(size, outer, area=self._image.size, taken=taken, avoided=self._avoided)
            if place is not None and _area_of(place) <= room:
                self._labels.append((place, anchor, text, colour))
                return

    def _size(self, text: str) -> tuple[int, int]:
        font, pad = font_of(self._sizes.font), self._pad
        return (round(font.getlength(text)) + 2 * pad, round(self._sizes.font * 1.3) + self._sizes.casing)

    @property
    def _pad(self) -> int:
        return max(2, round(self._sizes.font * 0.3))

    def draw(self) -> None:
        """Draw them all."""
        draw = ImageDraw.Draw(self._image)
        for place, anchor, _, colour in self._labels:
            self._lead(draw, place, anchor, colour)
        for place, _, text, colour in self._labels:
            edge = _DARK if is_light(colour) else _LIGHT
            draw.rectangle((place[0], place[1], place[2] - 1, place[3] - 1), fill=edge)
            rim = self._sizes.casing if self._sizes.font > SMALLEST_FONT else 0
            draw.rectangle((place[0] + rim, place[1] + rim, place[2] - 1 - rim, place[3] - 1 - rim), fill=colour)
            middle = (place[0] + self._pad, (place[1] + place[3]) / 2)
            draw.text(middle, text, font=font_of(self._sizes.font), fill=edge, anchor="lm")

    def _lead(self, draw: ImageDraw.ImageDraw, place: Rectangle, anchor: Rectangle, colour: Rgb) -> None:
        """A line from a label to its box where they are apart."""
        x = min(max((place[0] + place[2]) / 2, anchor[0]), anchor[2])
        y = min(max((place[1] + place[3]) / 2, anchor[1]), anchor[3])
        from_x, from_y = min(max(x, place[0]), place[2]), min(max(y, place[1]), place[3])
        if max(abs(x - from_x), abs(y - from_y)) > 2 * self._sizes.line + 2 * self._sizes.casing:
            casing = _DARK if is_light(colour) else _LIGHT
            draw.line((from_x, from_y, x, y), fill=casing, width=self._sizes.line + 2 * self._sizes.casing)
            draw.line((from_x, from_y, x, y), fill=colour, width=self._sizes.line)


def _frame(draw: ImageDraw.ImageDraw, place: Rectangle, colour: Rgb, sizes: Scale) -> None:
    """A rectangle whose line is centred on the edges of the box, within its casing."""
    left, top, right, bottom = (round(edge) for edge in place)
    half = sizes.line // 2
    outer = half + sizes.casing
    casing = _DARK if is_light(colour) else _LIGHT
    draw.rectangle(
        (left - outer, top - outer, right + outer, bottom + outer), outline=casing, width=sizes.line + 2 * sizes.casing
    )
    draw.rectangle((left - half, top - half, right + half, bottom + half), outline=colour, width=sizes.line)


def _visible(box: Rectangle, size: tuple[int, int], least: int) -> Rectangle:
    """The box so far inside the picture that its lines are seen, and not smaller than `least` pixels."""
    edges = []
    for low, high, length in ((box[0], box[2], size[0]), (box[1], box[3], size[1])):
        margin = min(least / 4, length / 4)
        low, high = max(low, margin), min(high, length - 1 - margin)
        if high - low < least:
            middle = min(max((low + high) / 2, margin + least / 2), length - 1 - margin - least / 2)
            low, high = max(margin, middle - least / 2), min(length - 1 - margin, middle + least / 2)
        edges.append((low, high))
    return (edges[0][0], edges[1][0], edges[0][1], edges[1][1])


def _tint(pixels: Pixels, cells: NDArray[np.bool_], colour: Rgb, sizes: Scale) -> None:
    """Colour the cells of a grid in place, with a line around them, smooth however coarse the grid is."""
    height, width = pixels.shape[:2]
    reach = sizes.line + sizes.casing
    soft = Image.fromarray(cells.astype(np.uint8) * 255).resize((width, height), Image.Resampling.BILINEAR)
    solid = np.asarray(soft) >= 128
    rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    if not len(rows):  # smaller than a pixel
        return
    top, bottom = max(0, rows[0] - 2 * reach), min(height, rows[-1] + 1 + 2 * reach)
    left, right = max(0, columns[0] - 2 * reach), min(width, columns[-1] + 1 + 2 * reach)
    part, inside = pixels[top:bottom, left:right], solid[top:bottom, left:right]
    _blend(part, np.where(inside, np.float32(_TINT), np.float32(0)), colour)
    blurred = Image.fromarray(np.pad(inside, reach, mode="edge").astype(np.uint8) * 255).filter(ImageFilter.BoxBlur(reach))
    share = np.asarray(blurred, np.float32)[reach:-reach, reach:-reach] / 255
    distance = np.abs(share - 0.5) * (2 * reach + 1)  # in pixels from the edge, where that is straight
    edge = (share > 0) & (share < 1)
    for line, paint in ((sizes.line / 2 + sizes.casing, _DARK if is_light(colour) else _LIGHT), (sizes.line / 2, colour)):
        _blend(part, np.clip(line + 0.5 - distance, 0, 1) * edge, paint)


def _blend(pixels: Pixels, cover: NDArray[np.floating[Any]], colour: Rgb) -> None:
    """Lay a colour over pixels in place; `cover`, float [h, w], says how much it hides."""
    image = Image.fromarray(pixels)
    image.paste(colour, mask=Image.fromarray((cover * 255 + 0.5).astype(np.uint8)))
    pixels[:] = np.asarray(image)


def _pieces(cells: NDArray[np.bool_], size: tuple[int, int]) -> list[Rectangle]:
    """The uppermost row, in pixels of the picture, of each of the largest connected pieces of a mask."""
    from scipy import ndimage

    numbered, count = ndimage.label(cells, structure=np.ones((3, 3)))
    areas = np.bincount(numbered.ravel(), minlength=count + 1)[1:]
    across, down = size[0] / cells.shape[1], size[1] / cells.shape[0]
    rows = []
    for piece in np.argsort(-areas, kind="stable")[:_NAMED_PARTS].tolist():
        if areas[piece] >= _SMALL_PART * areas.max():
            top = int(np.flatnonzero((numbered == piece + 1).any(axis=1))[0])
            columns = np.flatnonzero(numbered[top] == piece + 1)
            rows.append((columns[0] * across, top * down, (columns[-1] + 1) * across, (top + 1) * down))
    return rows


def _colour(name: str, colours: Mapping[str, str] | None) -> Rgb:
    return rgb_of((colours or {}).get(name) or colour_of(name))


def _share(share: float) -> str:
    told = f"{100 * share:.0f} %" if share >= 0.095 else f"{100 * share:.1f} %" if share >= 0.0005 else "< 0.1 %"
    return f"{told} area"


def _area_of(box: Rectangle) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
