"""Drawn cars, and one package of each kind trained on them, made once for all tests; and the command line as a function."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from walkaround.cli import main
from walkaround.datasets.drawn.writing import write_drawn_dataset
from walkaround.training.recipe import Recipe
from walkaround.training.train import Trained, train


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `train` (32 cars) and `test` (20), half of each in `normal` and half in `anomaly`."""
    folder = tmp_path_factory.mktemp("drawn")
    write_drawn_dataset(folder / "train", pictures=52, seed=3)
    for name in ("normal", "anomaly"):
        (folder / "test" / name).mkdir(parents=True)
        for path in sorted((folder / "train" / name).iterdir())[16:]:
            path.rename(folder / "test" / name / path.name)
    return folder


@pytest.fixture(scope="session")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """Settings with a features' cache that all tests of the session share; never the user's own."""
    return Recipe(cache=tmp_path_factory.mktemp("cache"), folds=3, threads=2)


@pytest.fixture(scope="session")
def trained(drawn: Path, recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A package that tells whole cars from damaged ones."""
    return train(drawn / "train", out=tmp_path_factory.mktemp("packages") / "cars", test=drawn / "test", recipe=recipe)


@pytest.fixture(scope="session")
def trained_on_whole_cars(drawn: Path, recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A package that never saw damage; it is measured on both."""
    whole = tmp_path_factory.mktemp("whole")
    (whole / "normal").mkdir()
    for path in sorted((drawn / "train" / "normal").iterdir())[:10]:
        (whole / "normal" / path.name).symlink_to(path)
    recipe = replace(recipe, folds=2)
    return train(whole, out=tmp_path_factory.mktemp("packages") / "whole", test=drawn / "test", recipe=recipe)


@pytest.fixture(scope="session")
def command() -> Callable[..., CompletedProcess[str]]:
    """Run the command line in this process: command("detect", package, file)."""

    def run(*arguments: object) -> CompletedProcess[str]:
        given = [str(argument) for argument in arguments]
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace")
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as left:
            main(given)
        out.flush()
        err.flush()
        code = left.value.code
        assert isinstance(code, int)
        said = [stream.buffer.getvalue().decode("utf-8") for stream in (out, err) if isinstance(stream.buffer, io.BytesIO)]
        return CompletedProcess(given, code, *said)

    return run
