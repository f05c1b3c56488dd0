"""Drift: whether the pictures of the last days still are like those that a model was trained on, and warnings where not.

Compared are counts in fixed classes (`walkaround.damage.measures`) by the population stability index,
PSI = sum of (a - e) ln(a / e) over the classes, where a and e are the shares of new and of training pictures. Above 0.25 is
the usual bound for "has changed" (Lewis 1994, An Introduction to Credit Scoring; Siddiqi 2006, Credit Risk Scorecards). With
few pictures PSI is large by chance alone: without any drift, PSI / (1/n + 1/m) of n new and m training pictures is distributed
about as chi-squared with one degree of freedom fewer than there are classes (Yurdakul and Naranjo 2020, Statistical properties
of the population stability index, Journal of Risk Model Validation 14(4)). So its expected value is taken off, and no warning
is given within what chance exceeds once in a thousand times.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import log, sqrt
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from walkaround.damage.measures import MEASURES as MEASURES
from walkaround.damage.measures import PROFILE_VERSION
from walkaround.models.package import CARD_FILE
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.pipeline import ProfileCount
from walkaround.store.tables import Model, Project, now

_logger = logging.getLogger(__name__)

DAYS = 7
"""The last days are looked at, and the first ones are what they are compared with where training left no counts."""
LIMIT = 0.25
FEWEST = 100
"""Pictures below which nothing is said."""

_PRIOR = 0.5  # Jeffreys' prior: added to each class, so that one that is empty on one side is not infinitely strange
_NORMAL_QUANTILE = 3.0902  # once in a thousand
_WIDE = 1.5  # an open class reaches this many times as far as its edge, for the sentence's sake

_FALLING = ("confidence",)
"""Measures that are better the higher they are. The model, trained on all pictures, is a little surer than those were that were
trained on a part of them, so that training pictures could be judged too: that is no drift."""

Reference = Literal["training", "first days"]


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One measure of the last days' pictures beside the reference.

    Attributes:
        measure: its name.
        reference: what it is compared with: the training pictures, or those of the model's first days.
        pictures, reference_pictures: how many.
        psi: population stability index, less what chance alone is expected to bring; 0 or more.
        shares, reference_shares: of each class.
        warning: what has changed and what to do, in a sentence; None: nothing to speak of.
    """

    measure: str
    reference: Reference
    pictures: int
    reference_pictures: int
    psi: float
    shares: tuple[float, ...]
    reference_shares: tuple[float, ...]
    warning: str | None


@dataclass(frozen=True, kw_only=True)
class DriftWarning:
    """A measure has changed; `sentence` says how, and what to do."""

    measure: str
    psi: float
    sentence: str


def drift_of(
    session: Session, project_id: int, version: int, *, data: Path, moment: datetime | None = None
) -> list[DriftWarning]:
    """What has changed about the pictures that a model looks at.

    Args:
        session: any.
        project_id: the row of the model's project.
        version: of the model.
        data: the data folder, in which its package is.
        moment: now.
    """
    compared = compare(session, project_id, version, data=data, moment=moment)
    return [DriftWarning(measure=one.measure, psi=one.psi, sentence=one.warning) for one in compared if one.warning]


def compare(session: Session, project_id: int, version: int, *, data: Path, moment: datetime | None = None) -> list[Compared]:
    """Every measure of which there are enough pictures; see `drift_of`."""
    today = (moment or now()).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    since = today - timedelta(days=DAYS - 1)
    recent = _counts(session, project_id, version, ProfileCount.day >= since)
    if not recent:
        return []
    trained = _of_training(session, project_id, version, data)
    early = _of_first_days(session, project_id, version, since) if set(recent) - set(trained) else {}
    compared = []
    for measure, counts in sorted(recent.items()):
        reference: Reference = "training" if measure in trained else "first days"
        expected = trained.get(measure) or early.get(measure)
        if expected is not None and min(sum(counts), sum(expected)) >= FEWEST:
            compared.append(_compared(measure, counts, expected, reference=reference))
    return compared


