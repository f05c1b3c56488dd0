"""Looking inside a network during one step: gradients, weights, updates and activations, as plain numbers.

It costs a part of a step, and so is done every so many steps (`Monitor.looks_inside`); in the others nothing is hooked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from walkaround.training.monitor import LIVE_INPUTS, Activation, ActivationFacts, LayerFacts, TensorFacts

_MOST_SORTED = 4096  # values that percentiles are taken of
_SAMPLE = 64
_MOST_ACTIVATIONS = 1 << 18  # values of one activation that are looked at
_MEAN, _SCALE = 127.0, 128.0  # what networks of the EfficientNet-Lite family take off, and divide by

_KINDS: Mapping[Callable[..., Any], Activation] = {
    functional.relu: "relu",
    functional.relu_: "relu",
    functional.relu6: "relu",
    torch.relu: "relu",
    torch.relu_: "relu",
    Tensor.relu: "relu",
    Tensor.relu_: "relu",
    functional.sigmoid: "sigmoid",
    torch.sigmoid: "sigmoid",
    torch.sigmoid_: "sigmoid",
    Tensor.sigmoid: "sigmoid",
    Tensor.sigmoid_: "sigmoid",
    functional.tanh: "tanh",
    torch.tanh: "tanh",
    torch.tanh_: "tanh",
    Tensor.tanh: "tanh",
    Tensor.tanh_: "tanh",
}


class Observer:
    """Looks inside one step of a network.

    Use: `with observer.forward(): losses = ...`; backward; `observer.gradients()` before gradients are clipped (and after mixed
    precision took its scale off them); the step; `observer.facts()`.
    """

    def __init__(self, network: nn.Module) -> None:
        """Remember what to look at: weights of two dimensions or more that are trained; biases and scales tell little."""
        self._network = network
        self._weights = {name: one for name, one in network.named_parameters() if one.requires_grad and one.ndim > 1}
        self._activations: dict[str, tuple[Activation, list[Tensor], list[TensorFacts]]] = {}
        self._gradients: dict[str, TensorFacts] = {}
        self._before: dict[str, Tensor] = {}

    @contextmanager
    def forward(self) -> Iterator[None]:
        """Watch the activation functions that the network calls, as modules or not, while the block runs."""
        self._activations = {}
        inside: list[str] = []
        hooks = []
        for name, module in self._network.named_modules():
            hooks.append(module.register_forward_pre_hook(_entering(inside, name)))
            hooks.append(module.register_forward_hook(_leaving(inside), always_call=True))
        try:
            with _Watching(inside, self._see):
                yield
        finally:
            for hook in hooks:
                hook.remove()

    @torch.no_grad()
    def gradients(self) -> None:
        """Take the gradients as they are now, and keep the weights to compare with."""
        self._gradients = {name: tensor_facts(one.grad) for name, one in self._weights.items() if one.grad is not None}
        self._before = {name: self._weights[name].detach().clone() for name in self._gradients}

    @torch.no_grad()
    def facts(self) -> tuple[tuple[LayerFacts, ...], tuple[ActivationFacts, ...]]:
        """What was seen; weights and updates are those of now."""
        layers = []
        for name, before in self._before.items():
            now = self._weights[name].detach()
            changed, norm = torch.stack([(now - before).norm(), before.norm()]).tolist()
            gradients = self._gradients[name]
            layers.append(LayerFacts(name=name, weights=tensor_facts(now), gradients=gradients, before=norm, change=changed))
        self._before = {}
        activations = tuple(
            ActivationFacts(
                name=name, kind=kind, activity=torch.stack(activity).mean(dim=0).cpu().numpy(), inputs=_joined(inputs)
            )
            for name, (kind, activity, inputs) in self._activations.items()
        )
        return tuple(layers), activations

    @torch.no_grad()
    def _see(self, name: str, kind: Activation, inputs: Tensor) -> None:
        """One call of an activation function; a module that is called for several maps is one layer."""
        seen = _thinned(inputs.detach())
        low, high = LIVE_INPUTS[kind]
        live = ((seen > low) & (seen < high)).float()
        others = [axis for axis in range(live.ndim) if axis != 1] if live.ndim > 1 else []
        activity = live.mean(dim=others) if others else live
        layer = f"{name or 'network'}.{kind}"
        _, calls, facts = self._activations.setdefault(layer, (kind, [], []))
        if not calls or calls[0].shape == activity.shape:
            calls.append(activity)
            facts.append(tensor_facts(seen))


class _Watching(TorchFunctionMode):
    """Tells of the activation functions that are called within the network's modules."""

    def __init__(self, inside: Sequence[str], see: Callable[[str, Activation, Tensor], None]) -> None:
        super().__init__()
        self._inside, self._see = inside, see

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        del types
        kind = _KINDS.get(func)
        if kind is not None and self._inside and args and isinstance(args[0], Tensor):
            self._see(self._inside[-1], kind, args[0])
        return func(*args, **(kwargs or {}))


