"""Running an ONNX model: the one seam between walkaround and an inference engine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

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

    def __init__(self, model: bytes | Path) -> None:
        """Load a model.

        Raises:
            PackageError: the file or the bytes are no model that ONNX Runtime can run.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            source = model if isinstance(model, bytes) else model.read_bytes()  # its own opening knows UTF-8 names alone
            self._session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        except Exception as problem:
            name = "The model in memory" if isinstance(model, bytes) else repr(str(model))
            raise PackageError(f"{name} is not a model that ONNX Runtime can load; train it again.") from problem

    def run(self, pixels: NDArray[np.float32], outputs: Sequence[str]) -> list[NDArray[np.float32]]:
        """Compute the named outputs for `pixels`, float32 [n, 3, height, width], RGB, 0 to 255."""
        answers: list[NDArray[np.float32]] = self._session.run(list(outputs), {PIXELS: pixels})
        return answers
