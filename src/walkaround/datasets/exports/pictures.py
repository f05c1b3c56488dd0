"""The pictures of an export: each under a name of its own, copied or linked, with its size at hand."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal

from walkaround.damage.places import Box, MaskFile, Place
from walkaround.datasets.outlines import box_of
from walkaround.datasets.sample import Dataset, Problem, Sample, Split
from walkaround.errors import PictureError, writing
from walkaround.media.sizes import picture_size

Putting = Literal["copy", "link"]
Folders = Callable[[Split | None], str]
"""The folder of the pictures of a split."""
Progress = Callable[[str, int, int], None]
"""Called with what is being done, pictures done, pictures in all."""

_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS)
"""What disks say that know no links."""


@dataclass(frozen=True, kw_only=True)
class ExportedPicture:
    """One picture of an export.

    Attributes:
        sample: what it is labelled.
        file: its path relative to the export's folder.
        width: pixels of the upright picture.
        height: likewise.
    """

    sample: Sample
    file: str
    width: int
    height: int

    @property
    def stem(self) -> str:
        """Its name without folder and ending; no two pictures have the same."""
        return PurePosixPath(self.file).stem

    @property
    def places(self) -> tuple[Place, ...]:
        """What was drawn on it; nothing where nobody was asked."""
        return self.sample.places or ()

    def box(self, place: Place) -> Box | None:
        """The box of one of its places; None where its outline holds no pixel."""
        return box_of(place, self.width, self.height)


def put_pictures(
    dataset: Dataset, out: Path, *, folders: Folders, putting: Putting, progress: Progress
) -> tuple[list[ExportedPicture], list[Problem]]:
    """Copy or link all pictures that can be read into `out`; the others are problems.

    Raises:
        StorageError: there is no room, or `out` cannot be written.
    """
    put: list[ExportedPicture] = []
    problems: list[Problem] = []
    names = _names(dataset.samples)
    for number, (sample, name) in enumerate(zip(dataset.samples, names, strict=True), start=1):
        progress("Exporting pictures", number, len(names))
        try:
            size = picture_size(sample.path)
        except PictureError as error:
            problems.append(Problem(kind="unreadable", severity="warning", message=str(error), files=(str(sample.path),)))
            continue
        file = f"{folders(sample.split)}/{name}"
        put_file(sample.path, out / file, putting=putting)
        put.append(ExportedPicture(sample=sample, file=file, width=size.width, height=size.height))
    return put, problems


def put_masks(pictures: Sequence[ExportedPicture], out: Path, *, folder: str, putting: Putting) -> Iterator[ExportedPicture]:
    """The pictures, with copies of their mask files in place of the files."""
    for picture in pictures:
        files: dict[Path, Path] = {}
        places = []
        for place in picture.places:
            if isinstance(place.outline, MaskFile):
                source = place.outline.path
                further = f"_{len(files) + 1}" if files else ""  # in a folder of its own, where nothing has such a name yet
                target = files.get(source) or out / f"{folder}{further}" / f"{picture.stem}.png"
                if source not in files:
                    put_file(source, target, putting=putting)
                files[source] = target
                place = replace(place, outline=replace(place.outline, path=target))
            places.append(place)
        yield replace(
            picture, sample=replace(picture.sample, places=tuple(places) if picture.sample.places is not None else None)
        )


def put_file(source: Path, target: Path, *, putting: Putting) -> None:
    """Copy a file, or link to it where the disk can.

    Raises:
        StorageError: there is no room, or it cannot be written.
    """
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        if putting == "link":
            try:
                target.symlink_to(source.resolve())
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
            else:
                return
        shutil.copyfile(source, target)


def write_text(path: Path, text: str) -> None:
    """Write a text file, with the folders above it.

    Raises:
        StorageError: there is no room, or it cannot be written.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


def _names(samples: Sequence[Sample]) -> list[str]:
    """A name for each picture: its own where it can, with a number where another one has the same."""
    taken: set[str] = set()
    names = []
    for sample in samples:
        stem = first = _plain(sample.path.stem) or "picture"
        number = 1
        while stem.casefold() in taken:
            number += 1
            stem = f"{first}_{number}"
        taken.add(stem.casefold())
        names.append(stem + _plain(sample.path.suffix.lower()))
    return names


def _plain(name: str) -> str:
    """A name without what lists of files, one a line, or addresses could stumble over."""
    return "".join(letter if letter.isprintable() and letter not in '\\/:*?"<>|#%' else "_" for letter in name).strip()
