"""What is going on, over REST."""

from __future__ import annotations

from typing import Any

from served import Served
from walkaround.settings import Settings
from walkaround.store.opening import database_of
from walkaround.store.tables import Job, Model, Project, now


def test_what_is_hosted_running_and_failed_is_told_in_one_answer(callers: Any, server: Served, project: str) -> None:
    database = database_of(Settings(data=server.data))
    with database.transaction() as session:
        own = session.query(Project).filter_by(name=project).one()
        models = [
            Model(project_id=own.id, version=1, status="HOSTING_FAILED", message="No memory.", output={}, min_units=2),
            Model(project_id=own.id, version=2, status="TRAINING_FAILED", message="Too few.", output={}),
        ]
        session.add_all(models)
        session.flush()
        session.add(Job(kind="train", subject=models[1].id, state="failed", ended=now(), error="Too few pictures: add some."))
    database.close()
    callers.manage.ok("PUT", "/watches/trouble", json={"name": "trouble", "source": "events", "rules": [{"model": "none/1"}]})
    callers.detect.request("POST", "/api/v1/events?watch=trouble", content=b"junk")

    told = callers.read.ok("GET", "/activity")
    (hosted,) = [one for one in told["hosted"] if one["project"] == project]
    assert (hosted["status"], hosted["message"], hosted["units"], hosted["load"]) == ("HOSTING_FAILED", "No memory.", 0, 0.0)
    (failed,) = [one for one in told["failed"] if one["project"] == project]
    assert (failed["kind"], failed["about"], failed["name"]) == ("train", "model", "2")
    assert failed["error"] == "Too few pictures: add some."
    assert callers.read.ok("GET", f"/jobs/{failed['job']}")["state"] == "failed"
    (watch,) = [one for one in told["watches"] if one["spec"]["name"] == "trouble"]
    assert (watch["dead"], watch["waiting"], watch["sinks"]) == ({"arrival": 0, "delivery": 0, "event": 1}, 0, [])
    assert watch in callers.read.ok("GET", "/watches")["watches"]
    page = callers.read.ok("GET", "/activity/failures?limit=100")
    assert failed in page["failed"]
    assert project not in [one["project"] for one in callers.other.ok("GET", "/activity")["failed"]]
    callers.manage.ok("DELETE", "/watches/trouble")


def test_days_follow_the_zone_by_name(callers: Any, project: str) -> None:
    shown = callers.read.ok("GET", f"/dashboard?frame=6m&project={project}&zone=Europe/Berlin&offset=%2B09:00")
    assert {one[19:] for one in shown["starts"]} <= {"+01:00", "+02:00"}
    assert {one[11:19] for one in shown["starts"]} == {"00:00:00"}
    unknown = callers.read.ok("GET", f"/dashboard?frame=1w&project={project}&zone=Nowhere/There&offset=%2B09:00")
    assert unknown["starts"][0].endswith("+09:00")
    assert callers.read.problem("GET", "/dashboard?zone=../etc/passwd")[0] == 422
