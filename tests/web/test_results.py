"""Results, their export, the dashboard and drift over REST, on a server whose database holds some results."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pyarrow.parquet
import pytest

from served import Served
from walkaround.pipeline.totals import Looked, add_totals
from walkaround.settings import Settings
from walkaround.store.opening import database_of
from walkaround.store.results import Result
from walkaround.store.tables import Model, Project, now


@pytest.fixture
def filled(api: Any, server: Served, project: str) -> str:
    """A project with a model that looked at 130 pictures, the even ones of which are damaged."""
    database = database_of(Settings(data=server.data))
    with database.transaction() as session:
        own = session.query(Project).filter_by(name=project).one()
        session.add(Model(project_id=own.id, version=1, status="TRAINED", output={}, package="none"))
        for number in range(130):
            anomalous, created = number % 2 == 0, now() - timedelta(minutes=number / 100)
            findings = {"source": f"front/{number:03}.jpg", "anomalous": anomalous, "confidence": 0.9, "label": "dent"}
            session.add(
                Result(project_id=own.id, model_version=1, created=created, findings={**findings, "damage": 0.5}, **findings)
            )
            damage = 0.9 if anomalous else 0.1
            measures = {"brightness": 0.5}
            add_totals(
                session,
                [
                    Looked(
                        project_id=own.id,
                        model_version=1,
                        created=created,
                        anomalous=anomalous,
                        damage=damage,
                        measures=measures,
                    )
                ],
            )
    database.close()
    return project


def test_results_are_searched_over_all_projects(callers: Any, filled: str) -> None:
    found = callers.read.ok("GET", "/results", params={"project": filled, "prefix": "front/00", "anomalous": True})["results"]
    assert [one["source"] for one in found] == [f"front/00{number}.jpg" for number in (0, 2, 4, 6, 8)]
    assert {(one["project"], one["watch"], tuple(one["spans"])) for one in found} == {(filled, None, ())}
    first = callers.read.ok("GET", f"/projects/{filled}/results?limit=100")
    rest = callers.read.ok("GET", f"/projects/{filled}/results?limit=100", params={"next": first["next"]})
    assert (len(first["results"]), len(rest["results"]), rest["next"]) == (100, 30, None)
    assert callers.other.ok("GET", "/results?prefix=front/")["results"] == []
    assert callers.read.problem("GET", "/results?watch=gate")[0] == 404
    assert callers.read.problem("GET", "/results?confidence_from=2")[0] == 422


def test_results_are_exported(callers: Any, filled: str) -> None:
    answer = callers.read.get("/api/v1/results/export", params={"project": filled, "anomalous": True})
    assert answer.headers["content-type"].startswith("text/csv")
    assert 'filename="results.csv"' in answer.headers["content-disposition"]
    assert len(list(csv.DictReader(io.StringIO(answer.text)))) == 65
    answer = callers.read.get("/api/v1/results/export", params={"project": filled, "format": "parquet"})
    assert pyarrow.parquet.read_table(io.BytesIO(answer.content)).num_rows == 130
    assert callers.read.problem("GET", "/results/export?project=none")[0] == 404
    assert callers.nobody.problem("GET", "/results/export")[0] == 401


def test_the_dashboard_counts(callers: Any, filled: str) -> None:
    shown = callers.read.ok("GET", f"/dashboard?frame=1w&project={filled}&offset=+02:00")
    (line,) = shown["projects"]
    assert (line["project"], line["pictures"], line["anomalies"], line["ratio"]) == (filled, 130, 65, 0.5)
    assert (shown["unit"], len(line["points"]), len(shown["starts"])) == ("day", 7, 7)
    assert shown["starts"][0].endswith("T00:00:00+02:00")
    assert sum(point["pictures"] for point in line["points"]) == shown["overall"]["pictures"] == 130
    assert filled not in [one["project"] for one in callers.other.ok("GET", "/dashboard?frame=1d")["projects"]]
    assert callers.read.problem("GET", "/dashboard?frame=2y")[0] == 422


def test_drift_is_told(callers: Any, filled: str) -> None:
    told = callers.read.ok("GET", f"/projects/{filled}/models/1/drift")
    assert (told["warnings"], told["measures"], told["days"]) == ([], [], 7)  # nothing to compare with yet
    assert callers.read.problem("GET", f"/projects/{filled}/models/2/drift")[0] == 404


def test_metrics_tell_of_what_was_kept(callers: Any, filled: str) -> None:
    page = callers.read.get("/metrics").text
    assert "walkaround_kept_image_count_total" in page


def test_forgotten_results_stay_in_the_sums(callers: Any, filled: str) -> None:
    gone = callers.manage.ok("DELETE", f"/projects/{filled}/results", params={"before": now().isoformat()})
    assert gone == {"deleted": 130}
    assert callers.read.ok("GET", f"/projects/{filled}/results")["results"] == []
    assert callers.read.ok("GET", f"/dashboard?project={filled}")["overall"]["pictures"] == 130
