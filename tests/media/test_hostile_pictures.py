"""What a picture from a stranger may cost: all are read in a process of their own, whose growth is measured after each."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

MEGABYTE = 1_000_000
MEASURE = """
import pathlib, resource, sys, time
from walkaround.errors import PictureError
from walkaround.media.facts import picture_facts
from walkaround.media.pictures import read_picture
from PIL import Image

def peak():
    status = pathlib.Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # On Linux getrusage starts with the peak of the process that started this one.
    return 1024 * int(status.read_text().partition("VmHWM:")[2].split()[0])

folder = pathlib.Path(sys.argv[1])
harmless = folder / "harmless"
for kind in ("JPEG", "PNG", "WEBP"):
    Image.new("RGB", (64, 64)).save(harmless, kind)
    picture_facts(harmless)
before = peak()
for path in sorted(folder.glob("*_*")):
    for read in (lambda: read_picture(path, side=320), lambda: read_picture(path), lambda: picture_facts(path)):
        started = time.process_time()
        try:
            found = read()
            outcome = f"{found.width} x {found.height}"
        except PictureError as problem:
            outcome = str(problem)
        print(path.name, peak() - before, time.process_time() - started, outcome, sep="\\t")
"""


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *, pixels: bytes, colour_type: int = 2, extra: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@cache
def zeros(count: int) -> bytes:
    """`count` zero bytes, deflated a megabyte at a time."""
    packer = zlib.compressobj(1)
    parts = [packer.compress(bytes(min(MEGABYTE, count - done))) for done in range(0, count, MEGABYTE)]
    return b"".join([*parts, packer.flush()])


def png_with_a_huge_header() -> bytes:
    return png(100_000, 100_000, pixels=zeros(MEGABYTE))


def png_bomb_within_the_limits() -> bytes:
    return png(6_000, 4_000, pixels=zeros(4_000 * (1 + 3 * 6_000)))


def png_bomb_of_transparent_pixels() -> bytes:
    return png(6_000, 4_000, pixels=zeros(4_000 * (1 + 4 * 6_000)), colour_type=6)


def png_of_one_row() -> bytes:
    return png(20_000_000, 1, pixels=zeros(1 + 20_000_000), colour_type=0)


def png_of_one_short_row() -> bytes:
    return png(5_000_000, 1, pixels=zeros(1 + 4 * 5_000_000), colour_type=6)


def png_of_one_column() -> bytes:
    return png(1, 10_000_000, pixels=zeros(2 * 10_000_000), colour_type=0)


def png_with_texts_that_unfold() -> bytes:
    text = zlib.compress(
        ("\N{GRINNING FACE}" + "a" * 1_000_000).encode()
    )  # one wide letter makes Python hold four bytes for each
    texts = b"".join(chunk(b"iTXt", b"k%d\0\1\0\0\0" % number + text) for number in range(60))
    return png(8, 8, pixels=zeros(8 * 25), extra=texts)


def png_of_tiny_chunks() -> bytes:
    return png(8, 8, pixels=zeros(8 * 25), extra=chunk(b"prIV", b"") * 1_000_000)


def png_with_a_profile_that_unfolds() -> bytes:
    return png(8, 8, pixels=zeros(8 * 25), extra=chunk(b"iCCP", b"p\0\0" + zeros(100 * MEGABYTE)))


def jpeg(width: int, height: int, *, progressive: bool, subsampling: int = 0) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), (90, 120, 150)).save(file, "JPEG", progressive=progressive, subsampling=subsampling)
    return file.getvalue()


def progressive_jpeg() -> bytes:
    small = jpeg(64, 64, progressive=True)
    frame = small.index(b"\xff\xc2")
    return small[: frame + 5] + struct.pack(">HH", 7_900, 8_000) + small[frame + 9 :]


def progressive_jpeg_within_the_limits() -> bytes:
    return jpeg(6_000, 4_000, progressive=True)


def baseline_jpeg() -> bytes:
    return jpeg(8_000, 7_900, progressive=False)


def jpeg_of_empty_segments() -> bytes:
    plain = jpeg(8, 8, progressive=False)
    return plain[:2] + b"\xff\xe3\0\x02" * 2_000_000 + plain[2:]


def jpeg_that_passes_a_thousand_times() -> bytes:
    plain = jpeg(1_000, 1_000, progressive=True)
    scan = plain.rindex(b"\xff\xda")
    return plain[:-2] + plain[scan:-2] * 1000 + plain[-2:]


def jpeg_that_says_it_is_larger() -> bytes:
    plain = jpeg(64, 64, progressive=False)
    frame = plain.index(b"\xff\xc0")
    return plain[: frame + 5] + struct.pack(">HH", 7_000, 7_000) + plain[frame + 9 :]


def lossless_webp() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4_000, 2_400), (90, 120, 150)).save(file, "WEBP", lossless=True, method=0)
    return file.getvalue()


def lossy_webp_of_56_megapixels() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8_000, 7_000), (90, 120, 150)).save(file, "WEBP", quality=50, method=0)
    return file.getvalue()


def transparent_webp() -> bytes:
    file = io.BytesIO()
    Image.new("RGBA", (4_000, 3_000), (90, 120, 150, 100)).save(file, "WEBP", quality=50, method=0)
    return file.getvalue()


def webp_that_is_larger_inside() -> bytes:
    """Says 3,000 x 3,000 pixels in its header, and holds 8,000 x 7,000."""
    stored = lossy_webp_of_56_megapixels()
    canvas = (2_999).to_bytes(3, "little") * 2
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + canvas + stored[12:]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_of_tiny_chunks() -> bytes:
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + (3_999).to_bytes(3, "little") * 2 + b"ABCD\0\0\0\0" * 3_000_000
    return b"RIFF" + struct.pack("<I", len(body)) + body


def file_of_garbage() -> bytes:
    return b"\xff\xd8\xff" + np.random.default_rng(0).bytes(31 * MEGABYTE)


def file_of_fill_bytes() -> bytes:
    return b"\xff\xd8" + b"\xff" * (8 * MEGABYTE)


HOSTILE = [
    png_with_a_huge_header,
    png_bomb_within_the_limits,
    png_bomb_of_transparent_pixels,
    png_of_one_row,
    png_of_one_short_row,
    png_of_one_column,
    png_with_texts_that_unfold,
    png_of_tiny_chunks,
    png_with_a_profile_that_unfolds,
    progressive_jpeg,
    progressive_jpeg_within_the_limits,
    baseline_jpeg,
    jpeg_of_empty_segments,
    jpeg_that_passes_a_thousand_times,
    jpeg_that_says_it_is_larger,
    lossless_webp,
    lossy_webp_of_56_megapixels,
    transparent_webp,
    webp_that_is_larger_inside,
    webp_of_tiny_chunks,
    file_of_garbage,
    file_of_fill_bytes,
]


def test_no_picture_adds_200_megabytes_or_takes_long(tmp_path: Path) -> None:
    for make in HOSTILE:
        (tmp_path / make.__name__).write_bytes(make())
    command = [sys.executable, "-W", "error", "-c", MEASURE, str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert len(rows) == 3 * len(HOSTILE)
    for name, grown, seconds, outcome in rows:
        assert int(grown) < 200_000_000, f"{name}: {outcome}"
        assert float(seconds) < 10, f"{name}: {outcome}"
