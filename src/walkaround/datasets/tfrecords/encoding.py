"""One labelled picture as the features of a `tf.train.Example`, and back.

The names are those of the TensorFlow Object Detection API (`dataset_tools/create_coco_tf_record.py`): boxes as fractions of the
upright picture, class ids from 1.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from walkaround.damage.places import Box, Place
from walkaround.datasets.tfrecords.messages import Features, Values
from walkaround.media.headers import jpeg_header, png_header
from walkaround.media.pictures import PICTURE_LIMITS, read_file, read_picture
from walkaround.media.sniff import picture_format

_QUALITY = 95
_OBJECT = "image/object"
_EDGES = ("xmin", "ymin", "xmax", "ymax")
_DECIMALS = 3
"""Of pixels: what single precision leaves of a fraction."""
_WITH_ALPHA = (4, 6)
_SUFFIXES = {"JPEG": "jpg", "PNG": "png"}


@dataclass(frozen=True, kw_only=True)
class StoredPicture:
    """A picture as a record holds it: upright without regard to EXIF, and of a format that TensorFlow decodes.

    Attributes:
        data: bytes of the file.
        format: "jpeg" or "png".
        width, height: in pixels.
    """

    data: bytes
    format: str
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class DecodedPicture:
    """A picture with its labels, as a record tells of it.

    Attributes:
        data: bytes of the file; by content a JPEG or PNG.
        suffix: of a file name for it, "jpg" or "png".
        filename: that the record gives, from outside: never a path to write to.
        labels: of the whole picture, as many as it has.
        places: boxes in pixels; None where the record says nothing of any.
    """

    data: bytes
    suffix: str
    filename: str
    labels: tuple[str, ...]
    places: tuple[Place, ...] | None


def stored_picture(path: Path) -> StoredPicture:
    """The bytes of a picture for a record: as they are where possible, encoded again where they need turning or another format.

    Only JPEGs and PNGs that lie upright stay as they are. What has to be turned stays JPEG (quality 95) or PNG; WebP and HEIC
    become JPEGs; a PNG with transparency is laid over white, as it was shown to whoever labelled it.

    Raises:
        PictureError: it cannot be read.
    """
    data = read_file(path, name=str(path), limits=PICTURE_LIMITS)
    kind = picture_format(data[:512])
    if kind in _SUFFIXES:
        try:
            header = jpeg_header(data) if kind == "JPEG" else png_header(data)
        except ValueError:
            header = None  # read_picture says what is wrong
        if header is not None and header.orientation == 1 and not (kind == "PNG" and _is_transparent(data, header.body)):
            return StoredPicture(data=data, format=kind.lower(), width=header.width, height=header.height)
    picture = read_picture(data, name=str(path))
    image, file = Image.fromarray(picture.pixels), io.BytesIO()
    if kind == "PNG":
        image.save(file, "PNG")
    else:
        image.save(file, "JPEG", quality=_QUALITY, subsampling=0)
    stored = "png" if kind == "PNG" else "jpeg"
    return StoredPicture(data=file.getvalue(), format=stored, width=picture.width, height=picture.height)


def features_of(
    picture: StoredPicture,
    *,
    names: tuple[str, str],
    labels: Sequence[str],
    places: Sequence[tuple[Place, Box]] | None,
    ids: Mapping[str, int],
) -> Features:
    """The features of one record.

    Args:
        picture: what it shows.
        names: its file's name, and its id among all pictures of the dataset, a number as text.
        labels: of the whole picture, as many as it has.
        places: with the box of each, in pixels; None where nobody was asked to draw.
        ids: class ids, from 1.
    """
    filename, source_id = names
    features: dict[str, Values] = {
        "image/height": [picture.height],
        "image/width": [picture.width],
        "image/filename": [filename.encode("utf-8", "backslashreplace")],
        "image/source_id": [source_id.encode("utf-8")],
        "image/encoded": [picture.data],
        "image/format": [picture.format.encode("ascii")],
    }
    if labels:
        features["image/class/text"] = [label.encode("utf-8", "backslashreplace") for label in labels]
        if all(label in ids for label in labels):
            features["image/class/label"] = [ids[label] for label in labels]
    return features if places is None else {**features, **_features_of_places(places, ids, (picture.width, picture.height))}


def decoded_picture(features: Features, classes: Mapping[int, str]) -> DecodedPicture:
    """What a record tells of a picture.

    Class names are taken from the record where it has them, else from the label map. The size is taken from the picture itself.

    Raises:
        ValueError: it lacks the picture, or what it says of it cannot be; the message ends a sentence that begins with "it".
        PictureError: the picture cannot be read.
    """
    encoded = features.get("image/encoded", [])
    if len(encoded) != 1 or not isinstance(encoded[0], bytes):
        raise ValueError("it has no image/encoded")
    data = encoded[0]
    filename = _text(features, "image/filename") or ""
    picture = read_picture(data, name=filename or "picture", formats=tuple(_SUFFIXES), side=1)
    labels = [_decoded(name) for name in features.get("image/class/text", [])]
    if not labels:
        labels = [name for number in features.get("image/class/label", []) if (name := classes.get(_whole(number))) is not None]
    drawn = any(name.startswith(f"{_OBJECT}/") for name in features)
    places = _places(features, classes, size=(picture.width, picture.height)) if drawn else None
    return DecodedPicture(data=data, suffix=_SUFFIXES[picture.format], filename=filename, labels=tuple(labels), places=places)


def _features_of_places(places: Sequence[tuple[Place, Box]], ids: Mapping[str, int], size: tuple[int, int]) -> Features:
    features: dict[str, Values] = {
        f"{_OBJECT}/class/text": [place.label.encode("utf-8", "backslashreplace") for place, _ in places],
        f"{_OBJECT}/class/label": [ids[place.label] for place, _ in places],
    }
    for index, edge in enumerate(_EDGES):
        features[f"{_OBJECT}/bbox/{edge}"] = [min(1.0, max(0.0, box[index] / size[index % 2])) for _, box in places]
    if any(place.crowd for place, _ in places):
        features[f"{_OBJECT}/is_crowd"] = [int(place.crowd) for place, _ in places]
    return features


def _places(features: Features, classes: Mapping[int, str], *, size: tuple[int, int]) -> tuple[Place, ...]:
    edges = [features.get(f"{_OBJECT}/bbox/{edge}", []) for edge in _EDGES]
    count = len(edges[0])
    names = [_decoded(name) for name in features.get(f"{_OBJECT}/class/text", [])]
    if not names:
        numbers = [_whole(number) for number in features.get(f"{_OBJECT}/class/label", [])]
        unknown = sorted(set(numbers) - set(classes))
        if unknown:
            raise ValueError(f"it has the class id {unknown[0]}, which the label map does not know")
        names = [classes[number] for number in numbers]
    crowds = features.get(f"{_OBJECT}/is_crowd", []) or [0] * count
    if any(len(one) != count for one in (*edges, names, crowds)):
        raise ValueError("its lists of boxes and classes differ in length")
    places = []
    for *box, name, crowd in zip(*edges, names, crowds, strict=True):
        left, top, right, bottom = (round(float(edge) * size[index % 2], _DECIMALS) for index, edge in enumerate(box))
        if not all(map(math.isfinite, (left, top, right, bottom))) or left >= right or top >= bottom:
            raise ValueError(f"it has a box of {name!r} that is none: {', '.join(f'{edge:g}' for edge in box)}")
        places.append(Place(label=name, box=(left, top, right, bottom), crowd=bool(crowd)))
    return tuple(places)


def _text(features: Features, name: str) -> str | None:
    values = features.get(name)
    return _decoded(values[0]) if values else None


def _decoded(value: object) -> str:
    if not isinstance(value, bytes):
        raise ValueError(f"it has {value!r} where a text belongs")
    return value.decode("utf-8", "replace")


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise ValueError(f"it has {value!r} where a class id belongs")
    return value


def _is_transparent(data: bytes, body: bytes) -> bool:
    """Whether a PNG may have transparent pixels (W3C PNG, 11.2.1 and 11.3.1.1)."""
    return data[25] in _WITH_ALPHA or b"tRNS" in body
