"""Any dataset to any format: `export` lays out the pictures and calls the format's writer."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from walkaround.datasets.exports.coco import write_coco
from walkaround.datasets.exports.lines import write_ground_truth, write_lookout
from walkaround.datasets.exports.pictures import ExportedPicture, Folders, Progress, Putting, put_masks, put_pictures
from walkaround.datasets.exports.voc import write_voc
from walkaround.datasets.exports.yolo import write_yolo, yolo_folder
from walkaround.datasets.faults import require_good_places
from walkaround.datasets.manifest import write_manifest
from walkaround.datasets.outlines import MOST_CLASSES
from walkaround.datasets.sample import Dataset, Problem
from walkaround.errors import DatasetError, InputError, StorageError, writing

Form = Literal["coco", "yolo", "yolo-seg", "voc", "ground-truth", "lookout", "manifest"]
_ONLY_PLACES: dict[Form, str] = {
    "coco": "COCO",
    "yolo": "YOLO's detection format",
    "yolo-seg": "YOLO's segmentation format",
    "voc": "Pascal VOC",
    "ground-truth": "a manifest of Ground Truth for boxes",
}
"""Forms that hold nothing but boxes and masks, as a sentence calls them."""
FORMS: tuple[Form, ...] = get_args(Form)

MANIFEST = "dataset.jsonl"

_ADDRESSED: tuple[Form, ...] = ("ground-truth", "lookout")

_FOLDERS: Mapping[str, Folders] = {"yolo": yolo_folder, "yolo-seg": yolo_folder, "voc": lambda _: "JPEGImages"}


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What was written.

    Attributes:
        folder: where.
        pictures: how many.
        places: how many boxes and outlines the pictures had.
        problems: what was left out, or cannot be told in the format.
    """

    folder: Path
    pictures: int
    places: int
    problems: tuple[Problem, ...]


def export(
    dataset: Dataset,
    out: Path,
    *,
    form: Form,
    putting: Putting = "copy",
    address: str | None = None,
    progress: Progress | None = None,
) -> Exported:
    """Write `dataset` in a format of others, with its pictures, into a folder that appears whole or not at all.

    Args:
        dataset: as it was read.
        out: the folder; new or empty.
        form: "manifest" is our own and loses nothing; of every other one the problems say what it cannot hold.
        putting: whether pictures are copied, or linked to where the disk can.
        address: s3://bucket/prefix where the folder will be put, for the manifests of Ground Truth and Lookout for Vision.
        progress: told what is being done.

    Raises:
        DatasetError: boxes or masks of the dataset cannot be used, or it has none and the format knows nothing else.
        InputError: the address is none.
        StorageError: `out` is in use or cannot be written.
    """
    require_good_places(dataset)
    _check(dataset, out, form=form, address=address)
    folders = _FOLDERS.get(form, lambda _: "images")
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".part", dir=out.parent))
        try:
            pictures, problems = put_pictures(dataset, part, folders=folders, putting=putting, progress=progress or _silent)
            problems += _write(pictures, dataset, part, form=form, putting=putting, address=address)
            part.chmod(0o755)
            part.replace(out)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    places = sum(len(picture.places) for picture in pictures)
    return Exported(folder=out, pictures=len(pictures), places=places, problems=(*dataset.problems, *problems))


def _write(
    pictures: list[ExportedPicture], dataset: Dataset, out: Path, *, form: Form, putting: Putting, address: str | None
) -> list[Problem]:
    classes = dataset.place_classes
    if form == "coco":
        return write_coco(pictures, out, classes=classes)
    if form in ("yolo", "yolo-seg"):
        return write_yolo(pictures, out, classes=classes, outlines=form == "yolo-seg")
    if form == "voc":
        return write_voc(pictures, out)
    if form == "ground-truth":
        return write_ground_truth(pictures, out, classes=classes, address=address)
    if form == "lookout":
        return write_lookout(pictures, out, classes=classes, address=address)
    put = put_masks(pictures, out, folder="masks", putting=putting)
    write_manifest(out / MANIFEST, (replace(picture.sample, path=out / picture.file) for picture in put))
    return []


def _check(dataset: Dataset, out: Path, *, form: Form, address: str | None) -> None:
    if form in _ONLY_PLACES and all(sample.places is None for sample in dataset.samples):
        raise DatasetError(
            f"Of {len(dataset.samples)} pictures none has boxes or masks, and {_ONLY_PLACES[form]} holds nothing else: draw on"
            " some, or export them as a folder with a manifest (manifest) or for Lookout for Vision (lookout)."
        )
    if form == "lookout" and len(dataset.place_classes) > MOST_CLASSES:
        raise DatasetError(
            f"{str(dataset.origin)!r} has {len(dataset.place_classes)} classes of masks, and a mask holds {MOST_CLASSES}: fold"
            " some of them with --rename."
        )
    if address is not None and form not in _ADDRESSED:
        raise InputError(f"{form} holds no addresses: leave out --address, or export to {' or '.join(_ADDRESSED)}.")
    if address is not None and not address.startswith("s3://"):
        raise InputError(f"{address!r} is no s3://bucket/prefix, where the exported folder will be put.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise StorageError(f"{str(out)!r} is in use: give the name of a folder that is new or empty.")


def _silent(stage: str, done: int, total: int) -> None:
    del stage, done, total
