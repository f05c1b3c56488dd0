"""The commands about users: people who sign in to the console."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from walkaround.errors import InputError
from walkaround.pipeline.commands import Config, Data, DatabaseUrl

if TYPE_CHECKING:
    from pathlib import Path

    from walkaround.settings import Settings

users = typer.Typer(name="users", help="Make, list and remove the users of the console.", no_args_is_help=True)

UserName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the user.")]


@users.command("make")
def _make(
    name: UserName,
    role: Annotated[str, typer.Option(metavar="ROLE", help="What the user may do: read, detect, manage or admin.")] = "admin",
    account: Annotated[str | None, typer.Option(metavar="ACCOUNT", help="Whose data it is, in 12 digits.")] = None,
    data: Data = None,
    database: DatabaseUrl = None,
    config: Config = None,
) -> None:
    """Make a user. The password is asked for; where nobody can be asked, it is the first line of the input."""
    from walkaround.store.keys import role_of
    from walkaround.store.opening import opened_database
    from walkaround.store.users import make_user, new_digest, plain_name

    settings = _loaded(data, database, config)
    plain, known = plain_name(name), role_of(role)
    with opened_database(settings) as opened:
        digest = new_digest(_password(), name=plain)
        with opened.transaction() as session:
            make_user(session, name=plain, digest=digest, role=known, account=account or settings.account)
    typer.echo(f"The user {plain} has the role {known}, and can sign in.", err=True)


@users.command("list")
def _list(data: Data = None, database: DatabaseUrl = None, config: Config = None) -> None:
    """List the users: name, account, role, when they were made and when they last signed in."""
    from walkaround.store.opening import opened_database
    from walkaround.store.users import list_users

    with opened_database(_loaded(data, database, config), existing=True) as opened, opened.reading() as session:
        found = list_users(session)
        if not found:
            typer.echo("There is no user: run `walkaround users make`, or open the link that a server prints.", err=True)
        for user in found:
            last = f"signed in {user.signed_in:%Y-%m-%d %H:%M}" if user.signed_in else "never signed in"
            typer.echo(f"{user.name}  {user.account}  {user.role:<6}  {user.created:%Y-%m-%d %H:%M}  {last}")


@users.command("password")
def _password_of(name: UserName, data: Data = None, database: DatabaseUrl = None, config: Config = None) -> None:
    """Give a user another password; all of the user's sessions end. It is asked for, or the first line of the input."""
    from walkaround.store.opening import opened_database
    from walkaround.store.users import find_user, new_digest, set_password

    with opened_database(_loaded(data, database, config), existing=True) as opened:
        with opened.reading() as session:
            found = find_user(session, name).name
        digest = new_digest(_password(), name=found)
        with opened.transaction() as session:
            set_password(session, find_user(session, found), digest)
    typer.echo(f"The user {found} has another password.", err=True)


@users.command("remove")
def _remove(name: UserName, data: Data = None, database: DatabaseUrl = None, config: Config = None) -> None:
    """Remove a user: the user's sessions end, and the access keys that the user made are revoked."""
    from walkaround.store.opening import opened_database
    from walkaround.store.users import find_user, remove_user

    with opened_database(_loaded(data, database, config), existing=True) as opened, opened.transaction() as session:
        user = find_user(session, name)
        revoked = remove_user(session, user)
        typer.echo(f"The user {user.name} is removed; access keys revoked: {revoked}.", err=True)


def _password() -> str:
    """A password from the keyboard, typed twice, or a line of the input; never an argument, which others can read."""
    if sys.stdin.isatty():
        typed: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return typed
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise InputError("There is no password: type it when asked, or give it as the first line of the input.")
    return line


def _loaded(data: Path | None, database: str | None, config: Path | None) -> Settings:
    from walkaround.settings import load_settings

    return load_settings({"data": data, "database": database}, file=config)
