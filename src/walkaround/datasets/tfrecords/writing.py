"""A dataset as sharded TFRecords with a label map: what the TensorFlow Object Detection API trains from."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from walkaround.damage.places import Box, Place
from walkaround.datasets.exports.notes import single_boxes_on
from walkaround.datasets.outlines import box_of
from walkaround.datasets.sample import Dataset, Problem, Sample, Split
from walkaround.datasets.split import split_by_group
from walkaround.datasets.survey import Survey, survey
from walkaround.datasets.tfrecords.encoding import features_of, stored_picture
from walkaround.datasets.tfrecords.messages import encode_example, label_map_text
from walkaround.datasets.tfrecords.records import write_record
from walkaround.errors import DatasetError, InputError, PictureError, StorageError, writing

Progress = Callable[[str, int, int], None]
"""Called with what is being done, pictures done, pictures in all."""

LABEL_MAP = "label_map.pbtxt"
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
MOST_SHARDS = 99_999
"""More would not fit into the names."""


@dataclass(frozen=True, kw_only=True)
class WrittenRecords:
    """What was written.

    Attributes:
        folder: where.
        files: of records, by name.
        counts: pictures of each split that has some.
        classes: names in the order of their ids, which count from 1.
        problems: the pictures and places that were left out, and those of the dataset itself.
    """

    folder: Path
    files: tuple[Path, ...]
    counts: dict[Split, int]
    classes: tuple[str, ...]
    problems: tuple[Problem, ...]


def write_tfrecords(
    dataset: Dataset,
    out: Path,
    *,
    shards: int = 1,
    seed: int = 0,
    validation_share: float = 0.1,
    progress: Progress | None = None,
) -> WrittenRecords:
    """Write `train.records`, `validation.records`, `test.records` (those that get pictures) and `label_map.pbtxt`.

    A dataset with validation pictures of its own keeps its splits. Of any other, a seeded part of what is not for testing
    becomes validation, near-duplicates together. Records are in a seeded random order. The classes are those of the places, or,
    where nobody drew any, those of the pictures.

    Args:
        dataset: pictures with places, with labels of the whole picture, or both.
        out: a folder that is not there yet, or empty; it appears whole or not at all.
        shards: files for each split, `train.records-00000-of-00010` and up where more than one; never more than pictures.
        seed: the same seed and dataset give the same bytes.
        validation_share: of pictures that become validation, 0 to below 1.
        progress: told what is being done.

    Raises:
        InputError: the number of shards or the share is out of range.
        DatasetError: nothing of it is labelled, or there are too few pictures to split.
        StorageError: `out` is in use or cannot be written.
    """
    if not 1 <= shards <= MOST_SHARDS or not 0 <= validation_share < 1:
        raise InputError(
            f"Cannot write {shards} shards with {validation_share:g} for validation: "
            f"give 1 to {MOST_SHARDS:,} shards, and a share of 0 to below 1."
        )
    _check_target(out)
    classes = dataset.place_classes or dataset.classes
    if not classes:
        raise DatasetError(f"Nothing in {str(dataset.origin)!r} is labelled: draw boxes, or sort the pictures into folders.")
    report = progress or _silent
    looked = survey(dataset, progress=lambda done, total: report("Looking at pictures", done, total))
    splits = _splits(looked, seed=seed, share=validation_share)
    writer = _Writer(dataset, looked.samples, classes, report)
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".part", dir=out.parent))
        try:
            (part / LABEL_MAP).write_text(label_map_text(classes), encoding="utf-8", newline="\n")
            names = [name for split in SPLITS for name in writer.split(part, split, splits[split], shards=shards, seed=seed)]
            part.chmod(0o755)
            part.replace(out)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return WrittenRecords(
        folder=out,
        files=tuple(out / name for name in names),
        counts={split: writer.counts[split] for split in SPLITS if writer.counts[split]},
        classes=classes,
        problems=(*looked.problems, *_unlabelled(looked), *single_boxes_on(_without_box(looked)), *writer.problems),
    )


class _Writer:
    """Writes the records of one dataset, and keeps count."""

    def __init__(self, dataset: Dataset, samples: Sequence[Sample], classes: tuple[str, ...], report: Progress) -> None:
        self.counts: Counter[Split] = Counter()
        self.problems: list[Problem] = []
        self._folder = dataset.origin if isinstance(dataset.origin, Path) else None
        self._samples = samples
        self._ids = {name: number for number, name in enumerate(classes, start=1)}
        self._report = report
        self._done = 0

    def split(self, folder: Path, split: Split, members: NDArray[np.int64], *, shards: int, seed: int) -> list[str]:
        """Write one split; the names of its files."""
        if not len(members):
            return []
        order = members[np.random.default_rng([seed, SPLITS.index(split)]).permutation(len(members))]
        shards = min(shards, len(order))
        names = []
        for number, shard in enumerate(np.array_split(order, shards)):
            names.append(f"{split}.records" + (f"-{number:05d}-of-{shards:05d}" if shards > 1 else ""))
            with (folder / names[-1]).open("wb") as file:
                for index in shard:
                    record = self._record(int(index))
                    if record is not None:
                        write_record(file, record)
                        self.counts[split] += 1
                    self._done += 1
                    self._report("Writing records", self._done, len(self._samples))
        return names

    def _record(self, index: int) -> bytes | None:
        sample = self._samples[index]
        try:
            picture = stored_picture(sample.path)
        except PictureError as problem:  # it could be read a moment ago
            self._leave_out("unreadable", str(problem), sample)
            return None
        places = None if sample.places is None else self._boxes(sample, picture.width, picture.height)
        names = (self._name(sample.path), str(index + 1))
        return encode_example(features_of(picture, names=names, labels=sample.labels, places=places, ids=self._ids))

    def _boxes(self, sample: Sample, width: int, height: int) -> list[tuple[Place, Box]]:
        """The places of a sample that have an area inside the picture, with their boxes."""
        boxes = []
        for place in sample.places or ():
            drawn = box_of(place, width, height)
            box = _clipped(drawn, width, height) if drawn is not None else None
            if box is not None:
                boxes.append((place, box))
                continue
            what = f"{sample.where or sample.path}: a place labelled {place.label!r} has no area inside the picture"
            self._leave_out("bad-place", f"{what}; correct it or take it out.", sample)
        return boxes

    def _leave_out(self, kind: str, message: str, sample: Sample) -> None:
        self.problems.append(Problem(kind=kind, severity="warning", message=message, files=(str(sample.path),)))

    def _name(self, path: Path) -> str:
        """Of a picture, below the dataset's folder where it is there."""
        folder = self._folder if self._folder is None or self._folder.is_dir() else self._folder.parent
        return path.relative_to(folder).as_posix() if folder is not None and path.is_relative_to(folder) else path.name


