"""Which entries have a part of a text in their reference or name: what to ask the index of trigrams for.

That index tells of each run of three characters which entries have it. The entries that have all runs of a part are few, but to
find them takes as long as its commonest runs are common: every reference has `s3:`. So the rarest runs alone are asked for, by
a sample of the entries, and whoever asks looks at the rows that come of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, column, select, table, text
from sqlalchemy.orm import Session

GRAM = 3
"""Characters of what the indexes know; shorter parts are in none."""
_SAMPLED = 64
_MOST_GRAMS = 4
_SCATTER = 0.6180339887
"""Steps of this part of the whole come back to no place soon, and keep no step with pictures that are numbered."""

_INDEX = table("entries_search", column("rowid", Integer))
_SAMPLE = text(
    """WITH RECURSIVE steps(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM steps WHERE i < :sampled)
SELECT (SELECT source_ref || ' ' || coalesce(name, '') FROM entries WHERE dataset_id = :dataset
AND id > :low + i * CAST(:step AS BIGINT) % CAST(:span AS BIGINT) ORDER BY dataset_id, id LIMIT 1) FROM steps"""
)


@dataclass(frozen=True, kw_only=True)
class Sought:
    """What to ask the index for.

    Attributes:
        grams: runs of three characters; whatever has the part has all of them.
        share: part of the sampled entries, 0 to 1, that have the rarest of them.
    """

    grams: tuple[str, ...]
    share: float

    @property
    def phrase(self) -> str:
        """The runs in FTS5's query language."""
        return " AND ".join('"' + gram.replace('"', '""') + '"' for gram in self.grams)


def is_indexed(session: Session) -> bool:
    """Whether this database has an index of substrings."""
    sqlite = session.get_bind().dialect.name == "sqlite"
    known = (
        "SELECT 1 FROM sqlite_master WHERE name = 'entries_search'" if sqlite else "SELECT to_regclass('entries_search')::text"
    )
    return session.scalar(text(known)) is not None


def sought(session: Session, part: str, *, dataset: int, low: int, high: int) -> Sought:
    """What to ask the index for, to find `part`, of three characters or more, in entries of a dataset.

    Args:
        session: any.
        part: as it is to be found; the index knows no upper and lower case.
        dataset: whose entries.
        low: the entry before the first one.
        high: the last one.
    """
    span = max(1, high - low)
    values = {"dataset": dataset, "low": low, "span": span, "step": max(1, int(span * _SCATTER)), "sampled": _SAMPLED}
    sample = [found.lower() for (found,) in session.execute(_SAMPLE, values) if found]
    grams = list(dict.fromkeys(part[start : start + GRAM] for start in range(len(part) - GRAM + 1)))
    counts = {gram: sum(gram.lower() in found for found in sample) for gram in grams}
    least = min(counts.values())
    chosen = _spread([gram for gram in grams if counts[gram] <= least + 1])
    return Sought(grams=tuple(chosen), share=least / max(1, len(sample)))


def matches(phrase: str, *, low: int, high: int) -> Select[Any]:
    """Ids above `low`, up to `high`, in order, that SQLite's index has for a phrase of `Sought`; of all datasets."""
    rowid: ColumnElement[int] = _INDEX.c.rowid
    within = (rowid > low, rowid <= high)
    return (
        select(rowid.label("id")).where(text("entries_search MATCH :phrase").bindparams(phrase=phrase), *within).order_by(rowid)
    )


def _spread(grams: Sequence[str]) -> list[str]:
    """A few of many, from all over the part: neighbours say much the same."""
    if len(grams) <= _MOST_GRAMS:
        return list(grams)
    return [grams[round(index * (len(grams) - 1) / (_MOST_GRAMS - 1))] for index in range(_MOST_GRAMS)]
