"""Weights that a user has: a checkpoint of walkaround, or one of the EfficientDets that the PyTorch world shares."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from walkaround.errors import InputError
from walkaround.models.gradient.backbone import STAGES
from walkaround.models.package import MODEL_FILE

_BEFORE_NORM = re.compile(r"(?<=after_combine\.conv\.)conv_pw\.bias$|(?<=\.conv\.)conv\.bias$")
_EPSILON = 1e-3  # of batch normalisation, in every EfficientNet and EfficientDet
_WRAPPERS = ("best", "average", "state_dict_ema", "state_dict", "model_state_dict", "model", "network")


def take_weights(network: nn.Module, path: Path) -> str:
    """Put into a network whatever of a checkpoint fits in name and shape.

    Args:
        network: with a `Lite0` as its `backbone`; what the checkpoint has nothing for stays as it is.
        path: file of `torch.save`: a `state_dict`, or one under a usual name, as checkpoints of walkaround and of
            https://github.com/rwightman/efficientdet-pytorch have it. Batch normalisation of an EfficientNet-Lite0 is folded.
            Of a package or an ONNX file of walkaround the backbone is taken; what stands after it there is folded for good.

    Returns:
        A sentence on what was taken.

    Raises:
        InputError: the file is no checkpoint of PyTorch, or nothing in it fits.
    """
    stored = translated(_state(path))
    own = network.state_dict()
    fits = {name: value for name, value in stored.items() if name in own and own[name].shape == value.shape}
    if not any(own[name].ndim > 1 for name in fits):
        raise InputError(
            f"Nothing in {str(path)!r} fits the network: of its {len(stored)} tensors none has a name and a shape that the"
            f" network has, such as {_example(own)}; give a checkpoint of the same size, or train without --weights."
        )
    network.load_state_dict(fits, strict=False)
    return _told(own, stored, fits)


def _told(own: Mapping[str, Tensor], stored: Mapping[str, Tensor], fits: Mapping[str, Tensor]) -> str:
    parts: dict[str, list[int]] = {}
    for name in own:
        if own[name].is_floating_point():
            count = parts.setdefault(name.split(".", maxsplit=1)[0], [0, 0])
            count[0] += name in fits
            count[1] += 1
    shapes = [name for name in stored if name in own and name not in fits]
    told = ", ".join(f"{name} {taken} of {all_of}" for name, (taken, all_of) in parts.items())
    other = f"; of another shape: {', '.join(shapes[:4])}{' ...' if len(shapes) > 4 else ''}" if shapes else ""
    return f"weights taken: {told}{other}"


def _example(own: Mapping[str, Tensor]) -> str:
    name = next(name for name, value in own.items() if value.ndim > 1)
    return f"{name} {list(own[name].shape)}"


def _state(path: Path) -> dict[str, Tensor]:
    if path.is_dir() or path.suffix == ".onnx":
        return _exported(path / MODEL_FILE if path.is_dir() else path)
    try:
        stored: Any = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as problem:
        raise InputError(f"Cannot read the weights {str(path)!r} ({problem.strerror}); give a file of torch.save.") from problem
    except Exception as problem:
        raise InputError(
            f"{str(path)!r} is no checkpoint that can be read safely ({type(problem).__name__}); give a file that holds nothing"
            " but tensors, as torch.save(network.state_dict(), ...) writes it."
        ) from problem
    for name in _WRAPPERS:
        if isinstance(stored, dict) and isinstance(stored.get(name), dict):
            stored = stored[name]
    if not isinstance(stored, dict):
        raise InputError(f"{str(path)!r} holds a {type(stored).__name__}, not tensors by name; give a state_dict.")
    return {_bare(name): value for name, value in stored.items() if isinstance(name, str) and isinstance(value, Tensor)}


def _exported(path: Path) -> dict[str, Tensor]:
    """The backbone of the part that finds boxes, or else of the first part."""
    try:
        stored = onnx.load(path).graph.initializer
    except OSError as problem:
        raise InputError(f"Cannot read the weights {str(path)!r} ({problem.strerror}); give a package.") from problem
    except Exception as problem:  # protobuf's own, whose type mypy does not know
        raise InputError(f"{str(path)!r} is no ONNX file; give a package.") from problem
    found: dict[str, Tensor] = {}
    for weights in sorted(stored, key=lambda one: not one.name.startswith("boxes/")):
        name = "backbone." + weights.name.rsplit("/", maxsplit=1)[-1]
        if not _of_another_backbone(name):
            found.setdefault(name, torch.from_numpy(np.array(numpy_helper.to_array(weights))))
    return found


def _bare(name: str) -> str:
    """Without what training wraps networks in."""
    return re.sub(r"^(module\.|model\.|_orig_mod\.)+", "", name)


def translated(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under the names that they have here.

    Batch normalisation of the backbone is folded into its convolutions, and a bias before another normalisation becomes a part
    of the mean that it takes off.
    """
    own = {name: value for name, value in stored.items() if not _of_another_backbone(name)} | _folded(stored)
    for name in [name for name in own if _BEFORE_NORM.search(name)]:
        mean = _BEFORE_NORM.sub("bn.running_mean", name)
        if mean in own:
            own[mean] = own[mean] - own.pop(name)
    return own


def _of_another_backbone(name: str) -> bool:
    return name.startswith("backbone.") and not name.startswith(("backbone._conv_", "backbone._blocks."))


def _folded(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The backbone of timm's names, `blocks.stage.block`, as ours, `_blocks.block`."""
    own: dict[str, Tensor] = {}
    for convolution, norm, name in _timm_layers():
        weight, names = stored.get(f"backbone.{convolution}.weight"), ("weight", "bias", "running_mean", "running_var")
        parts = [stored.get(f"backbone.{norm}.{one}") for one in names]
        if weight is None or any(part is None for part in parts):
            continue
        scale, bias, mean, variance = (part.double() for part in parts if part is not None)
        gain = scale / (variance + _EPSILON).sqrt()
        if weight.shape[0] == len(gain):
            own[f"backbone.{name}.weight"] = (weight.double() * gain[:, None, None, None]).float()
            own[f"backbone.{name}.bias"] = (bias - mean * gain).float()
    return own


def _timm_layers() -> list[tuple[str, str, str]]:
    """Convolution and normalisation in timm, and what we call the two together."""
    layers = [("conv_stem", "bn1", "_conv_stem")]
    number = 0
    for stage, (blocks, *_) in enumerate(STAGES):
        for block in range(blocks):
            there, here = f"blocks.{stage}.{block}", f"_blocks.{number}"
            if stage == 0:
                names = [("conv_dw", "bn1", "_depthwise_conv"), ("conv_pw", "bn2", "_project_conv")]
            else:
                names = [
                    ("conv_pw", "bn1", "_expand_conv"),
                    ("conv_dw", "bn2", "_depthwise_conv"),
                    ("conv_pwl", "bn3", "_project_conv"),
                ]
            layers += [(f"{there}.{conv}", f"{there}.{norm}", f"{here}.{own}") for conv, norm, own in names]
            number += 1
    return layers
