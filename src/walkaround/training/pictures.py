"""Labelled pictures as a recipe has them read: for a training, for its check, and for measuring what it made."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from walkaround.buckets.buckets import Buckets
from walkaround.datasets.reading import read_dataset
from walkaround.datasets.sample import Dataset
from walkaround.training.fitting import Progress
from walkaround.training.recipe import Recipe


def read_pictures(source: Path | str, recipe: Recipe, *, buckets: Buckets | None, report: Progress) -> Dataset:
    """Read the labels of pictures, which are copied from buckets; names are still those of their labels.

    Args:
        source: as for `walkaround.datasets.reading.read_dataset`.
        recipe: its cache, and whether it skips labels that cannot be used.
        buckets: where the buckets of `s3://` addresses are.
        report: told how far the copying is.

    Raises:
        DatasetError: there is nothing there, or no picture of it can be used.
        BucketError: the bucket of `source` is not there, or what it names in it.
        UnavailableError: a bucket does not answer.
    """
    fetching = partial(report, "Fetching pictures")
    return read_dataset(source, buckets=buckets, cache=recipe.cache, progress=fetching, skip_bad_labels=recipe.skip_bad_labels)
