"""Label maps, features and records: any come back as they went in, and what is none is refused."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walkaround.datasets.tfrecords.messages import decode_example, encode_example, label_map_text, read_label_map
from walkaround.datasets.tfrecords.records import BadRecord, read_records, write_record
from walkaround.datasets.tfrecords.writing import LABEL_MAP
from walkaround.errors import DatasetError


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("item { id: 1 name: 'dent' display_name: 'Dent' }", {1: "dent"}),
        ('# made by hand\nitem {\n name: "Delle \\"tief\\""\n id: 3 }', {3: 'Delle "tief"'}),
        ("", {}),
    ],
)
def test_label_maps_of_others_are_read(text: str, classes: dict[int, str]) -> None:
    assert read_label_map(text, name=LABEL_MAP) == classes


@pytest.mark.parametrize(
    "text", ["dent 1", "item { id: 0 name: 'a' }", "item { id: 1 }", "item{id:1 name:'a'}item{id:1 name:'b'}"]
)
def test_what_is_no_label_map_is_refused(text: str) -> None:
    with pytest.raises(DatasetError, match="label"):
        read_label_map(text, name=LABEL_MAP)


@given(st.lists(st.text(min_size=1, max_size=20), unique=True, max_size=8))
def test_any_class_names_come_back_from_a_label_map(names: list[str]) -> None:
    assert list(read_label_map(label_map_text(names), name=LABEL_MAP).items()) == list(enumerate(names, start=1))


_VALUES = st.one_of(
    st.lists(st.binary(max_size=50), max_size=4),
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4),
    st.lists(st.floats(width=32, allow_nan=False), max_size=4),
)


@given(st.dictionaries(st.text(max_size=20), _VALUES, max_size=6))
def test_any_features_come_back(features: dict[str, Any]) -> None:
    assert decode_example(encode_example(features)) == features


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=6), st.floats(0, 1, exclude_max=True), st.integers(0, 7))
def test_any_bytes_come_back_from_records_and_any_changed_bit_is_seen(contents: list[bytes], place: float, bit: int) -> None:
    file = io.BytesIO()
    for content in contents:
        write_record(file, content)
    whole = bytearray(file.getvalue())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.records"
        path.write_bytes(whole)
        assert list(read_records(path)) == contents
        whole[int(place * len(whole))] ^= 1 << bit
        path.write_bytes(whole)
        assert any(isinstance(record, BadRecord) for record in read_records(path))
