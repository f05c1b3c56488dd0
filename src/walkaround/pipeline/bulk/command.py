"""The command `bulk`, for the command line. Like it, it loads nothing before it runs."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from walkaround.buckets.places import bucket_places
from walkaround.terminal import shown, told

if TYPE_CHECKING:
    from walkaround.pipeline.bulk.summary import Summary

_ATTENTION, _INTERRUPTED = 3, 130


def bulk(
    source: Annotated[str, typer.Argument(metavar="IN", help="Where the pictures are: s3://BUCKET/PREFIX, or a folder.")],
    target: Annotated[str, typer.Argument(metavar="OUT", help="Where results go: s3://BUCKET/PREFIX, or a folder.")],
    model: Annotated[Path, typer.Option("--model", metavar="PACKAGE", help="Folder that `walkaround train --out` wrote.")],
    ray: Annotated[
        str | None, typer.Option("--ray", metavar="ADDRESS", help="Ray cluster, HOST:PORT or auto; else this machine.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Models at work; as many as there is room for.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of each worker; up to 4, as nodes have cores.")] = None,
    shard_size: Annotated[int | None, typer.Option(min=1, max=100_000, help="Pictures written together; 1000.")] = None,
    bucket: Annotated[
        list[str] | None,
        typer.Option("--bucket", metavar="NAME=PLACE", help="Folder, s3://, gs:// or az:// place of a bucket."),
    ] = None,
    s3_endpoint: Annotated[str | None, typer.Option(metavar="URL", help="Server for S3 buckets that are not mapped.")] = None,
    config: Annotated[Path | None, typer.Option("--config", metavar="FILE", help="TOML file with settings.")] = None,
) -> None:
    """Inspect all pictures and videos of a bucket, on this machine or on a Ray cluster; results are Parquet and JSON lines.

    Run it again to go on where it stopped, whatever stopped it.
    """
    from walkaround.pipeline.bulk.extra import need_extra

    need_extra()
    from walkaround.pipeline.bulk.bar import progress
    from walkaround.pipeline.bulk.bulk import GO_ON, Workforce, inspect_bulk
    from walkaround.pipeline.bulk.places import reach_of
    from walkaround.pipeline.limits import limits_of
    from walkaround.settings import load_settings

    settings = load_settings({"buckets": bucket_places(bucket), "s3_endpoint": s3_endpoint}, file=config)
    try:
        with _native_output_aside(), progress() as report:
            summary = inspect_bulk(
                source,
                target,
                package=model,
                reach=reach_of(settings),
                limits=limits_of(settings),
                workforce=Workforce(ray=ray, workers=workers, threads=threads),
                shard_size=shard_size,
                progress=report,
            )
    except KeyboardInterrupt as stop:
        told.print(f"\nInterrupted. {GO_ON}")
        raise typer.Exit(_INTERRUPTED) from stop
    _tell(summary)
    if summary.failed or summary.incomplete:
        raise typer.Exit(_ATTENTION)


def _tell(summary: Summary) -> None:
    inspected = summary.pictures + summary.videos
    what = _counted(summary.pictures, "picture") + (f" and {_counted(summary.videos, 'video')}" if summary.videos else "")
    told.print(
        f"[green]Done[/]: {what}, {summary.anomalous:,} damaged and {inspected - summary.anomalous:,} whole;"
        f" {1000 * summary.cpu_seconds_per_object:.0f} ms of CPU each"
    )
    if summary.failed or summary.incomplete:
        told.print(
            f"[yellow]left out[/] {summary.failed:,}"
            + (f", used in part {summary.incomplete:,}" if summary.incomplete else "")
            + f": see {shown(summary.output)}/failed.jsonl"
        )
    if summary.passed_over:
        told.print(f"[cyan]passed over[/] {_counted(summary.passed_over, 'file')} of other kinds")
    if summary.unreadable:
        told.print(f"[yellow]{shown(summary.unreadable)}[/]")
    told.print(f"[green]Wrote[/] {shown(summary.output)}: {_parts(summary.shards)} (.parquet, .jsonl), summary.json")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _parts(shards: int) -> str:
    return "part-00000" + ("" if shards == 1 else f" to part-{shards - 1:05}")


@contextmanager
def _native_output_aside() -> Iterator[None]:
    """Keep Ray, which writes to the terminal whatever it is told, from doing so: its native part, and what it prints.

    Python's standard error goes where it went.
    """
    try:
        with _output_aside():
            yield
    finally:
        _reset_nothing_at_exit()


def _reset_nothing_at_exit() -> None:
    """Ray loads colorama, which would end with the terminal's colours, on what was standard output then: closed since."""
    colours = sys.modules.get("colorama.initialise")
    if colours is not None:
        atexit.unregister(colours.reset_all)


@contextmanager
def _output_aside() -> Iterator[None]:
    try:
        direct = sys.stderr.fileno() == 2
    except (OSError, ValueError):  # it is no file
        direct = False
    if not direct:
        with Path(os.devnull).open("w") as away, redirect_stdout(away):
            yield
        return
    sys.stderr.flush()
    ours, before = os.fdopen(os.dup(2), "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace"), sys.stderr
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    sys.stderr = ours
    try:
        with Path(os.devnull).open("w") as away, redirect_stdout(away):
            yield
    finally:
        sys.stderr = before
        os.dup2(ours.fileno(), 2)
        ours.close()
