"""Pictures: bytes in, upright RGB out, within limits that are checked before anything is decoded."""

from __future__ import annotations

import io
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from walkaround.errors import PictureError
from walkaround.media.headers import Header, jpeg_header, png_header, webp_header
from walkaround.media.sniff import picture_format

Pixels = NDArray[np.uint8]

_STRIP_PIXELS = 1 << 17
_STRIP_BYTES = 24  # a pixel, while a strip is laid over white, made RGB and copied
_HEADERS: dict[str, Callable[[bytes], Header]] = {"JPEG": jpeg_header, "PNG": png_header, "WEBP": webp_header}
# The decoders' classes instead of Image.open: the format is already known, and Image.open reports by process-wide warnings.
_DECODERS: dict[str, type[ImageFile.ImageFile]] = {"JPEG": JpegImageFile, "PNG": PngImageFile, "WEBP": WebPImageFile}
_MODE_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "LA": 4}
_ROW_BYTES = 12  # Pillow's pointer to each row, and what it is padded with
_WEBP_BYTES = 14  # measured: its decoder holds three canvases of four bytes a pixel, and a copy for lossless ones
_HEIF_BYTES = 6  # measured for 8 bit, 4:2:0, no alpha; anything richer takes up to twice as much
# How the stored picture lies in the upright one, by EXIF orientation: views, so that turning costs no copy.
_STORED: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: upright[:, ::-1].transpose(1, 0, 2),
    7: lambda upright: upright[::-1, ::-1].transpose(1, 0, 2),
    8: lambda upright: upright[::-1].transpose(1, 0, 2),
}


@dataclass(frozen=True, kw_only=True)
class PictureLimits:
    """What one picture may cost; with the defaults, reading any file adds less than 200 MB to the process.

    Attributes:
        max_bytes: size of the file.
        max_pixels: width times height of the original.
        max_memory: bytes for the file, its decoder and the pixels together, worked out from the header before decoding.
        max_scans: passes of a progressive JPEG over the picture, each of which costs the time of a decoding; 10 are usual.
    """

    max_bytes: int = 32_000_000
    max_pixels: int = 64_000_000
    max_memory: int = 140_000_000
    max_scans: int = 100


