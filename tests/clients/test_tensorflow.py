"""TensorFlow itself reads the records that are written, as its training programs do."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image

from walkaround.damage.places import Place
from walkaround.datasets.sample import Dataset, Sample
from walkaround.datasets.tfrecords.writing import write_tfrecords

STORY = Path(__file__).parent / "stories" / "tensorflow_records.py"
DENT = Place(label="dent", box=(0.0, 0.0, 16.0, 12.0))
SCRATCH = Place(label="scratch", box=(16.0, 24.0, 64.0, 48.0))


def save(path: Path, form: str, *, orientation: int = 1, mode: str = "RGB") -> Path:
    """A grey picture whose upper left quarter is red when it is seen upright."""
    pixels = np.full((48, 64, 3), 128, np.uint8)
    pixels[:24, :32] = (200, 0, 0)
    turned = Image.fromarray(np.rot90(pixels, 1) if orientation == 6 else pixels).convert(mode)
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned.save(path, form, exif=exif)
    return path


def test_tensorflow_reads_what_was_written(tensorflow: Path, tmp_path: Path) -> None:
    samples = (
        Sample(path=save(tmp_path / "plain.jpg", "JPEG"), label=None, split="train", places=(DENT, SCRATCH)),
        Sample(path=save(tmp_path / "turned.jpg", "JPEG", orientation=6), label=None, split="train", places=(SCRATCH,)),
        Sample(path=save(tmp_path / "named.jpg", "PNG"), label=None, split="train", places=(DENT,)),
        Sample(path=save(tmp_path / "printed.jpg", "JPEG", mode="CMYK"), label=None, split="train", places=(DENT,)),
        Sample(path=save(tmp_path / "whole.webp", "WEBP"), label="normal", split="validation", places=()),
    )
    write_tfrecords(Dataset(origin=tmp_path, samples=samples), tmp_path / "records", shards=2)
    result = subprocess.run(
        [tensorflow / "python", STORY, tmp_path / "records"], capture_output=True, text=True, check=False, timeout=300
    )
    assert result.returncode == 0, result.stderr[-4000:]
    files = json.loads(result.stdout.splitlines()[-1])
    assert sorted(files) == ["train.records-00000-of-00002", "train.records-00001-of-00002", "validation.records"]
    seen = {record["name"]: record for records in files.values() for record in records}
    assert {name: record["format"] for name, record in seen.items()} == {
        "plain.jpg": "jpeg",
        "turned.jpg": "jpeg",
        "named.jpg": "png",
        "printed.jpg": "jpeg",
        "whole.webp": "jpeg",
    }
    for record in seen.values():
        assert record["size"] == record["decoded"] == [64, 48]
        assert np.allclose(record["corner"], (200, 0, 0), atol=12), record
    assert seen["plain.jpg"]["classes"] == ["dent", "scratch"]
    assert seen["plain.jpg"]["ids"] == [1, 2]
    assert np.allclose(seen["plain.jpg"]["boxes"], [[0, 0, 0.25, 0.25], [0.25, 0.5, 1, 1]])
    assert seen["turned.jpg"]["ids"] == [2]
    assert seen["whole.webp"]["boxes"] == []
    assert sorted(record["source_id"] for record in seen.values()) == ["1", "2", "3", "4", "5"]
