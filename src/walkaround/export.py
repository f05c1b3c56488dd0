"""The command `export`: a dataset in the format of another tool; it loads nothing before it runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from walkaround.buckets.places import bucket_places
from walkaround.errors import InputError
from walkaround.terminal import progress, shown, tell_problems, told

if TYPE_CHECKING:
    from walkaround.buckets.buckets import Buckets
    from walkaround.datasets.sample import Dataset, Problem

_ATTENTION, _INTERRUPTED = 3, 130


class Format(StrEnum):
    """What can be written."""

    coco = "coco"
    yolo = "yolo"
    yolo_seg = "yolo-seg"
    voc = "voc"
    ground_truth = "ground-truth"
    lookout = "lookout"
    manifest = "manifest"
    tfrecords = "tfrecords"


def export(
    form: Annotated[Format, typer.Argument(metavar="FORMAT", help=f"One of {', '.join(Format)}.")],
    pictures: Annotated[
        str, typer.Argument(metavar="PICTURES", help="Folder, table, manifest or annotations; or s3:// of one.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where to write; new or empty.")],
    rename: Annotated[
        list[str] | None,
        typer.Option("--rename", metavar="OLD=NEW", help="Another name for a class; OLD may have * in it."),
    ] = None,
    link: Annotated[bool, typer.Option("--link/--copy", help="Link to the pictures in place of copying them.")] = False,
    skip_bad_labels: Annotated[
        bool, typer.Option("--skip-bad-labels", help="Leave out boxes and masks that cannot be used.")
    ] = False,
    address: Annotated[
        str | None,
        typer.Option("--address", metavar="S3-URL", help="Where FOLDER will be put, for addresses in manifests."),
    ] = None,
    shards: Annotated[int, typer.Option(min=1, help="Of TFRecords: files for each split.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of TFRecords: the same seed gives the same split and order.")] = 0,
    buckets: Annotated[
        list[str] | None,
        typer.Option("--bucket", metavar="NAME=FOLDER", help="Local folder for a bucket of s3:// addresses."),
    ] = None,
    s3_endpoint: Annotated[
        str | None, typer.Option("--s3-endpoint", metavar="URL", help="S3-compatible server for buckets without a folder.")
    ] = None,
) -> None:
    """Write labelled pictures with their boxes and masks in the format of another tool."""
    from walkaround.datasets.reading import read_dataset
    from walkaround.datasets.renaming import parse_renames, renamed

    _check_options(form, link=link, address=address, shards=shards, seed=seed)
    try:
        with progress() as report:
            dataset = read_dataset(
                pictures,
                buckets=_buckets(buckets, s3_endpoint),
                progress=lambda done, total: report("Fetching pictures", done, total),
                skip_bad_labels=skip_bad_labels,
            )
            dataset = renamed(dataset, parse_renames(rename or ()))
            if form is Format.tfrecords:
                count, problems = _write_records(dataset, out, shards=shards, seed=seed, report=report)
            else:
                count, problems = _write_files(dataset, out, form, link=link, address=address, report=report)
    except KeyboardInterrupt as stop:
        told.print("\nInterrupted. Nothing was written; run the same command to begin again.")
        raise typer.Exit(_INTERRUPTED) from stop
    _tell(out, count, problems)


def _write_records(
    dataset: Dataset, out: Path, *, shards: int, seed: int, report: Callable[[str, int, int], None]
) -> tuple[int, Sequence[Problem]]:
    """Write TFRecords; how many pictures are in them, and what was wrong."""
    from walkaround.datasets.faults import require_good_places
    from walkaround.datasets.tfrecords.writing import write_tfrecords

    require_good_places(dataset)
    records = write_tfrecords(dataset, out, shards=shards, seed=seed, progress=report)
    return sum(records.counts.values()), records.problems


def _write_files(
    dataset: Dataset, out: Path, form: Format, *, link: bool, address: str | None, report: Callable[[str, int, int], None]
) -> tuple[int, Sequence[Problem]]:
    """Write any other format; how many pictures are in it, and what was wrong."""
    from walkaround.datasets.exporting import FORMS
    from walkaround.datasets.exporting import export as export_dataset

    written = export_dataset(
        dataset,
        out,
        form=next(one for one in FORMS if one == form),
        putting="link" if link else "copy",
        address=address,
        progress=report,
    )
    return written.pictures, written.problems


def _check_options(form: Format, *, link: bool, address: str | None, shards: int, seed: int) -> None:
    """Refuse what would be passed over without a word."""
    if form is Format.tfrecords and (link or address is not None):
        raise typer.BadParameter("TFRecords hold the pictures themselves.", param_hint="--link" if link else "--address")
    if form is not Format.tfrecords and (shards != 1 or seed):
        raise typer.BadParameter("Only tfrecords has it.", param_hint="--shards" if shards != 1 else "--seed")


def _tell(out: Path, count: int, problems: Sequence[Problem]) -> None:
    tell_problems(problems)
    told.print(f"[green]Wrote[/] {shown(out)}: {count:,} pictures")
    if any(problem.severity != "note" for problem in problems):
        raise typer.Exit(_ATTENTION)


def _buckets(given: Sequence[str] | None, s3_endpoint: str | None) -> Buckets:
    from walkaround.buckets.buckets import buckets_of
    from walkaround.settings import load_settings

    try:
        places = bucket_places(given)
    except InputError as problem:
        raise typer.BadParameter(str(problem), param_hint="--bucket") from problem
    return buckets_of(load_settings({"buckets": places, "s3_endpoint": s3_endpoint}))
