"""What a listing of a folder passes over although somebody may have meant it: links, odd names, and what is no plain file."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from walkaround.buckets.names import quoted, why_no_key

_MOST_NAMED = 3


@dataclass
class PassedOver:
    """How many there were, and the first of them.

    Attributes:
        count: of names.
        named: the first few, each with why, as a part of a sentence.
    """

    count: int = 0
    named: list[str] = field(default_factory=list)

    def note(self, key: str, why: str) -> None:
        """Count one; `why` is such as "is a link to nothing"."""
        self.count += 1
        if len(self.named) < _MOST_NAMED:
            self.named.append(f"{quoted(key)} {why}")

    @property
    def sentence(self) -> str:
        """Such as "2 names are passed over: 'a' is a link to nothing, 'b' is no plain file."; empty where there are none."""
        if not self.count:
            return ""
        more = f", and {self.count - len(self.named):,} more" if self.count > len(self.named) else ""
        what = "1 name is" if self.count == 1 else f"{self.count:,} names are"
        return f"{what} passed over: {', '.join(self.named)}{more}."


def why_odd(name: str) -> str:
    """Why a name in a folder cannot be a part of a key, for `note`; empty where it can."""
    why = why_no_key(name)
    return f"is a name that {why}" if why else ""


def why_no_file(root: str, path: str) -> str:
    """Why what is no folder of its own is not read, for `note`; `root` is the listed folder without links."""
    file = Path(path)
    if not file.is_symlink():
        return "" if file.is_file() else "is no plain file"
    end = Path(os.path.realpath(path))
    if not end.is_relative_to(root):
        return "is a link out of the folder"
    if not end.exists():
        return "is a link to nothing"
    return "is a link to a folder" if end.is_dir() else "is a link to what is no plain file"
