"""The command line: one function a command; each reads its arguments, calls one room, and prints.

Exit codes: 0 all done; 1 it could not be done; 2 wrong usage; 3 done, but something was left out or needs attention;
130 interrupted.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from walkaround.errors import WalkaroundError

if TYPE_CHECKING:
    from walkaround.datasets.sample import Problem
    from walkaround.evaluation.measure import Evaluation
    from walkaround.training.recipe import Recipe

DONE, FAILED, ATTENTION, INTERRUPTED = 0, 1, 3, 130

app = typer.Typer(
    name="walkaround",
    help="Find damage on vehicles: train on your own photos, measure what was trained, inspect pictures and videos.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
_told = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)

Pictures = Annotated[Path, typer.Argument(metavar="PICTURES", help="Folder of class folders, CSV table, or manifest.")]
PackageFolder = Annotated[Path, typer.Argument(metavar="PACKAGE", help="Folder that `walkaround train --out` wrote.")]
Buckets = Annotated[
    list[str] | None,
    typer.Option("--bucket", metavar="NAME=FOLDER", help="Local folder for a bucket of s3:// addresses."),
]
Cache = Annotated[Path | None, typer.Option("--cache", metavar="FOLDER", help="Where features are kept between runs.")]
Normal = Annotated[list[str] | None, typer.Option("--normal", metavar="CLASS", help="A class that means a whole car.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="The same seed and pictures give the same result.")]
Json = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the result as JSON; - for standard output.")]


@app.command()
def check(
    pictures: Pictures,
    json_file: Json = None,
    labels: Annotated[bool, typer.Option(help="Also look for wrong labels, which takes a pass of the network.")] = True,
    normal: Normal = None,
    buckets: Buckets = None,
    cache: Cache = None,
    seed: Seed = 0,
) -> None:
    """List what is wrong with labelled pictures, as things to act on."""
    from walkaround.training.check import check as check_pictures

    with _progress() as report:
        found = check_pictures(
            pictures,
            recipe=_recipe(seed=seed, cache=cache, normal=normal),
            labels=labels,
            buckets=_buckets(buckets),
            progress=report,
        )
    if json_file is not None:
        _write_json(json_file, found.as_json())
    counts = ", ".join(f"{count:,} {_shown(name)}" for name, count in found.counts.items()) or "none"
    _told.print(f"[bold]{_shown(found.origin)}[/]: {counts}; {found.unlabelled:,} unlabelled")
    _tell(found.problems)
    if found.passed:
        _told.print("[green]Ready to train.[/]" if not found.problems else "[green]Ready to train[/], with the remarks above.")
    else:
        raise typer.Exit(ATTENTION)


@app.command()
def train(
    pictures: Pictures,
    out: Annotated[Path, typer.Option("--out", metavar="PACKAGE", help="Folder of the package to write.")],
    test: Annotated[Path | None, typer.Option("--test", metavar="PICTURES", help="Labelled pictures to measure on.")] = None,
    minutes: Annotated[float | None, typer.Option(min=0, help="Time budget for comparing candidates.")] = None,
    seed: Seed = 0,
    normal: Normal = None,
    buckets: Buckets = None,
    cache: Cache = None,
) -> None:
    """Train a package; the labels decide what kind of model. Run again after an interruption to go on where it was."""
    from walkaround.training.train import train as train_package

    with _progress() as report:
        trained = train_package(
            pictures,
            out=out,
            test=test,
            recipe=_recipe(seed=seed, cache=cache, normal=normal, minutes=minutes),
            buckets=_buckets(buckets),
            progress=report,
        )
    _tell(trained.problems)
    if trained.evaluation is not None:
        _tell_scores(trained.evaluation)
    card = trained.package.card
    classes, chosen = _shown(", ".join(card.classes)), _shown(card.training.get("chosen", ""))
    _told.print(f"[green]Wrote[/] {_shown(out)}: {classes}; {chosen}; threshold {card.threshold:.3f}")
    if any(problem.severity != "note" for problem in trained.problems):
        raise typer.Exit(ATTENTION)


@app.command()
def evaluate(
    package: PackageFolder,
    pictures: Pictures,
    json_file: Json = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write the scorecard as one HTML page.")] = None,
    threshold: Annotated[float | None, typer.Option(min=0, max=1, help="Another threshold than the package's own.")] = None,
    seed: Seed = 0,
    buckets: Buckets = None,
) -> None:
    """Measure a package on labelled pictures."""
    from walkaround.evaluation.scorecard import as_json, write_html
    from walkaround.inspection.detector import Detector
    from walkaround.training.evaluate import evaluate as evaluate_package
    from walkaround.training.evaluate import facts_of, with_heat_maps

    detector = Detector(package)
    with _progress() as report:
        measured = evaluate_package(
            detector, pictures, threshold=threshold, seed=seed, buckets=_buckets(buckets), progress=report
        )
    facts = facts_of(detector, measured)
    if json_file is not None:
        _write_json(json_file, as_json(measured, facts))
    if html is not None:
        write_html(html, with_heat_maps(detector, measured), title=detector.card.name, facts=facts)
        _told.print(f"[green]Wrote[/] {_shown(html)}")
    _tell_scores(measured)
    for path, message in measured.unreadable:
        _told.print(f"[yellow]left out[/] {_shown(message) or _shown(repr(str(path)))}")
    if measured.unreadable:
        raise typer.Exit(ATTENTION)


@app.command()
def detect(
    package: PackageFolder,
    files: Annotated[list[Path], typer.Argument(metavar="FILES...", help="Pictures, videos, folders of them.")],
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write JSON lines; - for output.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write a CSV table; - for output.")] = None,
    draw: Annotated[Path | None, typer.Option("--draw", metavar="FOLDER", help="Draw findings into this folder.")] = None,
    threshold: Annotated[float | None, typer.Option(min=0, max=1, help="Another threshold than the package's own.")] = None,
    frames: Annotated[int, typer.Option(min=1, help="Of a video, look at this many frames at most.")] = 24,
    rate: Annotated[float | None, typer.Option(help="Of a video, look at this many frames a second instead.")] = None,
) -> None:
    """Find damage in pictures and videos. JSON lines go to the output unless --json, --csv or --draw is given."""
    from walkaround.inspection.detect import detect as detect_in
    from walkaround.inspection.detector import Detector
    from walkaround.inspection.drawings import draw_results
    from walkaround.inspection.outputs import csv_table, json_lines
    from walkaround.inspection.results import Refusal

    detector = Detector(package)
    detector = detector if threshold is None else detector.at_threshold(threshold)
    to_output = json_file is None and csv is None and draw is None
    refused = 0
    with ExitStack() as stack:
        stack.enter_context(_reader_may_leave())
        report = stack.enter_context(_progress())
        writers = [
            stack.enter_context(form(sys.stdout.buffer if str(target) == "-" else target))
            for form, target in ((json_lines, Path("-") if to_output else json_file), (csv_table, csv))
            if target is not None
        ]
        results = detect_in(
            detector,
            files,
            heat=draw is not None,
            frames=frames,
            rate=rate,
            progress=lambda done, total: report("Inspecting", done, total),
        )
        for result in results if draw is None else draw_results(results, draw):
            if isinstance(result, Refusal):
                refused += 1
                _told.print(f"[yellow]left out[/] {_shown(result.reason)}")
            for write in writers:
                write(result)
    if refused:
        raise typer.Exit(ATTENTION)


@app.command()
def demo(
    photos: Annotated[Path | None, typer.Option("--photos", metavar="PICTURES", help="Your own labelled pictures.")] = None,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where everything is put.")] = Path("demo"),
    pictures: Annotated[int, typer.Option(min=120, help="How many cars to draw.")] = 240,
    seed: Seed = 0,
    cache: Cache = None,
) -> None:
    """The whole story at once: draw cars with known damage (or take your photos), check, train, evaluate, detect."""
    from walkaround.demo import run_demo

    with _progress() as report:
        page = run_demo(
            out,
            photos=photos,
            pictures=pictures,
            recipe=_recipe(seed=seed, cache=cache, normal=None),
            progress=report,
            say=lambda line: _told.print(_shown(line)),
        )
    _told.print(f"\nOpen this page to see how good the model is: [bold]{_shown(page.absolute().as_uri())}[/]")


def _shown(text: object) -> str:
    """Text as it is to be read: what looks like markup is none, and what would steer the terminal is spelt out."""
    return escape("".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in str(text)))


def _recipe(*, seed: int, cache: Path | None, normal: Sequence[str] | None, minutes: float | None = None) -> Recipe:
    from walkaround.training.recipe import Recipe, default_cache

    return Recipe(seed=seed, cache=cache or default_cache(), normal=tuple(normal or ()), minutes=minutes)


def _buckets(given: Sequence[str] | None) -> dict[str, Path]:
    buckets = {}
    for pair in given or ():
        name, equals, folder = pair.partition("=")
        if not (name and equals and folder):
            raise typer.BadParameter(f"{pair!r} is not NAME=FOLDER, such as photos=/data/photos.", param_hint="--bucket")
        buckets[name] = Path(folder)
    return buckets


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar with time left for each stage; plain lines where nobody watches."""
    if not _told.is_terminal:
        yield _plain_progress()
        return
    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=_told) as bars:
        tasks: dict[str, TaskID] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield report


