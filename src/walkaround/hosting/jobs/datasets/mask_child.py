"""The process that decodes masks of strangers, so that a hostile one can cost the server nothing: one JSON line in, one out.

Started as `python -m walkaround.hosting.jobs.datasets.mask_child PARENT`; it ends when its input does. In comes the path of a
file, out come its size and its colours, or the reason why it is no mask.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from walkaround.datasets.outlines import read_colours
from walkaround.errors import PictureError
from walkaround.hosting.pool.parent import follow_parent

_ADDRESS_SPACE = 4 << 30
_MOST_COLOURS = 100_000
"""Of a mask with soft edges; one with more is a photograph."""


class MaskError(Exception):
    """A file is no mask; the message is the end of a sentence that begins with its name."""


def mask_pixels(path: Path) -> NDArray[np.uint32]:
    """A mask as uint32 [h, w], 0xRRGGBB, after conversion to RGB: soft edges by transparency alone become hard.

    Raises:
        MaskError: it is no PNG, is damaged, or is too large.
    """
    try:
        rgb = read_colours(path).astype(np.uint32)
    except PictureError as problem:
        raise MaskError(str(problem).removeprefix(f"The mask {str(path)!r} ").rstrip(".")) from problem
    return np.asarray(rgb[..., 0] << 16 | rgb[..., 1] << 8 | rgb[..., 2])


def look(path: Path) -> dict[str, object]:
    """Size and colours of a mask, the colours as "#rrggbb" with the number of their pixels; or the reason why it is none."""
    try:
        pixels = mask_pixels(path)
    except MaskError as problem:
        return {"reason": str(problem)}
    except MemoryError:
        return {"reason": "needs more memory than a mask may"}
    colours, counts = np.unique(pixels, return_counts=True)
    if len(colours) > _MOST_COLOURS:
        return {"reason": f"has {len(colours):,} colours, as a photograph has and no mask"}
    told = {f"#{colour:06x}": count for colour, count in zip(colours.tolist(), counts.tolist(), strict=True)}
    return {"width": pixels.shape[1], "height": pixels.shape[0], "colours": told}


def main() -> None:
    """Answer until the input ends."""
    follow_parent(int(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    for line in sys.stdin:
        sys.stdout.write(json.dumps(look(Path(json.loads(line)))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
