"""Drift: silent where nothing has changed, and a sentence to act on where something has."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from walkaround.damage.measures import MEASURES, class_of, confidence_of, profile_of
from walkaround.pipeline.drift import chance, compare, drift_of, log_drift, psi
from walkaround.pipeline.totals import Looked, add_totals
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.tables import Model, Project, now

DAY = timedelta(days=1)


@pytest.fixture
def database(database_url: str, tmp_path: Path) -> Iterator[Database]:
    """A project with a model whose package is below `tmp_path`, without a card."""
    made = Database(database_url)
    with made.transaction() as session:
        session.add(Project(account="0", region="r", name="cars"))
        session.flush()
        session.add(Model(project_id=1, version=1, status="TRAINED", output={}, package="package"))
    yield made
    made.close()


def pictures(count: int, *, brightness: float = 0.5, seed: int = 0) -> list[dict[str, float]]:
    """Measures of so many pictures."""
    light = np.random.default_rng(seed).normal(brightness, 0.08, count)
    return [{"brightness": float(value), "aspect": 4 / 3} for value in light]


def trained_on(folder: Path, measures: list[dict[str, float]], *, version: int | None = None) -> None:
    profile = profile_of(measures)
    if version is not None:
        profile["version"] = version
    (folder / "package").mkdir()
    (folder / "package" / "card.json").write_text(json.dumps({"data": {"profile": profile}}))


def saw(database: Database, measures: list[dict[str, float]], *, days: float = 0, damage: float = 0.1) -> None:
    def looked(one: Mapping[str, float]) -> Looked:
        created = now() - days * DAY
        return Looked(project_id=1, model_version=1, created=created, anomalous=damage >= 0.5, damage=damage, measures=one)

    with database.transaction() as session:
        add_totals(session, [looked(one) for one in measures])


def warned(database: Database, folder: Path) -> dict[str, str]:
    with database.reading() as session:
        return {one.measure: one.sentence for one in drift_of(session, 1, 1, data=folder)}


def test_pictures_like_those_of_the_training_are_no_drift(database: Database, tmp_path: Path) -> None:
    trained_on(tmp_path, pictures(400))
    saw(database, pictures(300, seed=1))
    assert warned(database, tmp_path) == {}
    with database.reading() as session:
        compared = {one.measure: one for one in compare(session, 1, 1, data=tmp_path)}
    assert compared["brightness"].psi < 0.05
    assert compared["aspect"].psi == 0
    assert (compared["brightness"].pictures, compared["brightness"].reference_pictures) == (300, 400)
    assert sum(compared["brightness"].shares) == pytest.approx(1, abs=0.001)


def test_darker_pictures_are_drift(database: Database, tmp_path: Path) -> None:
    trained_on(tmp_path, pictures(400))
    saw(database, pictures(300, brightness=0.38, seed=1), days=2)
    (sentence,) = warned(database, tmp_path).values()
    assert sentence.startswith("In the last 7 days pictures are darker than in training (median about 3")
    assert "over 300 pictures" in sentence
    assert "check light and exposure" in sentence


def test_what_came_before_the_last_days_does_not_count(database: Database, tmp_path: Path) -> None:
    trained_on(tmp_path, pictures(400))
    saw(database, pictures(300, brightness=0.2), days=8)
    assert warned(database, tmp_path) == {}


def test_of_few_pictures_nothing_is_said(database: Database, tmp_path: Path) -> None:
    trained_on(tmp_path, pictures(400))
    saw(database, pictures(99, brightness=0.1))
    assert warned(database, tmp_path) == {}


@pytest.mark.parametrize("card", ["none", "of another version", "damaged"])
def test_without_a_profile_the_first_days_are_the_reference(database: Database, tmp_path: Path, card: str) -> None:
    if card != "none":
        trained_on(tmp_path, pictures(400, brightness=0.3), version=99)
    if card == "damaged":
        (tmp_path / "package" / "card.json").write_text("{")
    saw(database, pictures(200), days=30)
    assert warned(database, tmp_path) == {}
    saw(database, pictures(200, brightness=0.3, seed=1))
    assert "pictures are darker than in the model's first days" in warned(database, tmp_path)["brightness"]


def test_a_new_model_without_a_profile_has_nothing_to_be_compared_with(database: Database, tmp_path: Path) -> None:
    saw(database, pictures(200), days=6)
    saw(database, pictures(200, brightness=0.2))
    assert warned(database, tmp_path) == {}


def test_more_damage_is_told_beside_the_first_days_and_surer_verdicts_beside_the_training(
    database: Database, tmp_path: Path
) -> None:
    trained_on(tmp_path, [{**one, "confidence": 0.99} for one in pictures(400)])
    saw(database, pictures(200), days=40, damage=0.01)
    saw(database, pictures(200, seed=1), damage=0.55)
    found = warned(database, tmp_path)
    assert "more pictures look damaged than in the model's first days" in found["damage"]
    assert "the model is less sure of its verdicts than in training" in found["confidence"]


def test_a_model_that_is_surer_than_in_training_is_no_drift(database: Database, tmp_path: Path) -> None:
    trained_on(tmp_path, [{**one, "confidence": 0.75} for one in pictures(400)])
    saw(database, pictures(200), damage=0.01)
    assert warned(database, tmp_path) == {}
    with database.reading() as session:
        assert max(one.psi for one in compare(session, 1, 1, data=tmp_path)) > 1


def test_drift_is_logged(database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trained_on(tmp_path, pictures(400))
    saw(database, pictures(300, brightness=0.3))
    with caplog.at_level(logging.WARNING):
        assert log_drift(database, Settings(data=tmp_path)) == 1
    assert "Drift of model cars/1 of account 0: In the last 7 days pictures are darker" in caplog.text


@pytest.mark.parametrize(("few", "many"), [(100, 100), (100, 2000), (1000, 1000)])
def test_chance_is_what_is_said_of_it(few: int, many: int) -> None:
    """Of histograms of one distribution: the mean of PSI, and how often it exceeds the bound."""
    rng = np.random.default_rng(few)
    shares = np.full(9, 1 / 9)
    values, beyond = [], 0
    for _ in range(2000):
        new, old = rng.multinomial(few, shares).tolist(), rng.multinomial(many, shares).tolist()
        mean, bound = chance(new, old)
        values.append(psi(new, old))
        beyond += values[-1] > bound
    assert np.mean(values) == pytest.approx(mean, rel=0.15)
    assert beyond <= 8


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_class_that_was_empty_is_not_infinitely_strange(share: float) -> None:
    counts = [round(100 * share), 100 - round(100 * share), 0]
    assert psi(counts, [50, 50, 0]) < 10
    assert psi([0, 0, 5], [0, 0, 9]) == 0


def test_classes() -> None:
    assert class_of("brightness", 0.0) == 0
    assert class_of("brightness", 0.15) == 1
    assert class_of("brightness", 1.0) == len(MEASURES["brightness"])
    assert all(list(edges) == sorted(set(edges)) for edges in MEASURES.values())
    assert confidence_of(damage=0.2, anomalous=False) == pytest.approx(0.8)
    assert profile_of([]) == {"version": 1, "counts": {}}
