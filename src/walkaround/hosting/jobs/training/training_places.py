"""What was drawn on the pictures that a training uses: boxes and masks of their lines, as places with the masks' files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from walkaround.damage.kinds import NORMAL
from walkaround.damage.places import MaskFile, Place
from walkaround.datasets.survey import Survey
from walkaround.errors import TrainingError
from walkaround.hosting.jobs.datasets.mask_child import MaskError, mask_pixels
from walkaround.hosting.jobs.training.evaluation_files import Entry
from walkaround.hosting.operations.lines.manifest_lines import Line, stored_line
from walkaround.hosting.operations.lines.place_lines import Mask

_TOLD = 5

Fetch = Callable[[Sequence[str]], Mapping[int, Path]]
"""Addresses in; the files of those that are there, by number."""


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """What the lines of the entries say of places, by the entry's number."""

    lines: Mapping[int, Line]

    @property
    def has_masks(self) -> bool:
        """Whether anybody drew a mask."""
        return any(mask.colours for line in self.lines.values() for mask in line.masks)

    @property
    def has_boxes(self) -> bool:
        """Whether anybody drew a box."""
        return any(line.boxes for line in self.lines.values())


def drawn_on(entries: Sequence[Entry]) -> Drawn:
    """Read the lines of entries again; they were accepted when they came."""
    return Drawn(lines={number: stored_line(entry.line) for number, entry in enumerate(entries)})


def with_places(looked: Survey, lines: Mapping[Path, Line], fetch: Fetch) -> Survey:
    """The samples with what was drawn on them.

    A picture that is labelled normal shows nothing, wherever others have masks or boxes; of a damaged one on which nobody drew
    it is not known where the damage is.

    Args:
        looked: the samples that can be used.
        lines: of their entries, by path of the picture.
        fetch: gives the files of masks.

    Raises:
        TrainingError: masks are missing, broken, or of another size than their pictures. The first few are named.
    """
    own = [lines[sample.path] for sample in looked.samples]
    refs = list(dict.fromkeys(mask.ref for line in own for mask in line.masks if mask.colours))
    files = {refs[at]: path for at, path in fetch(refs).items()}
    faults: list[str] = []
    samples = []
    for sample, fact, line in zip(looked.samples, looked.facts, own, strict=True):
        try:
            samples.append(replace(sample, places=_places(line, files, size=(fact.width, fact.height))))
        except MaskError as fault:
            faults.append(f"{line.source_ref}: its mask {fault}")
    if faults:
        more = f"; and {len(faults) - _TOLD:,} more" if len(faults) > _TOLD else ""
        raise TrainingError(f"Masks cannot be used: {'; '.join(faults[:_TOLD])}{more}. Correct them and train again.")
    return replace(looked, samples=tuple(samples))


def _places(line: Line, files: Mapping[str, Path], *, size: tuple[int, int]) -> tuple[Place, ...] | None:
    if not line.masks and line.boxes is None:
        return () if line.label == NORMAL else None
    places = list(line.boxes or ())
    for mask in line.masks:
        places += _places_of(mask, files, size=size) if mask.colours else []
    return tuple(places)


def _places_of(mask: Mask, files: Mapping[str, Path], *, size: tuple[int, int]) -> list[Place]:
    path = files.get(mask.ref)
    if path is None:
        raise MaskError(f"{mask.ref!r} is missing")
    try:
        pixels = mask_pixels(path)
    except MaskError as problem:
        raise MaskError(f"{mask.ref!r} {problem}") from problem
    height, width = pixels.shape
    if (width, height) != size:
        raise MaskError(f"{mask.ref!r} is {width:,} x {height:,} pixels, and the picture {size[0]:,} x {size[1]:,}")
    shown = {f"#{colour:06x}" for colour in np.unique(pixels).tolist()}
    return [
        Place(label=label, box=None, outline=MaskFile(path=path, colour=colour))
        for colour, label in mask.colours.items()
        if colour in shown
    ]