def _entering(inside: list[str], name: str) -> Callable[[nn.Module, Any], None]:
    def hook(module: nn.Module, inputs: object) -> None:
        del module, inputs
        inside.append(name)

    return hook


def _leaving(inside: list[str]) -> Callable[[nn.Module, Any, Any], None]:
    def hook(module: nn.Module, inputs: object, outputs: object) -> None:
        del module, inputs, outputs
        if inside:
            inside.pop()

    return hook


@torch.no_grad()
def tensor_facts(values: Tensor) -> TensorFacts:
    """The numbers of a tensor; all of it is read once, percentiles are of a sample."""
    flat = values.detach().float().flatten()
    size = flat.numel()
    finite = torch.isfinite(flat)
    share = float(finite.float().mean()) if size else 1.0
    if share < 1:
        flat = flat[finite]
    if not flat.numel():
        nothing = np.zeros(0, dtype=np.float32)
        return TensorFacts(
            mean=0.0, variance=0.0, magnitude=0.0, norm=0.0, zeros=0.0, finite=share, low=0.0, high=0.0, sample=nothing
        )
    few = flat[:: max(1, flat.numel() // _MOST_SORTED)]
    ends = torch.quantile(few, torch.tensor([0.05, 0.95], device=few.device))
    numbers = torch.stack(
        [
            flat.mean(),
            flat.var(correction=0),
            flat.abs().mean(),
            flat.norm(),
            (flat == 0).float().mean(),
            ends[0],
            ends[1],
        ]
    ).tolist()  # one transfer from a GPU, not seven
    mean, variance, magnitude, norm, zeros, low, high = numbers
    sample = flat[:: max(1, flat.numel() // _SAMPLE)][:_SAMPLE].cpu().numpy().astype(np.float32)
    return TensorFacts(
        mean=mean,
        variance=variance,
        magnitude=magnitude,
        norm=norm,
        zeros=zeros,
        finite=share,
        low=low,
        high=high,
        sample=sample,
    )


def _joined(facts: Sequence[TensorFacts]) -> TensorFacts:
    """The facts of several calls as those of one: the means, and the worst of what must not be."""
    return TensorFacts(
        mean=float(np.mean([one.mean for one in facts])),
        variance=float(np.mean([one.variance for one in facts])),
        magnitude=float(np.mean([one.magnitude for one in facts])),
        norm=float(np.linalg.norm([one.norm for one in facts])),
        zeros=float(np.mean([one.zeros for one in facts])),
        finite=min(one.finite for one in facts),
        low=min(one.low for one in facts),
        high=max(one.high for one in facts),
        sample=facts[0].sample,
    )


def _thinned(inputs: Tensor) -> Tensor:
    """A large map by every so many places in both directions, all pictures and channels kept."""
    places = max(1, round((inputs.numel() / _MOST_ACTIVATIONS) ** 0.5))
    return inputs[:, :, ::places, ::places] if inputs.ndim == 4 and places > 1 else inputs


@torch.no_grad()
def input_means(pixels: Tensor) -> tuple[float, ...]:
    """Mean of each channel as the first layer gets it.

    Args:
        pixels: uint8 or float [n, 3, h, w], RGB, 0 to 255; every eighth row and column is read, which is cheap.
    """
    few = pixels[:, :, ::8, ::8].float()
    return tuple(((few.mean(dim=(0, 2, 3)) - _MEAN) / _SCALE).tolist())
