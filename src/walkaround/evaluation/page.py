"""The scorecard as one HTML page: what a claims manager asks first comes first, what a statistician asks comes after.

Every text that is not ours goes through `escape`; the content security policy lets nothing run but our own script.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files

import numpy as np

from walkaround.datasets.labels import told as told_labels
from walkaround.evaluation import charts_svg
from walkaround.evaluation.measure import Evaluation, Row
from walkaround.evaluation.mistakes import Mistakes, find_mistakes, shares, thumbnails_or_reason
from walkaround.evaluation.page_kinds import kinds_section
from walkaround.evaluation.page_places import places_section
from walkaround.evaluation.page_tables import FEW_CLASSES, class_table, confusion_table, score_table
from walkaround.evaluation.scores import Scores
from walkaround.evaluation.wording import basis, headline, kinds_headline, place_headline, precision_elsewhere

_NAMED_AT_MOST = 50


def page(evaluation: Evaluation, *, title: str, facts: Mapping[str, str], pictures: int) -> str:
    """The whole page as HTML; see `walkaround.evaluation.scorecard.write_html`."""
    style, script = _resource("scorecard.css"), _resource("scorecard.js")
    scores = evaluation.scores
    measured = [
        _scores_section(scores),
        _errors_section(scores),
        _threshold_section(evaluation),
        _curves_section(scores),
        _mistakes_section(find_mistakes(evaluation), pictures),
    ]
    if evaluation.kinds is not None:
        measured.insert(2, kinds_section(evaluation.kinds))
    places = places_section(evaluation.places, pictures=pictures // 2) if evaluation.places is not None else ""
    sections = [*(measured if scores.n else []), places, _left_out_section(evaluation), _method_section(evaluation, facts)]
    slider = f"<script>{script}</script>" if _has_curves(scores) else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(script)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}: scorecard</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        f"{_top(evaluation, title)}\n{''.join(sections)}</main>\n{slider}\n</body>\n</html>\n"
    )


def _resource(name: str) -> str:
    return files("walkaround.evaluation").joinpath(name).read_text(encoding="utf-8")


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def _top(evaluation: Evaluation, title: str) -> str:
    scores = evaluation.scores
    of_places = () if evaluation.places is None else place_headline(evaluation.places)
    of_kinds = () if evaluation.kinds is None else kinds_headline(evaluation.kinds)
    with_verdict = scores.n or not of_places
    if of_kinds and scores.recall is None:
        with_verdict = False
    sentences = (*(headline(scores) if with_verdict else ()), *of_kinds, *of_places)
    lines = " ".join(f"<span>{escape(sentence)}</span>" for sentence in sentences)
    elsewhere = precision_elsewhere(scores)
    more = f'<p class="basis">{escape(elsewhere)}</p>' if elsewhere else ""
    return (
        f'<header><p class="eyebrow">{escape(title)} · scorecard</p><h1>{lines}</h1>'
        f'<p class="basis">{escape(basis(scores)) if scores.n else ""}</p>{more}</header>'
    )


def _section(name: str, lead: str, body: str) -> str:
    return f"<section><h2>{name}</h2><p>{lead}</p>{body}</section>\n"


def _scores_section(scores: Scores) -> str:
    notes = "".join(f"<li>{escape(note)}</li>" for note in scores.notes)
    body = score_table(scores) + (f"<ul>{notes}</ul>" if notes else "")
    return _section("Scores", "The bar spans the 95% interval: the fewer the pictures, the longer the bar.", body)


def _errors_section(scores: Scores) -> str:
    size = "many" if len(scores.confusion.classes) > FEW_CLASSES else "few"
    body = f'<div class="tables {size}">{confusion_table(scores.confusion)}{class_table(scores.per_class)}</div>'
    return _section("Right and wrong", "What the pictures show, and what the model called them.", body)


def _has_curves(scores: Scores) -> bool:
    return scores.precision_recall is not None and scores.roc is not None


def _threshold_section(evaluation: Evaluation) -> str:
    scores = evaluation.scores
    if scores.precision_recall is None:
        return ""
    damaged = np.array([row.truth not in evaluation.normal for row in evaluation.rows], dtype=np.bool_)
    probability = np.array([row.findings.damage for row in evaluation.rows], dtype=np.float64)
    histogram = charts_svg.histogram_chart(damaged, probability, scores.threshold)
    curve = charts_svg.threshold_chart(scores.precision_recall, scores.threshold)
    body = (
        '<div class="charts wide">'
        + _figure(f"<b>Probability of damage</b> {_key('damaged', 'damaged')} {_key('whole', 'undamaged')}", histogram)
        + _figure(f"<b>What the threshold trades</b> {_key('damaged', 'damage found')} {_key('ink', 'real alarms')}", curve)
        + "</div>"
        + _slider(damaged.astype(int).tolist(), probability.tolist(), scores.threshold)
    )
    lead = (
        f"A picture is called damaged from a probability of {scores.threshold:.3f} on. Lower finds more damage, higher raises"
        " fewer false alarms."
    )
    return _section("Where the line is drawn", lead, body)


def _slider(damaged: Sequence[int], probability: Sequence[float], threshold: float) -> str:
    """Hidden until the script runs, so that a page without scripts shows nothing dead. The data are numbers only."""
    data = json.dumps({"probability": probability, "damaged": damaged}, separators=(",", ":"))
    stats = "".join(
        f'<div><dt>{name}</dt><dd id="{key}"></dd></div>'
        for name, key in (
            ("Damage found", "found"),
            ("Alarms that are real", "real"),
            ("Undamaged left in peace", "quiet"),
            ("Right verdicts", "right"),
        )
    )
    return (
        '<div class="try" id="try" hidden><label for="slider">Try another threshold'
        ' <output id="at" for="slider"></output></label>'
        f'<input id="slider" type="range" min="0" max="1" step="any" value="{threshold!r}">'
        f'<dl aria-live="polite">{stats}</dl>'
        '<p class="eyebrow">A threshold picked here looks better than it is: pick it on pictures that do not judge it.</p>'
        f'</div><script type="application/json" id="data">{data}</script>'
    )


def _curves_section(scores: Scores) -> str:
    if scores.precision_recall is None or scores.roc is None:
        return ""
    working = None if scores.recall is None or scores.precision is None else (scores.recall, scores.precision)
    corner = None if scores.recall is None or scores.specificity is None else (1 - scores.specificity, scores.recall)
    body = (
        '<div class="charts">'
        + _figure("<b>Precision and recall</b>", charts_svg.precision_recall_chart(scores.precision_recall, working))
        + _figure("<b>ROC</b>", charts_svg.roc_chart(scores.roc, corner))
        + _figure("<b>Reliability</b>", charts_svg.reliability_chart(scores.reliability))
        + "</div>"
    )
    lead = (
        f"All of {scores.n:,} pictures. The ring marks where the model works. Reliability: the nearer the dots to the dashed"
        " line, the more literally a probability may be taken."
    )
    return _section("Curves", lead, body)


def _figure(caption: str, chart: str) -> str:
    return f"<figure><figcaption>{caption}</figcaption>{chart}</figure>"


def _key(kind: str, name: str) -> str:
    return f'<span><i class="key {kind}"></i>{name}</span>'


def _mistakes_section(mistakes: Mistakes, places: int) -> str:
    kinds = (
        ("Missed damage", mistakes.missed),
        ("False alarms", mistakes.false_alarms),
        ("Damage found, but misnamed", mistakes.misnamed),
    )
    counts = [len(rows) for _, rows in kinds]
    if not sum(counts):
        return _section("The worst mistakes", "There was none in these pictures.", "")
    if places <= 0:
        return ""
    body = "".join(
        f"<h3>{name} · {shown} of {len(rows)}</h3>" + '<div class="photos">' + "".join(map(_photo, rows[:shown])) + "</div>"
        for (name, rows), shown in zip(kinds, shares(counts, places), strict=True)
        if rows
    )
    lead = "Those that the model was surest of; beside each picture, where it looked. Some may be wrong labels: look closely."
    return _section("The worst mistakes", lead, body)


def _photo(row: Row) -> str:
    views, name = thumbnails_or_reason(row), escape(row.path.name)
    if isinstance(views, str):
        inside = f"<p>{escape(views)}</p>"
    else:
        words = (f"Picture {name}", f"Heat map of {name}")
        inside = "".join(f'<img src="{view}" alt="{word}" loading="lazy">' for view, word in zip(views, words, strict=False))
    called = row.findings.label if not row.findings.kinds else told_labels(tuple(row.findings.kinds))
    told = f"is {escape(row.truth)}, called {escape(called)} · probability of damage {row.findings.damage:.1%}"
    return f'<figure><div class="pair">{inside}</div><figcaption><b>{name}</b><br>{told}</figcaption></figure>'


def _left_out_section(evaluation: Evaluation) -> str:
    unreadable, unlabelled = evaluation.unreadable, evaluation.unlabelled
    if not unreadable and not unlabelled:
        return _section("What was left out", "Nothing: every picture had a label and could be read.", "")
    lines = [f"<li>{escape(message)}</li>" for _, message in unreadable[:_NAMED_AT_MOST]]
    if len(unreadable) > _NAMED_AT_MOST:
        lines.append(f"<li>and {len(unreadable) - _NAMED_AT_MOST:,} more</li>")
    listed = f"<details><summary>Which, and why</summary><ul>{''.join(lines)}</ul></details>" if lines else ""
    lead = f"{len(unreadable):,} pictures could not be read, {len(unlabelled):,} had no label. They are in no score."
    return _section("What was left out", lead, listed)


def _method_section(evaluation: Evaluation, facts: Mapping[str, str]) -> str:
    scores = evaluation.scores
    each = f" ({1000 * evaluation.seconds / scores.n:.1f} ms a picture)" if scores.n else ""
    drawn = evaluation.places
    boxes = "Wilson; AP50 by drawing pictures again (500 resamples) or Wilson over pictures, whichever reaches further"
    masks = "drawing pictures again (2,000 resamples) or Wilson over pictures, whichever reaches further"
    rows = {
        **facts,
        **({"Pictures": f"{scores.n:,}: {scores.damaged:,} damaged, {scores.whole:,} undamaged"} if scores.n else {}),
        "Threshold": facts.get("Threshold", f"{scores.threshold:.4f}"),
        "Time": f"{evaluation.seconds:.1f} s{each}",
        "Intervals": "95%: Wilson, Newcombe, Boyd and stratified bootstrap (2,000 resamples), whichever reaches further",
        **({} if drawn is None or drawn.boxes is None else {"Intervals of boxes": f"95%: {boxes}"}),
        **({} if drawn is None or drawn.masks is None else {"Intervals of masks": f"95%: {masks}"}),
        "Seed": str(evaluation.seed),
    }
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows.items())
    return _section("How it was measured", "What it takes to measure the same again.", f"<dl>{listed}</dl>")
