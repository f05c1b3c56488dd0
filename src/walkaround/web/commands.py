"""The commands of the service, for the command line: `serve`, `keys` and `aws`. Like it, they load nothing before they run."""

from __future__ import annotations

import gc
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from walkaround.buckets.places import bucket_places
from walkaround.errors import InputError
from walkaround.pipeline.commands import Config, Data, DatabaseUrl, Places

if TYPE_CHECKING:
    from walkaround.settings import Settings
    from walkaround.store.keys import NewKey

_PROJECT = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}")
keys = typer.Typer(name="keys", help="Make, list and revoke the access keys of the service.", no_args_is_help=True)
aws = typer.Typer(name="aws", help="Make AWS' own clients work with the service.", no_args_is_help=True)


def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Address to listen on; 127.0.0.1 unless set.")] = None,
    port: Annotated[int | None, typer.Option(metavar="NUMBER", help="Port to listen on; 8080 unless set.")] = None,
    data: Data = None,
    database: DatabaseUrl = None,
    bucket: Places = None,
    s3_endpoint: Annotated[str | None, typer.Option(metavar="URL", help="Server for S3 buckets that are not mapped.")] = None,
    region: Annotated[str | None, typer.Option(metavar="NAME", help="Region of callers that name no other.")] = None,
    keyless: Annotated[bool, typer.Option("--keyless", help="Ask for no keys; on a loopback address only.")] = False,
    config: Config = None,
    log_level: Annotated[str | None, typer.Option(metavar="LEVEL", help="Log debug, info, warning or error.")] = None,
) -> None:
    """Run the service: Lookout for Vision's API and the REST API on one port, until Ctrl-C or SIGTERM.

    Every other setting of docs/settings.md is a flag too, such as --max-body 64000000.
    """
    gc.disable()  # what is imported stays: looking through it for garbage takes a seventh of the start
    from walkaround.web.serve import serve as serve_until_told

    gc.freeze()
    gc.enable()
    flags = {"host": host, "port": port, "data": data, "database": database, "buckets": bucket_places(bucket)}
    flags |= {"s3_endpoint": s3_endpoint, "region": region, "keyless": keyless or None, "log_level": log_level}
    flags |= _other_flags(context.args)
    serve_until_told(_settings(flags, config), say=_note)


def _other_flags(words: Sequence[str]) -> dict[str, str]:
    """The settings that have no option of their own, from --NAME VALUE or --NAME=VALUE; read late, for the sake of `--help`."""
    from walkaround.settings import setting_rows

    names = {row.flag: row.name for row in setting_rows() if row.flag}
    found: dict[str, str] = {}
    left = list(words)
    while left:
        flag, equals, value = left.pop(0).partition("=")
        if flag not in names:
            raise typer.BadParameter(f"There is no option {flag!r}; docs/settings.md has them all.")
        if not equals and not left:
            raise typer.BadParameter(f"The option {flag} needs a value.")
        found[names[flag]] = value if equals else left.pop(0)
    return found


def import_model(
    package: Annotated[Path, typer.Argument(metavar="PACKAGE", help="Folder that `walkaround train --out` wrote.")],
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="Project that gets it; made where there is none.")],
    data: Data = None,
    database: DatabaseUrl = None,
    config: Config = None,
) -> None:
    """Make a package a model of a project, to be hosted, watched with and asked like any other; a server may be running."""
    from walkaround.hosting.operations.models.imported import import_package
    from walkaround.hosting.owner import Owner
    from walkaround.models.package import read_package
    from walkaround.store.opening import opened_database

    if not _PROJECT.fullmatch(project):
        raise InputError(f"{project!r} cannot be the name of a project: write letters, digits, hyphens and underscores.")
    found = read_package(package)
    settings = _settings({"data": data, "database": database}, config)
    owner = Owner(account=settings.account, region=settings.region)
    with opened_database(settings) as opened, opened.transaction() as session:
        version = import_package(session, owner, project_name=project, package=found, settings=settings)
    _note(f"The package is {project}/{version}.")


@keys.command("make")
def _make(
    role: Annotated[str, typer.Option(metavar="ROLE", help="What the key may do: read, detect, manage or admin.")] = "manage",
    account: Annotated[str | None, typer.Option(metavar="ACCOUNT", help="Whose data it opens, in 12 digits.")] = None,
    note: Annotated[str, typer.Option(metavar="TEXT", help="What the key is for.")] = "",
    data: Data = None,
    database: DatabaseUrl = None,
    config: Config = None,
) -> None:
    """Make an access key and show its secret and, this once, its bearer token. A running server knows it within a second."""
    key = make_key(_settings({"data": data, "database": database}, config), role=role, account=account, note=note)
    typer.echo(f"AWS_ACCESS_KEY_ID={key.key_id}")
    typer.echo(f"AWS_SECRET_ACCESS_KEY={key.secret}")
    typer.echo(f"WALKAROUND_TOKEN={key.bearer}")
    _note(f"The first two sign requests of AWS' clients, the third, not shown again, opens the REST API; role {key.role}.")


