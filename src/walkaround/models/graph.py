"""Writing the part of an ONNX graph that comes after the backbone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from walkaround.models.backbone import Layer, load_backbone
from walkaround.models.names import PIXELS

Attribute = int | float | str | list[int]


class Graph:
    """The backbone with a head that grows node by node; every name given to `node` is the name of its one output."""

    def __init__(self) -> None:
        self._model = load_backbone()
        self._count = 0
        self._stored: dict[int, tuple[str, NDArray[np.float32] | NDArray[np.int64]]] = {}

    def constant(self, value: NDArray[np.float32] | NDArray[np.int64]) -> str:
        """Store an array in the graph and return its name; the same array is stored once."""
        if id(value) in self._stored:
            return self._stored[id(value)][0]
        self._count += 1
        name = f"head.constant{self._count}"
        self._model.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        self._stored[id(value)] = (name, value)  # the array is kept, so that no other can get its id
        return name

    def scalar(self, value: float) -> str:
        """Store one float32 and return its name."""
        return self.constant(np.array(value, dtype=np.float32))

    def shape(self, *sizes: int) -> str:
        """Store a list of int64 and return its name."""
        return self.constant(np.array(sizes, dtype=np.int64))

    def node(
        self,
        kind: str,
        inputs: Sequence[str],
        name: str | None = None,
        *,
        attributes: Mapping[str, Attribute] | None = None,
        unused_outputs: int = 0,
    ) -> str:
        """Append an operator of ONNX operator set 17 and return the name of its first output."""
        self._count += 1
        output = name or f"head.{kind.lower()}{self._count}"
        outputs = [output, *(f"{output}.unused{number}" for number in range(unused_outputs))]
        self._model.graph.node.append(
            helper.make_node(kind, list(inputs), outputs, name=output, **cast("dict[str, Any]", attributes or {}))
        )
        return output

    def transposed_product(self, rows: str, matrix: str) -> str:
        """Rows, [n, k], times the transpose of a matrix, [m, k]: a constant used both ways round is stored once."""
        return self.node("Gemm", [rows, matrix], attributes={"transB": 1})

    def mean_over_places(self, layer: Layer) -> str:
        """Global average of a feature map, [n, channels]."""
        return self.node("ReduceMean", [layer.name], attributes={"axes": [2, 3], "keepdims": 0})

    def finish(self, outputs: Mapping[str, Sequence[int]]) -> bytes:
        """The whole model as bytes; `outputs` are float32, named with their shapes without the batch dimension.

        What no output needs (the backbone's unused layers) is left to ONNX Runtime to drop.
        """
        for name, sizes in outputs.items():
            self._model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *sizes]))
        pixels = self._model.graph.input[0]
        if pixels.name != PIXELS:
            raise ValueError(f"the backbone's input is {pixels.name!r}, not {PIXELS!r}")
        onnx.checker.check_model(self._model)
        return bytes(self._model.SerializeToString())