def log_drift(database: Database, settings: Settings) -> int:
    """Write a line into the log for everything that has changed, of all models that looked at pictures lately; how many.

    Raises:
        UnavailableError: the database does not answer.
    """
    since = now() - timedelta(days=DAYS)
    with database.reading() as session:
        models = select(ProfileCount.project_id, ProfileCount.model_version, Project.name, Project.account)
        models = models.join(Project).where(ProfileCount.day >= since).distinct().order_by(*models.selected_columns)
        warnings = [
            (account, f"{name}/{version}", one)
            for project_id, version, name, account in session.execute(models).all()
            for one in drift_of(session, project_id, version, data=settings.data)
        ]
    for account, model, one in warnings:
        _logger.warning("Drift of model %s of account %s: %s", model, account, one.sentence)
    return len(warnings)


def psi(counts: Sequence[int], expected: Sequence[int]) -> float:
    """Population stability index of two histograms of the same classes."""
    used = [place for place in range(len(counts)) if counts[place] or expected[place]]
    new = [counts[place] + _PRIOR for place in used]
    old = [expected[place] + _PRIOR for place in used]
    pairs = [(a / sum(new), e / sum(old)) for a, e in zip(new, old, strict=True)]
    return sum((a - e) * log(a / e) for a, e in pairs)


def chance(counts: Sequence[int], expected: Sequence[int]) -> tuple[float, float]:
    """Expected value of PSI without any drift, and what it exceeds once in a thousand times."""
    freedom = sum(1 for a, e in zip(counts, expected, strict=True) if a or e) - 1
    if freedom < 1:
        return 0.0, 0.0
    scale = 1 / sum(counts) + 1 / sum(expected)
    ninth = 2 / (9 * freedom)  # Wilson and Hilferty 1931: the cube root of chi-squared is nearly normal
    return freedom * scale, freedom * (1 - ninth + _NORMAL_QUANTILE * sqrt(ninth)) ** 3 * scale


def _compared(measure: str, counts: Sequence[int], expected: Sequence[int], *, reference: Reference) -> Compared:
    raw = psi(counts, expected)
    mean, bound = chance(counts, expected)
    value = max(0.0, raw - mean)
    total, reference_total = sum(counts), sum(expected)
    drifted = value > LIMIT and raw > bound and (measure not in _FALLING or _mean(counts) < _mean(expected))
    return Compared(
        measure=measure,
        reference=reference,
        pictures=total,
        reference_pictures=reference_total,
        psi=round(value, 4),
        shares=tuple(round(count / total, 4) for count in counts),
        reference_shares=tuple(round(count / reference_total, 4) for count in expected),
        warning=_sentence(measure, counts, expected, reference=reference, value=value) if drifted else None,
    )


_WORDS: Mapping[str, tuple[str, str, str]] = {
    "confidence": ("the model is otherwise sure of its verdicts", "the model is less sure of its verdicts", "{:.0%}"),
    "damage": ("more pictures look damaged", "fewer pictures look damaged", "{:.0%}"),
    "pixels": ("pictures are larger", "pictures are smaller", "{:,.0f} pixels"),
    "aspect": ("pictures are wider for their height", "pictures are higher for their width", "{:.2f}"),
    "brightness": ("pictures are brighter", "pictures are darker", "{:.0%}"),
    "contrast": ("pictures have more contrast", "pictures have less contrast", "{:.0%}"),
    "sharpness": ("pictures are sharper", "pictures are more blurred", "{:.2f}"),
    "saturation": ("pictures are more colourful", "pictures are greyer", "{:.0%}"),
}
"""When the median rises, when it falls, and how it is written."""
_WHAT_TO_DO: Mapping[str, str] = {
    "confidence": "run a trial detection on some of them, verify it, and train the next version with them",
    "damage": "look at some of the results, whether the cars or the verdicts have changed",
    "pixels": "check which cameras or apps send them; if they stay, run a trial detection and train the next version with some",
    "aspect": "check how cameras are held and pictures cropped; if it stays so, train the next version with some of them",
    "brightness": "check light and exposure where they are taken; if it stays so, train the next version with some of them",
    "contrast": "check light, weather and lenses; if it stays so, train the next version with some of them",
    "sharpness": "check focus, lenses and compression; if it stays so, train the next version with some of them",
    "saturation": "check the cameras' colours and whether the pictures are of cars at all; else train with some of them",
}


