"""The commands about endpoints: a package or a model gets a name, and loses it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from made_models import BOX_PART, made_package

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture
def run(command: Run, tmp_path: Path) -> Run:
    """Run `walkaround endpoints` on a data folder of its own."""
    return lambda *words: command("endpoints", *words, "--data", tmp_path / "data")


def test_a_package_gets_an_endpoint_and_loses_it(run: Run, tmp_path: Path) -> None:
    package = made_package(tmp_path / "bright", boxes=BOX_PART)
    made = run("create", "damage", package.path)
    assert made.returncode == 0, made.stderr
    assert "The endpoint damage is damage/1; its status is Creating." in made.stderr
    assert run("list").stdout == "damage  damage/1  Creating\n"
    refused = run("create", "damage", package.path)
    assert refused.returncode == 1
    assert "There is an endpoint 'damage' already" in refused.stderr
    assert run("delete", "damage").returncode == 1  # it is being created
    assert run("create", "claims", "damage/latest").returncode == 0
    assert run("delete", "damage").returncode == 0  # the other has its model
    assert run("list").stdout == "claims  damage/1  Creating\n"


@pytest.mark.parametrize(("model", "said"), [("none", "neither the folder"), ("cars/1", "no project 'cars'"), (".", "lacks")])
def test_what_is_no_model_is_refused(model: str, said: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused = run("create", "damage", model)
    assert refused.returncode == 1
    assert said in refused.stderr
    assert run("list").stdout == ""
