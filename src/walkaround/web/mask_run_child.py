"""The process that opens masks of strangers for a person to go on painting: the path and colours come in as a JSON line.

Started as `python -m walkaround.web.mask_run_child PARENT`; it ends when its input does. Out come size and run lengths.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Sequence
from pathlib import Path

from walkaround.datasets.runs import packed, runs_of
from walkaround.hosting.jobs.datasets.mask_child import MaskError, mask_pixels
from walkaround.hosting.pool.parent import follow_parent

_ADDRESS_SPACE = 4 << 30


def painted(path: Path, colours: Sequence[str]) -> dict[str, object]:
    """The run lengths of colours of a mask, "#rrggbb" each, in COCO's compressed text; or the reason why it is no mask."""
    try:
        pixels = mask_pixels(path)
    except MaskError as problem:
        return {"reason": str(problem)}
    except MemoryError:
        return {"reason": "needs more memory than a mask may"}
    runs = {colour: packed(runs_of(pixels == int(colour[1:], 16))) for colour in colours}
    return {"height": pixels.shape[0], "width": pixels.shape[1], "runs": runs}


def main() -> None:
    """Answer until the input ends."""
    follow_parent(int(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    for line in sys.stdin:
        path, colours = json.loads(line)
        sys.stdout.write(json.dumps(painted(Path(path), colours)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
