"""The part of the scorecard page about damage types of which a picture may show several: each with a table of its own."""

from __future__ import annotations

from html import escape

from walkaround.evaluation.intervals import Interval
from walkaround.evaluation.kind_scores import KindEvaluation, KindScores
from walkaround.evaluation.page_tables import score_row, scores_of


def kinds_section(kinds: KindEvaluation) -> str:
    """Scores over all damage types, then of each: how often it was there and told, and what came of that."""
    pictures, each = f"{kinds.n:,} pictures", f"{len(kinds.per_class)} damage types"
    rows = (
        ("Damage types named", "of those that are there", "micro_recall", f"{kinds.shown:,} that are there"),
        ("Names that are right", "of those that it names", "micro_precision", f"{kinds.told:,} named"),
        ("Micro F1", "both in one number, over all of them", "micro_f1", pictures),
        ("Macro F1", "mean F1 of the damage types", "macro_f1", each),
        ("Mean average precision", "over all thresholds", "mean_average_precision", each),
        ("Subset accuracy", "just the right damage types, none missing or too many", "subset_accuracy", pictures),
    )
    body = "".join(
        score_row(name, meaning, value=getattr(kinds, key), interval=kinds.intervals.get(key), n=n)
        for name, meaning, key, n in rows
    )
    lead = (
        "A picture may show several damage types, or none. Each is told for itself, from its own probability on; so a mistake"
        " in one says nothing of the others."
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in kinds.notes)
    listed = f"<ul>{notes}</ul>" if notes else ""
    return f"<section><h2>Damage types</h2><p>{lead}</p>{scores_of(body)}{_table(kinds)}{listed}</section>\n"


def _table(kinds: KindEvaluation) -> str:
    columns = ("Precision", "Recall", "F1", "Average precision")
    counts = ("There, told", "There, not told", "Not there, told", "Not there, not told")
    head = "".join(f'<th scope="col" class="number">{name}</th>' for name in ("From", *counts, *columns))
    body = "".join(f'<tr><th scope="row">{escape(name)}</th>{_cells(one)}</tr>' for name, one in kinds.per_class.items())
    return (
        '<div class="scroll"><table><caption>Each damage type for itself</caption>'
        f'<thead><tr><th scope="col">Damage type</th>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _cells(one: KindScores) -> str:
    counts = (one.hits, one.misses, one.false_alarms, one.rejections)
    cells = [f'<td class="number">{one.threshold:.3f}</td>', *(f'<td class="number">{count:,}</td>' for count in counts)]
    scores = ("precision", "recall", "f1", "average_precision")
    cells += [f'<td class="number">{_told(getattr(one, name), one.intervals.get(name))}</td>' for name in scores]
    return "".join(cells)


def _told(value: float | None, interval: Interval | None) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" + (f"<small>{interval[0]:.2f} to {interval[1]:.2f}</small>" if interval else "")
