"""The size of a picture from its header alone, and whether it is stored lying on its side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from walkaround.media.headers import Header, jpeg_header, png_header, webp_header
from walkaround.media.pictures import PICTURE_LIMITS, PictureLimits, read_file, read_picture
from walkaround.media.sniff import picture_format

_HEADERS = {"JPEG": jpeg_header, "PNG": png_header, "WEBP": webp_header}
_LYING = range(5, 9)


@dataclass(frozen=True, kw_only=True)
class PictureSize:
    """How large a picture is.

    Attributes:
        width: pixels of the upright original.
        height: likewise.
        orientation: EXIF orientation, 1 to 8, that turned it upright.
    """

    width: int
    height: int
    orientation: int = 1

    @property
    def lies(self) -> bool:
        """Whether it is stored with width and height exchanged."""
        return self.orientation in _LYING


def picture_size(path: Path, *, limits: PictureLimits = PICTURE_LIMITS) -> PictureSize:
    """The size of a JPEG, PNG, WebP or HEIC picture; its pixels are not decoded.

    Raises:
        PictureError: it cannot be read, with the reason and what to do.
    """
    data = read_file(path, name=str(path), limits=limits)
    kind = picture_format(data[:512])
    if kind not in _HEADERS:
        return _by_reading(path, data, limits)
    try:
        header: Header = _HEADERS[kind](data)
    except (ValueError, IndexError):
        return _by_reading(path, data, limits)  # which says what is wrong
    lies = header.orientation in _LYING
    width, height = (header.height, header.width) if lies else (header.width, header.height)
    return PictureSize(width=width, height=height, orientation=header.orientation)


def _by_reading(path: Path, data: bytes, limits: PictureLimits) -> PictureSize:
    picture = read_picture(data, name=str(path), side=1, limits=limits)
    return PictureSize(width=picture.width, height=picture.height)
