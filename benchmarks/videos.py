"""Inspection of videos beside plain decoding with PyAV, as ratios within one run.

    python benchmarks/videos.py --package PACKAGE [--videos FOLDER]
    python benchmarks/videos.py --long 60 [--videos FOLDER]

Plain decoding turns every packet into a frame object and drops it. "Choosing" is all that inspection does before the network:
decoding, looking, and converting the frames that are chosen. "Inspecting" adds the network on 24 frames, which costs the same
however long the video is; it is set beside plain decoding, and beside plain decoding with the network alone on as many arrays
after it. Seconds are of the wall / of the processors; repetitions alternate, and a ratio is the median of theirs.

With --long, each video is repeated until it lasts so many minutes, and only choosing is measured, on one minute and on all of
them, each in a process of its own, because its memory is measured too.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path

import av
import numpy as np
from PIL import Image

from photos import data, show
from walkaround.datasets.drawn.car import draw_car
from walkaround.inspection.capture import capture_frames
from walkaround.inspection.detector import Detector, in_order
from walkaround.inspection.frames import choose_frames
from walkaround.inspection.video import inspect_video
from walkaround.media.containers import LONG_VIDEO_LIMITS
from walkaround.media.videos import Frame, write_video
from walkaround.models.preparation import SIDE

FRAMES = 24
Seconds = tuple[float, float]  # of the wall, of the processors


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--package", type=Path, help="a trained package")
    arguments.add_argument("--long", type=int, help="minutes of the long videos that are measured instead")
    arguments.add_argument("--videos", type=Path, default=data("videos"), help="folder of MP4 files")
    arguments.add_argument("--seconds", type=float, default=20.0, help="length of the 1080p video that is made")
    arguments.add_argument("--rounds", type=int, default=5, help="repetitions of each side")
    given = arguments.parse_args()
    if given.long is not None:
        show_long(sorted(given.videos.glob("*.mp4")), given.long, given.rounds)
        return
    if given.package is None:
        arguments.error("give --package, or --long")
    detector = Detector(given.package)
    with tempfile.TemporaryDirectory() as temporary:
        made = Path(temporary) / "made-1080p.mp4"
        write_video(made, walk(given.seconds), frame_rate=30)
        rows = [row for path in [*sorted(given.videos.glob("*.mp4")), made] for row in measure(detector, path, given.rounds)]
    show("videos, ratios to plain decoding", ["what", "ours", "beside it", "wall", "processors"], rows)


def walk(seconds: float) -> Iterator[Frame]:
    """A camera that moves along a drawn car in 1080p, with noise."""
    still = Image.fromarray(draw_car(1, damage=["door_dent"], width=2600, height=1500).pixels)
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 12, (1100, 1940, 1), dtype=np.uint8)
    count = round(seconds * 30)
    for number in range(count):
        x, y = round(680 * number / count), round(200 + 150 * np.sin(number / 40))
        window = np.asarray(still.crop((x, y, x + 1920, y + 1080)))
        top, left = rng.integers(0, 20, 2)
        yield Frame(time=number / 30, pixels=window // 20 * 19 + noise[top : top + 1080, left : left + 1920])


def measure(detector: Detector, path: Path, rounds: int) -> Iterator[tuple[str, str, str, str, str]]:
    side = detector.card.side
    pixels = choose_frames(path, at_most=1, side=side)[0].pixels

    def network() -> None:
        for _ in in_order(lambda one: detector.inspect(one, source=""), repeat(pixels, FRAMES), threads=detector.threads):
            pass

    def plain() -> None:
        decode(path)

    def both() -> None:
        plain()
        network()

    def capture() -> None:
        list(capture_frames(path))

    sides: list[tuple[str, Callable[[], object], Callable[[], None]]] = [
        ("choosing", lambda: choose_frames(path, at_most=FRAMES, side=side), plain),
        ("inspecting", lambda: inspect_video(detector, path, at_most=FRAMES), plain),
        ("inspecting, to decoding + network", lambda: inspect_video(detector, path, at_most=FRAMES), both),
        ("capturing 4 frames, 5 s apart", capture, plain),
    ]
    for name, ours, beside in sides:
        first, second = alternately(ours, beside, rounds)
        yield f"{path.stem}: {name}", seconds_of(first), seconds_of(second), *ratios(first, second)


def show_long(paths: list[Path], minutes: int, rounds: int) -> None:
    """A table of one minute and of many of each video."""
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        for path in paths:
            for length in (1, minutes):
                made = Path(temporary) / f"{length}-minutes.mp4"
                repeat_video(path, made, seconds=60 * length)
                with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as one:
                    rows += [(f"{path.stem}, {length} min", *line) for line in one.apply(measure_long, (made, rounds))]
                made.unlink()
    show("long videos, ratios to plain decoding", ["what", "ours", "beside it", "wall", "processors", "peak of memory"], rows)


def repeat_video(path: Path, made: Path, *, seconds: float) -> None:
    """Write the packets of a video again and again, without coding them anew."""
    with av.open(str(path)) as source, av.open(str(made), "w", format="mp4") as container:
        stream = source.streams.video[0]
        out = container.add_stream_from_template(stream)
        packets = [packet for packet in source.demux(stream) if packet.pts is not None]
        length = max((packet.pts or 0) + (packet.duration or 0) for packet in packets)
        for again in range(math.ceil(seconds / float(length * (stream.time_base or 1)))):
            for packet in packets:
                copy = av.Packet(bytes(packet))
                copy.stream, copy.time_base, copy.is_keyframe = out, packet.time_base, packet.is_keyframe
                copy.pts, copy.dts = (packet.pts or 0) + again * length, (packet.dts or 0) + again * length
                copy.duration = packet.duration
                container.mux(copy)


def measure_long(path: Path, rounds: int) -> list[tuple[str, str, str, str, str]]:
    """Choosing beside plain decoding, and the most memory that this process had after choosing alone."""
    choose_frames(path, at_most=FRAMES, side=SIDE, limits=LONG_VIDEO_LIMITS)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    first, second = alternately(lambda: choose_frames(path, side=SIDE, limits=LONG_VIDEO_LIMITS), lambda: decode(path), rounds)
    wall, cpu = ratios(first, second)
    return [(seconds_of(first), seconds_of(second), wall, cpu, f"{peak:.0f} MB")]


def alternately(first: Callable[[], object], second: Callable[[], object], rounds: int) -> tuple[list[Seconds], list[Seconds]]:
    """Times of both, run in turn after a warm-up, so that a drift of the machine hits both alike."""
    first()
    second()
    times: tuple[list[Seconds], list[Seconds]] = ([], [])
    for _ in range(rounds):
        for function, seconds in zip((first, second), times, strict=True):
            wall, cpu = time.perf_counter(), time.process_time()
            function()
            seconds.append((time.perf_counter() - wall, time.process_time() - cpu))
    return times


def decode(path: Path) -> None:
    """Plain decoding."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for _ in container.decode(stream):
            pass


def ratios(ours: list[Seconds], beside: list[Seconds]) -> tuple[str, str]:
    """Speed of ours where the other's is 100 %, by the wall and by the processors."""
    wall, cpu = (float(np.median([b[k] / a[k] for a, b in zip(ours, beside, strict=True)])) for k in (0, 1))
    return f"{wall:.0%}", f"{cpu:.0%}"


def seconds_of(times: list[Seconds]) -> str:
    wall, cpu = np.median(times, axis=0)
    return f"{wall:.2f} / {cpu:.2f} s"


if __name__ == "__main__":
    main()
