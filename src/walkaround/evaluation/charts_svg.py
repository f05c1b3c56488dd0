"""Charts as inline SVG, drawn with the classes of scorecard.css, so that they follow light and dark like the text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from walkaround.evaluation.curves import PrecisionRecallCurve, ReliabilityBin, RocCurve
from walkaround.evaluation.intervals import Interval

WIDTH, HEIGHT = 360, 260
LEFT, RIGHT, TOP, BOTTOM = 54, 18, 12, 44
_SPAN_X, _SPAN_Y = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
_BARS = 25


def interval_bar(value: float, interval: Interval | None) -> str:
    """A score between 0 and 1 as a dot on a line, with its interval; decoration beside the number, so hidden from readers."""
    low, high = interval or (value, value)
    return (
        '<svg class="bar" viewBox="0 0 200 14" aria-hidden="true">'
        '<line class="track" x1="4" y1="7" x2="196" y2="7"/>'
        f'<line class="reach" x1="{4 + 192 * low:.1f}" y1="7" x2="{4 + 192 * high:.1f}" y2="7"/>'
        f'<circle class="dot" cx="{4 + 192 * value:.1f}" cy="7" r="4"/></svg>'
    )


def threshold_chart(curve: PrecisionRecallCurve, threshold: float) -> str:
    """Precision and recall against the threshold, which is marked."""
    parts = [
        _axes("threshold", "share"),
        _line("damaged", curve.threshold, curve.recall),
        _line("ink", curve.threshold, curve.precision),
        _cut(threshold),
    ]
    return _svg("Precision and recall as the threshold moves from 0 to 1", parts)


def precision_recall_chart(curve: PrecisionRecallCurve, point: tuple[float, float] | None) -> str:
    """Precision against recall; `point` is the (recall, precision) at which the model works."""
    parts = [_axes("recall", "precision"), _line("damaged", (*curve.recall, 0.0), (*curve.precision, 1.0)), _point(point)]
    return _svg("Precision against recall", parts)


def roc_chart(curve: RocCurve, point: tuple[float, float] | None) -> str:
    """Recall against false alarms; `point` is the (false alarm rate, recall) at which the model works."""
    parts = [
        _axes("false alarms", "recall"),
        _line("guide", (0, 1), (0, 1)),
        _line("damaged", curve.false_alarms, curve.recall),
        _point(point),
    ]
    return _svg("Recall against the share of false alarms, ROC curve", parts)


def reliability_chart(table: Sequence[ReliabilityBin]) -> str:
    """The share that is damaged against the probability that was told, with the interval of each share."""
    most = max(row.n for row in table)
    parts = [_axes("predicted probability", "really damaged"), _line("guide", (0, 1), (0, 1))]
    for row in table:
        x, radius = _x(row.predicted), 2.5 + 3.5 * (row.n / most) ** 0.5
        told = f"{row.n} pictures: predicted {row.predicted:.0%}, damaged {row.observed:.0%}"
        parts.append(f'<line class="whisker" x1="{x}" x2="{x}" y1="{_y(row.interval[0])}" y2="{_y(row.interval[1])}"/>')
        parts.append(f'<circle class="dot" cx="{x}" cy="{_y(row.observed)}" r="{radius:.1f}"><title>{told}</title></circle>')
    return _svg("Reliability: predicted probability against the share really damaged", parts)


def histogram_chart(damaged: NDArray[np.bool_], probability: NDArray[np.float64], threshold: float) -> str:
    """How many pictures got which probability: damaged ones upwards, whole ones downwards, the threshold marked."""
    edges = np.linspace(0, 1, _BARS + 1)
    up, down = (np.histogram(probability[kind], bins=edges)[0] for kind in (damaged, ~damaged))
    most = max(1, int(up.max()), int(down.max()))
    middle, half = TOP + _SPAN_Y / 2, _SPAN_Y / 2
    parts = [_ticks_below("probability of damage"), _side_counts(most)]
    for place in range(_BARS):
        for kind, count in (("damaged", int(up[place])), ("whole", int(down[place]))):
            if count:
                tall = max(1.5, (half - 2) * count / most)  # a single picture among thousands stays visible
                y = middle - tall if kind == "damaged" else middle
                told = f"{count} {kind}, {edges[place]:.0%} to {edges[place + 1]:.0%}"
                parts.append(
                    f'<rect class="{kind}" x="{_x(edges[place]) + 0.75:.2f}" y="{y:.1f}" width="{_SPAN_X / _BARS - 1.5:.2f}"'
                    f' height="{tall:.1f}"><title>{told}</title></rect>'
                )
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{middle}" y2="{middle}"/>')
    return _svg("How many pictures got which probability of damage, by the truth", [*parts, _cut(threshold)])


def _side_counts(most: int) -> str:
    ends = ((TOP + 10, "damaged"), (TOP + _SPAN_Y - 2, "undamaged"))
    words = "".join(f'<text x="{_x(0.1)}" y="{y}" class="side">{word}</text>' for y, word in ends)
    rows = ((TOP, most), (TOP + _SPAN_Y / 2, 0), (TOP + _SPAN_Y, most))
    return words + "".join(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{count:,}</text>' for y, count in rows)


def _axes(below: str, beside: str) -> str:
    lines = "".join(
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{_y(tick)}" y2="{_y(tick)}"/>'
        f'<text x="{LEFT - 8}" y="{_y(tick) + 4}" text-anchor="end">{tick:.0%}</text>'
        for tick in _TICKS
    )
    middle = TOP + _SPAN_Y / 2
    upright = f'text-anchor="middle" transform="rotate(-90 10 {middle})"'
    return lines + _ticks_below(below) + f'<text class="name" x="10" y="{middle}" {upright}>{escape(beside)}</text>'


def _ticks_below(name: str) -> str:
    ticks = "".join(f'<text x="{_x(t)}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{t:.0%}</text>' for t in _TICKS)
    return ticks + f'<text class="name" x="{LEFT + _SPAN_X / 2}" y="{HEIGHT - 6}" text-anchor="middle">{escape(name)}</text>'


def _line(kind: str, x: Sequence[float], y: Sequence[float]) -> str:
    points = " ".join(f"{_x(a)},{_y(b)}" for a, b in zip(x, y, strict=True))
    return f'<polyline class="curve {kind}" points="{points}"/>'


def _cut(threshold: float) -> str:
    """Two upright lines at the threshold: one stays, the other is moved by the slider."""
    line = f'x1="{_x(threshold)}" x2="{_x(threshold)}" y1="{TOP}" y2="{TOP + _SPAN_Y}"'
    return f'<line class="cut" {line}/><line class="moving" {line} data-left="{LEFT}" data-width="{_SPAN_X}"/>'


def _point(point: tuple[float, float] | None) -> str:
    return "" if point is None else f'<circle class="point" cx="{_x(point[0])}" cy="{_y(point[1])}" r="5"/>'


def _svg(label: str, parts: Iterable[str]) -> str:
    return f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'


def _x(share: float) -> float:
    return round(LEFT + _SPAN_X * float(share), 2)


def _y(share: float) -> float:
    return round(TOP + _SPAN_Y * (1 - float(share)), 2)
