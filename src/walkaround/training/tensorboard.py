"""Event files for TensorBoard: scalars, pictures, precision-recall curves, texts, hyperparameters and the graph.

The events are made by tensorboardX and written at once, without its queue and threads: what was flushed survives `kill -9`,
and the torn last record that it may leave is skipped by every reader.
"""

from __future__ import annotations

import io
import os
import re
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from walkaround.datasets.tfrecords.records import write_record
from walkaround.errors import writing

_FLUSH_SECONDS = 5.0
_MOST_SIDE = 640  # pixels of a picture's longer side
_QUALITY = 88
_CURVE_POINTS = 101
_NOT_IN_NAMES = re.compile(r"[^-/\w. ]")


class EventFile:
    """One event file of a run. A run that is resumed writes another one into the same folder."""

    def __init__(self, folder: Path, *, first_step: int = 0) -> None:
        """Open a new file.

        Args:
            folder: of the run; it is made where it is missing.
            first_step: steps that were done before; what an interrupted process wrote beyond them is hidden from readers.

        Raises:
            StorageError: the file cannot be written.
        """
        from tensorboardX.proto import event_pb2

        self._event: Any = event_pb2.Event
        name = f"{time.time():017.6f}.{socket.gethostname()}.{os.getpid()}"  # readers take files in the order of their names
        self.path = folder / f"events.out.tfevents.{name}"
        with writing(self.path):
            folder.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("xb")
        self._flushed, self._lock = time.monotonic(), threading.RLock()
        self._write(self._event(file_version="brain.Event:2"))
        started = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        self._write(self._event(session_log=started, step=first_step + 1 if first_step else 0))
        self.flush()

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Write numbers, each under its name; "/" makes groups."""
        from tensorboardX.proto.summary_pb2 import Summary

        summary = Summary(value=[Summary.Value(tag=_tag(name), simple_value=value) for name, value in values.items()])
        if values:
            self._write(self._event(summary=summary, step=step))

    def pictures(self, step: int, name: str, pictures: Sequence[NDArray[np.uint8]]) -> None:
        """Write pictures, uint8 [h, w, 3] RGB; large ones become smaller."""
        from tensorboardX.proto.summary_pb2 import Summary

        for number, pixels in enumerate(pictures):
            image = Image.fromarray(pixels)
            image.thumbnail((_MOST_SIDE, _MOST_SIDE))
            stored = _jpeg(image)
            shown = Summary.Image(width=image.width, height=image.height, colorspace=3, encoded_image_string=stored)
            value = Summary.Value(tag=f"{_tag(name)}/{number:02d}", image=shown)
            self._write(self._event(summary=Summary(value=[value]), step=step))

    def curve(self, step: int, name: str, truth: NDArray[np.bool_], scores: NDArray[np.float64]) -> None:
        """Write a precision-recall curve: whether it is there, and how sure the model is, 0 to 1."""
        from tensorboardX.summary import pr_curve

        summary = pr_curve(_tag(name), truth, np.clip(scores, 0.0, 1.0), num_thresholds=_CURVE_POINTS)
        self._write(self._event(summary=summary, step=step))

    def text(self, step: int, name: str, text: str) -> None:
        """Write a text, Markdown."""
        from tensorboardX.summary import text as text_summary

        self._write(self._event(summary=text_summary(_tag(name), text), step=step))

    def settings(self, settings: Mapping[str, str | float | bool], scores: Sequence[str]) -> None:
        """Write hyperparameters, and by the values of which scalars runs are to be compared."""
        for summary in self._hyperparameters(settings, scores)[:2]:
            self._write(self._event(summary=summary))

    def settings_done(self, settings: Mapping[str, str | float | bool], scores: Sequence[str]) -> None:
        """Write that the run of these hyperparameters is over."""
        self._write(self._event(summary=self._hyperparameters(settings, scores)[2]))

    def graph(self, model: bytes) -> None:
        """Write the operators of an ONNX model, without its weights."""
        self._write(self._event(graph_def=graph_of(model).SerializeToString()))

    def flush(self) -> None:
        """Hand everything to the operating system: readers see it, and a kill of the process cannot take it back."""
        with self._lock, writing(self.path):
            self._file.flush()
        self._flushed = time.monotonic()

    def close(self) -> None:
        """Hand over everything, and close the file."""
        self.flush()
        self._file.close()

    @staticmethod
    def _hyperparameters(settings: Mapping[str, str | float | bool], scores: Sequence[str]) -> Sequence[Any]:
        from tensorboardX.summary import hparams

        result: Sequence[Any] = hparams(dict(settings), {_tag(name): 0.0 for name in scores})
        return result

    def _write(self, event: Any) -> None:
        event.wall_time = time.time()
        record = event.SerializeToString()
        with self._lock, writing(self.path):  # the clock's thread writes as well
            write_record(self._file, record)
            if time.monotonic() - self._flushed > _FLUSH_SECONDS:
                self.flush()


def graph_of(model: bytes) -> Any:
    """An ONNX model as a TensorFlow GraphDef for TensorBoard: inputs and operators, no weights and no constants."""
    import onnx
    from tensorboardX.proto.graph_pb2 import GraphDef
    from tensorboardX.proto.node_def_pb2 import NodeDef
    from tensorboardX.proto.versions_pb2 import VersionDef

    graph = onnx.load_from_string(model).graph
    names: dict[str, str] = {}
    used: set[str] = set()
    nodes = []
    for given in graph.input:
        names[given.name] = _unused(given.name, used)
        nodes.append(NodeDef(name=names[given.name], op="Placeholder"))
    for node in graph.node:
        if node.op_type == "Constant":
            continue
        name = _unused(node.name or (node.output[0] if node.output else node.op_type), used)
        inputs = [names[one] for one in node.input if one in names]
        nodes.append(NodeDef(name=name, op=node.op_type, input=inputs))
        names.update(dict.fromkeys(node.output, name))
    return GraphDef(node=nodes, versions=VersionDef(producer=22))


def _unused(name: str, used: set[str]) -> str:
    clean = re.sub(r"[^A-Za-z0-9_./-]", "_", name).strip("/") or "node"
    clean = clean if clean[0].isalnum() or clean[0] == "." else f"n{clean}"
    unique, number = clean, 1
    while unique in used:
        number += 1
        unique = f"{clean}_{number}"
    used.add(unique)
    return unique


def _tag(name: str) -> str:
    return _NOT_IN_NAMES.sub("_", name).lstrip("/")


def _jpeg(image: Image.Image) -> bytes:
    stored = io.BytesIO()
    image.save(stored, "JPEG", quality=_QUALITY)
    return stored.getvalue()
