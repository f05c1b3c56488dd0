"""An export as a process of its own: pictures from buckets in, an archive in the format of another tool out.

Run as `python -m walkaround.hosting.jobs.datasets.export_child FOLDER PARENT LOG`, with the settings as JSON on its input;
`export_job` starts it. Pictures get the names which they were uploaded under. Nothing but the archive takes room on the disk.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from walkaround.buckets.buckets import buckets_of
from walkaround.datasets.exporting import FORMS
from walkaround.datasets.exporting import export as export_dataset
from walkaround.datasets.faults import require_good_places
from walkaround.datasets.reading import read_dataset
from walkaround.datasets.sample import Dataset, Problem, Sample
from walkaround.datasets.tfrecords.writing import write_tfrecords
from walkaround.errors import DatasetError, writing
from walkaround.hosting.jobs.datasets.export_job import ARCHIVE_FILE, TASK_FILE
from walkaround.hosting.jobs.fetching import Report
from walkaround.hosting.jobs.named_pictures import NamedEntry, linked, read_entries, run_told
from walkaround.hosting.jobs.told_child import Teller
from walkaround.settings import Settings

_PROBLEMS = 100
_PACKED = (".json", ".jsonl", ".manifest", ".txt", ".xml", ".yaml", ".pbtxt")
"""Files that get smaller by packing; pictures do not."""
_LINE = re.compile(r"(train|test)\.manifest, line (\d+)")


def run_export(folder: Path, settings: Settings, *, report: Report) -> dict[str, Any]:
    """Write the archive of what was put aside in `folder`.

    Raises:
        DatasetError: the format cannot hold it, or boxes or masks cannot be used.
        UnavailableError: a bucket does not answer.
        StorageError: the disk is full.
    """
    told = json.loads((folder / TASK_FILE).read_text(encoding="utf-8"))
    source, entries = folder / "source", {kind: list(read_entries(folder / f"{kind}.jsonl")) for kind in told["kinds"]}
    with writing(source):
        source.mkdir()
        for kind, lines in entries.items():
            (source / f"{kind}.manifest").write_text("".join(f"{entry.line}\n" for entry in lines), encoding="utf-8")
    dataset = read_dataset(
        source,
        buckets=buckets_of(settings),
        cache=settings.data / "cache" / "exports",
        progress=lambda done, of: report("Fetching pictures", done, of),
        skip_bad_labels=bool(told["skip_bad"]),
    )
    dataset = _named(dataset, entries, folder / "pictures")
    out = folder / "out"
    count, problems = _written(dataset, out, told, report=report)
    size = _pack(out, folder / ARCHIVE_FILE, report=report)
    pictures = str(folder / "pictures")
    return {
        "pictures": count,
        "bytes": size,
        "problems": [
            {"kind": one.kind, "severity": one.severity, "message": re.sub(re.escape(pictures) + r"/\d+/", "", one.message)}
            for one in problems[:_PROBLEMS]
        ],
    }


def _named(dataset: Dataset, entries: Mapping[str, list[NamedEntry]], folder: Path) -> Dataset:
    """The dataset with links that bear the entries' names in the place of its files."""
    samples = []
    for sample in dataset.samples:
        found = _LINE.search(sample.where)
        if found is None:
            raise DatasetError(f"{sample.where!r} is no line of a manifest.")
        kind, number = found[1], int(found[2])
        path = linked(entries[kind][number - 1], sample.path.resolve(), folder)
        samples.append(_sample(sample, path, kind))
    return replace(dataset, samples=tuple(samples))


def _sample(sample: Sample, path: Path, kind: str) -> Sample:
    return replace(sample, path=path, split="test" if kind == "test" else "train")


def _written(dataset: Dataset, out: Path, told: Mapping[str, Any], *, report: Report) -> tuple[int, tuple[Problem, ...]]:
    if told["form"] == "tfrecords":
        require_good_places(dataset)
        records = write_tfrecords(dataset, out, progress=report)
        return sum(records.counts.values()), records.problems
    form = next(one for one in FORMS if one == told["form"])
    written = export_dataset(dataset, out, form=form, putting="link", address=told["address"], progress=report)
    return written.pictures, written.problems


def _pack(source: Path, archive: Path, *, report: Report) -> int:
    """Write all files of a folder into an archive; its size in bytes."""
    files = sorted(path for path in source.rglob("*") if path.is_file())
    with writing(archive), zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED, allowZip64=True) as out:
        for number, path in enumerate(files, start=1):
            packing = zipfile.ZIP_DEFLATED if path.suffix in _PACKED else zipfile.ZIP_STORED
            out.write(path, path.relative_to(source).as_posix(), compress_type=packing)
            report("Packing", number, len(files))
    return archive.stat().st_size


def main(arguments: list[str]) -> None:
    """Export what FOLDER holds."""
    run_told(lambda folder, settings: run_export(folder, settings, report=Teller()), arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
