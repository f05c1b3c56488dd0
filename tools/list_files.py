"""Write docs/files.md: every file of the package with the first sentence of its docstring.

python tools/list_files.py            write it again
python tools/list_files.py --check    exit with 1 when it is out of date
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from page import ROOT, write_or_check

SOURCE = ROOT / "src" / "walkaround"
TARGET = ROOT / "docs" / "files.md"
ORDER = (
    "errors settings damage buckets media datasets models inspection evaluation training terminal".split()
    + "store hosting pipeline aws web demo export cli".split()
)
"""The rooms, in the order in which they may import each other; a test of the law compares the page's headings with its own."""

HEAD = """# Files

Written by `make docs` from the first sentence of each module; a test fails when it is out of date. A room may import only
rooms that stand above it.
"""


def listing() -> str:
    """The whole page."""
    parts = [HEAD]
    for room in ("", *ORDER):
        modules = [path for path in sorted(SOURCE.rglob("*.py")) if _room(path) == room]
        if not modules:
            continue
        parts.append(_heading(room))
        parts.append("| file | what it is |\n|---|---|\n" + "".join(map(_row, modules)))
    return "\n".join(parts)


def first_sentence(module: Path) -> str:
    """The first sentence of a module's docstring, on one line; empty where it has none."""
    docstring = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    paragraph = " ".join(docstring.split("\n\n")[0].split())
    return re.split(r"(?<=\.)\s+(?=[A-Z])", paragraph)[0]


def _room(module: Path) -> str:
    """The room that a module stands in; empty for the package itself."""
    first = module.relative_to(SOURCE).parts[0].removesuffix(".py")
    return "" if first.startswith("__") else first


def _heading(room: str) -> str:
    package = SOURCE / room / "__init__.py"
    if not room:
        return "## The package\n"
    return f"## {room}\n\n{first_sentence(package)}\n" if package.is_file() else f"## {room}\n"


def _row(module: Path) -> str:
    if module.name == "__init__.py" and module.parent != SOURCE:
        return ""
    link = f"[{module.relative_to(SOURCE).as_posix()}](../{module.relative_to(ROOT).as_posix()})"
    return f"| {link} | {first_sentence(module).replace('|', '&#124;')} |\n"


def main() -> None:
    """Write the page, or compare it."""
    write_or_check(TARGET, listing())


if __name__ == "__main__":
    main()
