"""A small package that really learnt something: whole drawn cars from smashed ones, fitted in seconds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from walkaround.datasets.drawn.car import draw_car
from walkaround.models.classify import Classifier, write_features
from walkaround.models.heads import fit_linear
from walkaround.models.names import FEATURES
from walkaround.models.network import Network
from walkaround.models.package import Card, Package, write_package
from walkaround.models.preparation import SIDE, network_pixels
from walkaround.models.projection import fit_projection

CLASSES = ("normal", "smash")


def smashed_cars(count: int) -> dict[str, list[NDArray[np.uint8]]]:
    """So many whole cars and as many smashed ones, in the same views: uint8 [240, 320, 3] by class."""
    return {
        "normal": [draw_car(seed, focus="smash", width=320, height=240).pixels for seed in range(count)],
        "smash": [draw_car(seed, damage=["smash"], width=320, height=240).pixels for seed in range(count)],
    }


def fitted_package(folder: Path, cars: Mapping[str, Sequence[NDArray[np.uint8]]]) -> Package:
    """Write a package that tells the cars apart."""
    network = Network(write_features())
    pictures = [pixels for name in CLASSES for pixels in cars[name]]
    features = np.concatenate([network.run(network_pixels(pixels)[None], [FEATURES])[0] for pixels in pictures])
    projection = fit_projection(features)
    class_ids = np.repeat(range(len(CLASSES)), [len(cars[name]) for name in CLASSES])
    head = fit_linear(projection.coordinates(features), class_ids, strength=10.0)
    model = Classifier(projection=projection, head=head, damaged=(False, True), slope=4.0, offset=0.0, heat_scale=0.01).write()
    card = Card(
        name="drawn cars",
        task="classes",
        classes=CLASSES,
        normal=("normal",),
        threshold=0.5,
        side=SIDE,
        model_sha256=hashlib.sha256(model).hexdigest(),
        created="2025-01-01T00:00:00Z",
        walkaround="0",
    )
    return write_package(folder, model, card)
