"""Write docs/commands.md: every command of the command line with its options, from the help texts themselves.

python tools/list_commands.py            write it again
python tools/list_commands.py --check    exit with 1 when it is out of date
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer.main

from page import ROOT, write_or_check
from walkaround.cli import app

TARGET = ROOT / "docs" / "commands.md"

HEAD = """# Commands

Written by `make docs` from the help texts of the program; a test fails when it is out of date. `walkaround COMMAND --help`
says the same. Exit codes are in the [README](../README.md#exit-codes).
"""


def listing() -> str:
    """The whole page."""
    group: Any = typer.main.get_command(app)
    return "\n".join([HEAD, *(_section(name, command) for name, command in _commands(group))])


def _commands(group: Any) -> Iterator[tuple[str, Any]]:
    """Every command by all of its words; a group has none of its own."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from ((f"{name} {inner}", one) for inner, one in _commands(command))
        else:
            yield name, command


def _section(name: str, command: Any) -> str:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and one.name != "help"]
    usage = " ".join(["walkaround", name, *(_metavar(one) for one in arguments), "[OPTIONS]"])
    rows = "".join(_row(_metavar(one), one) for one in arguments) + "".join(_row(_flags(one), one) for one in options)
    return f"## {name}\n\n{_one_line(command.help)}\n\n```\n{usage}\n```\n\n| | what it is | default |\n|---|---|---|\n{rows}"


def _row(name: str, parameter: Any) -> str:
    needed = "needed" if parameter.required else ""
    default = needed or ("" if parameter.default in (None, False, ()) else f"`{_worded(parameter.default)}`")
    return f"| `{name}` | {_one_line(parameter.help).replace('|', '&#124;')} | {default} |\n"


def _worded(default: object) -> str:
    return "yes" if default is True else str(default)


def _metavar(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _flags(option: Any) -> str:
    flags = " / ".join([*option.opts, *option.secondary_opts])
    return flags if option.is_flag else f"{flags} {option.metavar or 'NUMBER'}"


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def main() -> None:
    """Write the page, or compare it."""
    write_or_check(TARGET, listing())


if __name__ == "__main__":
    main()
