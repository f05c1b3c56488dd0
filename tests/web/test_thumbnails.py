"""Pictures of a dataset as a browser asks for them: upright, small, kept, and never anybody else's."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image

from served import Served, wait_for
from walkaround.buckets.buckets import Buckets
from walkaround.errors import ValidationError
from walkaround.web.thumbnails import Thumbnails, side_of


def path_of(project: str, picture: str, size: int | None = 256) -> str:
    sized = "" if size is None else f"&size={size}"
    return f"/api/v1/projects/{project}/datasets/train/picture?picture={quote(picture, safe='')}{sized}"


def sideways(width: int, height: int) -> bytes:
    """A JPEG whose left half is red when it is shown upright, and that is stored lying on its side."""
    image = Image.new("RGB", (width, height), "blue")
    image.paste("red", (0, 0, width // 2, height))
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    image.transpose(Image.Transpose.ROTATE_90).save(file, "JPEG", exif=exif, quality=95)
    return file.getvalue()


def test_a_thumbnail_is_upright_and_small_and_the_original_stays_what_it_was(api: Any, project: str, ended: Any) -> None:
    content = sideways(640, 480)
    path = f"/projects/{project}/datasets/train/pictures"
    done = api.ok("POST", path, content=content, headers={"content-type": "image/jpeg"})
    ended(done["job"])
    picture = done["added"][0]["picture"]
    small = api.get(path_of(project, picture, 200))
    assert (small.status_code, small.headers["content-type"]) == (200, "image/jpeg")
    shown = Image.open(io.BytesIO(small.content))
    assert shown.size == (256, 192)
    red, _, blue = np.asarray(shown)[90, 20]
    assert red > 200 > blue
    assert "immutable" in small.headers["cache-control"]
    assert small.headers["cache-control"].startswith("private")
    assert small.headers["x-content-type-options"] == "nosniff"
    original = api.get(path_of(project, picture, None))
    assert original.content == content
    assert original.headers["etag"] != small.headers["etag"]


def test_thumbnails_of_an_upload_are_made_before_anybody_looks(
    server: Served, project: str, upload: Callable[..., Any]
) -> None:
    before = set((server.data / "cache" / "thumbnails").rglob("*.jpg"))
    upload(project, 3)
    kept = server.data / "cache" / "thumbnails"
    wait_for(lambda: len(set(kept.rglob("*.jpg")) - before) >= 3, what="thumbnails", seconds=30)


def test_who_has_a_thumbnail_is_not_sent_it_again(api: Any, project: str, upload: Callable[..., Any]) -> None:
    picture = upload(project, 1)["added"][0]["picture"]
    first = api.get(path_of(project, picture))
    again = api.get(path_of(project, picture), headers={"If-None-Match": f'"other", {first.headers["etag"]}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])


def test_a_picture_in_a_bucket_is_shown_anew_when_it_was_replaced(
    api: Any, server: Served, project: str, draw: Callable[..., bytes], ended: Any
) -> None:
    file = server.folder / "bucket" / f"{project[:40]}.jpg"
    file.write_bytes(draw(1, width=300, height=200))
    address = f"s3://photos/{file.name}"
    api.ok("DELETE", f"/projects/{project}/datasets/train")
    manifest = server.folder / "bucket" / "thumbnails.manifest"
    manifest.write_text(f'{{"source-ref": "{address}"}}\n')
    made = {"kind": "train", "manifest": {"bucket": "photos", "key": manifest.name}}
    ended(api.ok("POST", f"/projects/{project}/datasets", json=made)["job"])
    first = api.get(path_of(project, address))
    file.write_bytes(draw(2, width=200, height=300))
    second = api.get(path_of(project, address), headers={"If-None-Match": first.headers["etag"]})
    assert second.status_code == 200
    assert Image.open(io.BytesIO(second.content)).size == (171, 256)
    file.write_bytes(b"no picture")
    broken = api.get(path_of(project, address))
    assert (broken.status_code, broken.json()["detail"].partition(" is not a picture")[0]) == (400, repr(file.name))
    file.unlink()
    assert api.get(path_of(project, address)).status_code == 404


def test_only_pictures_of_the_own_dataset_are_shown(
    api: Any, callers: Any, project: str, upload: Callable[..., Any], server: Served
) -> None:
    picture = upload(project, 1)["added"][0]["picture"]
    (server.folder / "bucket" / "secret.jpg").write_bytes(b"x")
    assert api.get(path_of(project, "s3://photos/secret.jpg")).status_code == 404
    assert callers.other.get(path_of(project, picture)).status_code == 404
    assert callers.nobody.get(path_of(project, picture)).status_code == 401
    assert callers.read.get(path_of(project, picture)).status_code == 200


@pytest.mark.parametrize(("wanted", "side"), [(16, 128), (128, 128), (129, 256), (4096, 4096), (9999, 4096)])
def test_few_sizes_are_kept(wanted: int, side: int) -> None:
    assert side_of(wanted) == side


def test_thumbnails_take_no_more_room_than_they_may(tmp_path: Path, draw: Callable[..., bytes]) -> None:
    (tmp_path / "bucket").mkdir()
    for number in range(6):
        (tmp_path / "bucket" / f"{number}.jpg").write_bytes(draw(number, width=400, height=400))
    thumbnails = Thumbnails(tmp_path, Buckets({"photos": tmp_path / "bucket"}), cache_bytes=20_000)
    thumbnails._trimming.spared = 0.0
    for number in range(6):
        etag = thumbnails.etag("photos", f"{number}.jpg", size=128)
        thumbnails.shown("photos", f"{number}.jpg", etag=etag, size=128)
    kept = [path.stat().st_size for path in (tmp_path / "cache" / "thumbnails").rglob("*.jpg")]
    (tmp_path / "bucket" / "cut.jpg").write_bytes(draw(1, width=400, height=400)[:2000])
    with pytest.raises(ValidationError, match=r"'cut\.jpg' is a damaged JPEG"):
        thumbnails.shown("photos", "cut.jpg", etag=thumbnails.etag("photos", "cut.jpg", size=128), size=128)
    thumbnails.close()
    assert 0 < sum(kept) <= 25_000
