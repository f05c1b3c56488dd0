"""Entries of the service as pictures on this machine that bear the names which people know them by."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from walkaround.errors import UnavailableError, WalkaroundError, writing
from walkaround.hosting.jobs.told_child import tell
from walkaround.hosting.log_lines import log_json
from walkaround.hosting.pool.parent import follow_parent
from walkaround.settings import Settings

_logger = logging.getLogger(__name__)

_LONGEST = 120
_PLAIN = re.compile(r"[\x00-\x1f\x7f/\\]+")
_NICE = 5


@dataclass(frozen=True, kw_only=True)
class NamedEntry:
    """An entry as it was put aside for a job.

    Attributes:
        id: of its row.
        ref: address of its picture.
        label: normal, anomaly or None.
        name: what it was uploaded as, or the last part of its address.
        line: of the manifest.
    """

    id: int
    ref: str
    label: str | None
    name: str
    line: str


def read_entries(path: Path) -> Iterator[NamedEntry]:
    """The entries that were put aside in a file."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield NamedEntry(**json.loads(line))


def linked(entry: NamedEntry, picture: Path, folder: Path) -> Path:
    """A link to the picture under the entry's name, in a folder of its own below `folder` that bears the entry's id.

    Raises:
        StorageError: it cannot be made.
    """
    name = _PLAIN.sub("_", entry.name)[-_LONGEST:].encode("utf-8", "replace")[-_LONGEST * 2 :].decode("utf-8", "ignore")
    link = folder / str(entry.id) / (name if name.strip(" .") else "picture")
    with writing(link):
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(picture)
    return link


def id_of(path: str, folder: Path) -> int | None:
    """The entry whose link a path is; None where it is none of this folder's."""
    found = re.match(re.escape(f"{folder}/") + r"(\d+)/", path)
    return int(found[1]) if found else None


def run_told(run: Callable[[Path, Settings], dict[str, Any]], arguments: Sequence[str]) -> None:
    """The life of a child process: FOLDER, PARENT (process id of the server) and LOG (json or text) are its arguments.

    Args:
        run: does the work in FOLDER with the settings that come in, and gives what is told last.
        arguments: of the process.
    """
    folder = Path(os.path.realpath(arguments[0]))
    follow_parent(int(arguments[1]))
    os.nice(_NICE)  # hosted models answer first
    settings = Settings(**json.loads(sys.stdin.read()))
    if arguments[2] == "json":
        log_json(settings.log_level)
    else:
        logging.basicConfig(level=logging.WARNING)
    try:
        tell(run(folder, settings))
    except UnavailableError as problem:
        tell({"unavailable": str(problem)})
    except WalkaroundError as problem:
        tell({"failed": str(problem).replace(f"{folder}/", "")})
    except MemoryError:  # may be chance: it is tried again
        _logger.exception("The work in %s was out of memory.", folder)
        sys.exit(1)
    except Exception as problem:  # an end without a word would be taken for want of memory, and tried again in vain
        _logger.exception("The work in %s failed.", folder)
        tell({"failed": f"It failed at an unforeseen error: {type(problem).__name__}: {problem}. See the server's log."})