def _splits(looked: Survey, *, seed: int, share: float) -> dict[Split, NDArray[np.int64]]:
    """Indices of the samples of each split: labelled ones alone, for what nobody looked at teaches wrong things."""
    labelled = [index for index, sample in enumerate(looked.samples) if sample.places is not None or sample.label is not None]
    given = {split: [index for index in labelled if looked.samples[index].split == split] for split in SPLITS}
    rest = [index for index in labelled if looked.samples[index].split in (None, "train")]
    if not given["validation"] and share > 0:
        parts = split_by_group(
            [_stratum(looked.samples[index]) for index in rest],
            looked.groups[rest],
            fractions=[1 - share, share],
            seed=seed,
        )
        given["validation"] = [index for index, part in zip(rest, parts, strict=True) if part == 1]
        rest = [index for index, part in zip(rest, parts, strict=True) if part == 0]
    return {split: np.array(members, dtype=np.int64) for split, members in {**given, "train": rest}.items()}


def _clipped(box: Box, width: int, height: int) -> Box | None:
    """The part of a box that is inside the picture, None where there is none."""
    left, top, right, bottom = max(0.0, box[0]), max(0.0, box[1]), min(float(width), box[2]), min(float(height), box[3])
    return (left, top, right, bottom) if left < right and top < bottom else None


def _without_box(looked: Survey) -> list[str]:
    return [str(sample.path) for sample in looked.samples for place in sample.places or () if place.box is None]


def _unlabelled(looked: Survey) -> list[Problem]:
    files = tuple(str(sample.path) for sample in looked.samples if sample.places is None and sample.label is None)
    if not files:
        return []
    message = f"{len(files):,} pictures that nobody labelled were left out; label them, or leave it at that."
    return [Problem(kind="unlabelled", severity="note", message=message, files=files)]


def _stratum(sample: Sample) -> tuple[str, ...]:
    """What a split should spread evenly: the labels, or the kinds of damage that were drawn."""
    return sample.labels or (" ".join(sorted({place.label for place in sample.places or ()})),)


def _check_target(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise StorageError(f"{str(out)!r} exists already; choose another folder for the records, or delete this one.")


def _silent(stage: str, done: int, total: int) -> None:
    del stage, done, total
