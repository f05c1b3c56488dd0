"""The two protocol buffers that TFRecords of pictures are made of: `tf.train.Example` and the label map.

Sources: tensorflow/core/example/{feature,example}.proto; object_detection/protos/string_int_label_map.proto of the TensorFlow
Object Detection API. They are described here, in a pool of their own, so that TensorFlow itself may live in the same process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from google.protobuf.message import DecodeError

from walkaround.errors import DatasetError

Values = Sequence[bytes] | Sequence[int] | Sequence[float]
Features = Mapping[str, Values]
"""Of one picture, by name. The kind of the first value is the kind of all; no value at all is an empty list."""

_Field = descriptor_pb2.FieldDescriptorProto
_LISTS = (("bytes_list", bytes), ("float_list", float), ("int64_list", int))


def encode_example(features: Features) -> bytes:
    """A serialised `tf.train.Example`; equal features give equal bytes."""
    example = _message("tensorflow.Example")()
    for name, values in features.items():
        feature = example.features.feature[name]
        if not values:
            feature.SetInParent()
            continue
        for field, kind in _LISTS:
            if isinstance(values[0], kind):
                getattr(feature, field).value.extend(values)
                break
        else:
            raise TypeError(f"the feature {name!r} holds {type(values[0]).__name__}; it may hold bytes, float or int")
    encoded: bytes = example.SerializeToString(deterministic=True)
    return encoded


def decode_example(record: bytes) -> dict[str, Values]:
    """The features of a serialised `tf.train.Example`.

    Raises:
        ValueError: it is none.
    """
    example = _message("tensorflow.Example")()
    try:
        example.ParseFromString(record)
    except DecodeError as problem:
        raise ValueError("it is no tf.train.Example") from problem
    features: dict[str, Values] = {}
    for name, feature in example.features.feature.items():
        kind = feature.WhichOneof("kind")
        features[name] = list(getattr(feature, kind).value) if kind else []
    return features


def label_map_text(classes: Sequence[str]) -> str:
    """The `label_map.pbtxt` of class names: their ids count from 1, because 0 is the background."""
    found = _message("walkaround.LabelMap")()
    for number, name in enumerate(classes, start=1):
        found.item.add(name=name, id=number)
    text: str = text_format.MessageToString(found, as_utf8=True)
    return text


def read_label_map(text: str, *, name: str) -> dict[int, str]:
    """Class names by id.

    Args:
        text: of the file.
        name: of the file, for messages.

    Raises:
        DatasetError: it is no label map, an id is below 1, or an id or a name is there twice.
    """
    found = _message("walkaround.LabelMap")()
    try:
        text_format.Parse(text, found, allow_unknown_field=True)
    except text_format.ParseError as problem:
        raise DatasetError(f"{name!r} is no label map ({problem}): give the label_map.pbtxt of the records.") from problem
    classes: dict[int, str] = {}
    for item in found.item:
        if item.id < 1 or not item.name or item.id in classes or item.name in classes.values():
            raise DatasetError(
                f"{name!r} gives the id {item.id} to {item.name!r}: each class needs a name and an id from 1 of its own."
            )
        classes[item.id] = item.name
    return classes


@cache
def _message(name: str) -> Any:
    """The class of a message."""
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(name))


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    pool.Add(_example_file())
    pool.Add(_label_map_file())
    return pool


def _example_file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package="tensorflow", syntax="proto3")
    for name, kind in (("BytesList", _Field.TYPE_BYTES), ("FloatList", _Field.TYPE_FLOAT), ("Int64List", _Field.TYPE_INT64)):
        file.message_type.add(name=name).field.add(name="value", number=1, type=kind, label=_Field.LABEL_REPEATED)
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, name in enumerate(("BytesList", "FloatList", "Int64List"), start=1):
        field = _holding(feature, _LISTS[number - 1][0], number, name)
        field.oneof_index = 0
    features = file.message_type.add(name="Features")
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=_Field.TYPE_STRING, label=_Field.LABEL_OPTIONAL)
    _holding(entry, "value", 2, "Feature")
    _holding(features, "feature", 1, "Features.FeatureEntry").label = _Field.LABEL_REPEATED
    _holding(file.message_type.add(name="Example"), "features", 1, "Features")
    return file


def _label_map_file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="label_map.proto", package="walkaround", syntax="proto2")
    item = file.message_type.add(name="LabelMapItem")
    for name, number, kind in (("name", 1, _Field.TYPE_STRING), ("id", 2, _Field.TYPE_INT32)):
        item.field.add(name=name, number=number, type=kind, label=_Field.LABEL_OPTIONAL)
    _holding(
        file.message_type.add(name="LabelMap"), "item", 1, "LabelMapItem", package="walkaround"
    ).label = _Field.LABEL_REPEATED
    return file


def _holding(
    message: descriptor_pb2.DescriptorProto, name: str, number: int, kind: str, *, package: str = "tensorflow"
) -> descriptor_pb2.FieldDescriptorProto:
    """Give a message a field that holds another message."""
    return message.field.add(
        name=name, number=number, type=_Field.TYPE_MESSAGE, label=_Field.LABEL_OPTIONAL, type_name=f".{package}.{kind}"
    )
