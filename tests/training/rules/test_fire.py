"""Each rule fires in a real small training that goes wrong in its way; in a healthy one all are silent."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from small_training import Lesson, learn, network, points
from walkaround.training.gradient.observing import input_means
from walkaround.training.rules.table import RULES, choose_rules
from walkaround.training.watching import Watch

Trainer = Callable[..., set[str]]


BY_OTHERS = {"StepOutlier"}
"""Other programs on this machine make steps slow now and then, and the rule is right to say so; see test_history.py."""


def test_in_a_healthy_training_all_rules_are_silent(train: Trainer) -> None:
    assert train(Lesson()) - BY_OTHERS == set()


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
@pytest.mark.parametrize("seed", [1, 2])
def test_in_other_healthy_trainings_too(train: Trainer, optimiser: str, seed: int) -> None:
    rate = 0.002 if optimiser == "adam" else 0.1
    assert train(Lesson(network=network(seed), optimiser=optimiser, rate=rate)) - BY_OTHERS == set()


def test_gradients_vanish_in_a_deep_network_of_sigmoids(train: Trainer) -> None:
    assert "VanishingGradient" in train(Lesson(network=network(depth=14, activation=nn.Sigmoid), epochs=2))


def test_a_rate_that_is_far_too_high_explodes(train: Trainer) -> None:
    assert "ExplodingTensor" in train(Lesson(network=network(depth=4), optimiser="sgd", rate=1e12))


@pytest.mark.parametrize("rate", [1e5, 1e-10], ids=["large", "small"])
def test_steps_that_do_not_suit_the_weights(train: Trainer, rate: float) -> None:
    assert "WeightUpdateRatio" in train(Lesson(rate=rate, epochs=2))


def test_one_step_too_large_kills_relus(train: Trainer) -> None:
    assert "DeadRelu" in train(Lesson(network=network(depth=3), optimiser="sgd", rate=3.0, epochs=3))


def test_weights_that_begin_as_zeros_stay_zeros(train: Trainer) -> None:
    zeros = network()
    for parameter in zeros.parameters():
        nn.init.zeros_(parameter)
    assert {"AllZero", "UnchangedTensor"} <= train(Lesson(network=zeros, epochs=2))


def test_a_layer_that_the_optimiser_does_not_get_is_unchanged(train: Trainer) -> None:
    fired = train(Lesson(parameters=lambda net: list(net.parameters())[2:], epochs=2))
    assert "UnchangedTensor" in fired


def test_weights_run_apart(train: Trainer) -> None:
    runaway = Lesson(rate=3.0, epochs=3)
    assert "TensorVariance" in train(runaway, "TensorVariance.max_threshold=10", "TensorVariance.min_threshold=0.00001")
    assert "TensorVariance" not in train(runaway)  # the service has no default


def test_weights_that_begin_too_small(train: Trainer) -> None:
    small = network(depth=6)
    with torch.no_grad():
        for parameter in small.parameters():
            parameter.mul_(0.01)
    assert "PoorWeightInitialization" in train(Lesson(network=small, optimiser="sgd", epochs=4))


@pytest.mark.parametrize("activation", [nn.Tanh, nn.Sigmoid])
def test_inputs_that_were_not_scaled_saturate(train: Trainer, activation: type[nn.Module]) -> None:
    inputs, labels = points(512, seed=1)
    assert "SaturatedActivation" in train(
        Lesson(network=network(activation=activation), train=(inputs * 1e4, labels), epochs=2)
    )


def test_labels_that_mean_nothing_are_not_learnt(train: Trainer) -> None:
    meaningless = points(4096, seed=1, apart=0.0)
    assert "LossNotDecreasing" in train(Lesson(train=meaningless, optimiser="sgd", rate=0.001, cosine=False, epochs=5))


def test_few_points_are_learnt_by_heart(train: Trainer) -> None:
    assert "Overfit" in train(Lesson(train=points(24, seed=1, apart=1.0), rate=0.01, epochs=60, batch=8))


def test_a_training_that_goes_on_for_too_long(train: Trainer) -> None:
    assert "Overtraining" in train(Lesson(rate=0.01, cosine=False, epochs=25, batch=256))


def test_a_loader_that_hangs_is_a_stalled_training(train: Trainer) -> None:
    def hang(step: int) -> None:
        time.sleep(0.6 if step == 9 else 0.0)

    assert "StalledTraining" in train(Lesson(wait=hang, epochs=1), "StalledTraining.threshold=0.2")


@pytest.mark.parametrize(("seed", "expected"), [(0, False), (7, True)], ids=["same", "other weights"])
def test_a_run_is_compared_with_another(tmp_path: Path, seed: int, expected: bool) -> None:
    learn(Watch(tmp_path / "one", every=4), Lesson(epochs=2))
    other = Watch(tmp_path / "two", every=4, compare=tmp_path / "one")
    assert ("SimilarAcrossRuns" in learn(other, Lesson(network=network(seed), epochs=2))) is expected


def rare(count: int) -> tuple[Tensor, Tensor]:
    inputs, labels = points(512, seed=1)
    kept = torch.cat([(labels == 0).nonzero(), (labels == 1).nonzero()[:count]]).flatten()
    return inputs[kept], labels[kept]


def test_a_rare_class(train: Trainer) -> None:
    assert "ClassImbalance" in train(Lesson(train=rare(12), epochs=4, batch=32))


def test_a_rare_class_is_missed(train: Trainer) -> None:
    fired = train(Lesson(train=rare(32), epochs=4, batch=32), "ClassImbalance.threshold_imbalance=1000")
    assert "ClassImbalance" in fired


def test_classes_that_look_alike_are_confused(train: Trainer) -> None:
    alike = Lesson(train=points(4096, seed=1, apart=1.0), validation=points(4096, seed=2, apart=1.0), epochs=3)
    assert "Confusion" in train(alike)


def test_pictures_that_are_all_dark(train: Trainer) -> None:
    dark = torch.from_numpy(np.random.default_rng(0).integers(0, 60, size=(32, 3, 16, 16), dtype=np.uint8))
    assert "CheckInputImages" in train(Lesson(pixels=lambda inputs: input_means(dark), epochs=1))


@pytest.mark.parametrize(("loaders", "words"), [(1, "only 1, 50%"), (16, "hinder each other")])
def test_a_slow_loader(tmp_path: Path, loaders: int, words: str) -> None:
    watch = Watch(tmp_path, every=4)
    assert "Dataloader" in learn(watch, Lesson(wait=lambda step: time.sleep(0.004), loaders=loaders, epochs=3))
    assert words in next(firing.message for firing in watch.fired() if firing.rule == "Dataloader")


def test_steps_that_take_far_longer_than_others(train: Trainer) -> None:
    times: list[float] = []

    def swap(step: int) -> None:
        """After 60 steps every fifteenth takes ten times as long as the longest of those, however busy this machine is."""
        if step <= 60:
            times.append(time.perf_counter())
        elif step % 15 == 0:
            time.sleep(10 * float(np.diff(times[10:]).max()))

    assert "StepOutlier" in train(Lesson(compute=swap, epochs=9))


def test_a_machine_that_is_hardly_used(train: Trainer) -> None:
    idle = Lesson(compute=lambda step: time.sleep(0.08), epochs=1)
    assert "BatchSize" in train(idle, "BatchSize.patience=3", "BatchSize.cpu_threshold_p95=60")


def test_a_training_that_keeps_every_batch(train: Trainer) -> None:
    kept: list[bytearray] = []

    def leak(step: int) -> None:
        kept.append(bytearray(b"x") * 2_000_000)
        time.sleep(0.03)

    settings = ("MemoryIncrease.patience=1", "MemoryIncrease.window=1", "MemoryIncrease.increase=0.01")
    assert "MemoryIncrease" in train(Lesson(compute=leak, epochs=2), *settings)


def test_a_start_that_takes_long(tmp_path: Path) -> None:
    watch = Watch(tmp_path, rules=choose_rules(["MaxInitializationTime.threshold=0.002"]))

    def prepare(step: int) -> None:
        time.sleep(0.4 if step == 1 else 0.0)

    assert "MaxInitializationTime" in learn(watch, Lesson(wait=prepare, epochs=1))


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a program on the path that tells of a GPU as the driver's own does: busy, memory used, memory in all."""

    def installed(busy_and_memory: str) -> None:
        program = tmp_path / "bin" / "nvidia-smi"
        program.parent.mkdir()
        lines = f"import time\nfor n in range(10**6):\n    print({busy_and_memory}, flush=True)\n    time.sleep(0.05)\n"
        program.write_text(f"#!{sys.executable}\n{lines}", encoding="utf-8")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent), prepend=":")

    return installed


