"""The documentation cannot rot: commands, options, names, files and dependencies are documented, and its Python is Python."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer.main

import walkaround
from walkaround.cli import app

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
MODULES = sorted((ROOT / "src" / "walkaround").rglob("*.py"))
GROUP: Any = typer.main.get_command(app)
COMMANDS: dict[str, Any] = {
    f"{name} {inner}".strip(): one
    for name, command in GROUP.commands.items()
    for inner, one in (getattr(command, "commands", None) or {"": command}).items()
}
PARAMETERS = [(name, parameter) for name, command in COMMANDS.items() for parameter in command.params]


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of one language on a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


PYTHON = [(page, number, code) for page in PAGES for number, code in enumerate(blocks(page, "python"))]
PYTHON_IDS = [f"{page.name}-{number}" for page, number, _ in PYTHON]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_explained_in_its_help_and_shown_in_the_readme(name: str) -> None:
    assert COMMANDS[name].help, f"walkaround {name} has no help text"
    assert f"walkaround {name}" in README


@pytest.mark.parametrize(("command", "parameter"), PARAMETERS, ids=lambda value: getattr(value, "name", value))
def test_an_argument_or_option_has_a_help_text_that_is_a_sentence(command: str, parameter: Any) -> None:
    assert parameter.help, f"walkaround {command}: {parameter.name} has no help text"
    assert parameter.help[0].isupper(), parameter.help
    assert parameter.help.endswith("."), parameter.help


@pytest.mark.parametrize("tool", ["list_files", "list_commands", "list_settings", "list_rules"])
def test_a_generated_page_is_current(tool: str) -> None:
    result = subprocess.run(
        [sys.executable, ROOT / "tools" / f"{tool}.py", "--check"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("line", [line for page in PAGES for code in blocks(page, "bash") for line in code.splitlines()])
def test_a_shell_line_uses_only_commands_and_options_that_exist(line: str) -> None:
    words = line.partition("#")[0].split()
    if words[:1] != ["walkaround"]:
        return
    command = COMMANDS.get(words[1]) or COMMANDS[" ".join(words[1:3])]
    known = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in words if word.startswith("--")} <= known | {"--help"}


def test_the_readme_names_every_target_of_the_makefile_that_it_tells_to_run() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    told = {
        name
        for page in PAGES
        for name in re.findall(r"(?:`|^)make ([a-z]+)", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    }
    assert told <= targets
    assert {"demo", "test"} <= told


@pytest.mark.parametrize(("page", "number", "code"), PYTHON, ids=PYTHON_IDS)
def test_python_on_a_page_is_valid_and_its_imports_exist(page: Path, number: int, code: str) -> None:
    for node in ast.walk(ast.parse(code, filename=f"{page.name}, block {number}")):
        if isinstance(node, ast.Import):
            assert all(find_spec(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = import_module(str(node.module))
            assert all(hasattr(module, alias.name) or find_spec(f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "walkaround":
            assert node.attr in walkaround.__all__


def test_the_pages_name_everything_that_is_exported() -> None:
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    assert [name for name in walkaround.__all__ if f"`{name}" not in text] == []


@pytest.mark.parametrize("name", walkaround.__all__)
def test_an_exported_name_can_be_imported_and_is_explained(name: str) -> None:
    assert (getattr(walkaround, name).__doc__ or "").strip()


def test_what_is_not_exported_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'teleport'"):
        _ = walkaround.teleport


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_a_module_begins_with_a_sentence(module: Path) -> None:
    docstring = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8")))
    assert docstring, f"{module} has no docstring"
    assert docstring.split("\n\n")[0].rstrip().endswith((".", "?", ":"))


def test_the_readme_names_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    names = [re.split(r"[<>=!~\[; ]", one)[0] for one in needed]
    assert [name for name in names if f"`{name}`" not in README] == []


def test_every_dependency_is_pinned_in_the_constraints() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    pinned = {
        line.partition("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line
    }
    assert {re.split(r"[<>=!~\[; ]", one)[0].lower() for one in needed} <= pinned


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_documentation_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#][^)]*)\)", text):
        if not target.startswith("http"):
            path, _, anchor = target.partition("#")
            goal = page.parent / path
            assert goal.exists(), f"{page.name} links to {target}"
            headings = re.findall(r"^#+ (.*)$", goal.read_text(encoding="utf-8"), flags=re.MULTILINE) if anchor else []
            assert not anchor or anchor in [heading.lower().replace(" ", "-") for heading in headings]
