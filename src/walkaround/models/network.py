"""Running an ONNX model: the one seam between walkaround and an inference engine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from walkaround.errors import PackageError
from walkaround.models.names import PIXELS


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # a container or `taskset` may allow fewer than there are; not known on every system
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Network:
    """An ONNX model in ONNX Runtime. Thread-safe: callers on several threads share one copy of the weights.

    Each call computes on its own thread alone; a pool of callers keeps all cores busy, which on a CPU is faster than several
    threads in one call, and needs no batching.
    """

    def __init__(self, model: bytes | Path, *, parts: Sequence[str] = (PIXELS,)) -> None:
        """Load a model.

        Args:
            model: a file or its content.
            parts: the inputs of its parts. Each part of a joined model is loaded for itself, so that asking for one computes
                nothing of the others.

        Raises:
            PackageError: the file or the bytes are no model that ONNX Runtime can run, or it lacks a part.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._sessions: dict[str, Any] = {}
        try:
            source = model if isinstance(model, bytes) else model.read_bytes()  # its own opening knows UTF-8 names alone
            for part in parts:
                content = source if len(parts) == 1 else _taken_apart(source, part)
                self._sessions[part] = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
                if [tensor.name for tensor in self._sessions[part].get_inputs()] != [part]:
                    raise ValueError(f"the model's inputs are not {list(parts)}")
        except Exception as problem:
            name = "The model in memory" if isinstance(model, bytes) else repr(str(model))
            raise PackageError(f"{name} is not a model that ONNX Runtime can load; train it again.") from problem

    def run(self, pixels: NDArray[np.float32], outputs: Sequence[str], *, part: str = PIXELS) -> list[NDArray[Any]]:
        """Compute outputs of one part.

        Args:
            pixels: float32 [n, 3, height, width], RGB, 0 to 255.
            outputs: names of outputs of the part.
            part: the input that gets the pixels; one of those that the network was loaded with.
        """
        answers: list[NDArray[Any]] = self._sessions[part].run(list(outputs), {part: pixels})
        return answers


def _taken_apart(model: bytes, part: str) -> bytes:
    from walkaround.models.joined import part_of  # it needs `onnx`, which takes time and memory that most models can do without

    return part_of(model, part)
