"""Speed as ratios within one run, and the peak memory of training.

    python benchmarks/speed.py [--skip-training]

Absolute times drift on shared machines, so each figure is divided by one taken right beside it: detection by the network's own
time on arrays already in memory (same threads), large JPEGs by a plain Pillow loop, training by plain passes of the backbone.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

from photos import data, folds, link, show
from walkaround.inspection.detect import detect
from walkaround.inspection.detector import Detector, in_order
from walkaround.inspection.outputs import json_lines
from walkaround.media.pictures import read_picture
from walkaround.models.classify import write_features
from walkaround.models.names import FEATURES, PIXELS, PROBABILITIES
from walkaround.models.network import Network, cores
from walkaround.models.preparation import network_pixels

ROUNDS = 5


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--skip-training", action="store_true")
    arguments.add_argument("--package", type=Path, help="measure this package; one is trained where it is not given")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        rows = []
        package = given.package or work / "package"
        if not given.skip_training or given.package is None:
            rows += training(work, package)
        rows += [small_photos(package, work), large_photos(package, work)]
    show("speed, ratios within one run", ["what", "ours", "beside it", "ratio", "aim"], rows)


def training(work: Path, package: Path) -> list[tuple[str, str, str, str, str]]:
    """A training on car-damage with an empty cache, in plain passes of the backbone over its pictures."""
    inside, _ = folds(data("car-damage"), count=5, seed=0)[0]
    pictures = link(inside, work / "train")
    before = seconds_of_a_pass(len(inside))
    code = (
        "import sys, time, resource\n"
        "from pathlib import Path\n"
        "from walkaround.training.train import train\n"
        "from walkaround.training.recipe import Recipe\n"
        "started = time.perf_counter()\n"
        "train(sys.argv[1], out=sys.argv[2], recipe=Recipe(cache=Path(sys.argv[3])))\n"
        "print(time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    command = [sys.executable, "-c", code, str(pictures), str(package), str(work / "cache")]
    took, peak = map(float, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-2:])
    one_pass = (before + seconds_of_a_pass(len(inside))) / 2
    return [
        (
            f"training on {len(inside):,} pictures",
            f"{took:.0f} s",
            f"pass {one_pass:.1f} s",
            f"{took / one_pass:.1f} passes",
            "<= 6",
        ),
        ("peak memory of that training", f"{peak / 1e6:.2f} GB", "", "", "< 1.5 GB"),
    ]


def seconds_of_a_pass(pictures: int) -> float:
    """Time of the backbone over so many pictures, from a sample of arrays in memory, all cores busy."""
    network = Network(write_features())
    batch = np.random.default_rng(0).uniform(0, 255, (1, 3, 320, 320)).astype(np.float32)
    list(in_order(lambda _: network.run(batch, [FEATURES]), range(8), threads=cores()))
    started = time.perf_counter()
    count = 200
    for _ in in_order(lambda _: network.run(batch, [FEATURES]), range(count), threads=cores()):
        pass
    return (time.perf_counter() - started) / count * pictures


def small_photos(package: Path, work: Path) -> tuple[str, str, str, str, str]:
    """`detect` over a folder of small photos with JSON lines, and the network alone on the same pictures."""
    paths = sorted((data("car-damage") / "anomaly").iterdir())[:200]
    detector = Detector(package)
    network = Network(detector.package.model)
    arrays = [network_pixels(read_picture(path, side=320).pixels)[None] for path in paths]

    def whole() -> None:
        with json_lines(work / "found.jsonl") as write:
            for result in detect(detector, paths):
                write(result)

    def alone() -> None:
        for _ in in_order(lambda pixels: network.run(pixels, [PROBABILITIES]), arrays, threads=detector.threads):
            pass

    ours, beside = alternately(whole, alone)
    ratio = float(np.median(np.array(beside) / np.array(ours)))
    return ("detection, small photos", rate(paths, ours), rate(paths, beside) + " network alone", f"{ratio:.0%}", ">= 80 %")


def large_photos(package: Path, work: Path) -> tuple[str, str, str, str, str]:
    """12-megapixel JPEGs: `detect` beside a plain loop of Pillow decode, resize and predict on all cores."""
    source = max((data("car-damage") / "normal").iterdir(), key=lambda path: path.stat().st_size)
    with Image.open(source) as image:
        large = image.convert("RGB").resize((4000, 3000), Image.Resampling.LANCZOS)
    noise = np.random.default_rng(0).normal(0, 4, (3000, 4000, 1))
    large = Image.fromarray(np.clip(np.asarray(large) + noise, 0, 255).astype(np.uint8))
    paths = [work / f"large-{number}.jpg" for number in range(24)]
    for path in paths:
        large.save(path, quality=90)
    detector = Detector(package)
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # its idle threads must not slow the other side
    session = onnxruntime.InferenceSession(str(detector.package.model), options, providers=["CPUExecutionProvider"])

    def whole() -> None:
        for _ in detect(detector, paths):
            pass

    def plain() -> None:
        for path in paths:
            with Image.open(path) as image:
                pixels = np.asarray(image.convert("RGB").resize((320, 320), Image.Resampling.BILINEAR), np.float32)
            session.run([PROBABILITIES], {PIXELS: pixels.transpose(2, 0, 1)[None]})

    ours, beside = alternately(whole, plain)
    ratio = float(np.median(np.array(beside) / np.array(ours)))
    return ("detection, 12-megapixel JPEGs", rate(paths, ours), rate(paths, beside) + " plain loop", f"{ratio:.1f} x", ">= 3 x")


def alternately(first: Callable[[], None], second: Callable[[], None]) -> tuple[list[float], list[float]]:
    """Seconds of both, run in turn after a warm-up, so that a drift of the machine hits both alike."""
    first()
    second()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for function, seconds in zip((first, second), times, strict=True):
            started = time.perf_counter()
            function()
            seconds.append(time.perf_counter() - started)
    return times


def rate(paths: Sequence[os.PathLike[str]], seconds: Sequence[float]) -> str:
    return f"{len(paths) / float(np.median(seconds)):.1f}/s"


if __name__ == "__main__":
    main()
