"""Lines of manifests: what is understood, what is refused, and that the refusal names the line."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walkaround.errors import DatasetError
from walkaround.hosting.operations.lines.manifest_lines import label_attribute, parse_lines, stored_line

CLASSIFIED = {"class-name": "anomaly", "type": "groundtruth/image-classification", "human-annotated": "yes"}
NORMAL = {**CLASSIFIED, "class-name": "normal"}
BOXES = {"annotations": [{"class_id": 0, "left": 1, "top": 2, "width": 3, "height": 4}]}
BOXED = {"type": "groundtruth/object-detection", "class-map": {"0": "dent"}}
MASK = {"type": "groundtruth/semantic-segmentation", "internal-color-map": {"0": {"class-name": "BACKGROUND"}}}


def text(**members: Any) -> bytes:
    return json.dumps(
        {"source-ref": "s3://photos/a.jpg", **{name.replace("_", "-"): v for name, v in members.items()}}
    ).encode()


def label_of(content: bytes) -> str | None:
    (line,) = parse_lines(content).values()
    return line.label


@pytest.mark.parametrize(
    ("members", "label"),
    [
        ({}, None),
        ({"anomaly_label": 1, "anomaly_label_metadata": CLASSIFIED}, "anomaly"),
        ({"auto_label": 0, "auto_label_metadata": CLASSIFIED}, "anomaly"),
        ({"x": 1, "x_metadata": {"class-name": "normal"}}, "normal"),
        ({"x": 1, "x_metadata": {**CLASSIFIED, "class-name": " Normal "}}, "normal"),
        ({"x": 1, "x_metadata": {**CLASSIFIED, "class-name": "scratch"}}, None),
        ({"x": 1, "x_metadata": {**CLASSIFIED, "class-name": None}}, None),
        ({"x": 1, "x_metadata": {**CLASSIFIED, "type": "groundtruth/object-detection"}}, None),
        ({"x": 1, "x_detected_metadata": CLASSIFIED}, None),
        ({"x": 1, "x_metadata": "anomaly"}, None),
        ({"worker_ref": "s3://photos/log.json"}, None),
        ({"m_ref": "s3://photos/m.png", "m_ref_metadata": MASK}, None),
        ({"x": BOXES, "x_metadata": BOXED}, "anomaly"),
        ({"x": BOXES, "x_metadata": BOXED, "y": 0, "y_metadata": CLASSIFIED}, "anomaly"),
        ({"x": {"annotations": []}, "x_metadata": BOXED}, None),
    ],
)
def test_the_class_name_is_the_label_and_nothing_else(members: dict[str, Any], label: str | None) -> None:
    assert label_of(text(**members)) == label


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "There is no line"),
        (b"\n \r\n", "There is no line"),
        (b"nonsense", "line 1: it is not JSON"),
        (b"[]", "line 1: it is no JSON object"),
        (b'{"a": ' + 4000 * b"[" + 4000 * b"]" + b"}", "line 1: it is not JSON"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b'{"x": 1}', "has no source-ref"),
        (b'{"source-ref": 7}', "has no source-ref"),
        (text(x="y" * 8200), "8,2"),
        (text(x="y" * 40_000), "40,0.. bytes"),
        (text(job_name="\ud800"), "surrogate pair"),
        (text(x={"\udfff": 1}), "surrogate pair"),
        (b'{"source-ref": "s3://photos/a.jpg", "x": [1e999]}', "1e999' is not finite"),
        (b'{"source-ref": "s3://photos/a.jpg", "x": NaN}', "NaN' is not finite"),
        (text(source_ref="photos/a.jpg"), "is not s3://bucket/key"),
        (text(source_ref="s3://photos/"), "is not s3://bucket/key"),
        (text(source_ref="s3://no bucket/a.jpg"), "is not s3://bucket/key"),
        (text(source_ref="https://photos/a.jpg"), "is not s3://bucket/key"),
        (text(source_ref="s3://photos/a\x00.jpg"), "control characters"),
        (text(source_ref="s3://photos/\ud800.jpg"), "UTF-8"),
        (text(source_ref="s3://photos/" + 1025 * "a"), "1,024 bytes"),
        (text(m_ref="photos/m.png", m_ref_metadata=MASK), "line 1: its m-ref 'photos/m.png' is not s3://bucket/key"),
        (text(x=BOXES, x_metadata=BOXED, y_metadata=NORMAL), "calls the picture normal, and a box says 'dent'"),
        (text(x_metadata=CLASSIFIED, y_metadata={"class-name": "normal"}), "both normal and anomaly"),
        (text() + b"\n\n" + text(source_ref="s3://elsewhere/b.jpg"), "line 3: its picture is in bucket 'elsewhere'"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_line(content: bytes, said: str) -> None:
    with pytest.raises(DatasetError, match=said) as caught:
        parse_lines(content)
    assert len(str(caught.value)) < 2_000


def test_many_wrong_lines_are_counted() -> None:
    with pytest.raises(DatasetError, match=r"line 1: .* line 5: .*and 45 more lines\. Correct"):
        parse_lines(b"\n".join([b"x"] * 50))


def test_reading_ends_after_many_wrong_lines() -> None:
    with pytest.raises(DatasetError, match=r"and 995 more lines \(not read further than line 1,001\)"):
        parse_lines(b"\n" + b"\n".join([b"x"] * 2_000))


def test_reading_ends_after_too_many_pictures(make_line: Callable[..., str]) -> None:
    lines = [make_line(f"{number % 3}.jpg") for number in range(9)]
    assert len(parse_lines("\n".join(lines).encode(), at_most=3)) == 3
    with pytest.raises(DatasetError, match="more than 2 pictures"):
        parse_lines("\n".join([*lines, "nonsense"]).encode(), at_most=2)


def test_of_two_lines_about_a_picture_the_last_counts(make_line: Callable[..., str]) -> None:
    lines = [make_line("a.jpg", "normal"), make_line("b.jpg"), make_line("a.jpg", "anomaly")]
    found = parse_lines("\r\n".join(lines).encode("utf-8-sig"))
    assert [(line.source_ref, line.label) for line in found.values()] == [
        ("s3://photos/a.jpg", "anomaly"),
        ("s3://photos/b.jpg", None),
    ]
    assert found["s3://photos/a.jpg"].text == lines[2]


def test_pictures_must_be_in_the_bucket_of_the_dataset() -> None:
    with pytest.raises(DatasetError, match="'photos', and those of the dataset are in 'cars'"):
        parse_lines(text(), bucket="cars")


@pytest.mark.parametrize(
    ("members", "attribute"),
    [
        ({}, None),
        ({"x-detected-metadata": CLASSIFIED, "y-metadata": CLASSIFIED, "z-metadata": CLASSIFIED}, "y"),
        ({"x-metadata": {**CLASSIFIED, "type": "groundtruth/object-detection"}, "y-metadata": CLASSIFIED}, "y"),
        ({"x-metadata": {**CLASSIFIED, "class-name": "scratch"}, "y-metadata": CLASSIFIED}, "y"),
        ({"x-metadata": {"type": CLASSIFIED["type"]}}, None),
    ],
)
def test_one_attribute_labels_a_picture(members: dict[str, Any], attribute: str | None) -> None:
    assert label_attribute(members) == attribute


def test_a_line_of_an_older_version_is_read_without_what_cannot_be() -> None:
    boxes = {"annotations": [{"class_id": 7}]}
    line = stored_line(text(x=boxes, x_metadata=BOXED, y_metadata=NORMAL).decode())
    assert (line.source_ref, line.label, line.boxes) == ("s3://photos/a.jpg", "normal", None)


@settings(max_examples=60)
@given(
    st.one_of(st.binary(max_size=400), st.recursive(st.none() | st.text() | st.floats(), st.lists).map(repr).map(str.encode))
)
def test_no_bytes_do_anything_but_parse_or_be_refused(content: bytes) -> None:
    try:
        lines = parse_lines(content)
    except DatasetError:
        return
    assert lines


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20), lambda x: st.lists(x, max_size=3), max_leaves=5
)
_KEYS = st.sampled_from(["source-ref", "x", "x-metadata", "x-ref", "x-ref-metadata", "type", "class-name"])


@settings(max_examples=60)
@given(st.dictionaries(_KEYS, _JSON | st.dictionaries(_KEYS, _JSON, max_size=4) | st.just("s3://photos/a.jpg"), max_size=6))
def test_no_json_object_does_anything_but_parse_or_be_refused(members: dict[str, Any]) -> None:
    try:
        (line,) = parse_lines(json.dumps(members).encode()).values()
    except DatasetError:
        return
    assert line.source_ref == members["source-ref"]
    assert line.label in ("normal", "anomaly", None)
