"""A process that draws cars, so that the server's own stays free for requests.

Run as `python -m walkaround.hosting.jobs.drawing_child FOLDER PICTURES SEED PARENT`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from walkaround.datasets.drawn.writing import write_drawn_dataset
from walkaround.hosting.pool.parent import follow_parent

_NICE = 5


def main(arguments: list[str]) -> None:
    """Draw: FOLDER, PICTURES, SEED, PARENT (process id of the server)."""
    folder, pictures, seed = Path(arguments[0]), int(arguments[1]), int(arguments[2])
    follow_parent(int(arguments[3]))
    os.nice(_NICE)  # hosted models answer first
    write_drawn_dataset(folder, pictures=pictures, seed=seed)


if __name__ == "__main__":
    main(sys.argv[1:])
