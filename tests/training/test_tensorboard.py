"""Event files, read back by TensorBoard itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from walkaround.errors import StorageError
from walkaround.training.tensorboard import EventFile

pytest.importorskip("tensorboard", reason="the viewer is in the extra 'train'")


def read(folder: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder), size_guidance={"tensors": 0, "images": 0, "scalars": 0}).Reload()


def curve(folder: Path, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in read(folder).Scalars(tag)]


def small_model() -> bytes:
    weights = helper.make_tensor("weights", TensorProto.FLOAT, [2], [1.0, 2.0])
    nodes = [
        helper.make_node("Mul", ["pixels", "weights"], ["scaled"], name="/scale/Mul"),
        helper.make_node("Relu", ["scaled"], ["out"]),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in ("pixels", "out")]
    model: bytes = onnx.ModelProto(
        graph=helper.make_graph(nodes, "g", ends[:1], ends[1:], [weights]), ir_version=8
    ).SerializeToString()
    return model


def test_scalars_come_back(tmp_path: Path) -> None:
    events = EventFile(tmp_path)
    for step in range(1, 4):
        events.scalars(step, {"train/loss": 1 / step, "rate/layer §1": 0.5})
    events.close()
    assert curve(tmp_path, "train/loss") == [(1, 1.0), (2, 0.5), (3, pytest.approx(1 / 3))]
    assert "rate/layer _1" in read(tmp_path).Tags()["scalars"]


def test_pictures_come_back_no_larger_than_useful(tmp_path: Path) -> None:
    events = EventFile(tmp_path)
    events.pictures(5, "validation/truth and prediction", [np.full((900, 1200, 3), 200, dtype=np.uint8)])
    events.close()
    [picture] = read(tmp_path).Images("validation/truth and prediction/00")
    assert (picture.step, picture.width, picture.height) == (5, 640, 480)
    assert picture.encoded_image_string.startswith(b"\xff\xd8")


def test_a_precision_recall_curve_comes_back(tmp_path: Path) -> None:
    truth, scores = np.array([True, True, False, False]), np.array([0.9, 0.6, 0.4, 0.0])
    events = EventFile(tmp_path)
    events.curve(1, "damage", truth, scores)
    events.close()
    accumulated = read(tmp_path)
    [event] = accumulated.Tensors("damage")
    values = np.array(event.tensor_proto.float_val).reshape(6, -1)
    assert accumulated.SummaryMetadata("damage").plugin_data.plugin_name == "pr_curves"
    assert values[4:, 50].tolist() == [1.0, 1.0]  # from 0.5 on: both found, no false alarm
    assert values[4, 0] == 0.5


def test_hyperparameters_come_back(tmp_path: Path) -> None:
    from tensorboard.plugins.hparams import metadata

    events = EventFile(tmp_path)
    settings: dict[str, str | float | bool] = {"rate": 0.01, "optimiser": "adamw", "mosaic": True}
    events.settings(settings, ["validation/score"])
    events.settings_done(settings, ["validation/score"])
    events.close()
    found = read(tmp_path).PluginTagToContent("hparams")
    start = metadata.parse_session_start_info_plugin_data(found[metadata.SESSION_START_INFO_TAG])
    assert start.hparams["rate"].number_value == 0.01
    assert start.hparams["optimiser"].string_value == "adamw"
    assert metadata.SESSION_END_INFO_TAG in found


def test_the_graph_comes_back_without_weights(tmp_path: Path) -> None:
    events = EventFile(tmp_path)
    events.graph(small_model())
    events.close()
    nodes = {node.name: (node.op, list(node.input)) for node in read(tmp_path).Graph().node}
    assert nodes == {"pixels": ("Placeholder", []), "scale/Mul": ("Mul", ["pixels"]), "out": ("Relu", ["scale/Mul"])}


def test_a_resumed_run_has_no_step_twice(tmp_path: Path) -> None:
    first = EventFile(tmp_path)
    for step in range(1, 9):
        first.scalars(step, {"train/loss": 1.0})
    first.close()
    resumed = EventFile(tmp_path, first_step=5)  # the checkpoint was older than the last events
    for step in range(6, 11):
        resumed.scalars(step, {"train/loss": 2.0})
    resumed.close()
    assert curve(tmp_path, "train/loss") == [(step, 1.0 if step <= 5 else 2.0) for step in range(1, 11)]


def test_another_training_in_the_same_folder_hides_the_first(tmp_path: Path) -> None:
    for value in (1.0, 2.0):
        events = EventFile(tmp_path)
        events.scalars(1, {"train/loss": value})
        events.close()
    assert curve(tmp_path, "train/loss") == [(1, 2.0)]


def test_what_was_flushed_survives_a_kill(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from walkaround.training.tensorboard import EventFile\n"
        "events = EventFile(Path(sys.argv[1]))\n"
        "events.scalars(1, {'train/loss': 1.0}); events.flush(); events.scalars(2, {'train/loss': 2.0})\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode < 0
    assert curve(tmp_path, "train/loss")[0] == (1, 1.0)


def test_a_torn_last_record_is_no_harm(tmp_path: Path) -> None:
    events = EventFile(tmp_path)
    for step in (1, 2):
        events.scalars(step, {"train/loss": 1.0})
    events.close()
    events.path.write_bytes(events.path.read_bytes()[:-7])
    assert curve(tmp_path, "train/loss") == [(1, 1.0)]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="file"):
        EventFile(tmp_path / "file" / "boxes")
