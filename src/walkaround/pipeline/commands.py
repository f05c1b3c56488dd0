"""The commands of the pipeline, for the command line: `watch`, `results` and `letters`; they load nothing before they run."""

from __future__ import annotations

import os
import re
import shlex
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from walkaround.buckets.places import bucket_places
from walkaround.errors import InputError, UnavailableError
from walkaround.terminal import shown, told

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from walkaround.hosting.owner import Owner
    from walkaround.pipeline.outbox import SinkState
    from walkaround.pipeline.pipeline import Pipeline
    from walkaround.pipeline.spec import WatchSpec
    from walkaround.settings import Settings
    from walkaround.store.database import Database
    from walkaround.store.pipeline import Watch

letters = typer.Typer(
    name="letters",
    help="List, replay and discard dead letters: what a watch could not look at, deliver or understand.",
    no_args_is_help=True,
)

Data = Annotated[Path | None, typer.Option("--data", metavar="FOLDER", help="Folder of the service's data.")]
DatabaseUrl = Annotated[str | None, typer.Option("--database", metavar="URL", help="URL of the database; else SQLite.")]
Config = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="TOML file with settings.")]
Places = Annotated[
    list[str] | None,
    typer.Option("--bucket", metavar="NAME=PLACE", help="Folder, s3://, gs:// or az:// place of a bucket."),
]
Endpoint = Annotated[
    str | None, typer.Option("--s3-endpoint", metavar="URL", help="Server for S3 buckets that are not mapped.")
]
WatchName = Annotated[str, typer.Argument(metavar="WATCH", help="Name of the watch, or the folder or address that it watches.")]
Kind = Annotated[str, typer.Option("--kind", metavar="KIND", help="Of kind arrival, delivery or event.")]
Numbers = Annotated[
    list[int] | None,
    typer.Argument(metavar="NUMBERS...", min=1, max=2**63 - 1, help="Which; all where none is given."),
]

_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9]+")


def watch(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help="Folder, s3://BUCKET/PREFIX, gs://, az://, or an SQS queue: sqs://NAME or its URL."
        ),
    ],
    model: Annotated[
        list[str],
        typer.Option(
            "--model", metavar="MODEL", help="Package folder, or PROJECT/VERSION; PREFIX=MODEL for keys that begin so."
        ),
    ],
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the watch; else made of SOURCE.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(metavar="PREFIX", help="Pass over keys that begin so.")] = None,
    output: Annotated[
        str | None,
        typer.Option("--json-to", metavar="PLACE", help="Folder or s3://BUCKET/PREFIX for JSON, by the input's key."),
    ] = None,
    drawn: Annotated[bool, typer.Option("--drawn", help="Put drawn pictures and videos of damage there too.")] = False,
    table: Annotated[str | None, typer.Option("--dynamodb", metavar="TABLE", help="DynamoDB table for an item each.")] = None,
    webhook: Annotated[str | None, typer.Option(metavar="URL", help="Address that gets a signed request each.")] = None,
    frames: Annotated[int, typer.Option(min=1, max=500, help="Of a video, look at this many frames at most.")] = 24,
    capture: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Of a video, take a frame each so many seconds.")
    ] = None,
    poll: Annotated[float, typer.Option(metavar="SECONDS", min=0.2, help="Pause between two looks at SOURCE.")] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="End when everything that is there now is done.")] = False,
    data: Data = None,
    database: DatabaseUrl = None,
    bucket: Places = None,
    s3_endpoint: Endpoint = None,
    config: Config = None,
) -> None:
    """Look at every picture and video that is put into a folder, bucket or queue, until Ctrl-C: each once, and none is lost.

    Results are rows of the database, and go wherever else is asked for. Run it again, and it goes on where it was.
    """
    from walkaround.settings import load_settings

    places = bucket_places(bucket)
    flags: Mapping[str, Any] = {"data": data, "database": database, "buckets": places, "s3_endpoint": s3_endpoint}
    settings = load_settings(flags, file=config)
    source = _place(source)
    _check_source(source, settings)  # before anything is loaded or made
    where, settings = _sink_place(output, settings)
    if drawn and where is None:
        raise typer.BadParameter("--drawn needs --json-to: drawings are put beside the JSON.")
    values = {
        "name": name or _name_of(source),
        "source": source,
        "exclude": exclude or [],
        "frames": {"at_most": frames} | ({"kind": "chosen"} if capture is None else {"kind": "captured", "every": capture}),
        "sinks": _sinks({} if where is None else {**where, "drawn": drawn}, table, webhook),
        "poll_seconds": poll,
    }
    _run(values, model, settings, once=once)


