"""TensorBoard as a child of the server: `python -m walkaround.web.tensorboard_child FOLDER PREFIX PARENT`.

It listens on a loopback address, on a port that it takes itself and prints, and ends with the server.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from urllib.parse import urlsplit

from walkaround.hosting.pool.parent import follow_parent

_NICE = 5
_RELOAD_SECONDS = 5


def main(arguments: list[str]) -> None:
    """Show what is in FOLDER below the path PREFIX until the server, process PARENT, ends or closes the input."""
    folder, prefix, parent = arguments
    follow_parent(int(parent))
    os.nice(_NICE)  # hosted models answer first
    logging.basicConfig(level=logging.ERROR)
    from tensorboard import program

    board = program.TensorBoard()
    options = {"logdir": folder, "host": "127.0.0.1", "port": 0, "path_prefix": prefix, "reload_interval": _RELOAD_SECONDS}
    board.configure(argv=["tensorboard", "--load_fast=false", *(f"--{name}={value}" for name, value in options.items())])
    address = board.launch()
    sys.stdout.write(f"{urlsplit(address).port}\n")
    sys.stdout.flush()
    threading.Thread(target=_end_with_input, daemon=True).start()
    threading.Event().wait()


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
