"""Writing the part of an ONNX graph that comes after the backbone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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

    def __init__(self, backbone: onnx.ModelProto | None = None) -> None:
        """Begin with the shipped backbone, or with one of the same layers that was trained further."""
        self._model = load_backbone() if backbone is None else backbone
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

    def finish(
        self,
        outputs: Mapping[str, Sequence[int]],
        *,
        whole: Collection[str] = (),
        pixels: str = PIXELS,
        side: int | None = None,
    ) -> bytes:
        """The whole model as bytes.

        What no output needs (the backbone's unused layers) is left to ONNX Runtime to drop.

        Args:
            outputs: float32, named with their shapes without the batch dimension.
            whole: those of the outputs that are int64.
            pixels: name of the model's input.
            side: height and width of the input, where the head allows no other.
        """
        for name, sizes in outputs.items():
            kind = TensorProto.INT64 if name in whole else TensorProto.FLOAT
            self._model.graph.output.append(helper.make_tensor_value_info(name, kind, ["n", *sizes]))
        if self._model.graph.input[0].name != PIXELS:
            raise ValueError(f"the backbone's input is {self._model.graph.input[0].name!r}, not {PIXELS!r}")
        size = ("h", "w") if side is None else (side, side)
        self._model.graph.input[0].CopyFrom(helper.make_tensor_value_info(pixels, TensorProto.FLOAT, ["n", 3, *size]))
        for node in self._model.graph.node:
            if PIXELS in node.input:
                node.input[:] = [pixels if name == PIXELS else name for name in node.input]
        onnx.checker.check_model(self._model)
        return bytes(self._model.SerializeToString())
