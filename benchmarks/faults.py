"""Kill -9 of the server and of its workers at random moments: nothing that was accepted is lost, and nothing is half done.

`faults.py [--rounds 50] [--seed 1] [--database URL]`: each round begins a dataset change, a training, a change of hosting, or
detections, kills the server or one of its processes after a random moment, starts the server again where it is gone, and looks:

- every change that was accepted is there as a whole, and one that was not is there as a whole or not at all;
- every training that was accepted ends as TRAINED, with its evaluation in the bucket;
- a model that was hosted is hosted again, one that was told to stop is stopped, and it says of a picture what it said before;
- nothing is left running by a server that is gone.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lookout_cars import draw_cars, fill_bucket, manifest_line
from lookout_client import client_of, describe_model, detect, host, make_dataset, train
from served import Served, wait_for

PROJECT, BUCKET = "faults", "car-photos"
LINES = 40
"""Of one change: enough to be cut in the middle."""
_LONGEST_DELAY = {"change": 0.4, "training": 6.0, "hosting": 2.0, "detection": 1.0}
_RECOVERY_SECONDS = 300.0


@dataclass(kw_only=True)
class Story:
    """What was told to a server, and how to look whether it holds."""

    served: Served
    bucket: Path
    chance: random.Random
    client: Any = None
    hosted: bool = True
    truth: dict[str, Any] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    children: list[int] = field(default_factory=list)
    number: int = 0
    activity: str = ""
    accepted: str | None = None
    rounds: Counter[str] = field(default_factory=Counter)

    def prepare(self) -> None:
        """A model that is hosted, and what it says of one picture."""
        self.client = client_of(self.served)  # the server answers at the same address after each start
        self.client.create_project(ProjectName=PROJECT)
        make_dataset(self.client, PROJECT, "train", bucket=BUCKET, key="all.manifest")
        train(self.client, PROJECT, bucket=BUCKET)
        host(self.client, PROJECT)
        self.truth = detect(self.client, PROJECT, self.picture)

    @property
    def picture(self) -> Path:
        """One of the bucket."""
        return self.bucket / "cars" / "anomaly" / "car_000.jpg"

    def round(self, number: int, activity: str) -> None:
        """One activity, one kill, one look."""
        activities = {
            "change": (self._change, self._check_change),
            "training": (self._train, self._check_training),
            "hosting": (self._change_hosting, self._check_hosting),
            "detection": (self._detect, lambda: "; ".join(self.wrong)),
        }
        begin, check = activities[activity]
        self.number, self.activity, self.accepted, self.wrong = number, activity, None, []
        victim = self.chance.choice(["server", "server", "worker"])
        delay = self.chance.uniform(0, _LONGEST_DELAY[activity])
        killer = threading.Timer(delay, lambda: self._kill(victim))
        killer.start()
        with contextlib.suppress(BotoCoreError):  # the connection broke: neither accepted nor refused
            self.accepted = begin()
        killer.join()
        if victim == "server":
            wait_for(lambda: not any(map(alive, self.children)), what="processes of a killed server to end", seconds=60)
            self.served.start()
        what = f"{activity}, kill of a {victim}"
        self.rounds[what] += 1
        for name, look in (("", check), ("hosting after ", self._check_hosting)):
            problem = look()
            if problem:
                self.lost.append(f"round {number}: {name}{what} after {delay:.2f} s, accepted {self.accepted}: {problem}")

    def _kill(self, victim: str) -> None:
        self.children = self.served.children()
        if victim == "server":
            self.served.kill()
        elif self.children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.chance.choice(self.children), signal.SIGKILL)

    def _change(self) -> str:
        lines = []
        for path in self.chance.sample(sorted((self.bucket / "cars").glob("*/*.jpg")), LINES):
            line = manifest_line(BUCKET, path.relative_to(self.bucket).as_posix(), path.parent.name)
            line["anomaly-label-metadata"]["job-name"] = f"round-{self.number}"
            lines.append(json.dumps(line) + "\n")
        reply = self.client.update_dataset_entries(ProjectName=PROJECT, DatasetType="train", Changes="".join(lines).encode())
        return str(reply["Status"])

    def _check_change(self) -> str | None:
        of = {"ProjectName": PROJECT, "DatasetType": "train"}
        described = settled(lambda: self.client.describe_dataset(**of)["DatasetDescription"])
        pages = self.client.get_paginator("list_dataset_entries").paginate(**of)
        entries = [json.loads(entry)["anomaly-label-metadata"] for page in pages for entry in page["DatasetEntries"]]
        there = sum(entry["job-name"] == f"round-{self.number}" for entry in entries)
        if len(entries) != described["ImageStats"]["Total"]:
            return f"{len(entries)} entries are listed and {described['ImageStats']} counted"
        if there not in ((LINES,) if self.accepted else (0, LINES)):
            return f"{there} of {LINES} lines are there, and {described['Status']}"
        return None

    def _train(self) -> str:
        output = {"S3Location": {"Bucket": BUCKET, "Prefix": f"round-{self.number}/"}}
        made = self.client.create_model(ProjectName=PROJECT, OutputConfig=output)["ModelMetadata"]
        return str(made["ModelVersion"])

    def _check_training(self) -> str | None:
        versions = {one["ModelVersion"] for one in self.client.list_models(ProjectName=PROJECT)["Models"]} - {"1"}
        if self.accepted and self.accepted not in versions:
            return f"version {self.accepted} is gone"
        for version in versions:  # one whose answer did not arrive may be there as well
            described = settled(partial(describe_model, self.client, PROJECT, version))
            result = described.get("EvaluationResult", {}).get("Key", "")
            if described["Status"] != "TRAINED" or not (self.bucket / result).is_file():
                return f"version {version} is {described['Status']}: {described.get('StatusMessage')}"
            self.client.delete_model(ProjectName=PROJECT, ModelVersion=version)
        return None

    def _change_hosting(self) -> str:
        if self.hosted:
            reply = self.client.stop_model(ProjectName=PROJECT, ModelVersion="1")
        else:
            reply = self.client.start_model(ProjectName=PROJECT, ModelVersion="1", MinInferenceUnits=1)
        self.hosted = not self.hosted
        return str(reply["Status"])

    def _check_hosting(self) -> str | None:
        status = settled(lambda: describe_model(self.client, PROJECT))["Status"]
        if (
            self.activity == "hosting" and self.accepted is None
        ):  # the answer to a start or stop did not arrive: it may have been taken or not
            self.hosted = status == "HOSTED"
        if status != ("HOSTED" if self.hosted else "TRAINED"):
            return f"the model is {status}, and should be hosted: {self.hosted}"
        try:
            said = patiently(lambda: detect(self.client, PROJECT, self.picture)) if self.hosted else self.truth
        except (RuntimeError, TimeoutError) as problem:
            return str(problem)
        return None if said == self.truth else f"it says {said}, not {self.truth}"

    def _detect(self) -> str:
        end = time.monotonic() + 1.5
        while self.hosted and time.monotonic() < end:
            try:
                said = detect(self.client, PROJECT, self.picture)
            except ClientError as problem:  # refused while nothing works on it; never a wrong answer
                if problem.response["ResponseMetadata"]["HTTPStatusCode"] not in (409, 429, 500):
                    self.wrong.append(str(problem))
            else:
                self.wrong += [] if said == self.truth else [f"{said}"]
        return "all"


def settled(describe: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The description, once nothing is on the way any more."""
    passing = ("_IN_PROGRESS", "TRAINING", "_HOSTING")

    def look() -> dict[str, Any] | None:
        described = describe()
        return None if described["Status"].endswith(passing) else described

    return wait_for(look, what="jobs to be finished", seconds=_RECOVERY_SECONDS, pause=0.2)


