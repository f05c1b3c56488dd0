"""All rules in one table: name, when it is asked, and what to do when it finds something; and the choice of a user from it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from walkaround.errors import InputError
from walkaround.training.rules import activations, labels, losses, profiler, tensors
from walkaround.training.rules.history import History

When = Literal["step", "look", "epoch", "end", "clock"]
"""Asked after every step, after every look inside, after every epoch, when the training is over, or now and then."""

Check = Callable[[History], str | None]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule.

    Attributes:
        name: SageMaker Debugger's, where it has the rule.
        check: a pure function: what is wrong, with the numbers, or None.
        when: it is asked.
        advice: what to do when it fires.
    """

    name: str
    check: Check
    when: When
    advice: str

    @property
    def parameters(self) -> dict[str, object]:
        """The thresholds by name, with their values."""
        return {name: one.default for name, one in inspect.signature(self.check).parameters.items() if name != "history"}


RULES = (
    Rule(
        name="VanishingGradient",
        check=tensors.vanishing_gradient,
        when="look",
        advice="The layer does not learn. Look for a saturated activation behind it, use a higher learning rate or other"
        " initial weights, or freeze the layer if that is meant.",
    ),
    Rule(
        name="ExplodingTensor",
        check=tensors.exploding_tensor,
        when="step",
        advice="Lower the learning rate, clip gradients more tightly, lengthen the warm-up, and look at the pictures and places"
        " of this batch.",
    ),
    Rule(
        name="WeightUpdateRatio",
        check=tensors.weight_update_ratio,
        when="look",
        advice="Steps that are too large: lower the learning rate. Too small: raise it, or look whether gradients get to the"
        " layer at all.",
    ),
    Rule(
        name="AllZero",
        check=tensors.all_zero,
        when="look",
        advice="The layer is out of use: look for a mask, a dead activation, or a part of the loss that has no pictures.",
    ),
    Rule(
        name="UnchangedTensor",
        check=tensors.unchanged_tensor,
        when="look",
        advice="The learning rate of this layer is 0 or far too small, or it is not among those that the optimiser gets.",
    ),
    Rule(
        name="TensorVariance",
        check=tensors.tensor_variance,
        when="look",
        advice="Very different weights lead to saturation, nearly equal ones to no learning: change learning rate, weight decay"
        " or initial weights.",
    ),
    Rule(
        name="DeadRelu",
        check=activations.dead_relu,
        when="look",
        advice="Lower the learning rate and lengthen the warm-up, since one step that was too large kills ReLUs for good; or"
        " use other initial biases.",
    ),
    Rule(
        name="SaturatedActivation",
        check=activations.saturated_activation,
        when="look",
        advice="Lower the learning rate, begin with smaller weights, or normalise before the activation.",
    ),
    Rule(
        name="PoorWeightInitialization",
        check=activations.poor_weight_initialization,
        when="look",
        advice="Begin with pretrained weights, or with He's or Glorot's initialisation for layers that are new.",
    ),
    Rule(
        name="LossNotDecreasing",
        check=losses.loss_not_decreasing,
        when="look",
        advice="Look at the labels first, then at the learning rate: too low, and nothing happens, too high, and it swings.",
    ),
    Rule(
        name="Overfit",
        check=losses.overfit,
        when="epoch",
        advice="More pictures help most; then stronger augmentation, more weight decay, a smaller network, fewer epochs. The"
        " best checkpoint is kept anyway.",
    ),
    Rule(
        name="Overtraining",
        check=losses.overtraining,
        when="epoch",
        advice="More epochs bring nothing: train for fewer, so that the learning rate falls in time.",
    ),
    Rule(
        name="StalledTraining",
        check=losses.stalled_training,
        when="clock",
        advice="See whether the disk or the network drive with the pictures still answers, and whether the machine swaps. The"
        " same command goes on from the last checkpoint.",
    ),
    Rule(
        name="SimilarAcrossRuns",
        check=losses.similar_across_runs,
        when="step",
        advice="Pictures, recipe, seed, threads and versions have to be the same; on a GPU some sums differ from run to run.",
    ),
    Rule(
        name="ClassImbalance",
        check=labels.class_imbalance,
        when="epoch",
        advice="Add pictures of the rare class, or fold it into another with --rename.",
    ),
    Rule(
        name="Confusion",
        check=labels.confusion,
        when="end",
        advice="Look at these pictures in the scorecard: either labels are wrong, or people cannot tell the classes apart"
        " either; then fold them with --rename.",
    ),
    Rule(
        name="CheckInputImages",
        check=labels.check_input_images,
        when="look",
        advice="Pictures that are on the whole very dark, very light or tinted cost accuracy with pretrained weights; look"
        " whether they were converted wrongly.",
    ),
    Rule(
        name="Dataloader",
        check=profiler.dataloader,
        when="look",
        advice="Give more --threads, put pictures and cache on a faster disk, or make the pictures smaller.",
    ),
    Rule(
        name="CPUBottleneck",
        check=profiler.cpu_bottleneck,
        when="look",
        advice="The processor cannot feed the accelerator: give more cores, or use less augmentation.",
    ),
    Rule(
        name="StepOutlier",
        check=profiler.step_outlier,
        when="look",
        advice="Something else uses the machine now and then, or some pictures are far larger than others.",
    ),
    Rule(
        name="BatchSize",
        check=profiler.batch_size,
        when="look",
        advice="A larger batch would use the machine better; raise the learning rate with it.",
    ),
    Rule(
        name="GPUMemoryIncrease",
        check=profiler.gpu_memory_increase,
        when="look",
        advice="If it goes on, the training ends without memory: use a smaller batch, and report it.",
    ),
    Rule(
        name="MemoryIncrease",
        check=profiler.memory_increase,
        when="look",
        advice="If it goes on, the training is killed; the same command goes on from the last checkpoint. Use fewer threads,"
        " and report it.",
    ),
    Rule(
        name="LowGPUUtilization",
        check=profiler.low_gpu_utilization,
        when="look",
        advice="A larger batch or more reading threads keep the accelerator busy; or a smaller machine does as well.",
    ),
    Rule(
        name="MaxInitializationTime",
        check=profiler.max_initialization_time,
        when="clock",
        advice="Pictures are read and decoded once before the first step: put them and the cache on a faster disk.",
    ),
)
"""Every rule is on; those that need a threshold or another run that nobody gave are silent."""


