"""From bucket to row: how fast arrivals are looked at, beside `walkaround detect` on the same pictures in the same run.

`pipeline.py [--pictures 600] [--rounds 3]`: the pictures are those of WALKAROUND_PHOTOS (car-damage), or drawn cars. Each round
goes through plain detection, a watched folder, and a watched bucket of a real S3 server (SeaweedFS) with JSON written back; a
drift of the machine hits all alike. The pace is that between the first rows and the last: starting what looks, loading
a model and leaving fresh files of a folder alone for some seconds happen once, and the last column has that time.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import func, select

from lookout_cars import draw_cars
from s3_server import S3Server
from served import wait_for
from walkaround.buckets.buckets import Buckets
from walkaround.buckets.remote import S3Access
from walkaround.hosting.operations.models.imported import import_package
from walkaround.hosting.owner import Owner
from walkaround.inspection.detector import Detector
from walkaround.models.network import cores
from walkaround.models.package import Package
from walkaround.pipeline.pipeline import Pipeline
from walkaround.pipeline.spec import WatchSpec
from walkaround.pipeline.watches import put_watch
from walkaround.settings import Settings
from walkaround.store.opening import database_of
from walkaround.store.pipeline import Delivery
from walkaround.store.results import Result
from walkaround.training.recipe import Recipe
from walkaround.training.train import train

IN, OUT = "incoming", "results"
_KEYS = ("tester", "only-for-this")


def main() -> None:
    """Measure and print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--pictures", type=int, default=600)
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="walkaround-pipeline-") as temporary:
        folder = Path(temporary)
        draw_cars(folder / "cars", normal=20, anomaly=20, seed=1)
        package = train(folder / "cars", out=folder / "package", recipe=Recipe(folds=2, cache=folder / "cache")).package
        pictures = found(folder, given.pictures)
        server = S3Server(folder=folder / "s3", key_id=_KEYS[0], secret=_KEYS[1])
        server.start()
        access = S3Access(endpoint=server.url, region="us-east-1", access_key=_KEYS[0], secret_key=_KEYS[1])
        try:
            measure(folder, package, pictures, access, rounds=given.rounds)
        finally:
            server.stop()


def found(folder: Path, most: int) -> list[Path]:
    """The pictures, as copies in one folder."""
    photos = os.environ.get("WALKAROUND_PHOTOS")
    place = Path(photos) / "car-damage" if photos else folder / "cars"
    sources = sorted(path for path in place.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if not sources:
        raise SystemExit(f"{place} has no pictures: set WALKAROUND_PHOTOS to the folder that holds car-damage.")
    (folder / IN).mkdir()
    copies = []
    step = max(1, len(sources) // most)
    for number, source in enumerate(sources[::step][:most]):
        copies.append(folder / IN / f"{number:05d}{source.suffix}")
        shutil.copyfile(source, copies[-1])
    old = time.time() - 60  # files that are still being written are left alone for a while
    for copy in copies:
        os.utime(copy, (old, old))
    return copies


def measure(folder: Path, package: Package, pictures: Sequence[Path], access: S3Access, *, rounds: int) -> None:
    """Rounds of all ways, in turn."""
    buckets = Buckets({}, s3=access)
    for picture in pictures:
        buckets.write(IN, picture.name, picture.read_bytes())
    buckets.write(OUT, "begin", b"")
    rates: dict[str, list[float]] = {"detect": [], "folder": [], "bucket": [], "bucket, to the last JSON": []}
    waits: dict[str, list[float]] = {name: [] for name in rates}
    print(f"{len(pictures)} pictures, {cores()} cores, {rounds} rounds, load {os.getloadavg()[0]:.1f}")
    detector = Detector(package)
    for number in range(rounds):
        took = {"detect": looked_at(detector, pictures)}
        for name, source in (("folder", str(folder / IN)), ("bucket", f"s3://{IN}/")):
            took |= watch(folder / f"{name}-{number}", package, source, access, len(pictures), name=name)
        for name, one in took.items():
            rates[name].append(one.pace)
            waits[name].append(one.before)
    plain = rates["detect"]
    print("| way | pictures a second | share of detect | before the first |\n|---|---|---|---|")
    for name, those in rates.items():
        share = statistics.median(one / other for one, other in zip(those, plain, strict=True))
        print(f"| {name} | {statistics.median(those):.1f} | {share:.0%} | {statistics.median(waits[name]):.1f} s |")


class Took(NamedTuple):
    """Pictures a second after the first ones, and the seconds before these."""

    pace: float
    before: float


def looked_at(detector: Detector, pictures: Sequence[Path]) -> Took:
    """Plain detection."""
    started = time.perf_counter()
    results = detector.predict(pictures)
    next(results)
    first = time.perf_counter()
    assert sum(1 for _ in results) == len(pictures) - 1
    return Took((len(pictures) - 1) / (time.perf_counter() - first), first - started)


def watch(data: Path, package: Package, source: str, access: S3Access, pictures: int, *, name: str) -> dict[str, Took]:
    """From the start to the last row, and to the last delivery."""
    settings = Settings(data=data)
    database = database_of(settings)
    database.migrate()
    owner = Owner(account=settings.account, region=settings.region)
    sinks = [{"kind": "bucket", "bucket": OUT, "prefix": f"{data.name}/"}] if source.startswith("s3") else []
    spec = {"name": "watched", "source": source, "rules": [{"model": "cars/1"}], "sinks": sinks}
    with database.transaction() as session:
        import_package(session, owner, project_name="cars", package=package, settings=settings)
        put_watch(session, owner, WatchSpec.model_validate(spec), origin="rest")

    def rows() -> int:
        with database.reading() as session:
            return session.scalar(select(func.count()).select_from(Result)) or 0

    def waiting() -> int:
        with database.reading() as session:
            return session.scalar(select(func.count()).select_from(Delivery)) or 0

    started = time.perf_counter()
    pipeline = Pipeline(database, Buckets({}, s3=access), settings)
    pipeline.start()
    early = wait_for(rows, what="the first rows", seconds=600, pause=0.05)
    first = time.perf_counter()
    wait_for(lambda: rows() == pictures or None, what="the rows", seconds=600, pause=0.1)
    seen = time.perf_counter()
    wait_for(lambda: waiting() == 0 or None, what="the deliveries", seconds=600, pause=0.1)
    delivered = time.perf_counter()
    pipeline.stop()
    database.close()
    took = {name: Took((pictures - early) / (seen - first), first - started)}
    if sinks:
        took[f"{name}, to the last JSON"] = Took((pictures - early) / (delivered - first), first - started)
    return took


if __name__ == "__main__":
    main()
