"""Jobs: done once, whole or not at all, whoever is killed meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from subprocess import Popen
from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, select

from walkaround.buckets.buckets import Buckets
from walkaround.buckets.remote import Patience, S3Access
from walkaround.hosting.jobs import leases
from walkaround.hosting.jobs.lease_guard import LeaseGuard
from walkaround.hosting.jobs.presence import Presence
from walkaround.hosting.jobs.work import Task
from walkaround.store.database import Database
from walkaround.store.tables import Dataset, Entry, Job, Model, now
from walkaround.store.trials import Trial, TrialPicture


@pytest.fixture
def rows(database_url: str) -> Any:
    """An empty database, SQLite and PostgreSQL."""
    database = Database(database_url)
    database.migrate()
    yield database
    database.close()


def add(database: Database, *kinds: str, **members: Any) -> None:
    with database.transaction() as session:
        session.add_all(Job(kind=kind, subject=number, **members) for number, kind in enumerate(kinds, start=1))


def source(key: str) -> dict[str, Any]:
    return {"GroundTruthManifest": {"S3Object": {"Bucket": "photos", "Key": key}}}


@pytest.fixture
def ready_to_host(running: Any, package: Path) -> Any:
    """A stopped service with one job: a model is to be hosted."""
    running.put_model(package)
    running.stop()
    running("start_model", project_name="cars", model_version="1", min_inference_units=1)
    return running


def claim(database: Database, owner: str = "a", room: int = 9, trainings: int = 2) -> list[leases.Lease]:
    with database.transaction() as session:
        return leases.claim(session, owner=owner, room=room, trainings_at_once=trainings)


def test_a_job_is_leased_once_and_trainings_are_bounded_over_all_servers(rows: Database) -> None:
    add(rows, "train", "train", "train", "host", "host", "host")
    assert [lease.kind for lease in claim(rows, "a", room=2)] == ["host", "host", "train", "train"]
    assert [lease.kind for lease in claim(rows, "b")] == ["host"]
    assert claim(rows, "c") == []


def test_a_lease_that_lapsed_is_taken_over_and_the_old_owner_can_write_nothing(rows: Database) -> None:
    add(rows, "host")
    (lease,) = claim(rows, "a")
    with rows.transaction() as session:
        session.get_one(Job, lease.job_id).leased_until = now() - timedelta(seconds=1)
    with rows.transaction() as session:
        assert leases.claim(session, owner="a", room=9, trainings_at_once=2, busy=[lease.job_id]) == []
    (taken,) = claim(rows, "b")
    with pytest.raises(leases.LeaseLostError), rows.transaction() as session:
        leases.finish(session, lease, owner="a", error=None)
    with rows.transaction() as session:
        assert leases.look(session, owner="a", job_ids=[lease.job_id]) == (set(), set())
        leases.finish(session, taken, owner="b", error=None)
    assert claim(rows, "c") == []


def test_what_failed_comes_again_after_a_pause_and_counts(rows: Database) -> None:
    add(rows, "host")
    (lease,) = claim(rows)
    with rows.transaction() as session:
        leases.release(session, lease, owner="a", seconds=0.2, failed="no answer")
    assert claim(rows) == []
    time.sleep(0.25)
    (again,) = claim(rows)
    assert again.attempts == 1
    with rows.transaction() as session:
        leases.release(session, again, owner="a", seconds=0, failed=None)  # the server stops: no failure
    assert claim(rows)[0].attempts == 1


def lapse(database: Database, lease: leases.Lease, owner: str) -> None:
    with database.transaction() as session:
        session.get_one(Job, lease.job_id).leased_until = now() - timedelta(seconds=1)


def die(database: Database, lease: leases.Lease, owner: str) -> None:
    with database.transaction() as session:
        leases.free_jobs_of(session, owner)


def leave(database: Database, lease: leases.Lease, owner: str) -> None:
    with database.transaction() as session:
        leases.leave_jobs_of(session, owner)


def give_back(database: Database, lease: leases.Lease, owner: str) -> None:
    with database.transaction() as session:
        leases.release(session, lease, owner=owner, seconds=0, failed=None)


@pytest.mark.parametrize(("end", "deaths"), [(lapse, 3), (die, 3), (leave, 0), (give_back, 0)])
def test_servers_that_die_with_a_job_in_work_are_counted(rows: Database, end: Callable[..., None], deaths: int) -> None:
    add(rows, "host")
    (lease,) = claim(rows, "0")
    for number, how in enumerate([die, lapse, end]):
        assert (lease.deaths, lease.attempts) == (number, 0)
        how(rows, lease, str(number))
        (lease,) = claim(rows, str(number + 1))
    assert lease.deaths == deaths


def test_a_job_that_may_kill_is_worked_on_alone_so_that_others_are_not_counted_with_it(rows: Database) -> None:
    """Of these jobs, the training kills its server; the others end when it is not beside them."""
    add(rows, "host", "train", "host")
    ended: list[int] = []
    deaths: dict[int, int] = {}
    for server in "abcdefghi":
        taken = claim(rows, server)
        deaths |= {lease.job_id: lease.deaths for lease in taken}
        if any(lease.kind == "train" for lease in taken):
            die(rows, taken[0], server)
            continue
        for lease in taken:
            ended.append(lease.job_id)
            with rows.transaction() as session:
                leases.finish(session, lease, owner=server, error=None)
    assert (ended, deaths) == ([1, 3], {1: 2, 2: 6, 3: 2})


def test_a_server_at_work_waits_until_it_is_idle_for_a_job_that_may_kill(rows: Database) -> None:
    add(rows, "host", deaths=2)
    add(rows, "host", "train")
    with rows.transaction() as session:
        assert leases.claim(session, owner="a", room=9, trainings_at_once=2, busy=[99]) == []
    assert [lease.job_id for lease in claim(rows, "b")] == [1]
    assert [lease.job_id for lease in claim(rows, "c")] == [2, 3]


def test_nothing_is_begun_beside_a_job_that_may_kill(ready_to_host: Any) -> None:
    running = ready_to_host
    with running.database.transaction() as session:
        session.scalars(select(Job)).one().deaths = leases.ALONE_FROM
    running.start()
    running.until(lambda: running.job("host"), lambda job: job.state == "running")
    running("create_dataset", project_name="cars", dataset_type="train", dataset_source=source("gone"))
    assert running.wait("create_dataset").ended > running.wait("host").ended


@pytest.mark.parametrize(("deaths", "status"), [(4, "HOSTED"), (5, "HOSTING_FAILED")])
def test_a_job_that_kills_its_servers_is_given_up(ready_to_host: Any, deaths: int, status: str) -> None:
    running = ready_to_host
    with running.database.transaction() as session:
        session.scalars(select(Job)).one().deaths = deaths
    running.start()
    running.wait("host")
    assert running.model()["Status"] == status
    assert ("5 servers in a row" in running.model().get("StatusMessage", "")) == (status == "HOSTING_FAILED")


def test_a_server_that_ended_is_known_to_be_dead(tmp_path: Path) -> None:
    one, other = Presence(tmp_path), Presence(tmp_path)
    assert not one.is_dead(other.name)
    assert not one.is_dead("never-seen")
    assert not one.is_dead("../escape")
    name = other.name
    other.leave()
    assert not one.is_dead(name)  # it left in good order, with nothing leased
    one.leave()


def test_a_job_whose_lease_may_have_lapsed_ends_where_another_server_lives(tmp_path: Path, rows: Database) -> None:
    one = Presence(tmp_path)
    fresh, old = (Task(leases.Lease(job_id=n, kind="train", subject=n, attempts=0), rows, owner=one.name) for n in (1, 2))
    old.renewed -= leases.LEASE_SECONDS
    guard = LeaseGuard(one, lambda: [fresh, old])
    guard.stop()
    guard.look()
    assert (fresh.interrupted, old.interrupted) == (None, None)
    other = Presence(tmp_path)
    guard.look()
    assert (fresh.interrupted, old.interrupted) == (None, "lost")
    other.leave()
    one.leave()


def test_an_interruption_reaches_who_works_before_and_after(rows: Database) -> None:
    called: list[str] = []
    task = Task(leases.Lease(job_id=1, kind="train", subject=1, attempts=0), rows, owner="a")
    task.on_interrupt(lambda: called.append("first"))
    task.interrupt("cancelled")
    task.interrupt("lost")
    task.on_interrupt(lambda: called.append("late"))
    assert (task.interrupted, called) == ("cancelled", ["first", "late"])


def test_a_dataset_is_made_changed_and_deleted(running: Any, keys: dict[str, list[str]]) -> None:
    running("create_project", project_name="cars")
    described = running.dataset("train", keys)
    assert (described["Status"], described["ImageStats"]["Total"]) == ("CREATE_COMPLETE", 40)
    running("update_dataset_entries", project_name="cars", dataset_type="train", changes=b'{"source-ref": "s3://other/x"}')
    running.wait("update_dataset")
    described = running("describe_dataset", project_name="cars", dataset_type="train")["DatasetDescription"]
    assert (described["Status"], described["ImageStats"]["Total"]) == ("UPDATE_FAILED_ROLLBACK_COMPLETE", 40)
    running("delete_dataset", project_name="cars", dataset_type="train")
    running.wait("delete_dataset")
    with running.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Entry)) == 0
        assert session.scalar(select(func.count()).select_from(Dataset)) == 0


@pytest.mark.parametrize(
    ("key", "content", "reason"),
    [("gone", None, "cannot be read"), ("bad", b"{]", "line 1"), ("empty", b"", "no line")],
)
def test_a_manifest_that_cannot_be_used_says_why(running: Any, key: str, content: bytes | None, reason: str) -> None:
    running("create_project", project_name="cars")
    if content is not None:
        running.buckets.write("photos", key, content)
    running("create_dataset", project_name="cars", dataset_type="train", dataset_source=source(key))
    running.wait("create_dataset")
    described = running("describe_dataset", project_name="cars", dataset_type="train")["DatasetDescription"]
    assert described["Status"] == "CREATE_FAILED"
    assert reason in described["StatusMessage"]


def test_a_model_is_hosted_stopped_and_deleted(running: Any, package: Path, pictures: list[bytes]) -> None:
    running.put_model(package)
    folder = running.settings.data / running.owner.model_folder("cars", 1)
    folder.mkdir(parents=True)  # left by a training that was killed while it wrote its package
    running("start_model", project_name="cars", model_version="1", min_inference_units=1)
    running.wait("host")
    assert running.model()["Status"] == "HOSTED"
    assert running.detect(pictures[0]).source == "direct"
    running("stop_model", project_name="cars", model_version="1")
    running.wait("unhost")
    assert (running.model()["Status"], running.pool.worker_pids()) == ("TRAINED", [])
    running("delete_model", project_name="cars", model_version="1")
    running.wait("delete_model")
    with running.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Model)) == 0
    assert not (running.settings.data / "models" / "cars-1").exists()
    assert not folder.exists()


def test_a_model_whose_package_is_damaged_cannot_be_hosted(running: Any, package: Path) -> None:
    running.put_model(package)
    (running.settings.data / "models/cars-1/model.onnx").write_bytes(b"half")
    running("start_model", project_name="cars", model_version="1", min_inference_units=1)
    running.wait("host")
    assert running.model()["Status"] == "HOSTING_FAILED"
    assert "altered" in running.model()["StatusMessage"]


def test_a_trial_keeps_what_was_found(running: Any, package: Path, keys: dict[str, list[str]]) -> None:
    running.put_model(package)
    refs = [f"s3://photos/{key}" for key in [keys["normal"][0], keys["anomaly"][0], "gone.jpg"]]
    with running.database.transaction() as session:
        session.add(Trial(project_id=1, name="new", model_version=1, status="RUNNING"))
        session.flush()
        session.add_all(TrialPicture(trial_id=1, source_ref=ref) for ref in refs)
        session.add(Job(kind="trial", subject=1))
    running.jobs.wake()
    running.wait("trial")
    with running.database.reading() as session:
        assert session.get_one(Trial, 1).status == "COMPLETE"
        found = [(one.findings, one.error) for one in session.scalars(select(TrialPicture).order_by(TrialPicture.id))]
    assert [findings["source"] for findings, _ in found[:2]] == refs[:2]
    assert found[2][0] is None
    assert "gone.jpg" in found[2][1]


def test_a_bucket_that_does_not_answer_is_asked_again(running: Any, caplog: pytest.LogCaptureFixture) -> None:
    running("create_project", project_name="cars")
    running.stop()
    there, away = running.buckets, S3Access(endpoint="http://127.0.0.1:9", region="x", access_key="k", secret_key="s")  # noqa: S106 - of nothing
    running.buckets = Buckets({}, s3=away, patience=Patience(retries=0))
    running.start()
    running.buckets = there
    running("create_dataset", project_name="cars", dataset_type="train", dataset_source=source("m"))
    job = running.until(lambda: running.job("create_dataset"), lambda job: job.attempts == 1)
    assert (job.state, bool(job.error)) == ("due", True)
    told = running("describe_dataset", project_name="cars", dataset_type="train")["DatasetDescription"]["StatusMessage"]
    assert told.startswith("The dataset is being created. Tried ")
    assert str(job.error) in told
    assert "create_dataset) will be tried again in 1 s: " in caplog.text
    assert "failed" not in caplog.text
    running.stop()
    running.buckets.write("photos", "m", b'{"source-ref": "s3://photos/x.jpg"}')
    running.start()
    assert running.wait("create_dataset").state == "done"
    described = running("describe_project", project_name="cars")["ProjectDescription"]
    assert [dataset["StatusMessage"] for dataset in described["Datasets"]] == ["The dataset is ready."]


def test_a_job_that_failed_for_good_is_told_once_as_an_error(running: Any, caplog: pytest.LogCaptureFixture) -> None:
    running("create_project", project_name="cars")
    running("create_dataset", project_name="cars", dataset_type="train", dataset_source=source("gone"))
    running.wait("create_dataset")
    running.stop()
    (line,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert line.getMessage().startswith("Job 1 (create_dataset) failed: The manifest cannot be read.")
    running.start()


def test_servers_killed_at_any_moment_leave_nothing_half_done(running: Any, server: Callable[..., Popen[str]]) -> None:
    """Each change adds 300 entries; a server is killed at a random moment, and the next one goes on."""
    running("create_project", project_name="cars")
    running("create_dataset", project_name="cars", dataset_type="train")
    running.stop()
    rng = np.random.default_rng(0)
    for number in range(4):
        process = server(running.settings)
        lines = "\n".join(f'{{"source-ref": "s3://photos/{number}-{one}.jpg"}}' for one in range(300))
        running("update_dataset_entries", project_name="cars", dataset_type="train", changes=lines.encode())
        time.sleep(float(rng.uniform(0, 2.5)))
        process.kill()
        process.wait()
        seen = running("describe_dataset", project_name="cars", dataset_type="train")["DatasetDescription"]
        total = seen["ImageStats"]["Total"]
        assert total == 300 * (number + (seen["Status"] == "UPDATE_COMPLETE"))
        if seen["Status"] != "UPDATE_COMPLETE":
            running.start()
            running.wait("update_dataset")
            running.stop()
    running.start()
    with running.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Entry)) == 1200
