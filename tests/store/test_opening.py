"""The database of a command is closed when the command has ended, well or not: nothing of it stays open in the process."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from walkaround.cli import app
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.web.commands import make_key

OPEN = Path("/proc/self/fd")
COMMANDS = (
    ("keys", "make"),
    ("keys", "list"),
    ("keys", "revoke", "nobody"),
    ("aws", "env"),
    ("aws", "env", "--key-id", "nobody"),
    ("users", "make", "anna"),
    ("users", "list"),
    ("users", "password", "nobody"),
    ("users", "remove", "nobody"),
    ("endpoints", "create", "car", "cars/1"),
    ("endpoints", "list"),
    ("endpoints", "delete", "car"),
    ("letters", "list", "gate"),
    ("letters", "replay", "gate"),
    ("letters", "discard", "gate", "--kind", "event"),
    ("results", "--csv", "results.csv"),
    ("watch", ".", "--model", "cars/1", "--once"),
)


@pytest.fixture(autouse=True)
def uncollected() -> Iterator[None]:
    """Nothing is closed by chance, because what held it was collected."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def left_open(data: Path) -> list[str]:
    """Files in a folder that this process has open."""
    if not OPEN.is_dir():
        pytest.skip("which files a process has open is told by Linux")
    links = (link.readlink() for link in list(OPEN.iterdir()) if link.is_symlink())
    return sorted(str(link) for link in links if link.is_relative_to(data))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_leaves_no_database_open(tmp_path: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(Database(f"sqlite:///{tmp_path / 'data' / 'walkaround.sqlite'}")) as database:
        database.migrate()
    opened: list[Database] = []
    migrate = Database.migrate

    def noted(database: Database) -> None:
        opened.append(database)
        migrate(database)

    monkeypatch.setattr(Database, "migrate", noted)
    ran = CliRunner().invoke(app, [*words, "--data", str(tmp_path / "data")], input="a password that is long\n")
    assert opened, ran.output
    assert left_open(tmp_path / "data") == []


def test_a_key_that_is_made_leaves_no_database_open(tmp_path: Path) -> None:
    make_key(Settings(data=tmp_path), role="read", account=None, note="")
    assert left_open(tmp_path) == []