def _sentence(measure: str, counts: Sequence[int], expected: Sequence[int], *, reference: Reference, value: float) -> str:
    rises, falls, form = _WORDS[measure]
    edges = MEASURES[measure]
    new, old = _median(counts, edges), _median(expected, edges)
    same = form.format(new) == form.format(old)
    change = f"{measure} is spread otherwise" if same else rises if new > old else falls
    compared = "in training" if reference == "training" else "in the model's first days"
    medians = "" if same else f" (median about {form.format(new)}, {form.format(old)} {compared})"
    return (
        f"In the last {DAYS} days {change} than {compared}{medians}; PSI {value:.2f} over {sum(counts):,} pictures,"
        f" {LIMIT} is the limit: {_WHAT_TO_DO[measure]}."
    )


def _mean(counts: Sequence[int]) -> float:
    """Of the numbers of the classes."""
    return sum(place * count for place, count in enumerate(counts)) / sum(counts)


def _median(counts: Sequence[int], edges: Sequence[float]) -> float:
    """About: within a class, values are taken to be evenly spread."""
    bounds = [edges[0] / _WIDE, *edges, min(edges[-1] * _WIDE, 1.0) if edges[-1] < 1 else edges[-1] * _WIDE]
    half, passed = sum(counts) / 2, 0
    for place, count in enumerate(counts):
        if passed + count >= half:
            return bounds[place] + (bounds[place + 1] - bounds[place]) * (half - passed) / count
        passed += count
    return bounds[-1]


def _counts(session: Session, project_id: int, version: int, *conditions: ColumnElement[bool]) -> dict[str, list[int]]:
    query = select(ProfileCount.measure, ProfileCount.bin, func.sum(ProfileCount.pictures))
    query = query.where(ProfileCount.project_id == project_id, ProfileCount.model_version == version, *conditions)
    found: dict[str, list[int]] = {}
    for measure, number, pictures in session.execute(query.group_by(ProfileCount.measure, ProfileCount.bin)):
        length = len(MEASURES.get(measure, ())) + 1
        if measure in MEASURES and 0 <= number < length:  # an older version may have had others
            found.setdefault(measure, [0] * length)[number] = int(pictures)
    return found


def _of_training(session: Session, project_id: int, version: int, data: Path) -> dict[str, list[int]]:
    """Counts of the training pictures, from the card of the model's package; empty where it has none."""
    package = session.scalar(select(Model.package).filter_by(project_id=project_id, version=version))
    if package is None:
        return {}
    try:
        card = json.loads((data / package / CARD_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # whoever detects with the package will say what is wrong with it
        return {}
    return dict(_checked(card.get("data", {}).get("profile")))


def _checked(profile: Any) -> Iterator[tuple[str, list[int]]]:
    """The measures of a profile that are counted as they are today, and of enough pictures."""
    if not isinstance(profile, dict) or profile.get("version") != PROFILE_VERSION:
        return
    for measure, counts in profile["counts"].items():
        if measure in MEASURES and len(counts) == len(MEASURES[measure]) + 1 and sum(counts) >= FEWEST:
            yield measure, [int(count) for count in counts]


def _of_first_days(session: Session, project_id: int, version: int, since: datetime) -> dict[str, list[int]]:
    """Counts of the first days on which the model looked at pictures, as far as they are over."""
    own = (ProfileCount.project_id == project_id, ProfileCount.model_version == version)
    first = session.scalar(select(func.min(ProfileCount.day)).where(*own))
    if first is None:
        return {}
    return _counts(session, project_id, version, ProfileCount.day < min(since, first + timedelta(days=DAYS)))
