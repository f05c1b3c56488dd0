"""The layout is a law: a room imports only rooms above it, and nothing imports PyTorch."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "walkaround"
ROOMS = (
    "errors settings damage buckets media datasets models inspection evaluation training terminal".split()
    + "store hosting pipeline aws web demo export cli".split()
)
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "misc", "core", "common", "base", "manager"}
MODULES = sorted(SOURCE.rglob("*.py"))


def room_of(module: Path) -> str:
    return module.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_modules(module: Path) -> set[str]:
    """Every absolute module name that `module` imports, wherever in the file the import stands."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import; write the whole name"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_room_imports_only_rooms_above_it(module: Path) -> None:
    if room_of(module) in ("__init__", "__main__"):
        return
    own = ROOMS.index(room_of(module))
    for name in imported_modules(module):
        parts = name.split(".")
        if parts[0] == "walkaround" and len(parts) > 1:
            assert parts[1] in ROOMS, f"{module}: imports {name}, from outside the rooms"
            assert ROOMS.index(parts[1]) <= own, f"{module}: imports {name}, a room below its own"
        if module.parent.name != "gradient":
            assert parts[0] not in ("torch", "torchvision", "tensorflow"), f"{module}: imports {name}"


def test_what_needs_pytorch_is_imported_only_when_it_is_called_for() -> None:
    for module in MODULES:
        if module.parent.name != "gradient":
            at_once = {
                f"{node.module}.{alias.name}"
                for node in ast.parse(module.read_text(encoding="utf-8")).body
                if isinstance(node, ast.ImportFrom)
                for alias in node.names
            }
            assert not [name for name in at_once if ".gradient" in name], (
                f"{module}: import it inside the function that needs it"
            )


def test_no_module_is_a_drawer() -> None:
    drawers = [module for module in MODULES if module.stem in FORBIDDEN_NAMES or module.parent.name in FORBIDDEN_NAMES]
    assert drawers == []


def test_modules_of_a_room_do_not_import_each_other_in_circles() -> None:
    graph = {
        ".".join(("walkaround", *module.relative_to(SOURCE).with_suffix("").parts)): imported_modules(module)
        for module in MODULES
    }
    edges = {
        name: {other for other in graph if other != name and any(i == other or i.startswith(other + ".") for i in imports)}
        for name, imports in graph.items()
    }
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, f"import circle: {' -> '.join((*path, name))}"
        if name not in done:
            for other in edges[name]:
                visit(other, (*path, name))
            done.add(name)

    for name in edges:
        visit(name, ())


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("cli", "torch sklearn pandas scipy numpy onnxruntime onnx av sqlalchemy fastapi"),
        ("inspection.detect", "torch sklearn pandas scipy onnx sqlalchemy fastapi"),
        ("web.serve", "torch sklearn pandas scipy onnx"),
        ("hosting.pool.worker", "torch sklearn pandas scipy onnx av sqlalchemy fastapi"),
    ],
)
def test_what_starts_often_or_stays_for_long_starts_without_the_heavy_libraries(module: str, heavy: str) -> None:
    code = (
        f"import sys; import walkaround.{module};"
        f"heavy = set({heavy.split()}) & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_the_list_of_files_has_all_rooms_in_this_order() -> None:
    page = (SOURCE.parents[1] / "docs" / "files.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\w+)$", page, flags=re.MULTILINE) == ROOMS
