"""Datasets with places that the tests of TFRecords write and read back: seeded, tiny, nothing stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from walkaround.damage.places import Place
from walkaround.datasets.sample import Dataset, Sample
from walkaround.datasets.tfrecords.messages import decode_example
from walkaround.datasets.tfrecords.records import read_records
from walkaround.datasets.tfrecords.writing import write_tfrecords

DENT = Place(label="dent", box=(8.0, 10.0, 40.0, 30.0))
SCRATCH = Place(label="scratch", box=(0.0, 0.0, 64.0, 48.0), crowd=True)


def save(path: Path, *, seed: int = 0, size: tuple[int, int] = (64, 48), form: str = "JPEG", **options: Any) -> Path:
    """A picture of smooth colours that no other seed gives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 255, (4, 4, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(path, form, **options)
    return path


@pytest.fixture
def boxes(tmp_path: Path) -> Dataset:
    """Twelve pictures with a dent, every third with a scratch as well."""
    samples = [
        Sample(
            path=save(tmp_path / "cars" / f"car{number}.jpg", seed=number),
            label=None,
            where=f"instances.json, annotation {number}",
            places=(DENT, SCRATCH) if number % 3 == 0 else (DENT,),
        )
        for number in range(12)
    ]
    return Dataset(origin=tmp_path / "cars", samples=tuple(samples))


def features_in(path: Path) -> list[dict[str, Any]]:
    """The features of each record of a file."""
    return [dict(decode_example(record)) for record in read_records(path) if isinstance(record, bytes)]


@pytest.fixture
def records(boxes: Dataset, tmp_path: Path) -> Path:
    """A file of twelve records."""
    write_tfrecords(boxes, tmp_path / "out", validation_share=0)
    return tmp_path / "out" / "train.records"