def patiently(ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The answer, asked for again while the service says that it is not ready."""

    def answer() -> dict[str, Any] | None:
        try:
            return ask()
        except ClientError as problem:
            if problem.response["ResponseMetadata"]["HTTPStatusCode"] in (429, 500):
                return None
            raise RuntimeError(str(problem)) from problem

    return wait_for(answer, what="a detection", seconds=60, pause=0.2)


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and that nobody waits for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def main() -> None:
    """Run the rounds, and say what was lost."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=50)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--database")
    given = arguments.parse_args()
    chance = random.Random(given.seed)
    with tempfile.TemporaryDirectory(prefix="walkaround-faults-") as temporary:
        folder = Path(temporary)
        draw_cars(folder / "cars", normal=30, anomaly=30, seed=given.seed)
        fill_bucket(folder / BUCKET, folder / "cars")
        served = Served(folder=folder / "served", buckets={BUCKET: folder / BUCKET})
        if given.database:
            served.variables["WALKAROUND_DATABASE"] = given.database
        served.start()
        story = Story(served=served, bucket=folder / BUCKET, chance=chance)
        story.prepare()
        order: list[str] = []
        for number in range(given.rounds):
            order = order or chance.sample(list(_LONGEST_DELAY), len(_LONGEST_DELAY))
            story.round(number, order.pop())
        code = served.stop()
    for line in story.lost:
        print("LOST", line)
    print(json.dumps({"rounds": given.rounds, "kills": story.rounds, "lost": len(story.lost), "exit_code": code}))
    raise SystemExit(bool(story.lost) or code)


if __name__ == "__main__":
    main()
