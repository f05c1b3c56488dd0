"""Uploads over HTTP: what is kept, under which name, and what is refused."""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from served import Served

PATH = "/projects/{}/datasets/train/pictures"


def kept_in(server: Served) -> set[str]:
    bucket = server.data / "buckets" / "walkaround-000000000000"
    return {str(path.relative_to(bucket)) for path in bucket.rglob("*") if path.is_file()}


def test_a_picture_is_kept_under_the_name_that_its_content_gives(
    api: Any, server: Served, project: str, draw: Callable[..., bytes], ended: Any
) -> None:
    content = draw(1)
    sent = {"content": content, "headers": {"content-type": "image/jpeg"}}
    done = api.ok("POST", PATH.format(project) + "?label=normal&name=front.jpg", **sent)
    ended(done["job"])
    digest = hashlib.sha256(content).hexdigest()
    key = f"pictures/{digest[:2]}/{digest}.jpg"
    address = f"s3://walkaround-000000000000/{key}"
    assert done["added"] == [{"name": "front.jpg", "picture": address, "width": 96, "height": 80, "label": "normal"}]
    assert (server.data / "buckets" / "walkaround-000000000000" / key).read_bytes() == content
    entry = api.ok("GET", f"/projects/{project}/datasets/train/entries")["entries"][0]
    assert (entry["picture"], entry["label"], entry["name"]) == (address, "normal", "front.jpg")


def test_of_many_the_good_ones_are_kept_and_the_others_listed_with_reasons(
    api: Any, project: str, draw: Callable[..., bytes], ended: Any
) -> None:
    good = draw(2, form="PNG")
    sent = [
        ("a.png", good),
        ("again.png", good),
        ("cut.jpg", draw(3)[:600]),
        ("text.jpg", b"no picture at all"),
        ("empty.jpg", b""),
        ("small.png", draw(4, width=63, form="PNG")),
        ("film.gif", b"GIF89a" + bytes(30)),
        ("../../etc/p\x1basswd.png", draw(5, form="PNG")),
    ]
    done = api.ok("POST", PATH.format(project), files=[("files", (name, content)) for name, content in sent])
    ended(done["job"])
    assert [one["name"] for one in done["added"]] == ["a.png", "again.png", "p?asswd.png"]
    refused = {one["name"]: one["reason"] for one in done["refused"]}
    assert set(refused) == {"cut.jpg", "text.jpg", "empty.jpg", "small.png", "film.gif"}
    assert "each side must have 64 to 4096" in refused["small.png"]
    assert api.ok("GET", f"/projects/{project}/datasets/train")["total"] == 2


def test_an_archive_gives_labels_by_its_folders(api: Any, project: str, draw: Callable[..., bytes], ended: Any) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number, name in enumerate(["normal/a.jpg", "anomaly/b.jpg", "c.jpg"]):
            archive.writestr(name, draw(10 + number))
    sent = {"content": file.getvalue(), "headers": {"content-type": "application/zip"}}
    ended(api.ok("POST", PATH.format(project), **sent)["job"])
    told = api.ok("GET", f"/projects/{project}/datasets/train")
    assert (told["total"], told["normal"], told["anomaly"]) == (3, 1, 1)


def test_uploads_may_follow_each_other_without_waiting(api: Any, project: str, draw: Callable[..., bytes], ended: Any) -> None:
    headers = {"content-type": "image/jpeg"}
    jobs = [api.ok("POST", PATH.format(project), content=draw(20 + n), headers=headers)["job"] for n in range(3)]
    assert [ended(job)["state"] for job in jobs] == ["done"] * 3
    assert api.ok("GET", f"/projects/{project}/datasets/train")["total"] == 3


def png_bomb() -> bytes:
    """A PNG of 30,000 by 30,000 pixels in a few kilobytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    size = (30_000).to_bytes(4, "big")
    rows = zlib.compress(bytes(3_750_001) * 8, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size + size + b"\x01\0\0\0\0") + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def slip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("good.jpg", b"good")
        archive.writestr("../../../secret.key", b"mine")
    return file.getvalue()


def zip_bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jpg", bytes(15_000_000))
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "content", "status", "said"),
    [
        ("application/zip", slip(), 400, "a place outside of itself"),
        ("application/zip", zip_bomb(), 400, "a hundred times its size"),
        ("application/zip", b"PK\x03\x04 no zip", 400, "has no end"),
        ("application/json", b"{}", 400, "content-type must be one of multipart/form-data"),
        ("multipart/form-data", b"no boundary", 400, "form"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n", 400, "form"),
        ("application/zip", bytes(20_000_001), 413, "20,000,000 bytes at most"),
    ],
)
def test_a_hostile_upload_is_refused_and_nothing_stored(
    api: Any, server: Served, project: str, *, kind: str, content: bytes, status: int, said: str
) -> None:
    before = kept_in(server)
    secret = (server.data / "secret.key").read_bytes()
    got, told = api.problem("POST", PATH.format(project), content=content, headers={"content-type": kind})
    assert (got, said in told) == (status, True), told
    assert kept_in(server) == before
    assert (server.data / "secret.key").read_bytes() == secret
    assert list((server.data / "work").glob("upload-*")) == []
    assert api.ok("GET", f"/projects/{project}/datasets/train")["total"] == 0


def test_a_picture_bomb_costs_a_line(api: Any, server: Served, project: str) -> None:
    before = resident(server.pid)
    done = api.ok("POST", PATH.format(project), content=png_bomb(), headers={"content-type": "image/png"})
    assert done["added"] == []
    assert len(done["refused"]) == 1
    assert resident(server.pid) - before < 50_000_000


def resident(pid: int) -> int:
    """Bytes of memory that a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def test_an_upload_into_nothing_is_refused_before_it_is_read(api: Any) -> None:
    got, told = api.problem("POST", PATH.format("none"), content=b"x", headers={"content-type": "image/jpeg"})
    assert (got, "no project 'none'" in told) == (404, True)
