"""What was found in one picture, whatever the model: the noun that everything downstream of a detector takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from walkaround.damage.places import Box

HeatMap = NDArray[np.float32]
"""float32 [rows, columns]: how much each cell of a regular grid laid over the upright picture speaks for damage.

0 speaks for none. A classifier's map reaches 1 in three of five damaged pictures that it was trained on; that of anomaly
detection reaches 1 where a place alone would raise the alarm. The grid is coarser than the picture.
"""


@dataclass(frozen=True, kw_only=True)
class FoundBox:
    """One damage that a model found: class name, probability 0 to 1, and its box in pixels of the upright original."""

    label: str
    score: float
    box: Box

    def as_json(self) -> dict[str, object]:
        """Plain values; edges to a tenth of a pixel."""
        return {"label": self.label, "score": round(self.score, 4), "box": [round(edge, 1) for edge in self.box]}


@dataclass(frozen=True, kw_only=True, eq=False)
class FoundMasks:
    """What each part of a picture shows, as a model sees it.

    Attributes:
        names: class names; `labels` counts them from 1.
        labels: uint8 [rows, columns], a regular grid laid over the upright picture, mostly coarser than it: 0 is background,
            n is `names[n - 1]`.
        colours: class name to "#RRGGBB", those of the training labels where they had any.
    """

    names: tuple[str, ...]
    labels: NDArray[np.uint8]
    colours: Mapping[str, str]

    @property
    def areas(self) -> dict[str, float]:
        """Share of the picture, 0 to 1, of each class that was found; the largest first."""
        counts = np.bincount(self.labels.ravel(), minlength=len(self.names) + 1)[1:] / self.labels.size
        found = [(name, float(share)) for name, share in zip(self.names, counts, strict=True) if share > 0]
        return dict(sorted(found, key=lambda item: -item[1]))


@dataclass(frozen=True, kw_only=True)
class Findings:
    """The answer of a model for one picture.

    Attributes:
        source: the picture's path or address, as it was given.
        anomalous: the verdict: True when the probability of damage reaches the model's threshold.
        confidence: calibrated probability, 0 to 1, that the verdict is right.
        label: the most probable class among those that agree with the verdict; of several kinds the surest.
        damage: calibrated probability of damage, 0 to 1; `anomalous` is `damage >= threshold` of the package.
        probabilities: class name to probability; they add up to 1, but not those of a multi-label model, each of which stands
            for itself.
        width, height: size in pixels of the upright original.
        heat_map: where the model looked, see `HeatMap`; None when it was not asked for.
        time: seconds from the start of the video; None for a picture.
        boxes: each damage with its place, the surest first; None from a model that finds no boxes.
        masks: which part of the picture is damaged; None from a model that finds no masks, or when they were not asked for.
        kinds: from a multi-label model the damage types that are there, as many as there are, with their probabilities, the
            surest first; none where the verdict is that the car is whole. None from other models.
    """

    source: str
    anomalous: bool
    confidence: float
    label: str
    damage: float
    probabilities: Mapping[str, float] = field(default_factory=dict)
    width: int
    height: int
    heat_map: HeatMap | None = None
    time: float | None = None
    boxes: tuple[FoundBox, ...] | None = None
    masks: FoundMasks | None = None
    kinds: Mapping[str, float] | None = None

    def as_json(self) -> dict[str, object]:
        """Plain values for a JSON line; the heat map stays out, and of masks the areas are told.

        `time` is there only for a frame of a video, `kinds`, `boxes` and `areas` are there for models that find such.
        """
        line: dict[str, object] = {
            "source": self.source,
            "anomalous": self.anomalous,
            "confidence": round(self.confidence, 4),
            "label": self.label,
            "damage": round(self.damage, 4),
            "probabilities": {name: round(value, 4) for name, value in self.probabilities.items()},
            "width": self.width,
            "height": self.height,
        }
        if self.kinds is not None:
            line["kinds"] = {name: round(value, 4) for name, value in self.kinds.items()}
        if self.boxes is not None:
            line["boxes"] = [box.as_json() for box in self.boxes]
        if self.masks is not None:
            line["areas"] = {name: round(share, 6) for name, share in self.masks.areas.items()}
        if self.time is not None:
            line["time"] = round(self.time, 3)
        return line
