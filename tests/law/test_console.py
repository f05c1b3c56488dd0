"""Laws of the console's files: small modules, no other server, nothing that its Content Security Policy forbids."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "src" / "walkaround" / "web" / "console" / "static"
FILES = sorted(
    path for path in STATIC.rglob("*") if path.suffix in (".js", ".css", ".html", ".svg") and path.parent.name != "vendor"
)
MODULES = [path for path in FILES if path.suffix == ".js"]
MOST_LINES = 330
ALLOWED_ADDRESSES = ("http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink")
ROOTS = ("api", "router", "session", "theme", "formats", "shell", "main")


def names(path: Path) -> str:
    return str(path.relative_to(STATIC))


@pytest.mark.parametrize("path", FILES, ids=names)
def test_a_file_names_no_other_server(path: Path) -> None:
    found = set(re.findall(r"https?://[^\s\"'`<>)$]+", path.read_text(encoding="utf-8")))
    assert found <= {*ALLOWED_ADDRESSES}, found


@pytest.mark.parametrize("path", MODULES, ids=names)
def test_a_module_is_small_says_what_it_is_and_writes_no_html_from_data(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("/** "), "begin with what the module is"
    assert len(text.splitlines()) <= MOST_LINES
    forbidden = re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\bstyle=\"", text)
    assert not forbidden


@pytest.mark.parametrize("path", MODULES, ids=names)
def test_what_a_module_imports_is_there_and_not_a_page_of_others(path: Path) -> None:
    for wanted in re.findall(r"""(?:from|import)\s*\(?\s*["'](\.[^"'$]+)["']""", path.read_text(encoding="utf-8")):
        target = (path.parent / wanted).resolve()
        assert target.is_file(), f"{names(path)} imports {wanted}, which is not there"
        if path.parent.name == "ui":
            assert "pages" not in target.parts, f"{names(path)} is for all pages, and imports {wanted} of one"


def test_libraries_are_those_that_were_fetched() -> None:
    told = json.loads((STATIC / "vendor" / "vendor.json").read_text(encoding="utf-8"))
    for name, digest in told["files"].items():
        assert hashlib.sha256((STATIC / "vendor" / name).read_bytes()).hexdigest() == digest, name