@pytest.mark.parametrize(("busy", "expected"), [(4, {"CPUBottleneck", "LowGPUUtilization"}), (99, set())])
def test_a_processor_that_cannot_feed_the_accelerator(
    train: Trainer, driver: Callable[[str], None], busy: int, expected: set[str]
) -> None:
    def decode(step: int) -> None:
        end = time.thread_time() + 0.03
        while time.thread_time() < end:
            pass

    driver(f"'{busy}, 1000, 80000'")
    settings = ("CPUBottleneck.patience=2", "CPUBottleneck.cpu_threshold=5", "LowGPUUtilization.patience=2")
    fired = train(Lesson(wait=decode, epochs=1, accelerator=True), *settings)
    assert fired & {"CPUBottleneck", "LowGPUUtilization"} == expected


def test_the_accelerators_memory_fills(train: Trainer, driver: Callable[[str], None]) -> None:
    driver("f'99, {1000 * n}, 80000'")
    settings = ("GPUMemoryIncrease.patience=1", "GPUMemoryIncrease.window=1")
    assert "GPUMemoryIncrease" in train(Lesson(compute=lambda step: time.sleep(0.06), epochs=1, accelerator=True), *settings)


def test_every_rule_is_shown_here() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    assert [rule.name for rule in RULES if f'"{rule.name}' not in source] == []