def choose_rules(settings: Iterable[str] = (), *, rules: Sequence[Rule] = RULES) -> tuple[Rule, ...]:
    """The rules with a user's changes.

    Args:
        settings: "Overfit=off", or a threshold, "Overfit.patience=3".
        rules: to change.

    Raises:
        InputError: there is no such rule or threshold, or the value is no number.
    """
    chosen: dict[str, Rule] = {rule.name: rule for rule in rules}
    for setting in settings:
        name, _, value = setting.partition("=")
        rule_name, _, parameter = name.strip().partition(".")
        rule = chosen.get(rule_name)
        if rule is None:
            raise InputError(f"There is no rule {rule_name!r} for {setting!r}; the rules are {', '.join(chosen)}.")
        if not parameter and value.strip().lower() in ("on", "off"):
            chosen = chosen if value.strip().lower() == "on" else _without(chosen, rule_name)
            continue
        chosen[rule_name] = replace(rule, check=partial(rule.check, **{parameter: _value(rule, parameter, setting, value)}))
    return tuple(chosen.values())


def _without(rules: Mapping[str, Rule], name: str) -> dict[str, Rule]:
    return {key: rule for key, rule in rules.items() if key != name}


def _value(rule: Rule, parameter: str, setting: str, value: str) -> float | int | bool:
    known = rule.parameters
    if parameter not in known:
        offered = ", ".join(known) or "none"
        raise InputError(
            f"{rule.name} has no threshold {parameter!r} for {setting!r}; it has {offered}, or write {rule.name}=off."
        )
    if isinstance(known[parameter], bool):
        return value.strip().lower() in ("true", "yes", "on", "1")
    try:
        return int(value) if isinstance(known[parameter], int) else float(value)
    except ValueError:
        raise InputError(f"The threshold in {setting!r} is no number; write for example {rule.name}.{parameter}=3.") from None
