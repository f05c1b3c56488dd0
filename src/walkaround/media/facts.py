"""What a picture is like besides what it shows: whatever a model could mistake for damage, and a fingerprint of its look.

One decoding at a reduced scale serves all of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageStat

from walkaround.media.headers import quantisation_table
from walkaround.media.pictures import PICTURE_LIMITS, PictureLimits, read_file, read_picture
from walkaround.media.properties import measures_of

Grey = bytes

_DETAIL_SIDE = 512  # pictures below twice this are looked at as they are stored
_LONGEST = 4096  # of a panorama, or of a file that is one row of millions, only the beginning is measured
_NETWORK_SIDE = 320
_THUMBNAIL_SIDE = 32
_HASH_SIDE = 8
_COLOUR_SIDE = 128

# Table K.1 of ITU-T T.81, luminance.
# fmt: off
_LUMINANCE = np.array([
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
])
# fmt: on


@dataclass(frozen=True, kw_only=True)
class PictureFacts:
    """What a picture is like besides what it shows.

    Attributes:
        path: the file.
        width, height: pixels of the upright original.
        format: "JPEG", "PNG", "WEBP" or "HEIF".
        pages: how many pictures the file shows one after the other.
        bytes: size of the file.
        jpeg_quality: 1 to 100 on libjpeg's scale, from the quantisation table; None for other formats.
        sharpness: fine contrast as a network sees it: mean step between neighbouring pixels over the standard deviation, of
            the grey picture brought to 320 pixels on the shorter side. An enlarged thumbnail scores as low as a blurred photo.
        detail: energy of the finest octave that the pixels can hold over that of the next one. 0.25 for smooth shading, and
            hardly more for enlarged or blurred pictures (up to 0.32); photos as a camera gives them have 0.4 to 1.
        brightness: mean luma, 0 to 1.
        contrast: standard deviation of luma, 0 to 1.
        colourfulness: Hasler and Suesstrunk 2003, on values of 0 to 1; 0 for grey.
        sha256: of the file.
        dhash: 128 bits, see `difference_hash`.
        thumbnail: 32 x 32 grey bytes, row by row: by it near-duplicates are told.
        measures: what later pictures are compared by, see `measures_of`.
    """

    path: Path
    width: int
    height: int
    format: str
    pages: int
    bytes: int
    jpeg_quality: int | None
    sharpness: float
    detail: float
    brightness: float
    contrast: float
    colourfulness: float
    sha256: str
    dhash: int
    thumbnail: Grey
    measures: Mapping[str, float] = field(default_factory=dict)


def picture_facts(path: Path, *, limits: PictureLimits = PICTURE_LIMITS) -> PictureFacts:
    """Measure one picture.

    Raises:
        PictureError: it cannot be read.
    """
    data = read_file(path, name=str(path), limits=limits)
    picture = read_picture(data, name=str(path), side=_DETAIL_SIDE, limits=limits)
    image = Image.fromarray(picture.pixels[:_LONGEST, :_LONGEST])
    grey = image.convert("L")
    statistics = ImageStat.Stat(grey)
    return PictureFacts(
        path=path,
        width=picture.width,
        height=picture.height,
        format=picture.format,
        pages=picture.pages,
        bytes=len(data),
        jpeg_quality=jpeg_quality(data) if picture.format == "JPEG" else None,
        sharpness=_sharpness(grey),
        detail=_detail(grey),
        brightness=statistics.mean[0] / 255,
        contrast=statistics.stddev[0] / 255,
        colourfulness=_colourfulness(image),
        sha256=hashlib.sha256(data).hexdigest(),
        dhash=difference_hash(grey),
        thumbnail=grey.resize((_THUMBNAIL_SIDE, _THUMBNAIL_SIDE), Image.Resampling.BOX).tobytes(),
        measures=measures_of(picture.pixels, picture.width, picture.height),
    )


def jpeg_quality(data: bytes) -> int | None:
    """Quality setting, 1 to 100, whose luminance table comes nearest to the one in this JPEG; None where there is none.

    The tables are those of libjpeg's `jpeg_set_quality` (jcparam.c), which scales table K.1 of ITU-T T.81. Files written by it
    are told exactly; for encoders with tables of their own the number is the nearest equivalent.
    """
    table = quantisation_table(data)
    if table is None:
        return None
    return int(np.abs(_libjpeg_tables() - np.sort(table)).sum(axis=1).argmin()) + 1


@lru_cache(maxsize=1)
def _libjpeg_tables() -> NDArray[np.int64]:
    """int64 [100, 64]: the luminance table of every quality, each sorted, so that the order of storage does not matter."""
    quality = np.arange(1, 101)[:, None]
    scale = np.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    return np.sort(np.clip((_LUMINANCE * scale + 50) // 100, 1, 255), axis=1)


def difference_hash(grey: Image.Image) -> int:
    """128 bits that hardly change when a picture is resized, recompressed or brightened.

    64 of them say whether each cell of a coarse grid is brighter than its right neighbour, 64 whether it is brighter than the
    one below (N. Krawetz, "Kind of Like That", 2013). Count the differing bits with `(a ^ b).bit_count()`.
    """
    across = np.asarray(grey.resize((_HASH_SIDE + 1, _HASH_SIDE), Image.Resampling.BOX), np.int16)
    down = np.asarray(grey.resize((_HASH_SIDE, _HASH_SIDE + 1), Image.Resampling.BOX), np.int16)
    bits = np.concatenate([(np.diff(across, axis=1) < 0).ravel(), (np.diff(down, axis=0) < 0).ravel()])
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _sharpness(grey: Image.Image) -> float:
    scale = _NETWORK_SIDE / min(grey.size)
    longest = 4 * _NETWORK_SIDE  # a picture of one row must not grow into one of millions
    size = (min(longest, round(grey.width * scale)), min(longest, round(grey.height * scale)))
    values = np.asarray(grey.resize(size, Image.Resampling.BICUBIC), np.int16)
    spread = float(values.std(dtype=np.float32))
    if spread < 1:  # nothing to see: what is left is rounding
        return 0.0
    return float(np.abs(np.diff(values, axis=0)).mean() + np.abs(np.diff(values, axis=1)).mean()) / (2 * spread)


def _detail(grey: Image.Image) -> float:
    """Energy inside 2 x 2 blocks over that inside 2 x 2 blocks of their means: two octaves of a Haar wavelet."""
    finest, coarser = _split_octave(np.asarray(grey, np.float32))
    next_finest, _ = _split_octave(coarser)
    return finest / next_finest if next_finest > 0.01 else 0.0


def _split_octave(grey: NDArray[np.float32]) -> tuple[float, NDArray[np.float32]]:
    """Mean variance inside the 2 x 2 blocks of a picture, and the blocks' means."""
    height, width = grey.shape[0] // 2 * 2, grey.shape[1] // 2 * 2
    if not height or not width:
        return 0.0, np.zeros((0, 0), np.float32)
    corners = [grey[y:height:2, x:width:2] for y in (0, 1) for x in (0, 1)]
    means = sum(corners[1:], corners[0]) / np.float32(4)
    return float(np.mean([np.square(corner - means).mean() for corner in corners])), means


def _colourfulness(image: Image.Image) -> float:
    small = image.resize((_COLOUR_SIDE, _COLOUR_SIDE), Image.Resampling.BOX)
    red, green, blue = np.moveaxis(np.asarray(small, np.float32) / 255, -1, 0)
    first, second = red - green, (red + green) / 2 - blue
    return float(np.hypot(first.std(), second.std()) + 0.3 * np.hypot(first.mean(), second.mean()))
