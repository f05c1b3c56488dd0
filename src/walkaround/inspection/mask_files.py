"""Masks of pictures as files: PNGs of the originals' size, white where nothing was found, each class in its colour."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from walkaround.damage.findings import Findings
from walkaround.errors import writing
from walkaround.inspection.drawings import claim_folder, named
from walkaround.inspection.masks import mask_png
from walkaround.inspection.outputs import replacing
from walkaround.inspection.results import Result


def write_masks(results: Iterable[Result], folder: Path) -> Iterator[Result]:
    """Write the mask of each picture into a folder as `<name>.png`, and pass its result on; videos have no file.

    Args:
        results: what `detect` gives.
        folder: a new or empty one, or one that was written into before: other files in it could be someone's originals.

    Raises:
        StorageError: on the first step when the folder holds other files; later when the disk refuses.
    """
    claim_folder(folder)
    for result, name in named(results, picture=".png", video=""):
        if isinstance(result, Findings) and result.masks is not None:
            path = folder / name
            with replacing(path) as file, writing(path):
                file.write(mask_png(result.masks, width=result.width, height=result.height))
        yield result