def _plain_progress() -> Callable[[str, int, int], None]:
    seen: set[str] = set()

    def report(stage: str, done: int, total: int) -> None:
        if stage not in seen:
            seen.add(stage)
            _told.print(f"{stage} ({total:,})" if total > 1 else stage)
        del done

    return report


_COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}
_NAMED_FILES = 5


def _tell(problems: Sequence[Problem]) -> None:
    for problem in problems:
        _told.print(f"[{_COLOURS[problem.severity]}]{problem.severity:>7}[/]  {_shown(problem.message)}")
        hidden = [name for name in problem.files if repr(name) not in problem.message and name not in problem.message]
        for name in hidden[:_NAMED_FILES]:
            _told.print(f"           [dim]{_shown(repr(name))}[/]")
        if len(hidden) > _NAMED_FILES:
            _told.print(f"           [dim]and {len(hidden) - _NAMED_FILES:,} more (all of them with --json)[/]")


def _tell_scores(measured: Evaluation) -> None:
    from rich.table import Table

    table = Table(title=f"Measured on {measured.scores.n:,} pictures", title_justify="left")
    for column in ("score", "value", "95 % interval"):
        table.add_column(column, justify="left" if column == "score" else "right")
    for name in ("accuracy", "precision", "recall", "f1", "auroc", "average_precision", "macro_f1"):
        value = getattr(measured.scores, name)
        if value is not None:
            low, high = measured.scores.intervals.get(name, (None, None))
            table.add_row(name.replace("_", " "), f"{value:.3f}", "" if low is None else f"{low:.3f} to {high:.3f}")
    _told.print(table)
    for note in measured.scores.notes:
        _told.print(f"[cyan]   note[/]  {_shown(note)}")


@contextmanager
def _reader_may_leave() -> Iterator[None]:
    """Whoever reads our output, `head` say, may have had enough: that is no failure."""
    try:
        yield
    except BrokenPipeError as gone:
        raise typer.Exit(DONE) from gone


def _write_json(path: Path, content: object) -> None:
    from walkaround.inspection.outputs import byte_writer

    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    with _reader_may_leave(), byte_writer(sys.stdout.buffer if str(path) == "-" else path) as put:
        put(text.encode("utf-8", "backslashreplace"))  # names that are no UTF-8 become JSON's own escapes


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line, with the arguments of this process where none are given, and leave with its exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        app(arguments)
    except WalkaroundError as problem:
        _told.print(f"[red]walkaround:[/] {_shown(problem)}")
        sys.exit(FAILED)
    except SystemExit as leaving:
        if leaving.code == INTERRUPTED:
            _told.print("\nInterrupted. What was read so far is kept; run the same command to go on.")
        raise
    finally:
        _drop_unwritten()
    sys.exit(DONE)


def _drop_unwritten() -> None:
    """Give up what the output would not take, so that Python does not try, and complain, once more when it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
