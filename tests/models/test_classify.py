"""The exported graph gives the probabilities and the heat map that the formulas give."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import zoom

from walkaround.models.backbone import FEATURE_COUNT, POOLED_LAYERS
from walkaround.models.classify import Classifier
from walkaround.models.graph import Graph
from walkaround.models.heads import Head, fit_kernel, fit_linear
from walkaround.models.names import FEATURES, HEAT, PROBABILITIES
from walkaround.models.network import Network
from walkaround.models.projection import fit_projection

Rows = NDArray[np.float32]
Fit = Callable[[Rows, NDArray[np.int64]], Head]

HEADS: dict[str, Fit] = {
    "linear": lambda rows, ids: fit_linear(rows, ids, strength=10.0),
    "kernel": lambda rows, ids: fit_kernel(rows, ids, strength=3.0, gamma=0.5),
}
DAMAGED = {2: (False, True), 3: (False, True, True)}


def fitted(features: Rows, kind: str, damaged: tuple[bool, ...]) -> Classifier:
    """A classifier of the made-up pictures, whose classes go round."""
    projection = fit_projection(features)
    ids = np.arange(len(features)) % len(damaged)
    head = HEADS[kind](projection.coordinates(features), ids)
    return Classifier(projection=projection, head=head, damaged=damaged, slope=2.5, offset=0.3, heat_scale=0.05)


def score_of(classifier: Classifier, features: Rows, weights: Rows) -> NDArray[np.float64]:
    """The chosen score of each row of features."""
    return (classifier.head.scores(classifier.projection.coordinates(features)) @ weights).astype(np.float64)


@pytest.mark.parametrize("kind", HEADS)
@pytest.mark.parametrize("classes", DAMAGED)
def test_the_graph_gives_the_probabilities_of_the_formulas(features: Rows, batch: Rows, kind: str, classes: int) -> None:
    classifier = fitted(features, kind, DAMAGED[classes])
    expected = classifier.probabilities(features)
    found = np.concatenate([Network(classifier.write()).run(batch[:4], [PROBABILITIES])[0]])
    assert found == pytest.approx(expected[:4], abs=1e-4)
    assert expected.argmax(axis=1).tolist() == [number % classes for number in range(12)]
    assert expected.max() > 0.6


@pytest.mark.parametrize("chosen", [[1.0], [-1.0], [0.0, 1.0, 0.0]])
def test_the_gradient_of_a_linear_head_is_the_slope_of_the_score(features: Rows, batch: Rows, chosen: list[float]) -> None:
    classifier = fitted(features, "linear", DAMAGED[max(2, len(chosen))])
    weights = np.array(chosen, dtype=np.float32)
    pooled, gradient = gradient_in_graph(classifier, weights, batch[:1] * 0.9)
    loud = np.flatnonzero(pooled[0] > 0.3)
    picked = loud[np.abs(gradient[0, loud]).argsort()[::-40]]  # from the steepest to the flattest
    step = np.float32(0.05)
    nudges = np.zeros((len(picked), FEATURE_COUNT), dtype=np.float32)
    nudges[np.arange(len(picked)), picked] = step
    slopes = (score_of(classifier, pooled + nudges, weights) - score_of(classifier, pooled - nudges, weights)) / (2 * step)
    assert np.abs(slopes).max() > 1e-4
    assert gradient[0, picked] == pytest.approx(slopes, rel=0.03, abs=0.02 * np.abs(slopes).max())


@pytest.mark.parametrize("chosen", [[1.0], [-1.0], [0.0, 1.0, 0.0]])
def test_the_slope_of_a_kernel_head_is_the_mean_on_the_way_from_the_average(
    features: Rows, batch: Rows, chosen: list[float]
) -> None:
    classifier = fitted(features, "kernel", DAMAGED[max(2, len(chosen))])
    weights = np.array(chosen, dtype=np.float32)
    pooled, gradient = gradient_in_graph(classifier, weights, batch[:1] * 0.9)
    projection = classifier.projection
    rows = projection.coordinates(pooled)
    nudges = 0.01 * np.eye(rows.shape[1], dtype=np.float32)
    slopes = np.zeros(rows.shape[1])
    for share in (1 / 6, 3 / 6, 5 / 6):
        there, back = (classifier.head.scores(share * rows + sign * nudges) @ weights for sign in (1, -1))
        slopes += (there - back) / 0.02 / 3
    expected = projection.components @ slopes / projection.scale / (2 * np.sqrt(pooled[0] + 1e-4))
    assert np.abs(slopes).max() > 1e-3
    assert gradient[0] == pytest.approx(expected, rel=0.03, abs=0.02 * np.abs(expected).max())


def gradient_in_graph(classifier: Classifier, weights: Rows, pixels: Rows) -> tuple[Rows, Rows]:
    """Pooled features, and d chosen score / d features, as ONNX Runtime computes them."""
    graph = Graph()
    pooled = graph.node("Concat", [graph.mean_over_places(layer) for layer in POOLED_LAYERS], attributes={"axis": 1})

    def choose(scores: str) -> str:
        zeros = graph.node("Mul", [scores, graph.scalar(0.0)])
        return graph.node("Add", [zeros, graph.constant(weights)])

    _, inner = classifier.head.write(graph, classifier.projection.write(graph, pooled), choose)
    graph.node("Identity", [pooled], FEATURES)
    graph.node("Identity", [classifier.projection.write_gradient(graph, pooled, inner)], "gradient")
    model = graph.finish({FEATURES: [FEATURE_COUNT], "gradient": [FEATURE_COUNT]})
    found, slope = Network(model).run(pixels, [FEATURES, "gradient"])
    return found, slope


@pytest.mark.parametrize(("damaged", "weight"), [((False, True), 1.0), ((True, False), -1.0)])
def test_the_heat_map_is_gradient_times_activation_times_damage(
    features: Rows, batch: Rows, damaged: tuple[bool, ...], weight: float
) -> None:
    classifier = fitted(features, "kernel", damaged)
    _, gradient = gradient_in_graph(classifier, np.array([weight], dtype=np.float32), batch[:1])
    graph = Graph()
    coarse = [layer for layer in POOLED_LAYERS if layer.stride >= 16]
    maps = Network(graph.finish({layer.name: [layer.channels, 320 // layer.stride, 320 // layer.stride] for layer in coarse}))
    total = np.zeros((20, 20))
    start = sum(layer.channels for layer in POOLED_LAYERS) - sum(layer.channels for layer in coarse)
    for layer, activation in zip(coarse, maps.run(batch[:1], [layer.name for layer in coarse]), strict=True):
        part = np.tensordot(gradient[0, start : start + layer.channels], activation[0], axes=1)
        total += part if layer.stride == 16 else zoom(part, 2, order=1, mode="nearest", grid_mode=True) / 4
        start += layer.channels
    heat = Network(classifier.write()).run(batch[:1], [HEAT])[0][0]
    damage = float(classifier.probabilities(features[:1])[0, damaged.index(True)])
    assert heat == pytest.approx(np.maximum(total, 0) / 0.05 * damage, rel=1e-3, abs=1e-3 * float(heat.max()))
    assert heat.max() > 0


def test_the_heat_map_of_several_classes_explains_the_damage_that_leads(features: Rows, batch: Rows) -> None:
    """Even for a whole car the map shows the type of damage that it would be, faintly."""
    classifier = fitted(features, "linear", (False, True, True))
    scores = classifier.head.scores(classifier.projection.coordinates(features[:1]))[0]
    leader = 1 + int(scores[1:].argmax())
    assert scores.argmax() == 0
    alone = [fitted(features, "linear", tuple(number == one for number in range(3))) for one in (leader, 3 - leader)]
    heat, same, other = (Network(model.write()).run(batch[:1], [HEAT])[0] for model in (classifier, *alone))
    assert heat / heat.max() == pytest.approx(same / same.max(), abs=1e-4)  # up to the probability of damage
    assert not np.allclose(heat / heat.max(), other / other.max(), atol=1e-2)
