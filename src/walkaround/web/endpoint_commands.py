"""The commands about endpoints: a package, or a model of a project, answers clients of SageMaker's runtime under a name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from walkaround.errors import InputError
from walkaround.pipeline.commands import Config, Data, DatabaseUrl

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from walkaround.hosting.owner import Owner
    from walkaround.settings import Settings

endpoints = typer.Typer(name="endpoints", help="Make, list and delete endpoints of SageMaker's runtime.", no_args_is_help=True)

EndpointName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the endpoint.")]

_MODEL = re.compile(r"([a-zA-Z0-9][a-zA-Z0-9_-]{0,254})/([1-9][0-9]{0,9}|latest)")


@endpoints.command("create")
def _create(
    name: EndpointName,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Folder of a package, or PROJECT/VERSION of a model.")],
    units: Annotated[int, typer.Option(min=1, help="Inference units to start.")] = 1,
    data: Data = None,
    database: DatabaseUrl = None,
    config: Config = None,
) -> None:
    """Let a package or a model answer under a name. A package becomes a model of the project of that name first.

    A running server starts it; else the next one that is started does.
    """
    from walkaround.hosting.operations.models.endpoints import create_endpoint
    from walkaround.store.opening import opened_database

    settings, owner = _of(data, database, config)
    with opened_database(settings) as opened, opened.transaction() as session:
        project, version = _model(session, owner, name, model, settings)
        made = create_endpoint(
            session,
            owner,
            endpoint_name=name,
            model=(project, version),
            units=(units, None),
            settings=settings,
        )
    typer.echo(
        f"The endpoint {name} is {made['ProjectName']}/{made['ModelVersion']}; its status is {made['EndpointStatus']}.",
        err=True,
    )


@endpoints.command("list")
def _list(data: Data = None, database: DatabaseUrl = None, config: Config = None) -> None:
    """List the endpoints with their models and statuses."""
    from walkaround.hosting.operations.models.endpoints import list_endpoints
    from walkaround.store.opening import opened_database

    settings, owner = _of(data, database, config)
    token = None
    with opened_database(settings, existing=True) as opened, opened.reading() as session:
        while True:
            page = list_endpoints(session, owner, next_token=token)
            for one in page["Endpoints"]:
                typer.echo(f"{one['EndpointName']}  {one['ProjectName']}/{one['ModelVersion']}  {one['EndpointStatus']}")
            token = page.get("NextToken")
            if token is None:
                return


@endpoints.command("delete")
def _delete(name: EndpointName, data: Data = None, database: DatabaseUrl = None, config: Config = None) -> None:
    """Delete an endpoint. A model that was started for it is stopped; the model itself stays."""
    from walkaround.hosting.operations.models.endpoints import delete_endpoint
    from walkaround.store.opening import opened_database

    settings, owner = _of(data, database, config)
    with opened_database(settings, existing=True) as opened, opened.transaction() as session:
        delete_endpoint(session, owner, endpoint_name=name)
    typer.echo(f"The endpoint {name} is deleted.", err=True)


def _of(data: Path | None, database: str | None, config: Path | None) -> tuple[Settings, Owner]:
    from walkaround.hosting.owner import Owner
    from walkaround.settings import load_settings

    settings = load_settings({"data": data, "database": database}, file=config)
    return settings, Owner(account=settings.account, region=settings.region)


def _model(session: Session, owner: Owner, name: str, model: str, settings: Settings) -> tuple[str, str]:
    """Project and version of what a user calls a model; a package is imported."""
    from walkaround.hosting.operations.models.imported import import_package
    from walkaround.models.package import read_package

    named = _MODEL.fullmatch(model)
    if named is not None and not Path(model).is_dir():
        return named[1], named[2]
    if not Path(model).is_dir():
        raise InputError(f"{model!r} is neither the folder of a package nor PROJECT/VERSION of a model; give one of them.")
    version = import_package(session, owner, project_name=name, package=read_package(model), settings=settings)
    return name, str(version)
