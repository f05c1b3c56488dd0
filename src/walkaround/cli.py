"""The command line: one function a command; each reads its arguments, calls one room, and prints.

Exit codes: 0 all done; 1 it could not be done; 2 wrong usage; 3 done, but something was left out or needs attention;
130 interrupted.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from walkaround.buckets.places import bucket_places
from walkaround.errors import InputError, WalkaroundError
from walkaround.export import export
from walkaround.pipeline.bulk.command import bulk
from walkaround.pipeline.commands import letters, results, watch
from walkaround.terminal import (
    drop_unwritten,
    progress,
    reader_may_leave,
    shown,
    tell_lack,
    tell_problems,
    tell_scores,
    told,
    unfinished_told,
    write_json,
)
from walkaround.training.recipe import Part, Quality
from walkaround.web.commands import aws, import_model, keys, serve
from walkaround.web.endpoint_commands import endpoints
from walkaround.web.user_commands import users

if TYPE_CHECKING:
    from walkaround.buckets.buckets import Buckets as OpenBuckets
    from walkaround.training.monitor import Monitor
    from walkaround.training.recipe import Recipe
    from walkaround.training.train import Trained

DONE, FAILED, ATTENTION, INTERRUPTED = 0, 1, 3, 130


app = typer.Typer(
    name="walkaround",
    help="Find damage on vehicles: train on your own photos, measure what was trained, inspect pictures and videos.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
_GOES_ON = "What was read so far is kept; run the same command to go on."
_MINUTES = "Time budget: with less of it, less is tried and trained for a shorter time; pictures are never left out."

Pictures = Annotated[
    str, typer.Argument(metavar="PICTURES", help="Folder, table, manifest or annotations (COCO, YOLO, VOC); or s3:// of one.")
]
PackageFolder = Annotated[Path, typer.Argument(metavar="PACKAGE", help="Folder that `walkaround train --out` wrote.")]
Buckets = Annotated[
    list[str] | None,
    typer.Option("--bucket", metavar="NAME=FOLDER", help="Local folder for a bucket of s3:// addresses."),
]
Endpoint = Annotated[
    str | None, typer.Option("--s3-endpoint", metavar="URL", help="S3-compatible server for buckets without a folder.")
]
Cache = Annotated[Path | None, typer.Option("--cache", metavar="FOLDER", help="Where features are kept between runs.")]
Normal = Annotated[list[str] | None, typer.Option("--normal", metavar="CLASS", help="A class that means a whole car.")]
Rename = Annotated[
    list[str] | None, typer.Option("--rename", metavar="OLD=NEW", help="Another name for a class; OLD may have * in it.")
]
MultiLabel = Annotated[
    bool, typer.Option("--multi-label", help="A picture may show several damage types, in several lines, folders or drawings.")
]
SkipBadLabels = Annotated[bool, typer.Option("--skip-bad-labels", help="Leave out boxes and masks that cannot be used.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="The same seed and pictures give the same result.")]
Json = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the result as JSON; - for standard output.")]


@contextmanager
def _interruptible(advice: str) -> Iterator[None]:
    """Say after Ctrl-C what is kept, and what to do."""
    try:
        yield
    except KeyboardInterrupt as stop:
        told.print(f"\nInterrupted. {advice}")
        raise typer.Exit(INTERRUPTED) from stop


@app.command()
@_interruptible(_GOES_ON)
def check(
    pictures: Pictures,
    json_file: Json = None,
    labels: Annotated[bool, typer.Option(help="Also look for wrong labels, which takes a pass of the network.")] = True,
    normal: Normal = None,
    rename: Rename = None,
    multi_label: MultiLabel = False,
    skip_bad_labels: SkipBadLabels = False,
    buckets: Buckets = None,
    s3_endpoint: Endpoint = None,
    cache: Cache = None,
    seed: Seed = 0,
) -> None:
    """List what is wrong with labelled pictures, as things to act on."""
    from walkaround.training.check import check as check_pictures

    with progress() as report:
        found = check_pictures(
            pictures,
            recipe=replace(
                _recipe(seed=seed, cache=cache, normal=normal),
                rename=tuple(rename or ()),
                multi_label=multi_label,
                skip_bad_labels=skip_bad_labels,
            ),
            labels=labels,
            buckets=_buckets(buckets, s3_endpoint),
            progress=report,
        )
    if json_file is not None:
        write_json(json_file, found.as_json())
    counts = ", ".join(f"{count:,} {shown(name)}" for name, count in found.counts.items()) or "none"
    told.print(f"[bold]{shown(found.origin)}[/]: {counts}; {found.unlabelled:,} unlabelled")
    if found.places:
        told.print("Boxes and masks: " + ", ".join(f"{count:,} {shown(name)}" for name, count in found.places.items()))
    tell_problems(found.problems)
    if found.passed:
        told.print("[green]Ready to train.[/]" if not found.problems else "[green]Ready to train[/], with the remarks above.")
    else:
        raise typer.Exit(ATTENTION)


@app.command()
@_interruptible(_GOES_ON)
def train(
    pictures: Pictures,
    out: Annotated[Path, typer.Option("--out", metavar="PACKAGE", help="Folder of the package to write.")],
    test: Annotated[str | None, typer.Option("--test", metavar="PICTURES", help="Labelled pictures to measure on.")] = None,
    minutes: Annotated[float | None, typer.Option(min=0, help=_MINUTES)] = None,
    quality: Annotated[
        Quality, typer.Option("--quality", help="With best, the network is fine-tuned as well, if that helps.")
    ] = Quality.FAST,
    only: Annotated[list[Part] | None, typer.Option("--only", help="Train this part alone; all that the labels allow.")] = None,
    boxes_size: Annotated[str, typer.Option("--boxes-size", metavar="lite0|...|d1", help="Network for boxes.")] = "lite0",
    weights: Annotated[Path | None, typer.Option("--weights", metavar="FILE", help="Network for boxes to begin with.")] = None,
    rename: Rename = None,
    multi_label: MultiLabel = False,
    skip_bad_labels: SkipBadLabels = False,
    ray: Annotated[
        str | None, typer.Option("--ray", metavar="ADDRESS", help="Ray cluster to train boxes and masks on.")
    ] = None,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Processes on the Ray cluster.")] = None,
    log: Annotated[Path | None, typer.Option("--log", metavar="FOLDER", help="TensorBoard files and a report.")] = None,
    rule: Annotated[
        list[str] | None, typer.Option("--rule", metavar="RULE=VALUE", help="Another threshold of a rule, or RULE=off.")
    ] = None,
    stop_on: Annotated[list[str] | None, typer.Option("--stop-on", metavar="RULE", help="Rule that ends training.")] = None,
    webhook: Annotated[str | None, typer.Option("--webhook", metavar="URL", help="Told of every rule that fires.")] = None,
    seed: Seed = 0,
    normal: Normal = None,
    buckets: Buckets = None,
    s3_endpoint: Endpoint = None,
    cache: Cache = None,
) -> None:
    """Train a package; the labels decide what it can find. Run again after an interruption to go on where it was."""
    from walkaround.training.train import train as train_package

    recipe = replace(
        _recipe(seed=seed, cache=cache, normal=normal, minutes=minutes),
        quality=quality,
        only=tuple(only or ()),
        boxes_size=boxes_size,
        weights=weights,
        rename=tuple(rename or ()),
        ray=ray,
        workers=workers,
        multi_label=multi_label,
        skip_bad_labels=skip_bad_labels,
    )
    with progress() as report:
        trained = train_package(
            pictures,
            out=out,
            test=test,
            recipe=recipe,
            buckets=_buckets(buckets, s3_endpoint),
            progress=report,
            monitor=_monitor(log, rules=rule or (), stop_on=stop_on or (), webhook=webhook),
        )
    _tell_trained(trained, out)


def _tell_trained(trained: Trained, out: Path) -> None:
    tell_problems(trained.problems)
    if trained.evaluation is not None:
        tell_scores(trained.evaluation)
    card = trained.package.card
    classes, chosen = shown(", ".join(card.classes)), shown(card.training.get("chosen", ""))
    told.print(f"[green]Wrote[/] {shown(out)}: {classes}; {chosen}; threshold {card.threshold:.3f}")
    if any(problem.severity != "note" for problem in trained.problems):
        raise typer.Exit(ATTENTION)


@app.command()
@_interruptible("Nothing was written; run the same command to begin again.")
def evaluate(
    package: PackageFolder,
    pictures: Pictures,
    json_file: Json = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write the scorecard as one HTML page.")] = None,
    threshold: Annotated[float | None, typer.Option(min=0, max=1, help="Another threshold than the package's own.")] = None,
    rename: Rename = None,
    skip_bad_labels: SkipBadLabels = False,
    seed: Seed = 0,
    buckets: Buckets = None,
    s3_endpoint: Endpoint = None,
) -> None:
    """Measure a package on labelled pictures."""
    from walkaround.evaluation.scorecard import as_json, write_html
    from walkaround.inspection.detector import Detector
    from walkaround.training.evaluate import evaluate as evaluate_package
    from walkaround.training.evaluate import facts_of, with_heat_maps

    detector = Detector(package)
    recipe = _recipe(seed=seed, cache=None, normal=None)
    with progress() as report:
        measured = evaluate_package(
            detector,
            pictures,
            threshold=threshold,
            recipe=replace(recipe, rename=tuple(rename or ()), skip_bad_labels=skip_bad_labels),
            buckets=_buckets(buckets, s3_endpoint),
            progress=report,
        )
    facts = facts_of(detector, measured)
    if json_file is not None:
        write_json(json_file, as_json(measured, facts))
    if html is not None:
        write_html(html, with_heat_maps(detector, measured), title=detector.card.name, facts=facts)
        told.print(f"[green]Wrote[/] {shown(html)}")
    tell_scores(measured)
    for path, message in measured.unreadable:
        told.print(f"[yellow]left out[/] {shown(message) or shown(repr(str(path)))}")
    if measured.unreadable:
        raise typer.Exit(ATTENTION)


@app.command()
@_interruptible("Run the same command to begin again.")
def detect(
    package: PackageFolder,
    files: Annotated[list[Path], typer.Argument(metavar="FILES...", help="Pictures, videos, folders of them.")],
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write JSON lines; - for output.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write a CSV table; - for output.")] = None,
    draw: Annotated[Path | None, typer.Option("--draw", metavar="FOLDER", help="Draw findings into this folder.")] = None,
    masks: Annotated[
        Path | None, typer.Option("--masks", metavar="FOLDER", help="Write masks as PNG into this folder.")
    ] = None,
    threshold: Annotated[float | None, typer.Option(min=0, max=1, help="Another threshold than the package's own.")] = None,
    frames: Annotated[int, typer.Option(min=1, help="Of a video, look at this many frames at most.")] = 24,
    rate: Annotated[float | None, typer.Option(help="Of a video, look at this many frames a second instead.")] = None,
) -> None:
    """Find damage in pictures and videos. JSON lines go to the output unless --json, --csv, --draw or --masks is given.

    Ctrl-C keeps the lines of what was finished in FILE.part; FILE itself appears when all is done.
    """
    from walkaround.inspection.detect import detect as detect_in
    from walkaround.inspection.detector import Detector
    from walkaround.inspection.drawings import draw_results
    from walkaround.inspection.mask_files import write_masks
    from walkaround.inspection.outputs import csv_table, json_lines

    detector = Detector(package)
    detector = detector if threshold is None else detector.at_threshold(threshold)
    if masks is not None and detector.card.masks is None:
        raise InputError(f"The package {str(package)!r} finds no masks: leave out --masks, or train on pictures with masks.")
    to_output = all(option is None for option in (json_file, csv, draw, masks))
    lacking = 0
    with ExitStack() as stack:
        stack.enter_context(reader_may_leave())
        count = stack.enter_context(unfinished_told([file for file in (json_file, csv) if file is not None]))
        report = stack.enter_context(progress())
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
        results = results if draw is None else draw_results(results, draw, colours=detector.colours)
        for result in results if masks is None else write_masks(results, masks):
            lacking += tell_lack(result)
            for write in writers:
                write(result)
            count()
    if lacking:
        raise typer.Exit(ATTENTION)


@app.command()
@_interruptible(_GOES_ON)
def demo(
    photos: Annotated[Path | None, typer.Option("--photos", metavar="PICTURES", help="Your own labelled pictures.")] = None,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where everything is put.")] = Path("demo"),
    pictures: Annotated[int, typer.Option(min=120, help="How many cars to draw.")] = 240,
    seed: Seed = 0,
    cache: Cache = None,
) -> None:
    """The whole story at once: draw cars with known damage (or take your photos), check, train, evaluate, detect."""
    from walkaround.demo import run_demo

    with progress() as report:
        page = run_demo(
            out,
            photos=photos,
            pictures=pictures,
            recipe=_recipe(seed=seed, cache=cache, normal=None),
            progress=report,
            say=lambda line: told.print(shown(line)),
        )
    told.print(f"\nOpen this page to see how good the model is: [bold]{shown(page.absolute().as_uri())}[/]")


app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(serve)
app.command("import")(import_model)
app.command()(export)
app.command()(watch)
app.command()(bulk)
app.command()(results)
app.add_typer(letters)
app.add_typer(endpoints)
app.add_typer(users)
app.add_typer(keys)
app.add_typer(aws)


def _recipe(*, seed: int, cache: Path | None, normal: Sequence[str] | None, minutes: float | None = None) -> Recipe:
    from walkaround.training.recipe import Recipe, default_cache

    return Recipe(seed=seed, cache=cache or default_cache(), normal=tuple(normal or ()), minutes=minutes)


def _monitor(log: Path | None, *, rules: Sequence[str], stop_on: Sequence[str], webhook: str | None) -> Monitor:
    from walkaround.training.rules.table import choose_rules
    from walkaround.training.watching import Actions, Watch
    from walkaround.training.webhooks import Webhook

    actions = Actions(stop=frozenset(stop_on), webhook=None if webhook is None else Webhook(url=webhook))
    return Watch(log, rules=choose_rules(rules), actions=actions)


def _buckets(given: Sequence[str] | None, s3_endpoint: str | None) -> OpenBuckets:
    from walkaround.buckets.buckets import buckets_of
    from walkaround.settings import load_settings

    try:
        places = bucket_places(given)
    except InputError as problem:
        raise typer.BadParameter(str(problem), param_hint="--bucket") from problem
    return buckets_of(load_settings({"buckets": places, "s3_endpoint": s3_endpoint}))


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line, with the arguments of this process where none are given, and leave with its exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        app(arguments)
    except WalkaroundError as problem:
        told.print("[red]walkaround:[/] " + "\n".join(map(shown, str(problem).split("\n"))))
        sys.exit(FAILED)
    finally:
        drop_unwritten()
    sys.exit(DONE)


if __name__ == "__main__":
    main()
