"""Videos: upright frames at their own times, whatever the container does; and a writer that they can be read back from."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from walkaround.errors import StorageError, VideoError
from walkaround.media.containers import VideoLimits
from walkaround.media.videos import Frame, decode_frames, read_frames, video_facts, write_video

VIDEOS = Path(__file__).parents[3] / "shared" / "data" / "videos"
needs_videos = pytest.mark.skipif(not VIDEOS.is_dir(), reason="the real videos of ../shared/data are not here")
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def corners() -> NDArray[np.uint8]:
    """Red, green, blue and white quarters."""
    return np.repeat(np.repeat(np.array([[RED, GREEN], [BLUE, WHITE]], np.uint8), 24, axis=0), 32, axis=1)


def quarters(pixels: NDArray[np.uint8]) -> list[tuple[int, ...]]:
    height, width = pixels.shape[:2]
    places = [(y, x) for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]
    return [tuple(255 * int(value > 127) for value in pixels[place]) for place in places]


def noise(count: int, *, rate: float = 10.0, size: tuple[int, int] = (48, 64)) -> Iterator[Frame]:
    rng = np.random.default_rng(0)
    for number in range(count):
        yield Frame(time=number / rate, pixels=rng.integers(0, 256, (*size, 3), dtype=np.uint8))


def write(
    path: Path, *, turned: int = 0, hflip: bool = False, container: str = "mp4", faststart: bool = False, count: int = 5
) -> None:
    """A video with what `write_video` does not write: a display matrix, other containers."""
    options = {"movflags": "faststart"} if faststart else {}
    with av.open(str(path), "w", format=container, options=options) as file:
        stream = file.add_stream("libx264", rate=10, options={"g": "5", "bf": "0"})
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        if turned or hflip:
            stream.set_display_rotation(turned, hflip=hflip)
        for number in range(count):
            pixels = corners() if count == 5 else next(noise(1)).pixels + np.uint8(number)
            file.mux(stream.encode(VideoFrame.from_ndarray(pixels, format="rgb24")))
        file.mux(stream.encode())


@pytest.mark.parametrize(
    ("turned", "hflip", "rotation", "expected"),
    [
        (0, False, 0, [RED, GREEN, BLUE, WHITE]),
        (-90, False, 90, [BLUE, RED, WHITE, GREEN]),
        (180, False, 180, [WHITE, BLUE, GREEN, RED]),
        (90, False, 270, [GREEN, WHITE, RED, BLUE]),
        (0, True, 0, [GREEN, RED, WHITE, BLUE]),
    ],
)
@pytest.mark.parametrize("side", [None, 24])
def test_the_display_matrix_is_applied(
    tmp_path: Path, turned: int, hflip: bool, rotation: int, expected: list[tuple[int, ...]], side: int | None
) -> None:
    path = tmp_path / "turned.mp4"
    write(path, turned=turned, hflip=hflip)
    frames = list(read_frames(path, side=side))
    assert len(frames) == 5
    assert quarters(frames[-1].pixels) == expected
    facts = video_facts(path)
    assert (facts.width, facts.height) == ((48, 64) if turned in (90, -90) else (64, 48))
    assert hflip or facts.rotation == rotation
    assert min(frames[0].pixels.shape[:2]) == (side or 48)


def test_times_of_a_variable_frame_rate_are_kept(tmp_path: Path) -> None:
    times = [0.0, 0.1, 0.15, 1.0, 1.02, 3.5]
    write_video(tmp_path / "a.mp4", (Frame(time=t, pixels=corners()) for t in times), frame_rate=10)
    assert [frame.time for frame in read_frames(tmp_path / "a.mp4")] == pytest.approx(times, abs=1e-4)
    assert video_facts(tmp_path / "a.mp4").duration == pytest.approx(3.6, abs=0.05)


def test_times_start_with_the_stream(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", (Frame(time=7 + n / 5, pixels=corners()) for n in range(4)), frame_rate=5)
    assert [frame.time for frame in read_frames(tmp_path / "a.mp4")] == pytest.approx([0, 0.2, 0.4, 0.6], abs=1e-4)


@pytest.mark.parametrize("container", ["mp4", "mov", "matroska", "avi", "mpegts"])
def test_every_container_is_read_whatever_its_name(container: str, tmp_path: Path) -> None:
    write(tmp_path / "Ünï: %d 'x'.jpg", container=container)
    frames = list(read_frames(tmp_path / "Ünï: %d 'x'.jpg"))
    assert [frame.time for frame in frames] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4], abs=0.002)
    assert video_facts(tmp_path / "Ünï: %d 'x'.jpg").frame_rate == pytest.approx(10)


@pytest.mark.parametrize("size", [(48, 64), (47, 63), (1, 1), (33, 2)])
def test_what_is_written_can_be_read_back(size: tuple[int, int], tmp_path: Path) -> None:
    pixels = np.full((*size, 3), (200, 100, 50), np.uint8)
    write_video(tmp_path / "a.mp4", (Frame(time=n / 30, pixels=pixels) for n in range(7)), frame_rate=30)
    frames = list(read_frames(tmp_path / "a.mp4"))
    assert len(frames) == 7
    assert frames[0].pixels.shape[:2] == (size[0] + size[0] % 2, size[1] + size[1] % 2)
    assert np.abs(frames[3].pixels.astype(int) - (200, 100, 50)).max() < 12
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([], "no frame to write"),
        ([Frame(time=0, pixels=corners()), Frame(time=1, pixels=corners()[:20])], "Frame 1 .* size"),
        ([Frame(time=1, pixels=corners()), Frame(time=1, pixels=corners())], "Frame 1 .* come after"),
    ],
)
def test_a_video_that_fails_leaves_the_old_one_alone(frames: list[Frame], words: str, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"old")
    with pytest.raises(VideoError, match=words):
        write_video(tmp_path / "a.mp4", frames, frame_rate=10)
    assert (tmp_path / "a.mp4").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_is_missing_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="missing"):
        write_video(tmp_path / "missing" / "a.mp4", noise(2), frame_rate=10)


@pytest.mark.parametrize("container", ["mp4", "matroska", "avi"])
def test_a_file_cut_in_the_middle_gives_what_is_there_and_says_so(
    container: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "a.mp4", container=container, faststart=container == "mp4", count=60)
    whole = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "a.mp4").write_bytes(whole[: len(whole) // 2])
    with caplog.at_level(logging.WARNING):
        frames = list(read_frames(tmp_path / "a.mp4"))
    assert 10 < len(frames) < 50
    assert "is incomplete" in caplog.text


def test_a_whole_video_is_not_called_incomplete(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for rate in (5.0, 29.97, 60.0):
        write_video(tmp_path / "a.mp4", noise(40, rate=rate), frame_rate=rate)
        assert len(list(read_frames(tmp_path / "a.mp4"))) == 40
    assert caplog.text == ""


def test_damaged_frames_are_left_out(tmp_path: Path) -> None:
    write(tmp_path / "a.mp4", faststart=True, count=60)
    content = bytearray((tmp_path / "a.mp4").read_bytes())
    content[len(content) // 2 : len(content) // 2 + 900] = bytes(900)
    (tmp_path / "a.mp4").write_bytes(content)
    assert 30 < len(list(read_frames(tmp_path / "a.mp4"))) < 60


def sound_only(path: Path) -> None:
    with av.open(str(path), "w", format="mp4") as file:
        stream = file.add_stream("aac", rate=8000)
        frame = AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.time_base = 8000, Fraction(1, 8000)
        file.mux(stream.encode(frame))
        file.mux(stream.encode())


def test_a_file_with_sound_alone_is_refused(tmp_path: Path) -> None:
    sound_only(tmp_path / "a.mp4")
    for read in (lambda path: next(read_frames(path)), video_facts):
        with pytest.raises(VideoError, match="has no pictures"):
            read(tmp_path / "a.mp4")


def cut_header(path: Path) -> None:
    write(path)
    path.write_bytes(path.read_bytes()[:-400])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_text("hello"), "is not a video"),
        (lambda path: path.write_text("#EXTM3U\n#EXTINF:1,\n/etc/hostname\n"), "is not a video"),
        (lambda path: path.write_bytes(b"\0\0\0\x18ftypisom" + bytes(500)), "Cannot read"),
        (lambda path: path.write_bytes(b"\xff\xd8\xff\xe0" + bytes(500)), "is not a video"),
        (cut_header, "Cannot read|is damaged"),
        (lambda path: path.mkdir(), "is not a file"),
        (lambda path: os.mkfifo(path), "is not a file"),
        (lambda _: None, "No such file"),
    ],
    ids=["empty", "text", "playlist", "header alone", "picture", "cut", "folder", "pipe", "missing"],
)
def test_what_is_no_video_is_refused_at_once(make: object, words: str, tmp_path: Path) -> None:
    assert callable(make)
    make(tmp_path / "bell\x07.mp4")
    for read in (lambda path: next(read_frames(path)), video_facts):
        with pytest.raises(VideoError, match=words) as caught:
            read(tmp_path / "bell\x07.mp4")
        assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (VideoLimits(max_bytes=100), "bytes, more than the 100 allowed"),
        (VideoLimits(max_pixels=100), "where 100 are allowed"),
        (VideoLimits(max_seconds=1), "more than the 1 s allowed"),
        (VideoLimits(max_frames=12), "longer than the 12 frames"),
    ],
)
def test_limits_hold(limits: VideoLimits, words: str, tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", noise(20), frame_rate=10)
    with pytest.raises(VideoError, match=words):
        list(read_frames(tmp_path / "a.mp4", limits=limits))


@pytest.mark.photos
@needs_videos
@pytest.mark.parametrize(
    ("name", "frames", "size"), [("handheld-undamaged", 274, (720, 1280)), ("pan-over-stills", 360, (640, 480))]
)
def test_real_videos_are_read_to_their_end(name: str, frames: int, size: tuple[int, int]) -> None:
    facts = video_facts(VIDEOS / f"{name}.mp4")
    read = [frame.time for frame in read_frames(VIDEOS / f"{name}.mp4", side=64)]
    assert (facts.width, facts.height) == size
    assert len(read) == frames
    assert facts.duration is not None
    assert read[-1] == pytest.approx(facts.duration, abs=0.1)
    assert (np.diff(read) > 0).all()


@pytest.mark.parametrize(("rate", "spared"), [(30, True), (10, False)])
def test_frames_that_no_other_needs_are_spared_on_request(
    rate: int, spared: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as file:
        stream = file.add_stream("libx264", rate=rate, options={"bf": "2", "b_strategy": "0", "sc_threshold": "0"})
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for frame in noise(90):
            file.mux(stream.encode(VideoFrame.from_ndarray(frame.pixels, format="rgb24")))
        file.mux(stream.encode())
    every = [frame.time for frame in decode_frames(tmp_path / "a.mp4")]
    some = [frame.time for frame in decode_frames(tmp_path / "a.mp4", sparing=True)]
    assert len(every) == 90
    assert (len(some) < 70) == spared
    assert np.abs(np.subtract.outer(some, every)).min(axis=1).max() < 1e-3
    assert caplog.text == ""
