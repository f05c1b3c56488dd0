"""Every format, mode and orientation comes out as upright RGB, and what cannot be read is refused in words."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from walkaround.errors import PictureError
from walkaround.media.pictures import PictureLimits, read_picture

CORNERS = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8)


def corners(width: int = 64, height: int = 48) -> Image.Image:
    """Red, green, blue and white quarters."""
    return Image.fromarray(CORNERS).resize((width, height), Image.Resampling.NEAREST)


def encoded(image: Image.Image, kind: str, *, orientation: int = 1, quality: int = 95, progressive: bool = False) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    image.save(file, kind, exif=exif.tobytes(), quality=quality, progressive=progressive)
    return file.getvalue()


def quarters(pixels: NDArray[np.uint8]) -> list[list[tuple[int, ...]]]:
    """The colours in the middle of the four quarters, rounded to full or none."""
    height, width = pixels.shape[:2]
    rows, columns = (height // 4, 3 * height // 4), (width // 4, 3 * width // 4)
    return [[tuple(int(value > 127) for value in pixels[row, column]) for column in columns] for row in rows]


R, G, B, W = (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)
UPRIGHT = {
    1: [[R, G], [B, W]], 2: [[G, R], [W, B]], 3: [[W, B], [G, R]], 4: [[B, W], [R, G]],
    5: [[R, B], [G, W]], 6: [[B, R], [W, G]], 7: [[W, G], [B, R]], 8: [[G, W], [R, B]],
}  # fmt: skip


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("side", [None, 12])
def test_exif_orientation_is_applied(kind: str, orientation: int, side: int | None) -> None:
    picture = read_picture(encoded(corners(), kind, orientation=orientation), side=side)
    assert quarters(picture.pixels) == UPRIGHT[orientation]
    assert (picture.width, picture.height) == ((64, 48) if orientation < 5 else (48, 64))
    assert picture.format == kind
    assert (
        picture.pixels.shape[1] > picture.pixels.shape[0]
        if orientation < 5
        else picture.pixels.shape[0] > picture.pixels.shape[1]
    )


def test_a_large_turned_picture_is_put_together_from_strips_without_a_seam() -> None:
    values = np.random.default_rng(0).integers(0, 256, (700, 900, 3), dtype=np.uint8)
    picture = read_picture(encoded(Image.fromarray(values), "PNG", orientation=6))
    assert np.array_equal(picture.pixels, np.rot90(values, -1))


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.new("L", (9, 7), 77), (77, 77, 77)),
        (Image.new("1", (9, 7), 1), (255, 255, 255)),
        (Image.fromarray(np.full((7, 9), 0x8000, np.uint16)), (128, 128, 128)),
        (Image.fromarray(np.full((7, 9), 0x00FF, np.uint16)), (1, 1, 1)),
        (Image.new("RGB", (9, 7), (200, 100, 50)).convert("P", palette=Image.Palette.ADAPTIVE), (200, 100, 50)),
        (Image.new("RGBA", (9, 7), (0, 0, 0, 0)), (255, 255, 255)),
        (Image.new("RGBA", (9, 7), (255, 0, 0, 128)), (255, 127, 127)),
        (Image.new("LA", (9, 7), (0, 255)), (0, 0, 0)),
    ],
    ids=["grey", "bilevel", "16 bit", "dark 16 bit", "palette", "transparent", "half transparent", "grey with alpha"],
)
def test_every_mode_becomes_rgb(image: Image.Image, expected: tuple[int, int, int]) -> None:
    for side in (None, 3):
        pixels = read_picture(encoded(image, "PNG"), side=side).pixels
        assert pixels.dtype == np.uint8
        assert np.abs(pixels.reshape(-1, 3).astype(int) - expected).max() <= 1


def test_cmyk_of_adobe_is_not_inverted() -> None:
    pixels = read_picture(encoded(corners().convert("CMYK"), "JPEG")).pixels
    assert quarters(pixels) == UPRIGHT[1]


def test_a_transparent_colour_of_a_palette_is_laid_over_white() -> None:
    image = Image.new("P", (4, 4), 0)
    image.putpalette([10, 20, 30])
    file = io.BytesIO()
    image.save(file, "PNG", transparency=0)
    assert read_picture(file.getvalue()).pixels.min() == 255


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    ("side", "shorter"),
    [(None, {900}), (1000, {900}), (900, {900}), (451, {900}), (450, {450}), (200, {225}), (9, {9, 10})],
)
def test_a_reduced_picture_is_never_smaller_than_asked(kind: str, side: int | None, shorter: set[int]) -> None:
    picture = read_picture(encoded(corners(1200, 900), kind), side=side)
    assert (picture.width, picture.height) == (1200, 900)
    assert min(picture.pixels.shape[:2]) in shorter
    assert quarters(picture.pixels) == UPRIGHT[1]


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("orientation", sorted(UPRIGHT))
def test_a_webp_too_large_for_its_usual_decoder_is_read_by_another(orientation: int, lossless: bool) -> None:
    limits = PictureLimits(max_memory=6_000_000)  # libwebp's would take 18 bytes for each of 800,000 pixels
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    corners(1000, 800).save(file, "WEBP", lossless=lossless, quality=95, exif=exif)
    usual, other = (read_picture(file.getvalue(), side=200, limits=one) for one in (PictureLimits(), limits))
    assert quarters(other.pixels) == quarters(usual.pixels)
    assert (other.width, other.height, other.pixels.shape) == (usual.width, usual.height, usual.pixels.shape)
    difference = other.pixels.astype(np.int16) - usual.pixels
    assert abs(difference).mean() < 3  # levels of 255: FFmpeg rounds colours elsewhere


def test_a_large_transparent_webp_is_laid_over_white() -> None:
    file = io.BytesIO()
    Image.new("RGBA", (1000, 800), (200, 10, 10, 0)).save(file, "WEBP", quality=90)
    picture = read_picture(file.getvalue(), side=200, limits=PictureLimits(max_memory=12_000_000))
    assert picture.pixels.min() == 255


def test_a_large_webp_that_ends_early_is_refused() -> None:
    file = io.BytesIO()
    Image.effect_noise((1000, 800), 90).convert("RGB").save(file, "WEBP", quality=90)
    with pytest.raises(PictureError, match="it ends early"):
        read_picture(file.getvalue()[:-20_000], name="a.webp", side=200, limits=PictureLimits(max_memory=6_000_000))


def test_heic_is_read(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.from_pillow(corners(128, 96)).save(tmp_path / "phone.heic", quality=90)
    (tmp_path / "phone.heic").rename(tmp_path / "phone.jpg")
    picture = read_picture(tmp_path / "phone.jpg", side=48)
    assert (picture.format, picture.width, picture.height) == ("HEIF", 128, 96)
    assert picture.pixels.shape == (48, 64, 3)
    assert quarters(picture.pixels) == UPRIGHT[1]


def test_heic_without_its_extra_names_the_install_line(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    code = (
        "import sys; sys.modules['pillow_heif'] = None\n"
        "from walkaround.media.pictures import read_picture; import pathlib; read_picture(pathlib.Path(sys.argv[1]))"
    )
    result = subprocess.run([sys.executable, "-c", code, tmp_path / "a.heic"], capture_output=True, text=True, check=False)
    assert "PictureError" in result.stderr
    assert "pip install 'walkaround[heic]'" in result.stderr


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_animation_gives_its_first_page_and_says_how_many_there_are(kind: str) -> None:
    file = io.BytesIO()
    others = [Image.new("RGB", (64, 48), colour) for colour in ("black", "orange")]
    corners().save(file, kind, save_all=True, append_images=others, lossless=True)
    picture = read_picture(file.getvalue())
    assert picture.pages == 3
    assert quarters(picture.pixels) == UPRIGHT[1]


def test_a_picture_of_one_pixel_is_read() -> None:
    assert read_picture(encoded(Image.new("RGB", (1, 1), "white"), "PNG"), side=320).pixels.shape == (1, 1, 3)


GOOD = encoded(corners(200, 150), "JPEG")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"hello, I am no picture\n" * 9, "is not a picture"),
        (GOOD[: len(GOOD) // 2], "damaged JPEG"),
        (GOOD[:4], "damaged JPEG"),
        (encoded(corners(), "JPEG", progressive=True)[:-200], "damaged JPEG"),
        (encoded(Image.effect_noise((64, 48), 90), "PNG")[:-900], "damaged PNG"),
        (encoded(corners(), "PNG")[:20], "damaged PNG"),
        (encoded(corners(), "WEBP")[:-40], "damaged WEBP"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99), "damaged HEIF"),
        (encoded(corners(), "GIF"), "a GIF picture, which is not read"),
        (encoded(corners(), "TIFF"), "a TIFF picture, which is not read"),
        (encoded(corners(), "BMP"), "a BMP picture, which is not read"),
        (encoded(corners(), "AVIF"), "an AVIF picture, which is not read"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(PictureError, match="photo.jpg.*" + words):
        read_picture(path)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (PictureLimits(max_bytes=1000), "bytes, more than the 1,000 allowed"),
        (PictureLimits(max_pixels=1000), "200 x 150 pixels, more than the 1,000 allowed"),
        (PictureLimits(max_memory=90_000), "bytes of memory"),
    ],
)
def test_limits_hold_for_files_and_bytes(limits: PictureLimits, words: str, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(GOOD)
    for source in (tmp_path / "a.jpg", GOOD):
        with pytest.raises(PictureError, match=words):
            read_picture(source, limits=limits)


@pytest.mark.parametrize("name", ["two words.jpg", 'it\'s "quoted".jpg', "Ünï-車.jpg", "-rf.jpg", "%d.jpg", "no suffix"])
def test_any_name_is_read(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(GOOD)
    assert read_picture(tmp_path / name).width == 200


@pytest.mark.parametrize(
    "name", ["bell\x07.jpg", "red\x1b[31m.jpg", "new\nline.jpg", "turned\N{RIGHT-TO-LEFT OVERRIDE}gpj.jpg"]
)
def test_control_characters_of_a_name_do_not_reach_the_terminal(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"no picture")
    with pytest.raises(PictureError) as caught:
        read_picture(tmp_path / name)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["missing.jpg", "nul\0.jpg", "x" * 300, "."])
def test_what_is_no_file_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"Cannot open|not a file"):
        read_picture(tmp_path / name)


def test_a_pipe_and_a_device_do_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    for path in (tmp_path / "pipe.jpg", Path("/dev/zero")):
        with pytest.raises(PictureError, match="is not a file"):
            read_picture(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(GOOD)
    (tmp_path / "a.jpg").chmod(0)
    with pytest.raises(PictureError, match="Permission denied"):
        read_picture(tmp_path / "a.jpg")


def test_metadata_does_not_change_what_is_read() -> None:
    stuffed = GOOD[:2] + b"\xff\xe1\0\x08ABCDEF" + b"\xff\xfe\0\x05abc" + GOOD[2:]
    assert np.array_equal(read_picture(stuffed).pixels, read_picture(GOOD).pixels)


def test_threads_read_the_same() -> None:
    files = [encoded(Image.effect_noise((90, 70), 60 + number), "JPEG") for number in range(8)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda data: read_picture(data).pixels, files * 4))
    assert all(np.array_equal(pixels, read_picture(files[i % 8]).pixels) for i, pixels in enumerate(together))


def test_a_small_picture_costs_little_more_than_pillow_itself(tmp_path: Path) -> None:
    path = tmp_path / "small.jpg"
    path.write_bytes(encoded(Image.effect_noise((276, 194), 60).convert("RGB"), "JPEG", quality=85))

    def least(read: int) -> float:
        times = []
        for _ in range(60):
            started = time.perf_counter()
            if read:
                read_picture(path)
            else:
                np.asarray(Image.open(path).convert("RGB"))
            times.append(time.perf_counter() - started)
        return min(times)

    assert least(1) < 2 * least(0)