PICTURE_LIMITS = PictureLimits()
FORMATS = ("JPEG", "PNG", "WEBP", "HEIF")
"""What can be read."""
_FORMAT_NAMES = {"JPEG": "JPEG", "PNG": "PNG", "WEBP": "WebP", "HEIF": "HEIC"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """A picture that was read.

    Attributes:
        pixels: uint8 [h, w, 3], RGB, upright; smaller than the original where the reader asked for less.
        width, height: size in pixels of the upright original.
        format: "JPEG", "PNG", "WEBP" or "HEIF", by content.
        pages: how many pictures the file shows one after the other; only the first is read.
    """

    pixels: Pixels
    width: int
    height: int
    format: str
    pages: int


def read_picture(
    source: Path | bytes,
    *,
    name: str | None = None,
    side: int | None = None,
    limits: PictureLimits = PICTURE_LIMITS,
    formats: Sequence[str] = FORMATS,
) -> Picture:
    """Read a JPEG, PNG, WebP or HEIC picture, told apart by content.

    EXIF orientation is applied. Transparency is laid over white, as viewers show it to who labels. 16-bit grey is scaled to
    8 bit. Colour profiles are ignored: they shift colours little, and parsing them is a door for hostile files. A file that
    ends early is refused, because the grey that would fill the rest hides damage. Safe to call from several threads.

    Args:
        source: a file, or the bytes of one.
        name: what error messages call the picture; the path unless given.
        side: no more than this many pixels are needed on the shorter side: the picture may come reduced by a whole factor
            (large JPEGs are decoded at that scale), never below `side` unless the original is. None: full size.
        limits: what the picture may cost.
        formats: those of `FORMATS` that are taken; a message names no other.

    Raises:
        PictureError: the picture cannot be read, with the reason and what to do.
    """
    name = name if name is not None else str(source) if isinstance(source, Path) else "picture"
    data = read_file(source, name=name, limits=limits) if isinstance(source, Path) else source
    kind = picture_format(data[:512])
    if len(data) > limits.max_bytes:
        raise _too_large(name, f"has {len(data):,} bytes, more than the {limits.max_bytes:,} allowed")
    try:
        if kind == "HEIF" and kind in formats:
            return _read_heif(data, name=name, side=side, limits=limits)
        if kind in _HEADERS and kind in formats:
            header = _HEADERS[kind](data)
            data = b""  # the header's body stands for it: a large file need not be held twice while it is decoded
            return _read_with_pillow(header, kind, name=name, side=side, limits=limits)
    except (OSError, SyntaxError, ValueError, EOFError, RuntimeError, Image.DecompressionBombError) as problem:
        # What Pillow's decoders and libheif raise on a damaged file.
        reason = " ".join(str(problem).split())
        raise PictureError(f"{name!r} is a damaged {kind} picture ({reason}); export or copy it again.") from problem
    raise _not_readable(name, empty=not data, kind=kind, formats=formats)


def read_file(path: Path, *, name: str, limits: PictureLimits) -> bytes:
    """All bytes of a regular file that is small enough to be a picture.

    Raises:
        PictureError: it is missing, not permitted, not a regular file, or too large.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # asked before opening, because opening a pipe would wait for its other end
            raise PictureError(f"{name!r} is not a file; give the path of a picture.")
        if status.st_size > limits.max_bytes:
            raise _too_large(name, f"has {status.st_size:,} bytes, more than the {limits.max_bytes:,} allowed")
        with path.open("rb") as file:
            return file.read(limits.max_bytes + 1)
    except (OSError, ValueError) as problem:  # ValueError: a path with a NUL
        reason = getattr(problem, "strerror", None) or str(problem)
        raise PictureError(f"Cannot open {name!r}: {reason}; check the path and the permissions.") from problem


def _read_with_pillow(header: Header, kind: str, *, name: str, side: int | None, limits: PictureLimits) -> Picture:
    """Decode a JPEG, PNG or WebP."""
    _check_pixels(name, header.width, header.height, limits)
    if header.scans > limits.max_scans:
        raise _too_large(name, f"passes {header.scans:,} times over its pixels, more than the {limits.max_scans} allowed")
    if kind == "WEBP":  # its decoder allocates as soon as it is opened
        needed = len(header.body) + header.width * header.height * (_WEBP_BYTES + 4)
        if needed > limits.max_memory and header.pages == 1:
            return _read_large_webp(header, name=name, side=side, limits=limits)
        _check_memory(name, needed, limits)
    image = _DECODERS[kind](io.BytesIO(header.body))
    if side is not None:
        image.draft(None, (side, side))
    plan = _Plan(
        width=image.width,
        height=image.height,
        orientation=header.orientation,
        factor=1 if side is None else max(1, min(image.size) // side),
    )
    if kind != "WEBP":
        decoder = image.height * (image.width * _MODE_BYTES.get(image.mode, 4) + _ROW_BYTES) + header.coefficients
        _check_memory(name, len(header.body) + decoder + plan.memory, limits)
    image.load()
    pixels = plan.fill(lambda top, bottom: _as_rgb(_rows(image, top, bottom)))
    width, height = plan.upright(header.width, header.height)
    return Picture(pixels=pixels, width=width, height=height, format=kind, pages=header.pages)


def _read_large_webp(header: Header, *, name: str, side: int | None, limits: PictureLimits) -> Picture:
    """Decode a WebP of one page that Pillow would take too much memory for."""
    from walkaround.media import large_webp  # loads FFmpeg, which other pictures do without

    factor = 1 if side is None else max(1, min(header.width, header.height) // side)
    width, height = -(-header.width // factor), -(-header.height // factor)
    plan = _Plan(width=width, height=height, orientation=header.orientation, factor=1)
    decoded = large_webp.decoder_memory(header) + 4 * width * height
    _check_memory(name, len(header.body) + decoded + plan.memory, limits)
    image = large_webp.decode_large(header, width=width, height=height)
    pixels = plan.fill(lambda top, bottom: _as_rgb(_rows(image, top, bottom)))
    width, height = plan.upright(header.width, header.height)
    return Picture(pixels=pixels, width=width, height=height, format="WEBP", pages=1)


def _read_heif(data: bytes, *, name: str, side: int | None, limits: PictureLimits) -> Picture:
    """Decode a HEIC picture; libheif turns it upright itself, by the file's own boxes."""
    try:
        import pillow_heif
    except ImportError as problem:
        raise PictureError(
            f"{name!r} is a HEIC picture, and reading those is an extra: run pip install 'walkaround[heic]' and try again."
        ) from problem
    file = pillow_heif.open_heif(data, convert_hdr_to_8bit=True)
    image = file[file.primary_index]
    width, height = image.size
    _check_pixels(name, width, height, limits)
    plain = image.mode == "RGB" and image.info["bit_depth"] == 8 and image.info.get("chroma") == 420
    plan = _Plan(width=width, height=height, orientation=1, factor=1 if side is None else max(1, min(width, height) // side))
    _check_memory(name, len(data) + width * height * _HEIF_BYTES * (1 if plain else 2) + plan.memory, limits)
    rows, stride = image.data, image.stride

    def strip(top: int, bottom: int) -> Image.Image:
        part = rows[top * stride : bottom * stride]
        return _as_rgb(Image.frombuffer(image.mode, (width, bottom - top), part, "raw", image.mode, stride, 1))

    return Picture(pixels=plan.fill(strip), width=width, height=height, format="HEIF", pages=len(file))


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """How decoded pixels become the answer: in strips, so that no second picture of the full size is ever held.

    Attributes:
        width, height: what the decoder gives.
        orientation: EXIF orientation still to be applied.
        factor: how many pixels each way are averaged into one.
    """

    width: int
    height: int
    orientation: int
    factor: int

    @property
    def strip_rows(self) -> int:
        return max(1, _STRIP_PIXELS // (self.width * self.factor)) * self.factor

    @property
    def memory(self) -> int:
        """Bytes of the answer and of one strip on its way there."""
        answer = 3 * -(-self.width // self.factor) * -(-self.height // self.factor)
        return answer + _STRIP_BYTES * self.width * min(self.strip_rows, self.height)

    def upright(self, width: int, height: int) -> tuple[int, int]:
        return (height, width) if self.orientation >= 5 else (width, height)

    def fill(self, strip: Callable[[int, int], Image.Image]) -> Pixels:
        """Upright uint8 [h, w, 3] from `strip(top, bottom)`, which gives these rows as RGB."""
        columns, rows = self.upright(-(-self.width // self.factor), -(-self.height // self.factor))
        upright = np.empty((rows, columns, 3), np.uint8)
        stored = _STORED[self.orientation](upright)
        for top in range(0, self.height, self.strip_rows):
            part = strip(top, min(top + self.strip_rows, self.height))
            if self.factor > 1:
                part = part.reduce(self.factor)
            first = top // self.factor
            stored[first : first + part.height] = np.asarray(part)
        return upright


def _rows(image: Image.Image, top: int, bottom: int) -> Image.Image:
    return image if bottom - top == image.height else image.crop((0, top, image.width, bottom))


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "I;16":
        return Image.fromarray((np.asarray(image, np.uint32) * 255 + 32767) // 65535).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _check_pixels(name: str, width: int, height: int, limits: PictureLimits) -> None:
    if width * height > limits.max_pixels:
        raise _too_large(name, f"is {width:,} x {height:,} pixels, more than the {limits.max_pixels:,} allowed")


def _check_memory(name: str, needed: int, limits: PictureLimits) -> None:
    if needed > limits.max_memory:
        raise _too_large(name, f"would take {needed:,} bytes of memory to read, more than the {limits.max_memory:,} allowed")


def _too_large(name: str, what: str) -> PictureError:
    return PictureError(f"{name!r} {what}; save it smaller, as a JPEG that is not progressive.")


def _not_readable(name: str, *, empty: bool, kind: str | None, formats: Sequence[str]) -> PictureError:
    if empty:
        return PictureError(f"{name!r} is empty; copy it again.")
    known = _FORMAT_NAMES.get(kind or "", kind)
    what = f"is {'an' if known[0] == 'A' else 'a'} {known} picture, which is not read" if known else "is not a picture"
    *first, last = (_FORMAT_NAMES[one] for one in formats)
    return PictureError(f"{name!r} {what}; give a {', '.join(first)} or {last} file.")
