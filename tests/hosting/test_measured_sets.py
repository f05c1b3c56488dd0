"""Test pictures of models that are read once: who waits for a bucket keeps nobody else waiting."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from walkaround.buckets.buckets import Buckets
from walkaround.hosting.operations.models.measured import MeasuredModel, MeasuredSets


class SlowBuckets(Buckets):
    """A bucket that answers when it is told to; `asked` counts."""

    def __init__(self) -> None:
        super().__init__({})
        self.began, self.goes_on, self.asked = threading.Event(), threading.Event(), 0

    def read(self, bucket: str, key: str, *, version: str | None = None, at_most: int | None = None) -> bytes:
        self.asked += 1
        self.began.set()
        assert self.goes_on.wait(60)
        detected = {"class-name": "anomaly", "confidence": 0.9}
        return json.dumps({"source-ref": f"s3://{bucket}/{key}", "a-detected": 1, "a-detected-metadata": detected}).encode()


def model(number: int) -> MeasuredModel:
    manifest = {"Bucket": "photos", "Key": f"{number}.jpg"}
    package = f"models/{number}/package"
    told = {"project": "cars", "version": number, "status": "TRAINED", "package": package, "manifest": manifest}
    return MeasuredModel(id=number, trained=0.5, adopted=None, **told)  # type: ignore[arg-type]


@pytest.fixture
def buckets() -> SlowBuckets:
    return SlowBuckets()


def test_a_bucket_that_is_slow_holds_up_its_own_model_alone(tmp_path: Path, buckets: SlowBuckets) -> None:
    sets = MeasuredSets(tmp_path, buckets)
    buckets.goes_on.set()
    assert sets.of(model(2)).pictures[0].ref == "s3://photos/2.jpg"
    buckets.goes_on.clear()
    buckets.began.clear()
    with ThreadPoolExecutor(3) as threads:
        slow = [threads.submit(sets.of, model(1)) for _ in range(2)]
        assert buckets.began.wait(60)
        assert threads.submit(sets.of, model(2)).result(timeout=30).pictures[0].ref == "s3://photos/2.jpg"
        buckets.goes_on.set()
        assert slow[0].result(60) is slow[1].result(60)
    assert buckets.asked == 2, "two who ask for the same wait for one reading"
