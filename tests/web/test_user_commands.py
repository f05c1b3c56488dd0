"""The commands about users."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from subprocess import CompletedProcess

from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.opening import database_of
from walkaround.store.passwords import fits
from walkaround.store.users import find_user

Command = Callable[..., CompletedProcess[str]]
PASSWORD = "correct horse battery"  # noqa: S105 - of a user who is made here


def typed(data: Path, *words: str, password: str = PASSWORD) -> CompletedProcess[str]:
    """A command that reads a password from its input."""
    command = [sys.executable, "-m", "walkaround", "users", *words, "--data", str(data)]
    return subprocess.run(command, input=f"{password}\n", capture_output=True, text=True, check=False)


def test_a_user_is_made_listed_given_another_password_and_removed(command: Command, tmp_path: Path) -> None:
    assert typed(tmp_path, "make", "Ann@Example.org").returncode == 0
    assert typed(tmp_path, "make", "bob", "--role", "admin").returncode == 0
    listed = command("users", "list", "--data", tmp_path).stdout.splitlines()
    assert [line.split()[:3] for line in listed] == [
        ["ann@example.org", "000000000000", "admin"],
        ["bob", "000000000000", "admin"],
    ]
    assert "never signed in" in listed[0]
    assert typed(tmp_path, "password", "bob", password="another horse battery").returncode == 0  # noqa: S106
    with Database(f"sqlite:///{tmp_path / 'walkaround.sqlite'}").reading() as session:
        assert fits("another horse battery", find_user(session, "bob").password)
    removed = command("users", "remove", "bob", "--data", tmp_path)
    assert (removed.returncode, "The user bob is removed" in removed.stderr) == (0, True)
    last = command("users", "remove", "ann@example.org", "--data", tmp_path)
    assert (last.returncode, "is the last administrator" in last.stderr) == (1, True)


def test_what_cannot_be_is_told_in_a_sentence(command: Command, tmp_path: Path) -> None:
    with closing(database_of(Settings(data=tmp_path))) as database:
        database.migrate()
    for words, said in (
        (("make", "a b"), "cannot be the name of a user"),
        (("make", "ann", "--role", "root"), "'root' is no role: give one of read, detect, manage, admin"),
        (("remove", "ann"), "There is no user 'ann'"),
        (("password", "ann"), "There is no user 'ann'"),
    ):
        result = command("users", *words, "--data", tmp_path)
        assert (result.returncode, said in result.stderr) == (1, True), result.stderr
    assert "There is no user: run `walkaround users make`" in command("users", "list", "--data", tmp_path).stderr


def test_without_a_password_there_is_no_user(tmp_path: Path) -> None:
    result = typed(tmp_path, "make", "ann", password="")
    assert (result.returncode, "There is no password" in result.stderr) == (1, True)
    result = typed(tmp_path, "make", "ann", password="short")  # noqa: S106
    assert (result.returncode, "10 to 200 characters" in result.stderr) == (1, True)
