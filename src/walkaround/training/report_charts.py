"""Charts of a training's report as inline SVG, drawn with the classes of the scorecard's style sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 520, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 16, 12, 44
_SPAN_X, _SPAN_Y = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
_LOGARITHMIC_FROM = 30.0  # times the lowest that the highest value is


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a chart: `kind` is the class of its colour, `dots` marks each value."""

    kind: str
    points: Sequence[tuple[float, float]]
    dots: bool = False


def line_chart(label: str, lines: Sequence[Line], *, below: str, marks: Sequence[tuple[float, str]] = ()) -> str:
    """Values against steps; logarithmic where they span far, from 0 where they do not.

    Args:
        label: what is drawn, for those who cannot see it.
        lines: at least one value among them.
        below: name of the axis below.
        marks: steps to mark, each with what happened.
    """
    drawn = [_finite(line.points) for line in lines]
    values = [y for points in drawn for _, y in points]
    if not values:
        return '<p class="basis">Nothing was recorded.</p>'
    right = max(1.0, *(x for points in drawn for x, _ in points), *(x for x, _ in marks))
    axis = _axis(values)
    parts = [_grid(axis), _steps(right, below)]
    for line, points in zip(lines, drawn, strict=True):
        places = [(_x(x, right), axis.place(y)) for x, y in points]
        if len(places) > 1:
            joined = " ".join(f"{x},{y}" for x, y in places)
            parts.append(f'<polyline class="curve {line.kind}" points="{joined}"/>')
        if line.dots or len(places) == 1:
            parts += [f'<circle class="spot {line.kind}" cx="{x}" cy="{y}" r="2.5"/>' for x, y in places]
    for step, told in marks:
        at = _x(step, right)
        parts.append(
            f'<line class="mark" x1="{at}" x2="{at}" y1="{_TOP}" y2="{_TOP + _SPAN_Y}"><title>{escape(told)}</title></line>'
        )
    return _svg(label, parts)


def share_chart(label: str, points: Sequence[tuple[float, float, float]], *, below: str) -> str:
    """How time is split: for each step (step, seconds waiting, seconds computing), the share of waiting, filled."""
    right = max((x for x, _, _ in points), default=1.0)
    parts = [_grid(_Axis(0.0, 1.0, logarithmic=False), percent=True), _steps(right, below)]
    before = 0.0
    for step, waiting, computing in points:
        share = waiting / (waiting + computing) if waiting + computing > 0 else 0.0
        left, width = _x(before, right), _x(step, right) - _x(before, right)
        tall = round(_SPAN_Y * share, 2)
        told = f"up to step {step:g}: {share:.0%} waiting for pictures, {computing:.3g} s computing"
        parts.append(
            f'<rect class="whole faint" x="{left}" y="{_TOP}" width="{width:.2f}" height="{_SPAN_Y - tall:.2f}"/>'
            f'<rect class="damaged" x="{left}" y="{_TOP + _SPAN_Y - tall:.2f}" width="{width:.2f}" height="{tall}">'
            f"<title>{told}</title></rect>"
        )
        before = step
    return _svg(label, parts)


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float
    logarithmic: bool

    def place(self, value: float) -> float:
        low, high = (math.log10(self.low), math.log10(self.high)) if self.logarithmic else (self.low, self.high)
        at = math.log10(max(value, self.low)) if self.logarithmic else value
        return round(_TOP + _SPAN_Y * (1 - (at - low) / (high - low)), 2)

    @property
    def ticks(self) -> list[float]:
        if self.logarithmic:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            every = max(1, -(-(last - first) // 5))
            return [10.0**power for power in range(first, last + 1, every)]
        step = (self.high - self.low) / 4
        return [self.low + step * number for number in range(5)]


def _axis(values: Sequence[float]) -> _Axis:
    low, high = min(values), max(values)
    if low > 0 and high / low > _LOGARITHMIC_FROM:
        return _Axis(10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high)), logarithmic=True)
    low = min(0.0, low)
    high = high if high > low else low + 1.0
    unit = 10.0 ** math.floor(math.log10(high - low))
    wide = next(unit * times for times in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10, 12) if unit * times >= high - low)
    return _Axis(low, low + wide, logarithmic=False)


def _grid(axis: _Axis, *, percent: bool = False) -> str:
    return "".join(
        f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{axis.place(tick)}" y2="{axis.place(tick)}"/>'
        f'<text x="{_LEFT - 8}" y="{axis.place(tick) + 4}" text-anchor="end">{f"{tick:.0%}" if percent else _told(tick)}</text>'
        for tick in axis.ticks
    )


def _steps(right: float, name: str) -> str:
    places = [share for share in (0, 0.25, 0.5, 0.75, 1) if right >= 4 or share in (0, 1)]
    ticks = "".join(
        f'<text x="{_x(right * share, right)}" y="{HEIGHT - _BOTTOM + 18}" text-anchor="{"end" if share == 1 else "middle"}">'
        f"{right * share:,.0f}</text>"
        for share in places
    )
    return ticks + f'<text x="{_LEFT + _SPAN_X / 2}" y="{HEIGHT - 6}" text-anchor="middle">{escape(name)}</text>'


def _finite(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(x, y) for x, y in points if y is not None and math.isfinite(y)]


def _told(value: float) -> str:
    if value == 0:
        return "0"
    return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e") if abs(value) < 0.001 or abs(value) >= 1e5 else f"{value:g}"


def _x(step: float, right: float) -> float:
    return round(_LEFT + _SPAN_X * step / right, 2)


def _svg(label: str, parts: Sequence[str]) -> str:
    return f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'
