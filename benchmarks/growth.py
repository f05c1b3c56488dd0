"""How the time and the memory of training grow with the number of pictures.

    python benchmarks/growth.py [--sizes 500 1000 2000]

Every picture is a different crop of a real photo, so that no two are copies. Each training runs in a process of its own with an
empty cache. The processor time, of all cores together, is what to compare on a machine that others use too. Up to 20,000
pictures are only a matter of patience: --sizes 20000.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from photos import data, show

RUN = (
    "import sys, time, resource\n"
    "from pathlib import Path\n"
    "from walkaround.training.train import train\n"
    "from walkaround.training.recipe import Recipe\n"
    "times = {}\n"
    "def told(stage, done, total): times.setdefault(stage, time.perf_counter())\n"
    "started = time.perf_counter()\n"
    "train(sys.argv[1], out=sys.argv[2], recipe=Recipe(cache=Path(sys.argv[3])), progress=told)\n"
    "ended = time.perf_counter()\n"
    "read = times['Comparing candidates'] - times['Reading pictures'] if 'Comparing candidates' in times else 0.0\n"
    "used = resource.getrusage(resource.RUSAGE_SELF)\n"
    "print(ended - started, read, used.ru_utime + used.ru_stime, used.ru_maxrss)\n"
)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sizes", type=int, nargs="+", default=[500, 1000, 2000])
    rows = []
    for size in arguments.parse_args().sizes:
        with tempfile.TemporaryDirectory() as temporary:
            work = Path(temporary)
            write_crops(work / "pictures", size)
            command = [sys.executable, "-c", RUN, str(work / "pictures"), str(work / "package"), str(work / "cache")]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            seconds, reading, processor, peak = map(float, output.split()[-4:])
            store = sum(path.stat().st_size for path in (work / "cache").iterdir())
            rows.append(
                (
                    f"{size:,}",
                    f"{seconds:.0f} s",
                    f"{processor:.0f} s",
                    f"{1000 * processor / size:.0f} ms",
                    f"{reading / seconds:.0%}",
                    f"{peak / 1e6:.2f} GB",
                    f"{store / 1e6:.0f} MB",
                )
            )
            print(rows[-1], flush=True)
    show(
        "training as the pictures grow in number",
        ["pictures", "time", "processor time", "a picture", "of the time reading", "peak memory", "cache"],
        rows,
    )


def write_crops(folder: Path, count: int) -> None:
    """Crops of photos of both classes, each a different one, three fifths to four fifths of a side long."""
    rng = np.random.default_rng(0)
    for label in ("anomaly", "normal"):
        (folder / label).mkdir(parents=True)
        photos = sorted((data("car-damage") / label).iterdir())
        for number in range(count // 2):
            with Image.open(photos[number % len(photos)]) as image:
                picture = image.convert("RGB")
            picture.thumbnail((800, 800))
            share = rng.uniform(0.6, 0.8)
            width, height = int(picture.width * share), int(picture.height * share)
            left, top = rng.integers(picture.width - width + 1), rng.integers(picture.height - height + 1)
            crop = picture.crop((int(left), int(top), int(left) + width, int(top) + height))
            crop.save(folder / label / f"{number:05d}.jpg", quality=int(rng.integers(60, 95)))


if __name__ == "__main__":
    main()
