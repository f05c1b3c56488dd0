"""Pages of the documentation that programs write: written again, or compared where --check is given."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
"""The repository."""


def write_or_check(target: Path, text: str) -> None:
    """Write a page below the repository; with --check among the arguments, exit with 1 and a sentence where it differs."""
    if "--check" not in sys.argv[1:]:
        target.write_text(text, encoding="utf-8")
    elif not target.is_file() or target.read_text(encoding="utf-8") != text:
        sys.exit(f"{target.relative_to(ROOT)} is out of date; run: make docs")