def _check_source(source: str, settings: Settings) -> None:
    """Return if there is such a folder or bucket, or its server does not answer, which mends itself.

    Raises:
        InputError: there is not, or it is not permitted.
    """
    scheme, separator, rest = source.partition("://")
    if not separator:
        if not Path(source).is_dir():
            raise InputError(f"There is no folder {source!r} to watch: correct the path, or make the folder.")
    elif scheme in ("s3", "gs", "az"):
        from walkaround.buckets.buckets import buckets_of

        buckets, bucket = buckets_of(settings), rest.partition("/")[0]
        if scheme == "s3" or buckets.mapped(bucket):
            with suppress(UnavailableError):
                buckets.check(bucket)


def _sinks(bucket: dict[str, Any], table: str | None, webhook: str | None) -> list[dict[str, Any]]:
    """Those that were asked for, as a spec has them."""
    asked = [{"kind": "bucket", **bucket}] if bucket else []
    asked += [] if table is None else [{"kind": "dynamodb", "table": table}]
    asked += [] if webhook is None else [{"kind": "webhook", "url": webhook}]
    return asked


def _run(values: dict[str, Any], models: Sequence[str], settings: Settings, *, once: bool) -> None:
    from walkaround.buckets.buckets import buckets_of
    from walkaround.hosting.owner import Owner
    from walkaround.pipeline.pipeline import Pipeline
    from walkaround.pipeline.sinks.senders import check_sinks
    from walkaround.pipeline.spec import watch_spec
    from walkaround.pipeline.watches import put_watch
    from walkaround.store.opening import opened_database

    owner = Owner(account=settings.account, region=settings.region)
    with opened_database(settings) as database:
        rules = [_rule(text, values["name"], owner, database, settings) for text in models]
        spec = watch_spec({**values, "rules": rules}, where=values["name"])
        check_sinks(spec, settings)
        with database.transaction() as session:
            watch_id = put_watch(session, owner, spec, origin="command").id
        tally = _Tally(f"{spec.name} --data {shlex.quote(str(settings.data))}")
        pipeline = Pipeline(database, buckets_of(settings), settings, only=watch_id, tell=tally.tell)
        ended = threading.Event()
        former = {one: signal.signal(one, lambda *_: ended.set()) for one in (signal.SIGINT, signal.SIGTERM)}
        _greet(spec)
        pipeline.start()
        problems: list[str] = []
        try:
            while not ended.wait(0.2) and not (once and (_done(pipeline) or problems)):
                problems = pipeline.sources.problems  # which are logged
        finally:
            for one, handler in former.items():
                signal.signal(one, handler)
            pipeline.stop()
    waiting = 0 if pipeline.undelivered is None else pipeline.undelivered
    tally.close(pipeline.sinks)
    if pipeline.line.cut_off:
        told.print("What was being looked at is left for the next run.")
    if pipeline.line.looking:  # at a bucket that does not answer; the interpreter would wait for it
        sys.stdout.flush()
        os._exit(3)
    if once and problems:
        raise InputError(problems[0])
    if tally.dead or waiting or pipeline.deliveries.given_up or pipeline.line.cut_off:
        raise typer.Exit(3)


def _done(pipeline: Pipeline) -> bool:
    try:
        return pipeline.done()
    except UnavailableError:  # which mends itself
        return False


