"""The graph of a multi-label model computes what its numpy half computes, and its probabilities agree with each other."""

from __future__ import annotations

import numpy as np
import pytest

from walkaround.models.classify import write_features
from walkaround.models.heads import LinearHead
from walkaround.models.multi_label import MultiLabelClassifier, damage_of
from walkaround.models.names import FEATURES, HEAT, PROBABILITIES
from walkaround.models.network import Network
from walkaround.models.projection import fit_projection


def classifier(features: np.ndarray, damaged: tuple[bool, ...]) -> MultiLabelClassifier:
    rng, projection = np.random.default_rng(1), fit_projection(features)
    weights = rng.normal(0, 4, (projection.components.shape[1], len(damaged))).astype(np.float32)
    return MultiLabelClassifier(
        projection=projection,
        head=LinearHead(weights=weights, offsets=rng.normal(0, 1, len(damaged)).astype(np.float32)),
        damaged=damaged,
        slopes=tuple(np.linspace(0.5, 2, len(damaged)).tolist()),
        offsets=tuple(np.linspace(-1, 1, len(damaged)).tolist()),
    )


@pytest.mark.parametrize(
    "damaged", [(False, True, True, True), (True, True), (False, True)], ids=["whole", "types", "one type"]
)
def test_the_graph_gives_what_numpy_gives(damaged: tuple[bool, ...]) -> None:
    pixels = np.random.default_rng(0).uniform(0, 255, (5, 3, 320, 320)).astype(np.float32)
    (features,) = Network(write_features()).run(pixels, [FEATURES])
    model = classifier(features, damaged)
    found, heat = Network(model.write()).run(pixels, [PROBABILITIES, HEAT])
    assert found == pytest.approx(model.probabilities(features), abs=2e-4)
    assert heat.shape == (5, 20, 20)
    assert np.isfinite(heat).all()


def test_no_damage_type_is_more_probable_than_damage() -> None:
    features = np.random.default_rng(0).uniform(0, 1, (40, 60)).astype(np.float32)
    model = classifier(features, (False, True, True))
    found = model.probabilities(features)
    damage = damage_of(found, model.damaged)
    assert (found[:, 1:] <= damage[:, None] + 1e-12).all()
    assert found[:, 0] == pytest.approx(1 - damage)
    assert found.sum(axis=1).max() > 1.1, "they need not add up to 1"


def test_without_whole_cars_every_picture_is_damaged() -> None:
    assert damage_of(np.array([[0.2, 0.9], [0.1, 0.0]]), (True, True)).tolist() == [1.0, 1.0]
