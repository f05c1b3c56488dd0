"""Large WebP pictures by FFmpeg's decoder: libwebp's, which Pillow uses, holds three canvases of four bytes a pixel."""

from __future__ import annotations

import av
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from PIL import Image

from walkaround.media.headers import Header

_MARGIN = 256  # pixels that FFmpeg lays around a picture when it counts them
_ALPHA_BYTES, _LOSSLESS_BYTES, _LOSSY_BYTES = 8, 5, 2  # a pixel; measured: 6.5, 4 and 1.6


def decoder_memory(header: Header) -> int:
    """Bytes that decoding takes, without the file and the result: an upper bound."""
    # Names of chunks: where they stand by chance the bound is too high, which is safe.
    each = _LOSSLESS_BYTES if b"VP8L" in header.body else _LOSSY_BYTES
    return (_ALPHA_BYTES if b"ALPH" in header.body else each) * header.width * header.height


def decode_large(header: Header, *, width: int, height: int) -> Image.Image:
    """The only page of a WebP, as it is stored, reduced to this size by averaging.

    Args:
        header: of the picture, of which `body` is decoded.
        width: of the result, in pixels; no more than the picture's own.
        height: likewise.

    Returns:
        An RGB picture, or RGBA where the file has transparency.

    Raises:
        ValueError: the file is damaged, or shows another size than its header says.
    """
    frame = _frame(header)
    if (frame.width, frame.height) != (header.width, header.height):
        raise ValueError(f"its header says {header.width} x {header.height} pixels, and it has {frame.width} x {frame.height}")
    scaler = VideoReformatter()
    if frame.format.name == "yuv420p":  # first the size, then the colours: at once it takes twice as long
        frame = scaler.reformat(frame, width, height, "yuv420p", interpolation="AREA", threads=1)
    mode, pixel_format = ("RGB", "rgb24") if frame.format.name == "yuv420p" else ("RGBA", "rgba")
    pixels = scaler.reformat(frame, width, height, pixel_format, interpolation="AREA", threads=1).to_ndarray()
    return Image.fromarray(pixels, mode)


def _frame(header: Header) -> VideoFrame:
    decoder = VideoCodecContext.create("webp", "r")
    decoder.thread_count = 1
    # What is inside may be larger than the header says, and is allocated before it is compared.
    most = (header.width + _MARGIN) * (header.height + _MARGIN)
    decoder.options = {"max_pixels": str(most), "err_detect": "explode"}
    try:
        frames = [*decoder.decode(av.Packet(header.body)), *decoder.decode(None)]
    except FFmpegError as problem:
        raise ValueError(str(problem)) from problem
    if not frames:
        raise ValueError("there is no picture in it")
    return frames[0]
