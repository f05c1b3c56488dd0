"""Five styles of made-up cars as measured curves. `u` is the distance in metres from the nose towards the tail."""

from __future__ import annotations

from dataclasses import dataclass

Curve = tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True)
class BodyStyle:
    """One style of body. Curves are (u, z) in metres.

    Attributes:
        top: silhouette seen from the side, nose to tail.
        belt: the shoulder under the side windows.
        axles: u of the front and the rear axle.
        windscreen, rear_screen: u of the screen's two ends.
        glass: u of the first and the last point of the side windows.
        doors: u of every door gap, front to rear.
        nose_lean, tail_lean: metres by which the top of the fascia lies behind its bumper.
    """

    name: str
    length: float
    width: float
    top: Curve
    belt: Curve
    sill: float
    wheel: float
    axles: tuple[float, float]
    windscreen: tuple[float, float]
    rear_screen: tuple[float, float] | None
    glass: tuple[float, float]
    doors: tuple[float, ...]
    nose_lean: float
    tail_lean: float


STYLES = (
    BodyStyle(
        name="saloon",
        length=4.62,
        width=1.84,
        top=(
            (0, 0.68),
            (0.2, 0.75),
            (0.7, 0.87),
            (1.3, 0.97),
            (2.05, 1.36),
            (2.55, 1.44),
            (3.1, 1.41),
            (3.85, 1.08),
            (4.3, 1.04),
            (4.62, 0.98),
        ),
        belt=((0, 0.64), (0.6, 0.79), (1.3, 0.90), (3.0, 0.95), (4.0, 0.98), (4.62, 0.91)),
        sill=0.20,
        wheel=0.325,
        axles=(0.88, 3.62),
        windscreen=(1.30, 2.02),
        rear_screen=(3.16, 3.80),
        glass=(1.62, 3.62),
        doors=(1.42, 2.44, 3.30),
        nose_lean=0.16,
        tail_lean=0.10,
    ),
    BodyStyle(
        name="hatchback",
        length=4.05,
        width=1.77,
        top=(
            (0, 0.70),
            (0.15, 0.79),
            (0.9, 0.98),
            (1.65, 1.40),
            (2.2, 1.48),
            (3.2, 1.44),
            (3.5, 1.38),
            (3.85, 1.10),
            (4.05, 0.97),
        ),
        belt=((0, 0.66), (0.5, 0.82), (0.95, 0.91), (3.2, 1.00), (4.05, 0.93)),
        sill=0.20,
        wheel=0.31,
        axles=(0.80, 3.34),
        windscreen=(0.98, 1.62),
        rear_screen=(3.46, 3.84),
        glass=(1.28, 3.46),
        doors=(1.16, 2.20, 3.02),
        nose_lean=0.12,
        tail_lean=0.05,
    ),
    BodyStyle(
        name="suv",
        length=4.58,
        width=1.88,
        top=(
            (0, 0.86),
            (0.15, 0.97),
            (1.1, 1.12),
            (1.75, 1.56),
            (2.3, 1.68),
            (3.6, 1.65),
            (4.0, 1.57),
            (4.4, 1.18),
            (4.58, 1.06),
        ),
        belt=((0, 0.82), (0.5, 0.97), (1.1, 1.04), (3.6, 1.10), (4.58, 1.02)),
        sill=0.27,
        wheel=0.37,
        axles=(0.90, 3.64),
        windscreen=(1.16, 1.74),
        rear_screen=(3.98, 4.37),
        glass=(1.42, 3.98),
        doors=(1.34, 2.40, 3.34),
        nose_lean=0.08,
        tail_lean=0.05,
    ),
    BodyStyle(
        name="van",
        length=4.95,
        width=1.92,
        top=((0, 0.86), (0.15, 0.98), (0.8, 1.18), (1.6, 1.80), (2.1, 1.93), (4.5, 1.92), (4.95, 1.88)),
        belt=((0, 0.82), (0.5, 0.98), (0.9, 1.08), (4.95, 1.12)),
        sill=0.24,
        wheel=0.34,
        axles=(0.92, 3.98),
        windscreen=(0.86, 1.56),
        rear_screen=None,
        glass=(1.14, 2.36),
        doors=(1.20, 2.36, 3.40),
        nose_lean=0.12,
        tail_lean=0.06,
    ),
    BodyStyle(
        name="pickup",
        length=5.25,
        width=1.90,
        top=(
            (0, 0.92),
            (0.15, 1.03),
            (1.3, 1.15),
            (1.95, 1.64),
            (2.5, 1.76),
            (3.25, 1.73),
            (3.4, 1.64),
            (3.52, 1.16),
            (5.25, 1.10),
        ),
        belt=((0, 0.87), (0.5, 1.02), (1.3, 1.08), (5.25, 1.08)),
        sill=0.34,
        wheel=0.40,
        axles=(0.95, 4.10),
        windscreen=(1.36, 1.94),
        rear_screen=(3.38, 3.50),
        glass=(1.62, 3.40),
        doors=(1.50, 2.48, 3.42),
        nose_lean=0.06,
        tail_lean=0.02,
    ),
)
