"""DetectAnomalies over HTTP against the detector's own throughput on the same pictures, and the same model behind LitServe.

`serving.py [--photos FOLDER] [--seconds 10] [--rounds 3]`: the pictures are all those below FOLDER, or drawn cars. Rounds go in
turn through the detector alone, walkaround over HTTP with 8 connections, and LitServe over HTTP with 8 connections, so that a
drift of the machine hits all alike. Then latency: one call at a time without load, and 8 connections at half that rate.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import numpy as np

from load_generator import Request
from lookout_cars import draw_cars, fill_bucket
from lookout_client import client_of, host, make_dataset, train
from s3_server import answers, free_ports
from served import REGION, Served, wait_for
from walkaround.inspection.detector import Detector
from walkaround.models.network import cores

HERE = Path(__file__).parent
PROJECT, BUCKET = "serving", "car-photos"
CONNECTIONS = 8
PATH = f"/2020-11-20/projects/{PROJECT}/models/1/detect"
LITSERVE = HERE.parent / ".venv-clients" / "litserve"


def main() -> None:
    """Measure and print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--photos", type=Path)
    arguments.add_argument("--seconds", type=float, default=10)
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="walkaround-serving-") as temporary:
        folder = Path(temporary)
        draw_cars(folder / "cars", normal=30, anomaly=30, seed=3)
        found = (given.photos or folder / "cars").rglob("*")
        pictures = sorted(path for path in found if path.suffix.lower() in (".jpg", ".jpeg"))[:600]
        with hosting(folder) as (served, package):
            rounds = f"{given.rounds} rounds of {given.seconds:.0f} s"
            print(f"{len(pictures)} pictures, {cores()} cores, {CONNECTIONS} connections, {rounds}")
            for line in measure(folder, served, package, pictures, seconds=given.seconds, rounds=given.rounds):
                print(line, flush=True)


@contextmanager
def hosting(folder: Path) -> Iterator[tuple[Served, Path]]:
    """A server that hosts a model of drawn cars, and where the model's package is."""
    bucket = folder / BUCKET
    fill_bucket(bucket, folder / "cars")
    served = Served(folder=folder / "served", buckets={BUCKET: bucket})
    served.start()
    client = client_of(served)
    client.create_project(ProjectName=PROJECT)
    make_dataset(client, PROJECT, "train", bucket=BUCKET, key="all.manifest")
    train(client, PROJECT, bucket=BUCKET)
    host(client, PROJECT)
    try:
        yield served, next(served.data.joinpath("models").rglob("model.onnx")).parent
    finally:
        served.stop()


def measure(
    folder: Path, served: Served, package: Path, pictures: Sequence[Path], *, seconds: float, rounds: int
) -> Iterator[str]:
    """The lines of the table, as they are measured."""
    detector = Detector(package)
    sources: dict[str, Callable[[], float]] = {"the detector alone": lambda: alone(detector, pictures, seconds)}
    ours = write_requests(folder / "ours.pickle", signed(served, pictures))
    sources["walkaround serve"] = lambda: rate_of(load(ours, seconds=seconds))
    with litserve(package) as port:
        if port is not None:
            theirs = write_requests(folder / "theirs.pickle", plain(port, pictures))
            sources["LitServe 0.2.19"] = lambda: rate_of(load(theirs, seconds=seconds))
        rates: dict[str, list[float]] = {name: [] for name in sources}
        for name, run in [*sources.items()] * (rounds + 1):
            rates[name].append(run())
    base = np.array(rates["the detector alone"][1:])  # the first round warms up
    yield f"{'':24} {'pictures/s':>12} {'of the detector':>16}   aim"
    for name, values in rates.items():
        share = float(np.median(np.array(values[1:]) / base))
        aim = ">= 85 %" if name == "walkaround serve" else ""
        yield f"{name:24} {np.median(values[1:]):12.1f} {share:16.0%}   {aim}"
    yield from latencies(ours, rate=float(np.median(rates["walkaround serve"][1:])) / 2, seconds=seconds)


