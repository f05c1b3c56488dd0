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
OF_BOXES = ("train_boxes.ipynb", "endpoint.ipynb")


def test_the_notebooks_of_the_examples(current: Path, tmp_path: Path) -> None:
    pytest.importorskip("nbclient", reason="needs nbclient and ipykernel, of the extra dev")
    served = Served(folder=tmp_path, buckets={"car-photos": tmp_path / "car-photos"})
    (tmp_path / "car-photos").mkdir()
    served.start()
    environment = served.variables_of_clients()
    environment["PATH"] = f"{current}:{Path(sys.executable).parent}:{environment['PATH']}"
    subprocess.run([sys.executable, "-m", "walkaround", "aws", "install-model"], env=environment, check=True)
    execute(NOTEBOOKS, tmp_path, environment)
    assert served.stop() == 0
    predicted = (tmp_path / "predict.ipynb").read_text()
    assert "IsAnomalous" in predicted
    assert "of 12 are right" in predicted


def test_the_notebooks_about_boxes(tmp_path: Path) -> None:
    pytest.importorskip("nbclient", reason="needs nbclient and ipykernel, of the extra dev")
    pytest.importorskip("torch", reason="needs PyTorch, of the extra train")
    served = Served(folder=tmp_path)
    served.start()
    environment = served.variables_of_clients()
    environment |= {"PATH": f"{Path(sys.executable).parent}:{environment['PATH']}", "WALKAROUND_DATA": str(served.data)}
    execute(OF_BOXES, tmp_path, {**environment, "DRAWN": "50", "MINUTES": "0.05"})
    assert served.stop() == 0
    assert len(list((tmp_path / "records").iterdir())) == 5
    assert json.loads((tmp_path / "scorecard.json").read_text())
    asked = (tmp_path / "endpoint.ipynb").read_text()
    assert "predictions: {'num_detections'" in asked
    assert asked.count('"image/png": ') == 4
    assert "The endpoint car-damage-boxes is deleted." in asked


def execute(names: tuple[str, ...], folder: Path, environment: dict[str, str]) -> None:
    """Run notebooks in a folder, one after the other; they get their outputs."""
    for name in names:
        shutil.copy(EXAMPLES / name, folder)
        command = [str(Path(sys.executable).with_name("jupyter-execute")), "--inplace", str(folder / name)]
        result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr[-4000:]


@pytest.mark.parametrize("name", [*NOTEBOOKS, *OF_BOXES])
def test_a_notebook_is_kept_without_outputs(name: str) -> None:
    cells = json.loads((EXAMPLES / name).read_text())["cells"]
    assert not [cell for cell in cells if cell["cell_type"] == "code" and (cell["outputs"] or cell["execution_count"])]
