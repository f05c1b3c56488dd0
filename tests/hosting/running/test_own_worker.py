"""Jobs that look at pictures by a worker of their own: what one picture does to it costs that one picture."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select

from made_models import made_package, picture_with
from walkaround.buckets.buckets import buckets_of
from walkaround.errors import PackageError
from walkaround.hosting.host import Host
from walkaround.hosting.jobs import leases
from walkaround.hosting.jobs.looking.draft_job import DraftWork
from walkaround.hosting.jobs.looking.own_worker import OwnWorker, problem_of
from walkaround.hosting.jobs.looking.trial_job import TrialWork
from walkaround.hosting.jobs.work import Task, Work
from walkaround.hosting.operations.labelling.drafting import begin_drafting, describe_drafts
from walkaround.hosting.operations.trials.trials import describe_trial, start_trial
from walkaround.hosting.owner import Owner
from walkaround.hosting.pool.frames import Kind, Look
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.drafts import Draft
from walkaround.store.tables import Dataset, Entry, Model, Project
from walkaround.store.trials import TrialPicture

PROGRAM = "hosting.running.deadly_worker"
OWNER = Owner("000000000000", "us-east-1")
CONTENTS = (b"deadly", b"endless", b"breaking", b"nothing")
SERVER = "this one"


@pytest.fixture(autouse=True)
def _find_program(monkeypatch: pytest.MonkeyPatch) -> None:
    tests = str(Path(__file__).parents[2])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([tests, os.environ.get("PYTHONPATH", "")]))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_package(tmp_path_factory.mktemp("made") / "package", damage=0.8).path


@pytest.fixture(scope="module")
def good() -> bytes:
    content = io.BytesIO()
    Image.fromarray(picture_with((64, 48, 128, 96))).save(content, "PNG")
    return content.getvalue()


@pytest.fixture
def worker(made: Path) -> Iterator[OwnWorker]:
    one = OwnWorker(made, 2, seconds=4.0, program=PROGRAM)
    yield one
    one.close()


def test_what_ends_the_worker_or_holds_it_up_is_found_out_among_others(worker: OwnWorker, good: bytes) -> None:
    contents = [good, *CONTENTS, good, good]
    answers = worker.look({number: Look(content) for number, content in enumerate(contents)})
    assert {number: answer.kind for number, answer in answers.items() if answer.kind is Kind.FOUND}.keys() == {0, 5, 6}
    told = [problem_of(answers[number], f"{number}.jpg") for number in range(len(contents))]
    assert [told[0], told[5], told[6]] == [None, None, None]
    assert "'1.jpg' ended the program that was reading it, 3 times (signal 9)" in str(told[1])
    assert "'2.jpg' was worked on for more than 4 s, and given up" in str(told[2])
    assert "'3.jpg' made the program fail that was reading it (RuntimeError: no such operator)" in str(told[3])
    assert "'4.jpg' is not a picture" in str(told[4])
    assert worker.look({7: Look(good)})[7].kind is Kind.FOUND


def test_a_worker_that_is_ended_answers_no_more(made: Path, good: bytes) -> None:
    worker = OwnWorker(made, 1, seconds=600.0, program=PROGRAM)
    assert worker.look({1: Look(good)})[1].kind is Kind.FOUND
    ender = threading.Timer(0.5, worker.kill)
    ender.start()
    began = time.monotonic()
    assert worker.look({1: Look(b"endless")}) == {}
    assert time.monotonic() - began < 60
    assert worker.look({1: Look(good)}) == {}
    worker.close()


def test_without_a_package_there_is_no_worker(tmp_path: Path) -> None:
    worker = OwnWorker(tmp_path / "none", 1, seconds=60.0)
    with pytest.raises(PackageError, match="There is no package"):
        worker.look({1: Look(b"")})


@pytest.fixture
def service(tmp_path: Path, made: Path, good: bytes) -> Iterator[tuple[Settings, Database, list[str]]]:
    """A project with a trained model, and a dataset of unlabelled pictures, some of which nothing can be done with."""
    settings = Settings(data=tmp_path, threads_per_unit=1, picture_seconds=4.0)
    database = Database(f"sqlite:///{tmp_path}/walkaround.sqlite")
    database.migrate()
    folder = tmp_path / "buckets" / "photos"
    folder.mkdir(parents=True)
    contents = [good, *CONTENTS, good]
    for number, content in enumerate(contents):
        (folder / f"{number}.jpg").write_bytes(content)
    refs = [f"s3://photos/{number}.jpg" for number in range(len(contents))]
    host = Host(settings)
    with database.transaction() as session:
        host.create_project(session, OWNER, project_name="cars")
        host.create_dataset(session, OWNER, project_name="cars", dataset_type="train")
        project, dataset = session.scalars(select(Project.id)).one(), session.scalars(select(Dataset)).one()
        session.add_all(Entry(dataset_id=dataset.id, source_ref=ref, line="{}") for ref in refs)
        dataset.total = len(refs)
        output = {"S3Location": {"Bucket": "photos", "Prefix": ""}}
        package = os.path.relpath(made, tmp_path)
        session.add(Model(project_id=project, version=1, status="TRAINED", output=output, package=package))
    yield settings, database, refs
    database.close()


def done(database: Database, work: Work) -> None:
    """Do the only job as a server does."""
    with database.transaction() as session:
        (lease,) = leases.claim(session, owner=SERVER, room=1, trainings_at_once=1)
    outcome = work.run(Task(lease, database, owner=SERVER))
    assert outcome.error is None
    with database.transaction() as session:
        leases.finish(session, lease, owner=SERVER, error=None)
        outcome.write(session)


def test_drafts_leave_out_the_one_picture(service: tuple[Settings, Database, list[str]]) -> None:
    settings, database, refs = service
    members = {"project_name": "cars", "dataset_type": "train"}
    with database.transaction() as session:
        begin_drafting(session, OWNER, **members, model_version="1")
    done(database, DraftWork(database, buckets_of(settings, environment={}), settings, program=PROGRAM))
    with database.reading() as session:
        told = describe_drafts(session, OWNER, **members)["Drafts"]
        errors = {one.source_ref: one.error for one in session.scalars(select(Draft))}
    assert (told["Status"], told["Drafted"], told["Failed"]) == ("COMPLETE", 2, 4)
    assert told["Message"] == "4 pictures could not be looked at; they are tried again next time."
    assert [ref for ref in refs if errors[ref] is None] == [refs[0], refs[5]]
    assert "'1.jpg' ended the program" in str(errors[refs[1]])


def test_a_trial_leaves_out_the_one_picture(service: tuple[Settings, Database, list[str]]) -> None:
    settings, database, refs = service
    with database.transaction() as session:
        start_trial(session, OWNER, project_name="cars", trial_name="new", model_version="1", source_refs=refs)
    done(database, TrialWork(database, buckets_of(settings, environment={}), settings, program=PROGRAM))
    with database.reading() as session:
        told = describe_trial(session, OWNER, project_name="cars", trial_name="new")["Trial"]
        errors = {one.source_ref: one.error for one in session.scalars(select(TrialPicture))}
    assert (told["Status"], told["Pictures"]["Predicted"], told["Pictures"]["Failed"]) == ("COMPLETE", 2, 4)
    assert "'2.jpg' was worked on for more than 4 s" in str(errors[refs[2]])