def latencies(requests: Path, *, rate: float, seconds: float) -> Iterator[str]:
    """One call at a time, and many at half load."""
    single = np.array(load(requests, seconds=seconds, connections=1)["took"]) * 1000
    half = np.array(load(requests, seconds=2 * seconds, rate=rate)["took"]) * 1000
    unloaded, tail = float(np.median(single)), float(np.percentile(half, 99))
    yield f"one unloaded call: median {unloaded:.1f} ms, p99 {np.percentile(single, 99):.1f} ms"
    yield f"at half that load, {rate:.0f}/s: median {np.median(half):.1f} ms, p99 {tail:.1f} ms"
    yield f"p99 at half load / one unloaded call: {tail / unloaded:.1f}   aim <= 3"


def alone(detector: Detector, pictures: Sequence[Path], seconds: float) -> float:
    """Pictures a second of the detector in this process, files read and decoded."""
    done, started = 0, time.perf_counter()
    while (took := time.perf_counter() - started) < seconds:
        done += len(list(detector.predict(pictures[:200])))
    took = time.perf_counter() - started
    return done / took


def load(requests: Path, *, seconds: float, connections: int = CONNECTIONS, rate: float | None = None) -> dict[str, Any]:
    """Run the load generator in a process of its own.

    Raises:
        RuntimeError: something was not answered with 200.
    """
    command = [sys.executable, str(HERE / "load_generator.py"), str(requests), "--connections", str(connections)]
    command += ["--seconds", str(seconds), *(["--rate", str(rate)] if rate else [])]
    result: dict[str, Any] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    if result["failed"]:
        raise RuntimeError(f"{len(result['failed'])} requests were refused, the first with {result['failed'][0]}")
    return result


def rate_of(result: dict[str, Any]) -> float:
    """Answers a second."""
    return float(len(result["took"]) / result["seconds"])


def signed(served: Served, pictures: Sequence[Path]) -> Iterator[Request]:
    """Requests as boto3 sends them; their signatures hold for a quarter of an hour."""
    signer = botocore.auth.SigV4Auth(
        botocore.credentials.Credentials(served.key.key_id, served.key.secret), "lookoutvision", REGION
    )
    for picture in pictures:
        body = picture.read_bytes()
        request = botocore.awsrequest.AWSRequest("POST", served.url + PATH, data=body, headers={"Content-Type": "image/jpeg"})
        signer.add_auth(request)
        yield "127.0.0.1", int(served.url.rpartition(":")[2]), raw(PATH, dict(request.headers), body, host=served.url[7:])


def plain(port: int, pictures: Sequence[Path]) -> Iterator[Request]:
    """Requests for LitServe: the same bodies, nothing to sign."""
    for picture in pictures:
        head = {"Content-Type": "image/jpeg"}
        yield "127.0.0.1", port, raw("/predict", head, picture.read_bytes(), host=f"127.0.0.1:{port}")


def raw(path: str, headers: dict[str, str], body: bytes, *, host: str) -> bytes:
    """A request as it goes over the wire."""
    fields = {"Host": host, **headers, "Content-Length": str(len(body))}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode() + body


def write_requests(path: Path, requests: Iterator[Request]) -> Path:
    """For the load generator."""
    path.write_bytes(pickle.dumps(list(requests)))
    return path


@contextmanager
def litserve(package: Path) -> Iterator[int | None]:
    """The port where LitServe answers with the same model; None where its environment was not made."""
    python = LITSERVE / "bin" / "python"
    if not python.exists():
        print("without LitServe: scripts/client-environments.sh litserve makes its environment")
        yield None
        return
    port = free_ports(1)[0]
    sites = [str(Path(sys.modules["walkaround"].__path__[0]).parent), str(Path(np.__path__[0]).parent)]
    command = [str(python), str(HERE / "litserve_beside.py"), str(package), str(port), str(cores()), *sites]
    with Path(os.devnull).open("wb") as nowhere:
        process = subprocess.Popen(command, stdout=nowhere, stderr=nowhere, start_new_session=True)
    try:
        wait_for(lambda: answers(port), what="LitServe", seconds=180)
        time.sleep(5)  # its workers
        yield port
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # its workers would outlive it
        process.wait()


if __name__ == "__main__":
    main()
