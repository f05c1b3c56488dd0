"""Pictures in requests to TensorFlow Serving: nested lists of pixels, base64, or a picture as it is.

Source: TensorFlow Serving, "RESTful API", predict in row format. A body of nested lists is several times as large as its
picture, and Python's own parser would make it a dozen times larger still; so lists of numbers are taken out of the text first,
and read piece by piece into bytes.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from walkaround.hosting.pool.answers import LEAST_SIDE, MOST_SIDE

MOST_INSTANCES = 32
"""Pictures in one request."""

_LISTS = re.compile(rb"\[[][0-9eE+\-., \t\r\n]*+")
"""What begins as a list and goes on without a letter or a quotation mark; possessive, so that no text takes long."""
_LEAST_LISTS = 4096
"""Bytes from which such text is taken out."""
_MOST_PARTS = 20_000
"""Of what is left to Python's parser."""
_STAND_IN = b'"\\u0000%d"'
_STOOD_FOR = re.compile(r"\x00(\d{1,9})")
_TWO_NUMBERS = re.compile(rb"[0-9.][ \t\r\n]+[0-9+\-.]")
_NO_STRUCTURE = b"0123456789eE+-. \t\r\n"
_SEPARATORS = bytes.maketrans(b"[],", b"   ")
_PIECE = 1 << 18
_COMPRESSION = 1
"""Of the PNGs that pixels become on their way to a worker; a higher one takes longer than the inspection."""


class InstancesError(Exception):
    """The body is not what TensorFlow Serving would take; the message is for whoever sent it."""


def pictures_of(body: bytes) -> list[bytes]:
    """The pictures of a JSON body, each as a picture file: a PNG of nested lists, or what the base64 holds.

    `{"instances": [INSTANCE, ...]}`, where an instance is a list of rows of `[red, green, blue]` of 0 to 255, `{"b64": "..."}`,
    or either of them as the only value of an object, `{"image": ...}`.

    Raises:
        InstancesError: the body is malformed, has no or too many instances, or one that is no picture.
    """
    text, lists = _without_lists(body)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise InstancesError(f"The body is no JSON ({problem}).") from problem
    instances = document.get("instances") if isinstance(document, dict) else None
    stood_for = _standing(instances, lists)
    if stood_for is not None:
        return [_png(pixels) for pixels in _pixels_of(stood_for)]
    if not isinstance(instances, list) or not 1 <= len(instances) <= MOST_INSTANCES:
        raise InstancesError(f'The body has to be {{"instances": [...]}} with 1 to {MOST_INSTANCES} pictures.')
    return [_picture(one, lists) for one in instances]


def _without_lists(body: bytes) -> tuple[bytes, list[bytes]]:
    """A body with stand-ins for its long lists of numbers, and these."""
    kept: list[bytes] = []
    lists: list[bytes] = []
    at = 0
    for number, found in enumerate(_LISTS.finditer(body)):
        if number > _MOST_PARTS:
            raise InstancesError("The body has too many parts.")
        end = body.rfind(b"]", found.start(), found.end()) + 1
        if end - found.start() >= _LEAST_LISTS:
            kept += [body[at : found.start()], _STAND_IN % len(lists)]
            lists.append(body[found.start() : end])
            at = end
    text = b"".join([*kept, body[at:]])
    if sum(map(text.count, (b'"', b",", b"[", b"{", b":"))) > _MOST_PARTS:
        raise InstancesError("The body has too many parts.")
    return text, lists


def _picture(instance: Any, lists: Sequence[bytes]) -> bytes:
    if isinstance(instance, Mapping) and len(instance) == 1 and "b64" not in instance:
        [instance] = instance.values()
    if isinstance(instance, Mapping) and set(instance) == {"b64"} and isinstance(instance["b64"], str):
        try:
            return base64.b64decode(instance["b64"], validate=True)
        except (binascii.Error, ValueError) as problem:
            raise InstancesError(f"The base64 of an instance cannot be read ({problem}).") from problem
    text = _standing(instance, lists)
    if text is None and isinstance(instance, list):
        text = json.dumps(instance).encode()  # a short one
    if text is None:
        raise InstancesError('An instance has to be a list of rows of [red, green, blue], or {"b64": "..."} of a JPEG or PNG.')
    [pixels] = _pixels_of(b"[" + text + b"]")
    return _png(pixels)


def _standing(value: Any, lists: Sequence[bytes]) -> bytes | None:
    """The text of lists that a value stands for."""
    found = _STOOD_FOR.fullmatch(value) if isinstance(value, str) else None
    return lists[int(found[1])] if found is not None and int(found[1]) < len(lists) else None


def _pixels_of(text: bytes) -> NDArray[np.uint8]:
    """uint8 [n, h, w, 3] of the text of nested lists."""
    count, height, width = _shape_of(text.translate(None, _NO_STRUCTURE))
    if count > MOST_INSTANCES:
        raise InstancesError(f"There are {count} instances; send 1 to {MOST_INSTANCES}.")
    if min(height, width) < LEAST_SIDE or max(height, width) > MOST_SIDE:
        raise InstancesError(f"A picture is {width} x {height} pixels; send one of {LEAST_SIDE} to {MOST_SIDE:,} a side.")
    if _TWO_NUMBERS.search(text):
        raise InstancesError("Two numbers stand in a list without a comma between them.")
    pixels = np.empty(count * height * width * 3, np.uint8)
    at = 0
    for values in _numbers(text):
        if not np.all((values >= 0) & (values <= 255)):
            raise InstancesError("A pixel is not a number of 0 to 255.")
        if at + len(values) > len(pixels):
            raise InstancesError("The lists hold more numbers than places for them.")
        pixels[at : at + len(values)] = np.rint(values)
        at += len(values)
    if at < len(pixels):
        raise InstancesError("The lists lack a number.")
    return pixels.reshape(count, height, width, 3)


def _shape_of(structure: bytes) -> tuple[int, int, int]:
    """Pictures, rows and columns of lists, of which nothing but brackets and commas is left; all have to be of one size."""
    pixel = b"[,,]"
    row_end = structure.find(b"]]") + 1  # of the first row, without its bracket
    picture_end = structure.find(b"]]]") + 2
    if not structure.startswith(b"[[[" + pixel) or row_end < 1 or picture_end < 2:
        raise InstancesError("An instance has to be a list of rows, each a list of pixels, each a list [red, green, blue].")
    columns = structure.count(pixel, 0, row_end)
    row = b"[" + b",".join([pixel] * columns) + b"]"
    rows = (picture_end - 1) // (len(row) + 1)
    picture = b"[" + b",".join([row] * rows) + b"]"
    pictures = (len(structure) - 1) // (len(picture) + 1)
    if structure != b"[" + b",".join([picture] * pictures) + b"]":
        raise InstancesError("The rows of a picture, or the pictures of a request, differ in length.")
    return pictures, rows, columns


def _numbers(text: bytes) -> Iterator[NDArray[np.float64]]:
    """The numbers of nested lists, some thousands at a time."""
    at = 0
    while at < len(text):
        end = min(len(text), at + _PIECE)
        if end < len(text):
            end = text.rfind(b",", at + 1, end)
            if end < 0:
                raise InstancesError("A number is written with too many digits or blanks.")
        try:
            yield np.fromstring(text[at:end].translate(_SEPARATORS), dtype=np.float64, sep=" ")
        except ValueError as problem:
            raise InstancesError("The lists hold something that is no number.") from problem
        at = end


def _png(pixels: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=_COMPRESSION)
    return file.getvalue()
