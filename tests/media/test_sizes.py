from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from walkaround.errors import PictureError
from walkaround.media.pictures import read_picture
from walkaround.media.sizes import picture_size


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", [0, 1, 3, 5, 6, 8])
def test_the_size_is_that_of_the_upright_picture(tmp_path: Path, form: str, orientation: int) -> None:
    path = tmp_path / "picture"
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    Image.new("RGB", (40, 30)).save(path, format=form, exif=exif)
    size, read = picture_size(path), read_picture(path)
    assert (size.width, size.height) == (read.width, read.height)
    assert (size.orientation, size.lies) == (orientation or 1, orientation > 4)


@pytest.mark.parametrize("data", [b"", b"hello", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBPVP8X"])
def test_what_is_no_picture_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.jpg").write_bytes(data)
    with pytest.raises(PictureError, match=r"x\.jpg"):
        picture_size(tmp_path / "x.jpg")
