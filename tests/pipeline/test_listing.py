"""Folders and buckets are listed again and again: what is whole is announced, and what has not changed costs little."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError

from walkaround.buckets.buckets import Buckets
from walkaround.buckets.remote import S3Access
from walkaround.errors import BucketError
from walkaround.pipeline.arrivals import ObjectCreated
from walkaround.pipeline.sources.listing import Listing, folder_listing
from walkaround.pipeline.sources.sources import listing_of
from walkaround.pipeline.spec import WatchSpec

OLD = 1_700_000_000


def spec_of(source: str, **more: object) -> WatchSpec:
    return WatchSpec.model_validate({"name": "incoming", "source": source, "rules": [{"model": "cars/1"}], **more})


def put(path: Path, content: bytes = b"picture", *, when: float | None = OLD) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if when is not None:
        os.utime(path, (when, when))
    return path


class Looker:
    """Looks at a source as a process does, and keeps what is announced."""

    def __init__(self, spec: WatchSpec, buckets: Buckets | None = None, *, room: Callable[[], int] = lambda: 1000) -> None:
        self.source: Listing = listing_of(spec, buckets=buckets or Buckets({}), room=room)
        self.calls: list[Sequence[ObjectCreated]] = []

    def look(self, times: int = 2) -> list[str]:
        """The keys that are announced in some rounds."""
        before = len(self.calls)
        for _ in range(times):
            while self.source.look(self.calls.append) == "more":
                pass
        return sorted(created.key for call in self.calls[before:] for created in call)


def test_files_are_announced_once_wherever_below_the_folder(tmp_path: Path) -> None:
    for name in ("a.jpg", "2024/05/ä b+c.JPG", "clip.mp4", "without suffix"):
        put(tmp_path / name)
    looker = Looker(spec_of(str(tmp_path)))
    assert looker.look(1) == [], "who has seen a file once does not know whether it is being written"
    assert looker.look(1) == ["2024/05/ä b+c.JPG", "a.jpg", "clip.mp4", "without suffix"]
    assert looker.look() == []
    put(tmp_path / "new.jpg")
    assert looker.look() == ["new.jpg"]


def test_what_is_announced_is_what_is_fetched(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg")
    buckets = Buckets({})
    looker = Looker(spec_of(str(tmp_path)), buckets)
    looker.look()
    ((created,),) = looker.calls
    (info,) = buckets.list("folder:incoming")
    assert (created.bucket, created.key, created.etag, created.size) == ("folder:incoming", "a.jpg", info.etag, 7)
    assert created.happened is not None
    assert created.happened.timestamp() == OLD


def test_a_file_is_announced_when_it_has_been_left_alone_for_a_second(tmp_path: Path) -> None:
    looker = Looker(spec_of(str(tmp_path)))
    path = put(tmp_path / "a.jpg", b"", when=None)
    assert looker.look() == []
    for number in range(3):
        with path.open("ab") as file:
            file.write(b"more")
        assert looker.look(1) == [], f"it was changed a moment ago, {number}"
    assert looker.look(3) == []
    time.sleep(1.1)
    assert looker.look(1) == ["a.jpg"]
    with path.open("ab") as file:
        file.write(b"and more")
    time.sleep(1.1)
    assert looker.look() == ["a.jpg"], "it has other content now"


def test_a_file_that_changes_between_two_looks_is_not_whole_though_its_time_is_old(tmp_path: Path) -> None:
    looker = Looker(spec_of(str(tmp_path)))
    for size in range(1, 5):
        put(tmp_path / "a.jpg", b"x" * size)  # as a copy does that keeps times
        assert looker.look(1) == []
    assert looker.look(1) == ["a.jpg"]


def test_a_file_that_was_moved_there_with_an_old_time_is_found(tmp_path: Path) -> None:
    looker = Looker(spec_of(str(tmp_path / "in")))
    put(tmp_path / "in" / "a.jpg")
    assert looker.look() == ["a.jpg"]
    put(tmp_path / "elsewhere" / "b.jpg", when=OLD - 1000)
    (tmp_path / "elsewhere").rename(tmp_path / "in" / "moved")
    assert looker.look() == ["moved/b.jpg"]


def test_what_is_certainly_no_picture_or_not_whole_is_passed_over(tmp_path: Path) -> None:
    for name in (
        ".hidden.jpg",
        ".cache/a.jpg",
        "a.jpg.json",
        "a.jpg.part",
        "b.mp4.TMP",
        "c.jpg.crdownload",
        "d.jpg~",
        "Thumbs.db",
        "notes.txt",
        "@eaDir/a.jpg",
        "__MACOSX/a.jpg",
        "a.jpg.drawn.jpg",
        "drawn/.walkaround-drawn",
        "drawn/a.jpg",
        "back\\slash.jpg",
        "new\nline.jpg",
        "excluded/a.jpg",
    ):
        put(tmp_path / name)
    put(tmp_path / "b.jpg")
    os.close(os.open(os.fsencode(tmp_path) + b"/\xff.jpg", os.O_CREAT))
    assert Looker(spec_of(str(tmp_path), exclude=["excluded/"])).look() == ["b.jpg"]


def test_links_lead_to_files_of_the_folder_alone(tmp_path: Path) -> None:
    put(tmp_path / "outside.jpg")
    put(tmp_path / "in" / "a.jpg")
    (tmp_path / "in" / "out.jpg").symlink_to(tmp_path / "outside.jpg")
    (tmp_path / "in" / "again.jpg").symlink_to(tmp_path / "in" / "a.jpg")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "nothing.jpg").symlink_to("nowhere.jpg")
    os.mkfifo(tmp_path / "in" / "pipe.jpg")
    assert Looker(spec_of(str(tmp_path / "in"))).look() == ["a.jpg", "again.jpg"]


def test_only_prefixes_with_a_rule_are_announced(tmp_path: Path) -> None:
    for name in ("front/a.jpg", "rear/a.jpg", "other/a.jpg"):
        put(tmp_path / name)
    rules = [{"prefix": "front/", "model": "cars/1"}, {"prefix": "rear/", "model": "cars/2"}]
    assert Looker(spec_of(str(tmp_path), rules=rules)).look() == ["front/a.jpg", "rear/a.jpg"]


def test_a_missing_folder_is_told_and_found_when_it_is_there(tmp_path: Path) -> None:
    looker = Looker(spec_of(str(tmp_path / "in")))
    for _ in range(2):
        with pytest.raises(BucketError, match=r"There is no folder '.*/in': make it"):
            looker.look()
    put(tmp_path / "in" / "a.jpg")
    assert looker.look() == ["a.jpg"]
    (tmp_path / "in").rename(tmp_path / "away")  # a disk that was unmounted for a while
    with pytest.raises(BucketError, match="There is no folder"):
        looker.look()
    (tmp_path / "away").rename(tmp_path / "in")
    assert looker.look() == []


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_may_not_be_read_is_told_and_all_others_are_looked_at(tmp_path: Path) -> None:
    put(tmp_path / "closed" / "a.jpg")
    put(tmp_path / "open" / "b.jpg")
    (tmp_path / "closed").chmod(0)
    looker = Looker(spec_of(str(tmp_path)))
    for _ in range(2):
        with pytest.raises(BucketError, match="closed' may not be read: permit it; everything else is looked at"):
            looker.look()
    assert [created.key for call in looker.calls for created in call] == ["open/b.jpg"]
    (tmp_path / "closed").chmod(0o700)
    assert looker.look() == ["closed/a.jpg"]


def test_no_more_is_announced_than_there_is_room_for(tmp_path: Path) -> None:
    for number in range(25):
        put(tmp_path / f"{number:02}.jpg")
    rooms = [10, 0, 0, 10, 10]
    looker = Looker(spec_of(str(tmp_path)), room=lambda: rooms.pop(0))
    assert looker.look(1) == []
    found = [len(looker.look(1)) for _ in range(len(rooms))]
    assert found == [10, 0, 0, 10, 5]
    assert looker.look() == []


def test_what_could_not_be_written_down_is_announced_again(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg")
    looker = Looker(spec_of(str(tmp_path)))
    looker.look(1)

    def fail(objects: Sequence[ObjectCreated]) -> None:
        raise BucketError("The database is away.")

    with pytest.raises(BucketError):
        looker.source.look(fail)
    assert looker.look() == ["a.jpg"]


def test_everything_is_announced_again_when_it_is_to_be_forgotten(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg")
    looker = Looker(spec_of(str(tmp_path)))
    assert looker.look() == ["a.jpg"]
    looker.source.forget()
    assert looker.look() == ["a.jpg"]


def test_a_file_that_vanishes_while_it_is_listed_harms_nothing(tmp_path: Path) -> None:
    for number in range(10):
        put(tmp_path / f"{number}" / "a.jpg")
    listing = folder_listing(tmp_path)
    first = next(listing)
    for number in range(10):
        (tmp_path / f"{number}" / "a.jpg").unlink()
        (tmp_path / f"{number}").rmdir()
    assert [first, *listing] == [first]


def test_files_that_have_not_changed_cost_little(tmp_path: Path) -> None:
    for folder in range(20):
        (tmp_path / f"{folder:02}").mkdir()
        for number in range(500):
            path = tmp_path / f"{folder:02}" / f"IMG_{number:05}.jpg"
            path.write_bytes(b"x")
            os.utime(path, (OLD, OLD))
    looker = Looker(spec_of(str(tmp_path)), room=lambda: 10**9)
    assert len(looker.look()) == 10_000
    began = time.process_time()
    assert looker.look(1) == []
    assert time.process_time() - began < 1.5, "10,000 files are a tenth"


# On S3


@pytest.fixture
def buckets(s3_server: S3Access) -> Buckets:
    return Buckets({}, s3=s3_server)


@pytest.fixture
def bucket(buckets: Buckets) -> str:
    name = f"watch-{uuid4().hex}"
    buckets.write(name, "in/a.jpg", b"one")
    return name


def test_objects_are_whole_when_they_are_there(buckets: Buckets, bucket: str) -> None:
    buckets.write(bucket, "in/ä b+c%41.jpg", b"two")
    buckets.write(bucket, "other/a.jpg", b"three")
    buckets.write(bucket, "in/a.jpg.json", b"{}")
    looker = Looker(spec_of(f"s3://{bucket}/in/"), buckets)
    assert looker.look(1) == ["in/a.jpg", "in/ä b+c%41.jpg"]
    assert looker.look() == []
    created = looker.calls[0][0]
    assert created.bucket == bucket
    assert created.version is None
    assert created.etag is not None
    assert '"' not in created.etag


def test_an_object_with_other_content_is_announced_again(buckets: Buckets, bucket: str) -> None:
    looker = Looker(spec_of(f"s3://{bucket}"), buckets)
    assert looker.look() == ["in/a.jpg"]
    buckets.write(bucket, "in/a.jpg", b"one")
    assert looker.look() == [], "the content is the same"
    buckets.write(bucket, "in/a.jpg", b"another")
    assert looker.look() == ["in/a.jpg"]


def test_frames_and_results_that_a_watch_writes_into_its_own_bucket_are_not_looked_at(buckets: Buckets, bucket: str) -> None:
    for key in ("in/a.jpg.json", "in/a.jpg.drawn.jpg", "in/clip.mp4.0000001.jpg", "in/IMG.0000001.png"):
        buckets.write(bucket, key, b"made")
    spec = spec_of(f"s3://{bucket}", frames={"kind": "captured", "bucket": bucket})
    assert Looker(spec, buckets).look() == ["in/IMG.0000001.png", "in/a.jpg"]
    assert "in/clip.mp4.0000001.jpg" in Looker(spec_of(f"s3://{bucket}"), buckets).look()


@pytest.mark.parametrize(
    ("source", "sentence"),
    [("s3://not-there-at-all", "There is no bucket"), ("gs://photos/in", "say where it is with --bucket photos=gs://photos")],
)
def test_a_bucket_that_is_not_there_is_told(buckets: Buckets, source: str, sentence: str) -> None:
    with pytest.raises(BucketError, match=sentence):
        Looker(spec_of(source), buckets).look()


def test_a_bucket_that_is_a_folder_is_listed_as_one(tmp_path: Path) -> None:
    put(tmp_path / "in" / "a.jpg")
    put(tmp_path / "out" / "b.jpg")
    looker = Looker(spec_of("s3://photos/in/"), Buckets({"photos": tmp_path}))
    assert looker.look(1) == []
    assert looker.look(1) == ["in/a.jpg"]


def test_a_watched_folder_does_not_stand_before_a_bucket_of_the_same_name(tmp_path: Path) -> None:
    put(tmp_path / "data" / "incoming" / "real.jpg")
    put(tmp_path / "in" / "a.jpg")
    buckets = Buckets({}, root=tmp_path / "data")
    Looker(spec_of(str(tmp_path / "in")), buckets)
    assert [one.key for one in buckets.list("incoming")] == ["real.jpg"]
    assert [one.key for one in buckets.list("folder:incoming")] == ["a.jpg"]


def test_two_folders_cannot_be_of_one_name(tmp_path: Path) -> None:
    buckets = Buckets({})
    Looker(spec_of(str(tmp_path / "in")), buckets)
    with pytest.raises(BucketError, match="that of another folder"):
        Looker(spec_of(str(tmp_path)), buckets)


@pytest.mark.parametrize(
    "values",
    [
        {"source": "s3://folder:incoming/"},
        {"sinks": [{"kind": "bucket", "bucket": "folder:incoming"}]},
        {"frames": {"kind": "captured", "bucket": "folder:incoming"}},
    ],
    ids=["source", "sink", "frames"],
)
def test_no_watch_can_name_the_folder_of_another(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="bucket"):
        spec_of(**{"source": "events", **values})


def test_links_and_odd_names_are_passed_over_and_named(tmp_path: Path) -> None:
    folder, outside = tmp_path / "in", put(tmp_path / "outside.jpg")
    put(folder / "a.jpg")
    put(folder / ".hidden.jpg")
    assert Looker(spec_of(str(folder))).source.passed_over == ""
    (folder / "out.jpg").symlink_to(outside)
    looker = Looker(spec_of(str(folder)))
    assert looker.look() == ["a.jpg"]
    assert looker.source.passed_over == "1 name is passed over: 'out.jpg' is a link out of the folder."
    put(folder / "sub" / "b.jpg")
    (folder / "lost.jpg").symlink_to(folder / "nothing")
    (folder / "again").symlink_to(folder / "sub")
    os.mkfifo(folder / "sub" / "pipe.jpg")
    put(folder / "back\\slash.jpg")
    os.close(os.open(os.fsencode(folder) + b"/\xff.jpg", os.O_CREAT | os.O_WRONLY))
    assert looker.look() == ["sub/b.jpg"]
    assert looker.source.passed_over.startswith("6 names are passed over: ")
    assert looker.source.passed_over.endswith(", and 3 more.")
    for path in (folder / "lost.jpg", folder / "again", folder / "sub" / "pipe.jpg", folder / "out.jpg"):
        path.unlink()
    looker.look()
    told = looker.source.passed_over
    assert "'back\\\\slash.jpg' is a name that has a backslash" in told
    assert "'\\udcff.jpg' is a name that is not Unicode text" in told