@keys.command("list")
def _list(data: Data = None, database: DatabaseUrl = None, config: Config = None) -> None:
    """List the access keys: never their secrets."""
    from walkaround.store.keys import list_keys
    from walkaround.store.opening import opened_database

    settings = _settings({"data": data, "database": database}, config)
    with opened_database(settings, existing=True) as opened, opened.reading() as session:
        found = list_keys(session)
        if not found:
            where = "the database" if settings.database else f"the data folder {str(settings.data)!r}"
            _note(f"There is no access key in {where}: make one with `walkaround keys make`.")
        for key in found:
            state = "usable" if key.revoked is None else f"revoked {key.revoked:%Y-%m-%d %H:%M}"
            typer.echo(f"{key.id}  {key.account}  {key.role:<6}  {key.created:%Y-%m-%d %H:%M}  {state}  {key.note}".rstrip())


@keys.command("revoke")
def _revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Id of the key, as `walkaround keys list` shows it.")],
    data: Data = None,
    database: DatabaseUrl = None,
    config: Config = None,
) -> None:
    """Revoke an access key for ever. A running server refuses it within a second."""
    from walkaround.store.keys import revoke_key
    from walkaround.store.opening import opened_database

    settings = _settings({"data": data, "database": database}, config)
    with opened_database(settings, existing=True) as opened, opened.transaction() as session:
        revoke_key(session, key)
    _note(f"The key {key} is revoked.")


@aws.command("install-model")
def _install_model(
    folder: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Folder of models; else of AWS_DATA_PATH, or ~/.aws/models.")
    ] = None,
) -> None:
    """Give this machine's boto3 and AWS CLI the lookoutvision service back, which newer versions have dropped."""
    from walkaround.aws.install import install_model

    _note(str(install_model(folder)))


@aws.command("env")
def _env(
    endpoint: Annotated[str | None, typer.Option(metavar="URL", help="Address of the service; else of the settings.")] = None,
    key: Annotated[
        str | None, typer.Option("--key-id", metavar="KEY", help="Access key to sign with; the only one, if there is one.")
    ] = None,
    s3_endpoint: Annotated[str | None, typer.Option(metavar="URL", help="S3 server that clients are to use as well.")] = None,
    data: Data = None,
    database: DatabaseUrl = None,
    config: Config = None,
) -> None:
    """Print the variables that lead AWS' clients to this service: eval "$(walkaround aws env)"."""
    from walkaround.aws.install import client_environment, shell_lines

    settings = _settings({"data": data, "database": database}, config)
    key = key or _only_key(settings)
    if key is None and not settings.keyless:
        _note("There is no access key: these are placeholders, for a server with --keyless. `walkaround keys make` makes one.")
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    variables = client_environment(
        endpoint or f"http://{host}:{settings.port}",
        region=settings.region,
        key_id=key,
        secret=None if key is None else _secret_of(settings, key),
        s3_endpoint=s3_endpoint,
    )
    typer.echo(shell_lines(variables), nl=False)


def _only_key(settings: Settings) -> str | None:
    """The id of the one usable key; None where there is none, or keys are not asked for.

    Raises:
        InputError: there are several.
    """
    from walkaround.store.keys import list_keys
    from walkaround.store.opening import has_database, opened_database

    if settings.keyless or not has_database(settings):
        return None
    with opened_database(settings, existing=True) as opened, opened.reading() as session:
        usable = [key.id for key in list_keys(session) if key.revoked is None]
    if len(usable) > 1:
        raise InputError(
            f"There are {len(usable):,} access keys: say with --key-id which one, as `walkaround keys list` shows them."
        )
    return usable[0] if usable else None


def _secret_of(settings: Settings, key_id: str) -> str:
    from walkaround.store.keys import KeyRing
    from walkaround.store.opening import opened_database

    with opened_database(settings, existing=True) as opened, opened.reading() as session:
        key = KeyRing(settings.data).find(session, key_id)
    if key is None or key.revoked is not None:
        raise InputError(f"There is no usable access key {key_id!r}: see `walkaround keys list`.")
    return key.secret.decode()


def make_key(settings: Settings, *, role: str, account: str | None, note: str) -> NewKey:
    """Make an access key; a running server knows it within a second.

    Raises:
        InputError: the role, the account or the note cannot be, or the keys in the database are of another data folder.
        StorageError: the data folder cannot be written.
        UnavailableError: the database does not answer.
    """
    from walkaround.store.keys import KeyRing
    from walkaround.store.opening import opened_database

    ring = KeyRing(settings.data)
    with opened_database(settings) as opened, opened.transaction() as session:
        return ring.make(session, account=account or settings.account, role=role, note=note)


def _note(text: str) -> None:
    typer.echo("".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text), err=True)


def _settings(flags: Mapping[str, object], config: Path | None) -> Settings:
    from walkaround.settings import load_settings

    return load_settings(flags, file=config)
