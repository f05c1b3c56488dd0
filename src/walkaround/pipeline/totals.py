"""The sums of what was looked at: by project, model and hour for the dashboard, by day and class for drift.

They are added to in the transaction that writes the results, and stay when those are deleted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from walkaround.damage.measures import class_of, confidence_of
from walkaround.store.pipeline import ProfileCount, Total
from walkaround.store.tables import Table

_AT_ONCE = 1000  # rows of one statement: SQLite has a limit on parameters


@dataclass(frozen=True, kw_only=True)
class Looked:
    """A picture or video that a model looked at.

    Attributes:
        project_id, model_version: the model.
        created: when.
        anomalous: the verdict.
        damage: probability of damage, 0 to 1.
        measures: what the picture is like, see `walkaround.media.properties.measures_of`; empty where it is not known.
    """

    project_id: int
    model_version: int
    created: datetime
    anomalous: bool
    damage: float
    measures: Mapping[str, float] = field(default_factory=dict)

    @property
    def classes(self) -> dict[str, int]:
        """The class that it falls into by each measure."""
        confidence = confidence_of(damage=self.damage, anomalous=self.anomalous)
        values = {**self.measures, "confidence": confidence, "damage": self.damage}
        return {name: class_of(name, value) for name, value in values.items()}


def add_totals(session: Session, rows: Sequence[Looked]) -> None:
    """Add to the sums; rows are locked in one order everywhere, so that no two processes wait for each other."""
    pictures: Counter[tuple[Any, ...]] = Counter()
    anomalies: Counter[tuple[Any, ...]] = Counter()
    classes: Counter[tuple[Any, ...]] = Counter()
    for one in rows:
        hour = one.created.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        key = (one.project_id, hour, one.model_version)
        pictures[key] += 1
        anomalies[key] += one.anomalous
        for measure, number in one.classes.items():
            classes[one.project_id, one.model_version, hour.replace(hour=0), measure, number] += 1
    _add(session, Total, {key: (count, anomalies[key]) for key, count in pictures.items()}, sums=("pictures", "anomalies"))
    _add(session, ProfileCount, {key: (count,) for key, count in classes.items()}, sums=("pictures",))


def _add(
    session: Session, table: type[Table], counts: Mapping[tuple[Any, ...], tuple[int, ...]], *, sums: tuple[str, ...]
) -> None:
    make: Any = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    columns = [column.name for column in table.__table__.primary_key]
    rows = [dict(zip((*columns, *sums), (*key, *counts[key]), strict=True)) for key in sorted(counts)]
    for start in range(0, len(rows), _AT_ONCE):
        insert = make(table).values(rows[start : start + _AT_ONCE])
        grown = {name: getattr(table, name) + insert.excluded[name] for name in sums}
        session.execute(insert.on_conflict_do_update(index_elements=columns, set_=grown))
