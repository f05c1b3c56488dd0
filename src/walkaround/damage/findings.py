"""What was found in one picture, whatever the model: the noun that everything downstream of a detector takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

HeatMap = NDArray[np.float32]
"""float32 [rows, columns]: how much each cell of a regular grid laid over the upright picture speaks for damage.

0 speaks for none. A classifier's map reaches 1 in three of five damaged pictures that it was trained on; that of anomaly
detection reaches 1 where a place alone would raise the alarm. The grid is coarser than the picture.
"""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """The answer of a model for one picture.

    Attributes:
        source: the picture's path or address, as it was given.
        anomalous: the verdict: True when the probability of damage reaches the model's threshold.
        confidence: calibrated probability, 0 to 1, that the verdict is right.
        label: the most probable class among those that agree with the verdict.
        damage: calibrated probability of damage, 0 to 1; `anomalous` is `damage >= threshold` of the package.
        probabilities: class name to probability; they add up to 1.
        width, height: size in pixels of the upright original.
        heat_map: where the model looked, see `HeatMap`; None when it was not asked for.
        time: seconds from the start of the video; None for a picture.
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

    def as_json(self) -> dict[str, object]:
        """Plain values for a JSON line; the heat map stays out, `time` is there only for a frame of a video."""
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
        if self.time is not None:
            line["time"] = round(self.time, 3)
        return line
