"""How large an EfficientDet is: the rows of the paper's table, and of TensorFlow's Lite family, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Activation = Literal["relu6", "silu"]


@dataclass(frozen=True, kw_only=True)
class AnchorShapes:
    """The boxes that stand in every cell of every level, and that the network moves and stretches.

    Attributes:
        scale: side of a square anchor in cells of its level.
        octaves: sizes between one level and the next.
        ratios: width to height.
    """

    scale: float = 4.0
    octaves: int = 3
    ratios: tuple[float, ...] = (1.0, 2.0, 0.5)

    @property
    def count(self) -> int:
        """Anchors in a cell."""
        return self.octaves * len(self.ratios)


@dataclass(frozen=True, kw_only=True)
class Size:
    """One size of EfficientDet (Tan et al. 2020, table 1) on the shipped backbone.

    Attributes:
        side: height and width of the input in pixels.
        channels: of every map after the backbone.
        fusions: how often the levels exchange what they see: layers of the BiFPN.
        layers: convolutions of each head before its last.
        activation: "relu6" in the Lite family, as the backbone has it.
        anchors: see there.
    """

    side: int
    channels: int
    fusions: int
    layers: int
    activation: Activation = "relu6"
    anchors: AnchorShapes = field(default_factory=AnchorShapes)


LEVELS = (3, 4, 5, 6, 7)
"""Feature maps that boxes are found on; the cells of level n are 2 ** n pixels wide."""

SIZES = {
    "lite0": Size(side=320, channels=64, fusions=3, layers=3),
    "lite1": Size(side=384, channels=88, fusions=4, layers=3),
    "lite2": Size(side=448, channels=112, fusions=5, layers=3),
    "d0": Size(side=512, channels=64, fusions=3, layers=3, activation="silu"),
    "d1": Size(side=640, channels=88, fusions=4, layers=3, activation="silu"),
}
"""By name, the smallest first."""
