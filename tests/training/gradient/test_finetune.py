"""Fine-tuning of the classifier's network, on painted pictures: a bright mark is damage."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from PIL import Image

from walkaround.datasets.sample import Sample
from walkaround.models.classify import write_features
from walkaround.models.gradient.backbone import load_backbone
from walkaround.models.heads import KernelHead, LinearHead
from walkaround.models.names import FEATURES
from walkaround.models.network import Network
from walkaround.models.projection import fit_projection
from walkaround.training.choose import CANDIDATES, trial_of
from walkaround.training.features import network_reader, rows_of
from walkaround.training.gradient.batches import Batch
from walkaround.training.gradient.finetune import NAME, TunableClassifier, TuneLearner, TuneRecipe, fine_tune
from walkaround.training.plan import Picture
from walkaround.training.run import Run
from walkaround.training.tuning import Tunable, TunedNetwork

QUICK = TuneRecipe(side=64, batch=8, epochs=3, frozen=6, rate=1e-3)


@dataclass(frozen=True)
class Stopper:
    """Interrupts the training after so many words of progress, as Ctrl-C does."""

    after: int
    heard: list[str]

    def __call__(self, stage: str, done: int, total: int) -> None:
        self.heard.append(stage)
        if len(self.heard) == self.after:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Tunable:
    """Sixteen pictures in two folds, and a fast model that knows nothing."""
    folder = tmp_path_factory.mktemp("painted")
    pictures = tuple(_painted(folder / f"{number}.png", number) for number in range(16))
    reader = network_reader(Network(write_features()), FEATURES)
    rows = np.stack([rows_of(one.sample.path, one.sha256, range(2), reader) for one in pictures], axis=1)
    projection = fit_projection(rows.reshape(-1, rows.shape[2]))
    ids = np.arange(16) % 2
    return Tunable(
        pictures=pictures,
        classes=("normal", "anomaly"),
        class_ids=ids,
        folds=np.arange(16) // 2 % 2,
        projection=projection,
        views=[projection.coordinates(view) for view in rows],
        fast=trial_of(CANDIDATES[0], np.full((2, 16, 1), -1, dtype=np.float32), ids, seconds=1.0),
    )


def _painted(path: Path, number: int) -> Picture:
    """A picture of noise, with a red mark where the number is odd."""
    rng = np.random.default_rng(number)
    pixels = rng.integers(60, 120, size=(96, 96, 3)).astype(np.uint8)
    if number % 2:
        left, top = rng.integers(15, 40, size=2)
        pixels[top : top + 40, left : left + 40] = (220, 20, 20)
    Image.fromarray(pixels).save(path)
    sample = Sample(path=path, label="anomaly" if number % 2 else "normal")
    return Picture(sample=sample, sha256=hashlib.sha256(path.read_bytes()).hexdigest(), group=number)


def head_of(task: Tunable, outputs: int = 1) -> LinearHead:
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(task.projection.components.shape[1], outputs)).astype(np.float32)
    return LinearHead(weights=weights, offsets=rng.normal(size=outputs).astype(np.float32))


def weights_of(network: TunedNetwork | None) -> dict[str, NDArray[np.float32]]:
    assert network is not None
    stored = onnx.load_model_from_string(network.backbone).graph.initializer
    return {one.name: numpy_helper.to_array(one) for one in stored}


@pytest.mark.parametrize("outputs", [1, 3])
def test_the_network_scores_as_the_package_does(task: Tunable, outputs: int) -> None:
    head = head_of(task, outputs)
    network = TunableClassifier(task.projection, head).eval()
    pixels = np.random.default_rng(1).integers(0, 256, size=(2, 3, 64, 64)).astype(np.float32)
    [features] = Network(write_features(network.backbone.write().SerializeToString())).run(pixels, [FEATURES])
    with torch.no_grad():
        scores = network(torch.from_numpy(pixels)).numpy()
    assert np.allclose(scores, head.scores(task.projection.coordinates(features)), atol=0.02 * np.abs(scores).max())
    assert np.array_equal(network.head().weights, head.weights)
    assert np.array_equal(network.head().offsets, head.offsets)


def test_what_does_better_than_the_fast_model_is_taken(task: Tunable, tmp_path: Path) -> None:
    tuning = fine_tune(task, run=Run(folder=tmp_path, threads=1), recipe=QUICK)
    assert tuning.trial is not None
    assert tuning.trial.scores.shape == (2, 16, 1)
    assert tuning.trial.accuracy[0] > 0.8
    assert tuning.measured.all()
    assert (tuning.told["taken"], tuning.told["folds"], tuning.told["pictures"]) == ("best", 2, 16)
    names = ["kernel, strength 1", "fine-tuned network, kernel", "fine-tuned network, linear"]
    assert [candidate["name"] for candidate in tuning.told["candidates"]] == names
    assert tuning.told["candidates"][0]["accuracy"] == 0.5
    assert tuning.network is not None
    linear = tuning.trial.candidate.name == names[2]
    assert isinstance(tuning.network.head, LinearHead if linear else KernelHead)
    shipped, trained = load_backbone().state_dict(), weights_of(tuning.network)
    moved = {name for name, value in shipped.items() if not np.array_equal(value.numpy(), trained[name])}
    assert "_conv_head.weight" in moved
    assert {name for name in moved if name.startswith("_blocks")} <= {n for n in shipped if n.startswith("_blocks.15.")}


def test_a_fast_model_that_is_as_good_is_kept(task: Tunable, tmp_path: Path) -> None:
    right = np.where(task.class_ids, 1.0, -1.0).astype(np.float32)
    good = replace(task, fast=trial_of(CANDIDATES[0], np.stack([right, right])[:, :, None], task.class_ids, seconds=1.0))
    tuning = fine_tune(good, run=Run(folder=tmp_path, threads=1), recipe=replace(QUICK, epochs=1))
    assert tuning.network is None
    assert (tuning.told["taken"], tuning.told["candidates"][0]["accuracy"]) == ("fast", 1.0)
    assert not (tmp_path / f"{NAME}.pt").exists()  # nothing was learnt from all pictures


def test_an_interrupted_tuning_goes_on_where_it_was(task: Tunable, tmp_path: Path) -> None:
    recipe = replace(QUICK, epochs=1)
    whole = fine_tune(task, run=Run(folder=tmp_path / "whole", threads=1), recipe=recipe)
    stopper = Stopper(after=2, heard=[])  # in the second step of the second fold's network
    with pytest.raises(KeyboardInterrupt):
        fine_tune(task, run=Run(folder=tmp_path / "cut", threads=1, progress=stopper), recipe=recipe)
    resumed = fine_tune(task, run=Run(folder=tmp_path / "cut", threads=1, progress=stopper), recipe=recipe)
    first, second = weights_of(whole.network), weights_of(resumed.network)
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert len(stopper.heard) == 4  # steps: one for each fold, two for all pictures, none of them twice


def test_no_time_leaves_the_fast_model(task: Tunable, tmp_path: Path) -> None:
    tuning = fine_tune(task, run=Run(folder=tmp_path, threads=1, deadline=time.monotonic()), recipe=QUICK)
    assert (tuning.network, tuning.trial) == (None, None)
    assert not tuning.measured.any()
    assert tuning.told == {"taken": "fast", "why": "too little time to fine-tune"}


def test_with_a_limit_the_first_fold_stands_for_all(task: Tunable, tmp_path: Path) -> None:
    run = Run(folder=tmp_path, threads=1, deadline=time.monotonic() + 3600)
    tuning = fine_tune(task, run=run, recipe=replace(QUICK, epochs=1))
    assert tuning.told["folds"] == 1
    assert tuning.measured.tolist() == (task.folds == 0).tolist()
    assert tuning.trial is not None
    assert tuning.trial.scores.shape == (2, 8, 1)


@pytest.mark.parametrize("outputs", [1, 3])
def test_rare_classes_weigh_as_much_as_common_ones(task: Tunable, outputs: int) -> None:
    ids = np.array([0, 0, 0, 1] if outputs == 1 else [0, 0, 1, 2])
    learner = TuneLearner(task.projection, head_of(task, outputs), class_ids=ids, recipe=replace(QUICK, mixing=0.0))
    pixels = torch.from_numpy(np.random.default_rng(2).integers(0, 256, size=(4, 3, 64, 64)).astype(np.uint8))
    batch = Batch(
        pixels=pixels, boxes=(), classes=(), ignored=(), masks=None, labels=torch.from_numpy(ids), indices=(0, 1, 2, 3)
    )
    with torch.no_grad():
        scores = learner.network.eval()(batch.inputs)
        logits = torch.cat([torch.zeros_like(scores), scores], dim=1) if outputs == 1 else scores
        each = torch.nn.functional.cross_entropy(logits, batch.labels, reduction="none").numpy()
        [loss] = learner.loss(batch).values()
        found = learner.validate(learner.network, [batch])
    classes = [each[ids == number].mean() for number in np.unique(ids)]
    assert float(loss) == pytest.approx(float(np.mean(classes)), rel=1e-4)
    assert found["loss.verdict"] == pytest.approx(float(loss), rel=1e-4)
    assert found["score"] == pytest.approx(float((logits.argmax(dim=1) == batch.labels).float().mean()))