class _Tally:
    """Says each result in a line, and at the end how many there were."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.looked = self.damaged = self.dead = 0

    def tell(self, address: str, findings: Mapping[str, object] | None, problem: str | None) -> None:
        """See `Told`."""
        if findings is None:
            self.dead += 1
            told.print(f"[red]dead letter[/]  {shown(problem)}")
            return
        self.looked += 1
        self.damaged += bool(findings["anomalous"])
        verdict = "[yellow]damaged    [/]" if findings["anomalous"] else "[green]no damage  [/]"
        told.print(f"{verdict}  {findings['confidence']:.2f}  {shown(address)}  [dim]{shown(findings['label'])}[/]")

    def close(self, sinks: Sequence[SinkState]) -> None:
        """Say how many there were, and how many a sink does not have, and why."""
        what = "dead letter" if self.dead == 1 else "dead letters"
        dead = f", {self.dead:,} {what}; see `walkaround letters list {self._name}`" if self.dead else ""
        told.print(f"Looked at {self.looked:,}: {self.damaged:,} damaged{dead}.")
        for sink in sinks:
            if sink.waiting:
                why = f" {shown(sink.error)}" if sink.error else ""
                told.print(f"[yellow]Not yet at {shown(sink.sink)}: {sink.waiting:,}; the next run tries again.[/]{why}")
            if sink.dead:
                listed = f"walkaround letters list --kind delivery {self._name}"
                told.print(f"[red]Never got to {shown(sink.sink)}: {sink.dead:,}[/]; see `{listed}`.")


def _greet(spec: WatchSpec) -> None:
    models = ", ".join(dict.fromkeys(rule.model for rule in spec.rules))
    sinks = ", ".join(["the database", *(sink.name for sink in spec.sinks)])
    told.print(f"Watching {shown(spec.source)} as {shown(spec.name)!r} with {shown(models)}; results go to {shown(sinks)}.")


def _rule(text: str, project: str, owner: Owner, database: Database, settings: Settings) -> dict[str, str]:
    """PREFIX=MODEL or MODEL; the folder of a package becomes a model of a project named like the watch."""
    from walkaround.hosting.operations.models.imported import import_package
    from walkaround.models.package import read_package

    prefix, _, model = ("", "", text) if Path(text).exists() else text.rpartition("=")
    if Path(model).is_dir():
        package = read_package(Path(model))
        with database.transaction() as session:
            version = import_package(session, owner, project_name=project, package=package, settings=settings)
        return {"prefix": prefix, "model": f"{project}/{version}"}
    if not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_-]*/([1-9][0-9]*|latest)", model):
        raise InputError(
            f"{model!r} is no model: give the folder of a package, or PROJECT/VERSION as `walkaround serve` has it."
        )
    return {"prefix": prefix, "model": model}


def _sink_place(output: str | None, settings: Settings) -> tuple[dict[str, str] | None, Settings]:
    """Bucket and prefix for JSON; a local folder becomes a bucket of this run."""
    from walkaround.buckets.names import split_address

    if output is None:
        return None, settings
    if "://" in output:
        bucket, prefix = split_address(output)
        return {"bucket": bucket, "prefix": f"{prefix.rstrip('/')}/" if prefix else ""}, settings
    folder = Path(output).expanduser().absolute()
    folder.mkdir(parents=True, exist_ok=True)
    name = _name_of(f"out{folder}")
    return {"bucket": name, "prefix": ""}, settings.model_copy(update={"buckets": {**settings.buckets, name: str(folder)}})


def _name_of(source: str) -> str:
    """A name made of what is watched, such as s3-photos-front for s3://photos/front/."""
    name = _NOT_IN_NAMES.sub("-", source).strip("-")
    return name[-60:].strip("-") if len(name) >= 3 else f"watch-{name}"


def results(
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write a CSV table.")] = None,
    parquet: Annotated[Path | None, typer.Option("--parquet", metavar="FILE", help="Write a Parquet file.")] = None,
    project: Annotated[str | None, typer.Option(metavar="NAME", help="Of one project only.")] = None,
    watched: Annotated[str | None, typer.Option("--watch", metavar="NAME", help="Come by one watch only.")] = None,
    source: Annotated[str | None, typer.Option(metavar="PREFIX", help="Whose name begins so only.")] = None,
    label: Annotated[str | None, typer.Option(metavar="CLASS", help="Of one class only.")] = None,
    damaged: Annotated[bool | None, typer.Option("--damaged/--whole", help="Of one verdict only.")] = None,
    after: Annotated[datetime | None, typer.Option(help="Looked at since then only; UTC.")] = None,
    before: Annotated[datetime | None, typer.Option(help="Looked at before then only; UTC.")] = None,
    data: Data = None,
    database: DatabaseUrl = None,
    config: Config = None,
) -> None:
    """Write results of the pipeline and the service to a file, the newest first."""
    from walkaround.hosting.operations.results.result_search import ResultFilter
    from walkaround.pipeline.export import export_results

    files = [file for file in (csv, parquet) if file is not None]
    if not files:
        raise typer.BadParameter("Name a file with --csv or --parquet.")
    wanted = ResultFilter(
        after=None if after is None else after.replace(tzinfo=UTC),
        before=None if before is None else before.replace(tzinfo=UTC),
        anomalous=damaged,
        label=label,
        prefix=source,
        watch=watched,
    )
    with _opened(data, database, config) as (opened, owner):
        for file in files:
            count = export_results(opened, owner, wanted, file, project_name=project)
            told.print(f"{count:,} results are in {shown(repr(str(file)))}.")


