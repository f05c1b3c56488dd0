"""The shell scripts are scripts: they parse, can be run, and say what to do where Python is missing."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = [*sorted((ROOT / "scripts").glob("*.sh")), ROOT / ".ci" / "run"]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_parses_and_can_be_run(script: Path) -> None:
    assert os.access(script, os.X_OK)
    subprocess.run(["sh", "-n", script], check=True)


@pytest.mark.parametrize(("python", "said"), [("", "none was found"), ("/bin/false", "3.11 or later")])
def test_a_machine_without_a_fitting_python_is_told_so(python: str, said: str, tmp_path: Path) -> None:
    script = ROOT / "scripts" / "make-venv.sh"
    result = subprocess.run(["sh", script, python], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert said in result.stderr
    assert list(tmp_path.iterdir()) == []
