"""What the commands say in the terminal, beside their results: progress, problems, scores, and where unfinished lines are."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from walkaround.datasets.sample import Problem
    from walkaround.evaluation.measure import Evaluation
    from walkaround.evaluation.place_scores import PlaceEvaluation
    from walkaround.inspection.results import Result

told = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)
"""The standard error, which everything goes to that is no result."""


def shown(text: object) -> str:
    """Text as it is to be read: what looks like markup is none, and what would steer the terminal is spelt out."""
    return escape("".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in str(text)))


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar with time left for each stage; plain lines where nobody watches."""
    if not told.is_terminal:
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
    with Progress(*columns, console=told) as bars:
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
            told.print(f"{stage} ({total:,})" if total > 1 else stage)
        del done

    return report


_COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}
_NAMED_FILES = 5


def tell_problems(problems: Sequence[Problem]) -> None:
    """Print what is wrong, one line each, and the first of the files that it is about."""
    for problem in problems:
        told.print(f"[{_COLOURS[problem.severity]}]{problem.severity:>7}[/]  {shown(problem.message)}")
        hidden = [name for name in problem.files if repr(name) not in problem.message and name not in problem.message]
        for name in hidden[:_NAMED_FILES]:
            told.print(f"           [dim]{shown(repr(name))}[/]")
        if len(hidden) > _NAMED_FILES:
            told.print(f"           [dim]and {len(hidden) - _NAMED_FILES:,} more (all of them with --json)[/]")


def tell_scores(measured: Evaluation) -> None:
    """Print a table of scores with their intervals, and the notes."""
    from rich.table import Table

    table = Table(title=f"Measured on {measured.scores.n:,} pictures", title_justify="left")
    for column in ("score", "value", "95 % interval"):
        table.add_column(column, justify="left" if column == "score" else "right")
    for name in ("accuracy", "precision", "recall", "f1", "auroc", "average_precision", "macro_f1"):
        value = getattr(measured.scores, name)
        if value is not None:
            low, high = measured.scores.intervals.get(name, (None, None))
            table.add_row(name.replace("_", " "), f"{value:.3f}", "" if low is None else f"{low:.3f} to {high:.3f}")
    if measured.kinds is not None:
        for name in ("macro_f1", "micro_f1", "mean_average_precision", "subset_accuracy"):
            value, ends = getattr(measured.kinds, name), measured.kinds.intervals.get(name)
            if value is not None and ends is not None:
                table.add_row(f"{name.replace('_', ' ')} of damage types", f"{value:.3f}", f"{ends[0]:.3f} to {ends[1]:.3f}")
    if measured.scores.n or measured.places is None:
        told.print(table)
    if measured.kinds is not None:
        rows: dict[str, Sequence[float | None]] = {
            name: (one.precision, one.recall, one.f1, one.average_precision) for name, one in measured.kinds.per_class.items()
        }
        _tell_table("Damage types", ("precision", "recall", "F1", "average precision"), rows)
    if measured.places is not None:
        _tell_places(measured.places)
    notes = measured.scores.notes if measured.scores.n or measured.places is None else ()
    notes = (*notes, *(measured.kinds.notes if measured.kinds is not None else ()))
    for note in (*notes, *(measured.places.notes if measured.places is not None else ())):
        told.print(f"[cyan]   note[/]  {shown(note)}")


def _tell_places(places: PlaceEvaluation) -> None:
    """Print what boxes and masks score, class by class."""
    if (boxes := places.boxes) is not None:
        parts = {**{name: (one.average, one.told) for name, one in boxes.per_class.items()}, "all": (boxes.average, boxes.told)}
        rows: dict[str, Sequence[float | None]] = {
            name: (average.ap, average.ap50, average.ap75, sure.precision, sure.recall, sure.f1)
            for name, (average, sure) in parts.items()
        }
        _tell_table(f"{boxes.told.there:,} boxes", ("AP", "AP50", "AP75", "precision", "recall", "F1"), rows)
    if (masks := places.masks) is not None:
        rows = {name: (one.iou, one.aiou, one.pixels.precision, one.pixels.recall) for name, one in masks.per_class.items()}
        rows["mean"] = (masks.mean_iou, masks.mean_aiou, None, None)
        _tell_table(f"Masks on {masks.n:,} pictures", ("IoU", "IoU by picture", "precision", "recall"), rows)


def _tell_table(title: str, columns: Sequence[str], rows: Mapping[str, Sequence[float | None]]) -> None:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    table.add_column("class")
    for column in columns:
        table.add_column(column, justify="right")
    for name, cells in rows.items():
        table.add_row(shown(name), *("" if cell is None else f"{cell:.3f}" for cell in cells))
    told.print(table)


def tell_lack(result: Result) -> bool:
    """Say what of a source could not be used, if anything."""
    from walkaround.inspection.results import Refusal, VideoFindings

    if isinstance(result, Refusal):
        told.print(f"[yellow]left out[/] {shown(result.reason)}")
    elif isinstance(result, VideoFindings) and result.incomplete is not None:
        told.print(f"[yellow]used in part[/] {shown(result.incomplete)}")
    else:
        return False
    return True


@contextmanager
def unfinished_told(files: Sequence[Path]) -> Iterator[Callable[[], None]]:
    """Say where the lines are when the block does not end well; what is given is to be called after each result."""
    from walkaround.inspection.outputs import unfinished

    done = 0

    def count() -> None:
        nonlocal done
        done += 1

    try:
        yield count
    except BaseException:  # Ctrl-C too
        for path in map(unfinished, files):
            if done and path.is_file():
                told.print(f"The lines of {done:,} finished pictures and videos are in {shown(repr(str(path)))}.")
        raise


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """Whoever reads our output, `head` say, may have had enough: that is no failure."""
    try:
        yield
    except BrokenPipeError as gone:
        raise typer.Exit(0) from gone


def write_json(path: Path, content: object) -> None:
    """Write `content` as JSON to a file, which appears when it is whole, or to the standard output for -."""
    from walkaround.inspection.outputs import byte_writer

    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    with reader_may_leave(), byte_writer(sys.stdout.buffer if str(path) == "-" else path) as put:
        put(text.encode("utf-8", "backslashreplace"))  # names that are no UTF-8 become JSON's own escapes


def drop_unwritten() -> None:
    """Give up what the output would not take, so that Python does not try, and complain, once more when it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
