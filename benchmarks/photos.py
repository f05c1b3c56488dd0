"""Where the benchmarks find photos, and how they fold, disturb and print: shared by all of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from walkaround.datasets.reading import read_dataset
from walkaround.datasets.sample import Sample
from walkaround.datasets.split import folds_by_group
from walkaround.datasets.survey import survey

DATA = Path(os.environ.get("WALKAROUND_PHOTOS", Path(__file__).parents[2] / "shared" / "data"))
"""Folder of the real pictures; another one by the environment variable WALKAROUND_PHOTOS."""


def data(name: str) -> Path:
    """A part of the real pictures; ends the benchmark where it is missing."""
    path = DATA / name
    if not path.exists():
        raise SystemExit(f"{path} is missing: set WALKAROUND_PHOTOS to the folder that holds {name}.")
    return path


def folds(pictures: Path, *, count: int, seed: int) -> list[tuple[list[Sample], list[Sample]]]:
    """(training, test) samples of every fold; near-duplicates never stand on both sides."""
    looked = survey(read_dataset(pictures))
    numbers = folds_by_group([sample.label or "" for sample in looked.samples], looked.groups, folds=count, seed=seed)
    parts = []
    for fold in range(count):
        inside = [sample for sample, number in zip(looked.samples, numbers, strict=True) if number != fold]
        outside = [sample for sample, number in zip(looked.samples, numbers, strict=True) if number == fold]
        parts.append((inside, outside))
    return parts


def link(samples: Iterable[Sample], folder: Path) -> Path:
    """A class-folder dataset of links to the samples' pictures."""
    shutil.rmtree(folder, ignore_errors=True)
    for number, sample in enumerate(samples):
        place = folder / (sample.label or "unlabelled")
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:05d}-{sample.path.name}").symlink_to(sample.path.resolve())
    return folder


def equalised(samples: Iterable[Sample], folder: Path, *, size: tuple[int, int] = (300, 200), quality: int = 75) -> Path:
    """The samples as JPEGs of one size and one quality, so that neither can tell a class."""
    shutil.rmtree(folder, ignore_errors=True)
    for number, sample in enumerate(samples):
        place = folder / (sample.label or "unlabelled")
        place.mkdir(parents=True, exist_ok=True)
        with Image.open(sample.path) as image:
            image.convert("RGB").resize(size, Image.Resampling.LANCZOS).save(place / f"{number:05d}.jpg", quality=quality)
    return folder


def show(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table."""
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    for row in rows:
        table.add_row(*(f"{cell:.4f}" if isinstance(cell, float | np.floating) else str(cell) for cell in row))
    Console().print(table)
