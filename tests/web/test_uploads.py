"""Uploads over HTTP: what is kept, under which name, and what is refused."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import resource
import signal
import threading
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from served import Served, wait_for
from walkaround.buckets.buckets import buckets_of
from walkaround.settings import Settings
from walkaround.web.uploads import Kept, PictureStore, Refused, Upload

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


def test_an_upload_of_which_nothing_can_be_used_is_a_problem_that_lists_every_file(
    api: Any, project: str, draw: Callable[..., bytes]
) -> None:
    sent = [("a.jpg", b"text"), ("b.webp", draw(6, form="WEBP")), ("c.gif", b"GIF89a" + bytes(30)), ("d\x1b.jpg", b"")]
    files = [("files", pair) for pair in sent]
    answer = api.post("/api/v1" + PATH.format(project), files=files)
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert {one["name"]: one["reason"] for one in problem["refused"]} == {
        "a.jpg": "'a.jpg' is not a picture; give a JPEG or PNG file.",
        "b.webp": "'b.webp' is a WebP picture, which is not read; give a JPEG or PNG file.",
        "c.gif": "'c.gif' is a GIF picture, which is not read; give a JPEG or PNG file.",
        "d?.jpg": "'d?.jpg' is empty; copy it again.",
    }
    assert "nothing was kept" in problem["detail"]
    assert "And 1 more" in problem["detail"]
    assert api.ok("GET", f"/projects/{project}/datasets/train")["total"] == 0


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
    status, _ = api.problem("POST", PATH.format(project), content=png_bomb(), headers={"content-type": "image/png"})
    assert status == 400
    assert resident(server.pid) - before < 50_000_000


def resident(pid: int) -> int:
    """Bytes of memory that a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PictureStore]:
    """A store of pictures on an empty data folder."""
    store = PictureStore(tmp_path, buckets_of(Settings(data=tmp_path)))
    yield store
    store.close()


def checkers() -> list[int]:
    """The processes that check pictures for this one."""
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [pid for pid in pids if is_checker(pid)]


def is_checker(pid: int) -> bool:
    with contextlib.suppress(OSError):  # it has ended meanwhile
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
        if state != "Z" and int(parent) == os.getpid():
            return b"walkaround.web.checker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def kill_checker() -> None:
    [pid] = wait_for(checkers, what="a process that checks", seconds=20)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: pid not in checkers(), what="its end", seconds=20)


def test_the_process_that_checks_outlives_the_thread_that_brought_the_first_picture(
    store: PictureStore, draw: Callable[..., bytes]
) -> None:
    def keep() -> None:
        assert isinstance(next(store.keep("0", [Upload(name="a.jpg", content=draw(1))])), Kept)

    thread = threading.Thread(target=keep)
    thread.start()
    thread.join()
    before = checkers()
    time.sleep(0.3)
    keep()
    assert len(before) == 1
    assert checkers() == before


@pytest.mark.parametrize(("deaths", "kind"), [(1, Kept), (2, Refused)])
def test_a_picture_is_refused_when_two_processes_have_died_of_it(
    store: PictureStore, draw: Callable[..., bytes], *, deaths: int, kind: type
) -> None:
    uploads = [Upload(name="a.jpg", content=draw(1))]
    assert isinstance(next(store.keep("0", uploads)), Kept)
    os.kill(checkers()[0], signal.SIGSTOP)
    with ThreadPoolExecutor(1) as other:
        answer = other.submit(lambda: next(store.keep("0", uploads)))
        time.sleep(0.3)
        for _ in range(deaths):
            kill_checker()
        assert isinstance(answer.result(), kind)


def spooled(server: Served) -> set[str]:
    """The folders of the open files that have no name, of a server."""
    links = [path.readlink() for path in Path(f"/proc/{server.pid}/fd").iterdir() if path.is_symlink()]
    return {str(link.parent) for link in links if link.name.endswith("(deleted)")}


FORM = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
BODIES = [pytest.param("image/jpeg", b"", id="alone"), pytest.param("multipart/form-data; boundary=x", FORM, id="form")]


@pytest.mark.parametrize(("kind", "head"), BODIES)
def test_what_arrives_spools_below_the_data_folder(api: Any, server: Served, project: str, kind: str, head: bytes) -> None:
    def parts() -> Iterator[bytes]:
        yield head + bytes(3_000_000)
        wait_for(lambda: spooled(server), what="a file", seconds=10)
        assert spooled(server) == {str(server.data / "work")}
        yield b"\r\n--x--\r\n"

    assert api.post("/api/v1" + PATH.format(project), content=parts(), headers={"content-type": kind}).status_code == 400


@contextlib.contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(("kind", "head"), BODIES)
def test_a_disk_that_takes_no_more_is_told(settings: Settings, talk: Callable[..., None], kind: str, head: bytes) -> None:

    async def conversation(client: Any, app: Any) -> None:
        await client.post("/api/v1/projects", json={"name": "cars"})
        await client.post("/api/v1/projects/cars/datasets", json={"kind": "train"})
        with no_file_beyond(4_000_000):
            sent = {"content": head + bytes(6_000_000) + b"\r\n--x--\r\n", "headers": {"content-type": kind}}
            answer = await client.post("/api/v1" + PATH.format("cars"), **sent)
        assert (answer.status_code, "Cannot write" in answer.json()["detail"]) == (507, True)

    talk(conversation)


def test_a_form_may_have_200_files(api: Any, project: str) -> None:
    files = [("files", (f"{number}.jpg", b"x")) for number in range(201)]
    got, told = api.problem("POST", PATH.format(project), files=files)
    assert (got, "Maximum number of files is 200" in told) == (400, True)


def test_an_upload_into_nothing_is_refused_before_it_is_read(api: Any) -> None:
    got, told = api.problem("POST", PATH.format("none"), content=b"x", headers={"content-type": "image/jpeg"})
    assert (got, "no project 'none'" in told) == (404, True)
