"""TensorFlow Serving's JSON: pictures come out as they were put in, and what is none is refused without much memory or time."""

from __future__ import annotations

import base64
import io
import json
import time
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from walkaround.aws.instances import MOST_INSTANCES, InstancesError, pictures_of


def pixels(height: int = 64, width: int = 80, *, count: int | None = None, seed: int = 0) -> NDArray[np.uint8]:
    """uint8 [height, width, 3], or so many of them."""
    shape = (height, width, 3) if count is None else (count, height, width, 3)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def body(*instances: Any, **options: Any) -> bytes:
    """A request with these instances."""
    return json.dumps({"signature_name": "serving_default", "instances": list(instances)}, **options).encode()


def opened(file: bytes) -> NDArray[np.uint8]:
    """The pixels of a picture file."""
    with Image.open(io.BytesIO(file)) as image:
        return np.asarray(image)


@pytest.mark.parametrize("options", [{}, {"separators": (",", ":")}, {"indent": 1}], ids=["plain", "tight", "indented"])
@pytest.mark.parametrize("kind", [int, float])
def test_nested_lists_become_their_pixels(options: dict[str, Any], kind: type) -> None:
    given = pixels(count=3)
    found = pictures_of(body(*given.astype(kind).tolist(), **options))
    assert [np.array_equal(opened(one), wanted) for one, wanted in zip(found, given, strict=True)] == [True] * 3


@settings(max_examples=10, deadline=None)
@given(st.integers(64, 70), st.integers(64, 70), st.integers(1, 3), st.integers(0, 9))
def test_any_size_comes_out_as_it_was_put_in(height: int, width: int, count: int, seed: int) -> None:
    given = pixels(height, width, count=count, seed=seed)
    assert np.array_equal([opened(one) for one in pictures_of(body(*given.tolist()))], given)


def test_fractions_are_rounded() -> None:
    given = np.full((64, 64, 3), 99.6)
    [found] = pictures_of(body(given.tolist()))
    assert np.all(opened(found) == 100)


def test_base64_is_the_file_itself_and_may_stand_beside_others() -> None:
    files = [b"\xff\xd8\xff one", b"two", b"three"]
    encoded = [{"b64": base64.b64encode(file).decode()} for file in files]
    assert pictures_of(body(encoded[0], {"image_bytes": encoded[1]}, encoded[2])) == files


def test_lists_may_be_the_value_of_an_input() -> None:
    given = pixels(count=2)
    found = pictures_of(body(*({"input_tensor": one.tolist()} for one in given)))
    assert np.array_equal([opened(one) for one in found], given)


SQUARE = pixels(64, 64).tolist()
BROKEN: list[tuple[str, bytes, str]] = [
    ("no JSON", b"instances", "no JSON"),
    ("a list", b"[1, 2]", '"instances"'),
    ("no instances", b'{"inputs": []}', '"instances"'),
    ("none", body(), "1 to 32"),
    ("too many", body(*[{"b64": ""}] * (MOST_INSTANCES + 1)), "1 to 32"),
    ("a text", body("car.jpg"), "has to be a list of rows"),
    ("two inputs", body({"a": SQUARE, "b": SQUARE}), "has to be a list of rows"),
    ("no base64", body({"b64": "ä"}), "base64"),
    ("bad base64", body({"b64": "abc"}), "base64"),
    ("grey", body(pixels(64, 64)[:, :, 0].tolist()), r"\[red, green, blue\]"),
    ("four channels", body(np.zeros((64, 64, 4), int).tolist()), r"\[red, green, blue\]"),
    ("tiny", body(pixels(8, 8).tolist()), "8 x 8 pixels; send one of 64"),
    ("huge", body(np.zeros((64, 4097, 3), int).tolist()), "4097 x 64 pixels"),
    ("ragged", body([*SQUARE[:-1], SQUARE[-1][:-1]]), "differ in length"),
    ("of two sizes", body(SQUARE, pixels(64, 65).tolist()), "differ in length"),
    ("too bright", body(np.full((64, 64, 3), 256).tolist()), "0 to 255"),
    ("negative", body(np.full((64, 64, 3), -1).tolist()), "0 to 255"),
    ("infinite", body(np.full((64, 64, 3), 7).tolist()).replace(b"7, 7, 7", b"1e999, 7, 7", 1), "0 to 255"),
    ("too large a number", body(np.full((64, 64, 3), 10.0**300).tolist()), "0 to 255"),
    ("a number missing", body(np.full((64, 64, 3), 7).tolist()).replace(b"7, 7, 7", b"7, , 7", 1), "lack a number"),
    ("no comma", body(np.full((64, 64, 3), 7).tolist()).replace(b"7, 7, 7", b"7 7, , 7", 1), "without a comma"),
    ("no number", body(np.full((64, 64, 3), 7).tolist()).replace(b"7, 7, 7", b"7, +, 7", 1), "no number"),
    ("a word", body(np.full((64, 64, 3), 7).tolist()).replace(b"7, 7, 7", b"7, NaN, 7", 1), "no JSON"),
    ("half", body(SQUARE)[:-1000], "no JSON"),
]


@pytest.mark.parametrize(("sent", "said"), [one[1:] for one in BROKEN], ids=[one[0] for one in BROKEN])
def test_what_is_no_picture_is_refused(sent: bytes, said: str) -> None:
    with pytest.raises(InstancesError, match=said):
        pictures_of(sent)


@given(st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda one: st.lists(one, max_size=4)))
def test_no_json_breaks_it(instances: Any) -> None:
    with pytest.raises(InstancesError):
        pictures_of(json.dumps({"instances": instances}).encode())


SIZE = 5_000_000
HOSTILE = {
    "brackets": b"[" * SIZE,
    "closed brackets": b'{"instances": ' + b"[" * (SIZE // 2) + b"]" * (SIZE // 2) + b"}",
    "short lists": b'{"instances": [' + b"[a" * (SIZE // 2),
    "nearly long lists": (b"[" * 4000 + b"a") * (SIZE // 4001),
    "commas": b'{"instances": [' + b"," * SIZE + b"]}",
    "blanks": b'{"instances": [[[[1,2,3' + b" " * SIZE + b"]]]]}",
    "a long number": b'{"instances": [[' + b"[[1,2,3]," * 64 + b"[1,2," + b"0" * SIZE + b"]]]]}",
    "ones": b'{"instances": [' + b"1," * (SIZE // 2) + b"1]}",
    "texts": b'{"instances": [' + b'"a",' * (SIZE // 4) + b'"a"]}',
    "objects": b'{"instances": [' + b"{}," * (SIZE // 3) + b"{}]}",
    "deep": b'{"a":' * (SIZE // 5),
}


@pytest.mark.parametrize("sent", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_body_costs_little(sent: bytes) -> None:
    began = time.process_time()
    tracemalloc.start()
    with pytest.raises(InstancesError):
        pictures_of(sent)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 8 * SIZE
    assert time.process_time() - began < 5


def test_a_large_picture_costs_a_small_multiple_of_its_body() -> None:
    sent = body(pixels(640, 640).tolist())
    tracemalloc.start()
    [_] = pictures_of(sent)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 4 * len(sent)
