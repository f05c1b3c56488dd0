"""The report of a training as one HTML page: whether something went wrong comes first, the curves come after.

Every text that is not ours goes through `escape`; the content security policy lets no script run at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from walkaround.training.report_charts import Line, line_chart, share_chart

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = """
.spot.damaged { fill: var(--damaged); } .spot.whole { fill: var(--whole); } .spot.ink { fill: var(--ink); }
.curve.whole { stroke: var(--whole); } rect.faint { opacity: .25; }
.mark { stroke: var(--damaged); stroke-dasharray: 2 3; }
.fired td { vertical-align: top; } .fired th { font-weight: 600; white-space: nowrap; vertical-align: top; }
.fired small { display: block; color: var(--soft); font-size: .875rem; margin-top: .2rem; }
@media (max-width: 40rem) {
  .fired thead { display: none; } .fired tr { display: grid; grid-template-columns: 1fr auto; padding: .5rem 0; }
  .fired th, .fired td { border: 0; padding: .1rem 0; } .fired td:nth-child(3) { grid-column: 1 / -1; grid-row: 2; }
  .fired td:nth-child(2)::before { content: "step "; } .fired td:nth-child(4) { display: none; }
}
pre { overflow-x: auto; font-size: .875rem; background: var(--wash); padding: 1rem; border-radius: 8px; }
"""
_MOST_SETTINGS = 60


def page(parts: Sequence[Mapping[str, Any]]) -> str:
    """The page for the parts of a training, each as in `report.json`."""
    style = files("walkaround.evaluation").joinpath("scorecard.css").read_text(encoding="utf-8") + _STYLE
    sections = "".join(_part(part) for part in parts)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Report of a training</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n{_top(parts)}\n"
        f"{sections}</main>\n</body>\n</html>\n"
    )


def _top(parts: Sequence[Mapping[str, Any]]) -> str:
    fired = list(dict.fromkeys(firing["rule"] for part in parts for firing in part["firings"].values()))
    lines = [f"{len(fired)} rule{'s' if len(fired) != 1 else ''} fired: {', '.join(fired)}."] if fired else ["No rule fired."]
    seconds = sum(part["waiting"] + part["computing"] for part in parts)
    steps = sum(part["steps"] for part in parts)
    if steps:
        lines.append(f"{steps:,} steps in {_duration(seconds)}.")
    shown = "".join(f"<span>{escape(line)}</span>" for line in lines)
    named = ", ".join(part["run"]["name"] for part in parts)
    return f'<header><p class="eyebrow">{escape(named)} · report of a training</p><h1>{shown}</h1></header>'


def _part(part: Mapping[str, Any]) -> str:
    name = escape(part["run"]["name"])
    sections = [_rules(part), _course(part), _time(part), _notes(part), _settings(part)]
    return "".join(
        f"<section><h2>{name}: {title}</h2><p>{lead}</p>{body}</section>\n" for title, lead, body in filter(None, sections)
    )


_Section = tuple[str, str, str] | None


def _rules(part: Mapping[str, Any]) -> _Section:
    fired = part["firings"].values()
    if not fired:
        return "rules", "All rules stayed silent.", ""
    rows = "".join(
        f'<tr><th scope="row">{escape(one["rule"])}</th><td class="number">{one["step"]:,}</td>'
        f"<td>{escape(_sentence(one['message']))}<small>{escape(one['advice'])}</small></td>"
        f'<td class="number">{one["times"]:,}</td></tr>'
        for one in fired
    )
    names = (("Rule", ""), ("At step", "number"), ("What was seen, and what to do", ""), ("Times", "number"))
    head = "".join(f'<th scope="col" class="{kind}">{name}</th>' for name, kind in names)
    body = f'<div class="scroll"><table class="fired"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    return "rules", "What was seen when each rule fired first. The dashed lines in the charts mark these steps.", body


def _course(part: Mapping[str, Any]) -> _Section:
    points, epochs = part["points"], part["epochs"]
    marks = [(float(one["step"]), f"{one['rule']}, step {one['step']}") for one in part["firings"].values()]
    loss = [Line(kind="ink", points=[(one["step"], one["loss"]) for one in points])]
    if not points:
        loss = [Line(kind="ink", points=[(one["step"], one["losses"].get("loss")) for one in epochs], dots=True)]
    validation = [(one["step"], one["validation"]["loss"]) for one in epochs if "loss" in one["validation"]]
    score = [(one["step"], one["score"]) for one in epochs if one["score"] is not None]
    figures = []
    if points or any(one["losses"] for one in epochs):
        key = _key("ink", "training") + (_key("damaged", "validation") if validation else "")
        lines = [*loss, Line(kind="damaged", points=validation, dots=True)]
        figures.append((f"<b>Loss</b> {key}", line_chart("Loss by step", lines, below="step", marks=marks)))
    if score:
        lines = [Line(kind="whole", points=score, dots=True)]
        figures.append(("<b>Score on validation pictures</b>", line_chart("Score by step", lines, below="step", marks=marks)))
    if points:
        rate = [Line(kind="whole", points=[(one["step"], one["rate"]) for one in points])]
        figures.append(("<b>Learning rate</b>", line_chart("Learning rate by step", rate, below="step")))
        norms = [Line(kind="ink", points=[(one["step"], one["gradients"]) for one in points if one["gradients"] is not None])]
        figures.append(
            ("<b>Norm of the gradients</b>", line_chart("Norm of gradients by step", norms, below="step", marks=marks))
        )
    if not figures:
        return None
    return "course", _best(epochs), _figures(figures)


def _best(epochs: Sequence[Mapping[str, Any]]) -> str:
    best = [one for one in epochs if one["best"]]
    if not best:
        return f"{len(epochs)} epochs." if epochs else ""
    told = f"the best was epoch {best[-1]['epoch']}, with a score of {best[-1]['score']:.4f} on validation pictures"
    return f"{len(epochs)} epochs; {told}."


def _time(part: Mapping[str, Any]) -> _Section:
    points = part["points"]
    if not points:
        return None
    split = share_chart(
        "Share of waiting by step", [(one["step"], one["waiting"], one["computing"]) for one in points], below="step"
    )
    key = _key("damaged", "waiting for pictures") + _key("whole", "computing")
    figures = [(f"<b>Time of a step</b> {key}", split)]
    kinds = (("ink", "cpu", "processor"), ("whole", "memory", "memory"), ("damaged", "gpu", "accelerator"))
    lines, keys = [], ""
    for kind, name, word in kinds:
        values = [(one["step"], one[name]) for one in points if one[name] is not None]
        if values:
            lines.append(Line(kind=kind, points=values))
            keys += _key(kind, word)
    if lines:
        figures.append((f"<b>Use of the machine, %</b> {keys}", line_chart("Use of the machine", lines, below="step")))
    total = part["waiting"] + part["computing"]
    lead = f"{part['waiting'] / total:.1%} of {_duration(total)} went by in waiting for pictures." if total else ""
    return "time", lead, _figures(figures)


def _notes(part: Mapping[str, Any]) -> _Section:
    scores = "".join(
        f"<dt>{escape(name)}</dt><dd>{value:.4f}</dd>" for name, value in part["scores"].items() if value is not None
    )
    notes = "".join(f"<h3>{escape(name)}</h3><pre>{escape(text)}</pre>" for name, text in part["notes"].items())
    if not scores and not notes:
        return None
    measured = "Measured on the exported model." if scores else ""
    return "results", measured, (f"<dl>{scores}</dl>" if scores else "") + notes


def _settings(part: Mapping[str, Any]) -> _Section:
    run = part["run"]
    rows = dict(list(run["settings"].items())[:_MOST_SETTINGS])
    if run["classes"]:
        counts = run["counts"] or [None] * len(run["classes"])
        rows["classes"] = ", ".join(
            name if count is None else f"{name} {count:,}" for name, count in zip(run["classes"], counts, strict=False)
        )
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in rows.items())
    return ("settings", "What it takes to train the same again.", f"<dl>{listed}</dl>") if listed else None


def _figures(figures: Sequence[tuple[str, str]]) -> str:
    inside = "".join(f"<figure><figcaption>{caption}</figcaption>{chart}</figure>" for caption, chart in figures)
    return f'<div class="charts wide">{inside}</div>'


def _key(kind: str, name: str) -> str:
    return f'<span><i class="key {kind}"></i>{name}</span>'


def _sentence(message: str) -> str:
    return f"{message[:1].upper()}{message[1:]}."


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"
