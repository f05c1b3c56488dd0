"""Reads files for test_apart, as the processes of the pipeline and of bulk do."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from walkaround.errors import PictureError, UnavailableError
from walkaround.pipeline.answering import Begin, Handler, serve


class OddError(PictureError):
    """One that cannot be read from its pickle."""

    def __init__(self, *, name: str) -> None:
        super().__init__(f"{name!r} is odd.")


def handler_of(folder: Path) -> Handler:
    """Gives the text of a file; some names mean something else."""

    def read(name: str, begin: Begin) -> str:
        begin()
        if name == "refused":
            raise PictureError("'refused' is no picture.")
        if name == "away":
            raise UnavailableError("The bucket is away.", retry_after=7)
        while name == "later" and not (folder / name).exists():  # whichever process is asked, and however often
            time.sleep(0.01)
        if name == "odd":
            raise OddError(name=name)
        text = (folder / name).read_text()
        if text == "deadly":
            os.kill(os.getpid(), signal.SIGKILL)
        return text

    return read


if __name__ == "__main__":
    serve(handler_of)