@letters.command("list")
def _list(
    watch: WatchName, kind: Kind = "arrival", data: Data = None, database: DatabaseUrl = None, config: Config = None
) -> None:
    """List the dead letters of a watch, the newest first."""
    from walkaround.pipeline.letters import count_letters, dead_letters

    with _opened(data, database, config) as (opened, owner), opened.reading() as session:
        row = _watch(session, owner, watch)
        for letter in dead_letters(session, row, kind=_checked(kind), at_most=1000):
            typer.echo(f"{letter.number}  {letter.created:%Y-%m-%d %H:%M}  {letter.about!r}  {letter.reason}")
        counts = count_letters(session, row)
    told.print(
        f"{counts['arrival']:,} arrivals, {counts['delivery']:,} deliveries and {counts['event']:,} events are dead letters."
    )


@letters.command("replay")
def _replay(
    watch: WatchName,
    numbers: Numbers = None,
    kind: Kind = "arrival",
    data: Data = None,
    database: DatabaseUrl = None,
    config: Config = None,
) -> None:
    """Try dead letters once more."""
    from walkaround.pipeline.letters import replay

    with _opened(data, database, config) as (opened, owner), opened.transaction() as session:
        came = replay(session, _watch(session, owner, watch), kind=_checked(kind), numbers=numbers or None)
    left = f" {came.left:,} stay: they are still not understood, or their model is missing." if came.left else ""
    told.print(f"{came.replayed:,} of kind {kind} are tried again as soon as the pipeline runs.{left}")


@letters.command("discard")
def _discard(
    watch: WatchName,
    kind: Kind,
    numbers: Numbers = None,
    data: Data = None,
    database: DatabaseUrl = None,
    config: Config = None,
) -> None:
    """Forget dead letters; an object whose arrival is forgotten is not looked at when it is told of again."""
    from walkaround.pipeline.letters import discard

    with _opened(data, database, config) as (opened, owner), opened.transaction() as session:
        count = discard(session, _watch(session, owner, watch), kind=_checked(kind), numbers=numbers or None)
    told.print(f"{count:,} of kind {kind} are forgotten.")


def _watch(session: Session, owner: Owner, named: str) -> Watch:
    """The watch that somebody means, by its name or by what it watches.

    Raises:
        InputError: there is none, or several watch that.
    """
    from walkaround.pipeline.watches import list_watches, spec_of

    watches = list_watches(session, owner)
    meant = [one for one in watches if one.name == named] or [one for one in watches if spec_of(one).source == _place(named)]
    if len(meant) == 1:
        return meant[0]
    names = ", ".join(repr(one.name) for one in meant or watches) or "none"
    why = f"Several watches look at {named!r}" if meant else f"There is no watch {named!r}, and none looks at such a place"
    raise InputError(f"{why}: give the name of one. There are: {names}; --data or --database says of which service.")


def _place(source: str) -> str:
    """A source as a watch has it: an address as it is, or the path of a folder from the root on."""
    return source if "://" in source else str(Path(source).expanduser().absolute())


def _checked(kind: str) -> Any:
    from walkaround.pipeline.letters import KINDS

    if kind not in KINDS:
        raise InputError(f"{kind!r} is no kind of dead letter: give one of {', '.join(KINDS)}.")
    return kind


@contextmanager
def _opened(data: Path | None, database: str | None, config: Path | None) -> Iterator[tuple[Database, Owner]]:
    from walkaround.hosting.owner import Owner
    from walkaround.settings import load_settings
    from walkaround.store.opening import opened_database

    settings = load_settings({"data": data, "database": database}, file=config)
    with opened_database(settings, existing=True) as opened:
        yield opened, Owner(account=settings.account, region=settings.region)
