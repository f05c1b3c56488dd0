"""The tables of the scorecard page: scores with their intervals, the confusion matrix as a heat table, scores by class."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from walkaround.evaluation.charts_svg import interval_bar
from walkaround.evaluation.intervals import Interval
from walkaround.evaluation.scores import ClassScores, Confusion, Scores

FEW_CLASSES = 3
"""Up to so many, the confusion matrix is drawn large and its names stand upright."""


def score_table(scores: Scores) -> str:
    """Every score that could be told, with its meaning, its interval drawn and in numbers, and what it was counted on."""
    everything, both = f"{scores.n:,} pictures", f"{scores.damaged:,} + {scores.whole:,}"
    labels = scores.of_labels
    rows = [
        ("Recall", "damaged cars that are found", "recall", f"{scores.damaged:,} damaged"),
        ("Precision", "alarms that are real", "precision", f"{scores.hits + scores.false_alarms:,} alarms"),
        ("Specificity", "undamaged cars left in peace", "specificity", f"{scores.whole:,} undamaged"),
        ("Accuracy", "pictures with the right name" if labels else "right verdicts", "accuracy", everything),
        ("F1", "recall and precision in one number", "f1", both),
        ("AUROC", "a damaged car ranks above an undamaged one", "auroc", both),
        ("Average precision", "precision over all thresholds", "average_precision", both),
        ("Brier score", "squared error of the probability; 0 is best", "brier", everything),
        ("Calibration error", "how far a probability is off; 0 is best", "calibration_error", everything),
    ]
    if labels:
        rows.insert(4, ("Macro F1", "mean F1 of the classes", "macro_f1", f"{len(scores.per_class)} classes"))
        rows.insert(5, ("Damage accuracy", "right verdicts, damaged or not", "damage_accuracy", everything))
    body = "".join(
        score_row(name, meaning, value=getattr(scores, key), interval=scores.intervals.get(key), n=n)
        for name, meaning, key, n in rows
    )
    return scores_of(body)


def scores_of(rows: str) -> str:
    """The table around rows of `score_row`."""
    head = '<th scope="col">Score</th><th scope="col" class="number">Value</th><th scope="col" class="drawn">0 to 1</th>'
    head += '<th scope="col">95% interval</th><th scope="col">Counted on</th>'
    return f'<div class="scroll"><table class="scores"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def score_row(name: str, meaning: str, *, value: float | None, interval: Interval | None, n: str) -> str:
    """One score with its meaning, its interval drawn and in numbers, and what it was counted on; nothing where it is None."""
    if value is None:
        return ""  # the notes below the table say why
    span = f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else ""
    return (
        f'<tr><th scope="row">{name}<small>{meaning}</small></th><td class="number" data-span="{span}">{value:.3f}</td>'
        f'<td class="drawn">{interval_bar(value, interval)}</td><td class="span">{span}</td><td class="span n">{n}</td></tr>'
    )


def confusion_table(confusion: Confusion) -> str:
    """The confusion matrix; a cell is the deeper in colour the larger its share of the row, right and wrong in two hues."""
    classes, few = confusion.classes, len(confusion.classes) <= FEW_CLASSES
    head = "".join(f'<th scope="col">{"called " if few else ""}{escape(name)}</th>' for name in classes)
    rows = []
    for place, name in enumerate(classes):
        counts = confusion.counts[place].tolist()
        total = max(1, sum(counts))
        cells = "".join(_cell(count, count / total, right=place == column) for column, count in enumerate(counts))
        rows.append(f'<tr><th scope="row">{"is " if few else ""}{escape(name)}</th>{cells}</tr>')
    kind, corner = ("few", "") if few else ("many", "is ↓ called →")
    return (
        f'<div class="scroll"><table class="confusion {kind}"><caption>Confusion matrix</caption>'
        f'<thead><tr><th scope="col" class="corner">{corner}</th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _cell(count: int, share: float, *, right: bool) -> str:
    if not count:
        return "<td>0</td>"
    hue, depth = ("right" if right else "heat"), 0.1 + 0.55 * share
    return f'<td style="background:rgb(var(--{hue}) / {depth:.2f})">{count:,}<small>{share:.0%}</small></td>'


def class_table(per_class: Mapping[str, ClassScores]) -> str:
    """Precision, recall and their kin of each class against all others."""
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td class="number">{row.support:,}</td>'
        + "".join(f'<td class="number">{_told(value)}</td>' for value in (row.precision, row.recall, row.f1, row.auroc))
        + "</tr>"
        for name, row in per_class.items()
    )
    names = "".join(
        f'<th scope="col" class="number">{name}</th>' for name in ("Pictures", "Precision", "Recall", "F1", "AUROC")
    )
    return (
        '<div class="scroll"><table><caption>Class by class</caption>'
        f'<thead><tr><th scope="col">Class</th>{names}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _told(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
