"""The shipped backbone, EfficientNet-Lite0: where its weights are, and which of its layers the heads read.

The heads read the layers after their ReLU6, inside the blocks: pooling the blocks' own outputs, which are linear in these,
loses what the wider layers still tell apart (see docs/experiments.md).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import onnx

from walkaround.errors import PackageError

NAME = "efficientnet-lite0"
LICENCE = "Apache-2.0"

_WEIGHTS = Path(__file__).parent / "weights" / "efficientnet_lite0.onnx"


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One feature map of the backbone: float32 [n, channels, height / stride, width / stride]."""

    name: str
    channels: int
    stride: int


POOLED_LAYERS = (
    Layer(name="b4.depthwise", channels=240, stride=8),
    Layer(name="b8.depthwise", channels=480, stride=16),
    Layer(name="b9.depthwise", channels=672, stride=16),
    Layer(name="b10.depthwise", channels=672, stride=16),
    Layer(name="b12.depthwise", channels=1152, stride=32),
    Layer(name="b13.depthwise", channels=1152, stride=32),
    Layer(name="b14.depthwise", channels=1152, stride=32),
    Layer(name="b15.depthwise", channels=1152, stride=32),
    Layer(name="head32", channels=1280, stride=32),
)
"""What a picture's feature vector is pooled from; all of them are 0 to 6."""

FEATURE_COUNT = sum(layer.channels for layer in POOLED_LAYERS)
"""Length of a picture's feature vector."""

PATCH_LAYERS = (Layer(name="stride8", channels=40, stride=8), Layer(name="stride16", channels=112, stride=16))
"""What the memory of normal patches compares."""


def load_backbone() -> onnx.ModelProto:
    """The backbone's graph without outputs, to be extended.

    Raises:
        PackageError: the installation lacks the weights.
    """
    try:
        model = onnx.load(_WEIGHTS)
    except OSError as problem:
        raise PackageError(f"The backbone's weights {str(_WEIGHTS)!r} are missing; install walkaround again.") from problem
    del model.graph.output[:]
    return model


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """SHA-256 of the backbone's weights: features of different backbones are never mixed."""
    return hashlib.sha256(_WEIGHTS.read_bytes()).hexdigest()
