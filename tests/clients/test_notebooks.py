"""The notebooks of examples/ run from the first cell to the last, against a server, in the order that their README tells."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from served import Served

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOKS = ("train_and_host.ipynb", "predict.ipynb")


def test_the_notebooks_of_the_examples(current: Path, tmp_path: Path) -> None:
    pytest.importorskip("nbclient", reason="needs nbclient and ipykernel, of the extra dev")
    served = Served(folder=tmp_path, buckets={"car-photos": tmp_path / "car-photos"})
    (tmp_path / "car-photos").mkdir()
    served.start()
    environment = served.variables_of_clients()
    environment["PATH"] = f"{current}:{Path(sys.executable).parent}:{environment['PATH']}"
    subprocess.run([sys.executable, "-m", "walkaround", "aws", "install-model"], env=environment, check=True)
    for name in NOTEBOOKS:
        shutil.copy(EXAMPLES / name, tmp_path)
        command = [str(Path(sys.executable).with_name("jupyter-execute")), "--inplace", str(tmp_path / name)]
        result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr[-4000:]
    assert served.stop() == 0
    predicted = (tmp_path / "predict.ipynb").read_text()
    assert "IsAnomalous" in predicted
    assert "of 12 are right" in predicted


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_kept_without_outputs(name: str) -> None:
    cells = json.loads((EXAMPLES / name).read_text())["cells"]
    assert not [cell for cell in cells if cell["cell_type"] == "code" and (cell["outputs"] or cell["execution_count"])]
