"""Fine-tuning as the fitting of a classifier sees it: what goes in and what comes out. The work itself needs PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from walkaround.models.heads import Head, LinearHead, Rows, fit_linear
from walkaround.models.projection import Projection
from walkaround.training.choose import CANDIDATES, Candidate, Trial, trial_of
from walkaround.training.plan import Picture


def first_head(rows: Rows, class_ids: NDArray[np.int64]) -> LinearHead:
    """The head that fine-tuning begins with, fitted to the network as it is shipped.

    A head at random would first of all spoil the network, on photos of other sources most.
    Source: Kumar et al. (2022), Fine-tuning can distort pretrained features and underperform out-of-distribution.
    """
    return fit_linear(rows, class_ids, strength=10.0)


FINE_TUNED = Candidate(name="fine-tuned network, linear", fit=first_head)
"""The head that is trained with the network."""

FINE_TUNED_KERNEL = Candidate(name="fine-tuned network, kernel", fit=CANDIDATES[0].fit)
"""The fast model's head, fitted again to a network that is trained."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Tunable:
    """What fine-tuning begins with.

    Attributes:
        pictures: to learn from.
        classes: names, in the order of `class_ids`.
        class_ids: int64 [pictures].
        folds: int64 [pictures], the fold that each picture is held out in; copies are in the same.
        projection, views: of the network as it is shipped; coordinates of each view, float32 [pictures, coordinates].
        fast: the best head on the shipped network.
    """

    pictures: Sequence[Picture]
    classes: tuple[str, ...]
    class_ids: NDArray[np.int64]
    folds: NDArray[np.int64]
    projection: Projection
    views: Sequence[Rows]
    fast: Trial


@dataclass(frozen=True, kw_only=True, eq=False)
class TunedNetwork:
    """A fine-tuned network: its layers as ONNX without outputs, and the head that goes with it."""

    backbone: bytes
    head: Head


@dataclass(frozen=True, kw_only=True, eq=False)
class Tuning:
    """What came of fine-tuning.

    Attributes:
        network: learnt from all pictures; None where the fast model does as well, or time ran out.
        measured: bool [pictures], those that a network which had not learnt from them was measured on.
        trial: of the fine-tuned networks on these, with their better head; None where time ran out before.
        told: for the card.
    """

    network: TunedNetwork | None
    measured: NDArray[np.bool_]
    trial: Trial | None
    told: Mapping[str, Any]


Tune = Callable[[Tunable], Tuning]


def on_part(trial: Trial, pictures: NDArray[np.bool_], class_ids: NDArray[np.int64]) -> Trial:
    """What a trial was on some of its pictures; `class_ids` are of all."""
    return trial_of(trial.candidate, trial.scores[:, pictures], class_ids[pictures], seconds=trial.seconds)


def told_of(trial: Trial) -> dict[str, Any]:
    """A trial in numbers."""
    return {
        "name": trial.candidate.name,
        "accuracy": round(trial.accuracy[0], 4),
        "accuracy_disturbed": [round(value, 4) for value in trial.accuracy[1:]],
        "seconds": round(trial.seconds, 1),
    }
