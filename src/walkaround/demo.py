"""The whole story on one screen: draw cars (or take photos), check, train, evaluate, detect."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from walkaround.datasets.drawn.clips import write_drawn_video
from walkaround.datasets.drawn.writing import write_drawn_dataset
from walkaround.datasets.reading import read_dataset
from walkaround.evaluation.scorecard import write_html
from walkaround.inspection.detect import detect
from walkaround.inspection.detector import Detector
from walkaround.inspection.drawings import draw_results
from walkaround.inspection.outputs import csv_table, json_lines
from walkaround.inspection.results import Refusal, VideoFindings
from walkaround.training.check import check
from walkaround.training.evaluate import facts_of, with_heat_maps
from walkaround.training.fitting import Progress
from walkaround.training.recipe import Recipe
from walkaround.training.train import train

_SHOWN = 12


def run_demo(
    folder: Path, *, photos: Path | None, pictures: int, recipe: Recipe, progress: Progress, say: Callable[[str], None]
) -> Path:
    """Do the main job end to end and return the path of the scorecard's page.

    Args:
        folder: gets the drawn cars, the package, the page and the findings.
        photos: labelled pictures to use; cars are drawn where None.
        pictures: how many cars to draw.
        recipe: settings of the training.
        progress: told what is being done and how far it is.
        say: gets a line for each step that is done.
    """
    source = photos or _draw(folder, pictures, recipe.seed, say)
    report = check(source, recipe=recipe, progress=progress)
    say(f"Checked {source}: {_counted(report.counts)}; remarks: {len(report.problems)}.")
    for problem in report.problems[:_SHOWN]:
        say(f"  {problem.severity}: {problem.message}")

    trained = train(source, out=folder / "package", recipe=recipe, progress=progress)
    card = trained.package.card
    say(f"Trained {folder / 'package'} ({card.training['chosen']}, {card.training['seconds']:.0f} s).")

    detector = Detector(trained.package)
    page = folder / "scorecard.html"
    if trained.evaluation is not None:
        scores = trained.evaluation.scores
        write_html(
            page, with_heat_maps(detector, trained.evaluation), title=card.name, facts=facts_of(detector, trained.evaluation)
        )
        say(f"Measured on {scores.n} pictures kept back: accuracy {scores.accuracy:.3f}, AUROC {_number(scores.auroc)}.")

    _detect(detector, _examples(folder, source, drawn=photos is None), folder, progress, say)
    return page


def _draw(folder: Path, pictures: int, seed: int, say: Callable[[str], None]) -> Path:
    cars = folder / "cars"
    shutil.rmtree(cars, ignore_errors=True)
    say(f"Drawing {pictures} cars with known damage into {cars}, with a few planted faults for the check to find ...")
    write_drawn_dataset(cars, pictures=pictures, seed=seed, kinds=True, faults=True)
    return cars


def _examples(folder: Path, source: Path, *, drawn: bool) -> list[Path]:
    """Pictures and a video to inspect: new drawings, or some of the user's own."""
    if not drawn:
        paths = [sample.path for sample in read_dataset(source).samples]
        return paths[:: max(1, len(paths) // _SHOWN)]
    fresh = folder / "new"
    shutil.rmtree(fresh, ignore_errors=True)
    write_drawn_dataset(fresh, pictures=_SHOWN, seed=987_654_321)
    write_drawn_video(fresh / "walkaround.mp4", seed=987_654_321)
    return [fresh]


def _detect(detector: Detector, sources: list[Path], folder: Path, progress: Progress, say: Callable[[str], None]) -> None:
    drawn, found, total = folder / "findings", 0, 0
    results = detect(detector, sources, heat=True, progress=lambda done, total: progress("Inspecting", done, total))
    with json_lines(folder / "findings.jsonl") as write_json, csv_table(folder / "findings.csv") as write_csv:
        for result in draw_results(results, drawn):
            total += 1
            write_json(result)
            write_csv(result)
            if isinstance(result, VideoFindings):
                found += result.whole.anomalous
            elif not isinstance(result, Refusal):
                found += result.anomalous
    say(f"Inspected {total} pictures and videos, found damage in {found}: see {drawn}, findings.jsonl and findings.csv.")


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"
