"""How long a network is trained, with which optimiser, and how the learning rate rises and falls over the run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import nn

FASTEST = 1e-4
"""Rate of AdamW for the shipped network: a step moves what some of its ReLUs get by a thousand times as much, of 0 to 6."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Settings of one run of the loop.

    Attributes:
        epochs: passes over the pictures, unless time or patience ends first.
        optimiser: "adamw" or "sgd" (with Nesterov's momentum of 0.9).
        rate: highest learning rate.
        last: share of `rate` that is left at the end of the run.
        warm_up: share of the run, 0 to 1, in which the rate rises from 0 to `rate`; at least `fewest_warm_up` steps.
        fewest_warm_up: steps.
        weight_decay: of weights with two dimensions or more; biases and scales have none.
        slower: prefix of parameter names to a factor on their rate ("backbone." to 0.1); 0 freezes them.
        clip: longest gradient, as the norm over all parameters; a longer one is shortened to it.
        average: share of the old weights that a step leaves in the averaged ones that are validated and kept; 0: no averaging.
            In the first steps of a run it is smaller, so that short runs are averaged over themselves.
        patience: validations without a better score after which training stops; None: never.
        validate_every: epochs from one validation to the next; the last epoch is always validated.
        seed: of initialisation and chance inside the network (dropout); the loader has its own.
        keep_every: seconds from one checkpoint to the next; another is written after every epoch.
        precision: "auto" computes in half precision where a GPU has it; "full" never.
    """

    epochs: int
    optimiser: Literal["adamw", "sgd"] = "adamw"
    rate: float = 1e-3
    last: float = 0.01
    warm_up: float = 0.05
    fewest_warm_up: int = 10
    weight_decay: float = 1e-4
    slower: Mapping[str, float] = field(default_factory=dict)
    clip: float = 10.0
    average: float = 0.999
    patience: int | None = None
    validate_every: int = 1
    seed: int = 0
    keep_every: float = 120.0
    precision: Literal["auto", "full"] = "auto"

    def rate_at(self, done: float, *, step: int, steps: int) -> float:
        """The learning rate of a step: it rises in a line, then falls as half a cosine that ends with the run.

        Args:
            done: share of the run that is over after this step, 0 to 1, in steps or in time, whichever is further.
            step: of this run, counted from 0.
            steps: of the whole run, if time allows them.
        """
        fewest = max(1, min(self.fewest_warm_up, steps // 5))
        risen = min(1.0, (step + 1) / fewest, done / self.warm_up if self.warm_up else 1.0)
        fallen = self.last + (1 - self.last) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
        return self.rate * risen * fallen


def share_for(travel: float, *, rate: float, steps: int) -> float:
    """The share of the rate at which no weight goes further than `travel` in a run, nor faster than `FASTEST`.

    AdamW moves every weight by about the rate, whatever its size. In a pretrained network whose normalisation is folded into
    the weights nothing sets that right again: ReLUs die by the sum of the rates, however slowly it is gathered (measured over
    boxes and masks, see docs/experiments.md).

    Args:
        travel: the sum of the rates over the run.
        rate: highest, of a schedule that falls as a cosine: on average half of it.
        steps: of the run.
    """
    return min(1.0, travel / (0.5 * rate * steps), FASTEST / rate)


def make_optimiser(network: nn.Module, schedule: Schedule) -> torch.optim.Optimizer:
    """The optimiser for all parameters that are to change; each group has its `factor` on the rate.

    Parameters whose factor is 0 are frozen.
    """
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        factor = next((value for prefix, value in schedule.slower.items() if name.startswith(prefix)), 1.0)
        if factor == 0:
            parameter.requires_grad_(False)
        elif parameter.requires_grad:
            groups.setdefault((factor, parameter.ndim > 1), []).append(parameter)
    listed = [
        {"params": parameters, "factor": factor, "weight_decay": schedule.weight_decay if decays else 0.0}
        for (factor, decays), parameters in groups.items()
    ]
    if schedule.optimiser == "sgd":
        return torch.optim.SGD(listed, lr=schedule.rate, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(listed, lr=schedule.rate)
