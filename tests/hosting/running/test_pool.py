"""Hosted models: the detector's answers from other processes, whatever happens to these."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from subprocess import Popen
from typing import Any

import numpy as np
import pytest
from PIL import Image

from walkaround.damage.findings import Findings
from walkaround.errors import ConflictError, NotFoundError, ThrottledError, ValidationError
from walkaround.hosting.pool.counters import Counters
from walkaround.hosting.pool.hosted import HostedModel, Hosting, HostingError
from walkaround.hosting.pool.pool import mark_hosting_failed
from walkaround.hosting.pool.scaling import UnitLimits
from walkaround.hosting.pool.worker import look
from walkaround.inspection.detector import Detector
from walkaround.store.tables import Model, Project


@pytest.fixture(scope="module")
def detector(package: Path) -> Detector:
    return Detector(package)


@pytest.fixture
def start(loop: Any) -> Iterator[Callable[[Hosting], HostedModel]]:
    """Host a model without pool and database."""
    models: list[HostedModel] = []

    async def begin(hosting: Hosting) -> HostedModel:
        models.append(HostedModel(hosting, Counters()))
        models[0].start()
        await models[0].wait_for_units()
        return models[0]

    yield lambda hosting: loop.run(begin(hosting))
    for model in models:
        loop.run(model.stop())


def png(width: int, height: int) -> bytes:
    target = io.BytesIO()
    Image.fromarray(np.full((height, width, 3), 90, np.uint8)).save(target, "PNG")
    return target.getvalue()


def webp() -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (100, 100)).save(target, "WEBP")
    return target.getvalue()


async def all_of(model: HostedModel, pictures: list[bytes], *, times: int = 1) -> list[Findings | BaseException]:
    return await asyncio.gather(
        *(model.detect(picture, heat=False) for _ in range(times) for picture in pictures), return_exceptions=True
    )


def test_answers_are_the_detectors(loop: Any, start: Any, hosting: Hosting, detector: Detector, pictures: list[bytes]) -> None:
    model = start(hosting)
    found = loop.run(all_of(model, pictures))
    assert found == [look(detector, picture) for picture in pictures]
    heat, wanted = (loop.run(model.detect(pictures[0], heat=True)).heat_map, look(detector, pictures[0], heat=True).heat_map)
    assert heat is not None
    assert wanted is not None
    assert np.array_equal(heat, wanted)
    counters = model.counters
    assert counters.processed_images == counters.successful_requests == sum(counters.time_bins) == len(pictures) + 1
    assert counters.time > 0
    assert counters.detected_anomalies >= sum(one.anomalous for one in found)


def test_a_worker_that_dies_loses_no_request(loop: Any, start: Any, hosting: Hosting, pictures: list[bytes]) -> None:
    model = start(hosting)

    async def killed() -> list[Any]:
        waiting = asyncio.create_task(all_of(model, pictures))
        await asyncio.sleep(0.1)
        os.kill(model.worker_pids[0], signal.SIGKILL)
        return await waiting

    assert all(isinstance(one, Findings) for one in loop.run(killed()))
    assert model.counters.errors == 0


def test_a_full_line_turns_requests_away_and_an_abandoned_one_leaves_it(
    loop: Any, start: Any, hosting: Hosting, pictures: list[bytes]
) -> None:
    model = start(replace(hosting, queue_per_unit=3))

    async def crowded() -> list[Any]:
        requests = [asyncio.create_task(model.detect(picture, heat=False)) for picture in pictures[:7]]
        await asyncio.sleep(0)  # two are in work, three wait, two are turned away
        requests[4].cancel()
        await asyncio.sleep(0)
        requests.append(asyncio.create_task(model.detect(pictures[0], heat=False)))
        return await asyncio.gather(*requests, return_exceptions=True)

    answers = loop.run(crowded())
    kinds = [type(answer) for answer in answers]
    assert kinds == [Findings] * 4 + [asyncio.CancelledError] + [ThrottledError] * 2 + [Findings]
    assert 1 <= answers[5].retry_after <= 60
    assert model.counters.throttled == model.counters.errors == 2


def test_units_follow_the_load(loop: Any, start: Any, hosting: Hosting, pictures: list[bytes]) -> None:
    model = start(replace(hosting, limits=UnitLimits(least=1, most=2, threads=1)))

    async def loaded() -> None:
        waiting = asyncio.create_task(all_of(model, pictures, times=2))
        for _ in range(3):
            await asyncio.sleep(0.05)
            await model.tick()
        assert model.units.desired == 2
        while model.units.in_service < 2:
            await asyncio.sleep(0.05)
        assert all(isinstance(one, Findings) for one in await waiting)
        for _ in range(62):
            await model.tick()

    loop.run(loaded())
    assert (model.units.desired, model.units.in_service) == (1, 1)


def test_a_model_that_cannot_be_loaded_is_not_hosted(loop: Any, start: Any, hosting: Hosting, tmp_path: Path) -> None:
    with pytest.raises(HostingError, match="no package"):
        start(replace(hosting, package=tmp_path / "gone"))


@pytest.mark.parametrize(
    ("picture", "content_type", "reason"),
    [
        (b"", "image/jpeg", "0 bytes"),
        (b"not a picture", "image/jpeg", "not a picture"),
        (png(80, 80), "text/plain", "image/jpeg, image/png"),
        (png(63, 80), "image/png", "63 x 80 pixels"),
        (png(4097, 64), "image/png", "4,097 x 64 pixels"),
        (png(5000, 5000), "image/png", "allowed"),
        (png(80, 80)[:-60], "image/png", "damaged"),
        (webp(), "image/jpeg", "is a WebP picture.*; give a JPEG or PNG file"),
        (b"\xff" * (8 * 1024 * 1024 + 1), "image/jpeg", "8,388,609 bytes"),
    ],
)
def test_what_is_no_picture_is_refused(hosted: Any, picture: bytes, content_type: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        hosted.detect(picture, content_type=content_type)


@pytest.fixture(scope="module")
def hosted(serve: Any, package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The pool of a database in which a model is hosted."""
    folder = tmp_path_factory.mktemp("hosted")
    (folder / "buckets" / "photos").mkdir(parents=True)
    made = serve(folder)
    made.put_model(package, status="HOSTED")
    made.until(lambda: made.pool.worker_pids(), bool)
    yield made
    made.stop()


def test_a_hosted_model_answers_by_its_version_or_latest(hosted: Any, pictures: list[bytes], detector: Detector) -> None:
    found = hosted.detect(pictures[0], version="latest", content_type="IMAGE/JPEG; x=y")
    assert found == look(detector, pictures[0]) == hosted.detect(pictures[0])
    assert [units.in_service for units in hosted.pool.units().values()] == [1]
    counters = next(one for key, one in hosted.pool.counters().items() if key[2:] == ("cars", 1))
    assert counters.processed_images >= 2


def test_what_is_not_hosted_is_told_apart(hosted: Any, pictures: list[bytes]) -> None:
    with pytest.raises(NotFoundError, match="version 2"):
        hosted.detect(pictures[0], version="2")
    with pytest.raises(NotFoundError, match="boats"):
        hosted.loop.run(hosted.pool.detect(hosted.owner, "boats", "1", pictures[0], "image/jpeg"))


def test_a_model_that_is_not_started_is_a_conflict(running: Any, package: Path, pictures: list[bytes]) -> None:
    running.put_model(package)
    with pytest.raises(ConflictError, match=r"TRAINED.*start it first"):
        running.detect(pictures[0])
    with running.database.transaction() as session:
        session.get_one(Model, 1).status = "HOSTED"
        mark_hosting_failed(session, 1, "The package is damaged.")
    with pytest.raises(ConflictError, match=r"The package is damaged\. Mend that and start the model again"):
        running.detect(pictures[0])
    assert [(key[2:], one.errors) for key, one in running.pool.counters().items()] == [(("cars", 1), 2)]


def test_a_project_that_is_made_again_counts_from_nothing(running: Any, package: Path, pictures: list[bytes]) -> None:
    running.put_model(package)
    with pytest.raises(ConflictError):
        running.detect(pictures[0])
    with running.database.transaction() as session:
        session.delete(session.get_one(Model, 1))
        session.flush()
        session.delete(session.get_one(Project, 1))
    shutil.rmtree(running.settings.data / "models")
    running.put_model(package)
    with pytest.raises(ConflictError):
        running.detect(pictures[0])
    assert [(key[2:], one.model_id, one.errors) for key, one in running.pool.counters().items()] == [(("cars", 1), 2, 1)]


def test_a_version_answers_when_it_is_ready_and_latest_is_the_one_before_until_then(hosted: Any, pictures: list[bytes]) -> None:
    with hosted.database.transaction() as session:
        one = session.get_one(Model, 1)
        model = Model(project_id=1, version=2, status="STARTING_HOSTING", output=one.output, package=one.package, min_units=1)
        session.add(model)
        session.flush()
        hosting = hosted.pool.hosting_of(model, session.get_one(Project, 1))

    async def detect(version: str) -> Any:
        return await hosted.pool.detect(hosted.owner, "cars", version, pictures[0], "image/jpeg")

    async def versions() -> tuple[int, int]:
        starting = asyncio.create_task(hosted.pool.hosted(hosting))
        try:
            while len(hosted.pool.units()) < 2:
                await asyncio.sleep(0)
            with pytest.raises(ConflictError, match=r"STARTING_HOSTING.*try again in some seconds"):
                await detect("2")
            before = (await detect("latest")).version
            assert not starting.done()
            await starting
            return before, (await detect("latest")).version
        finally:
            await hosted.pool.unhosted(hosting.model_id)
            await asyncio.to_thread(remove)

    def remove() -> None:
        with hosted.database.transaction() as session:
            session.delete(session.get_one(Model, hosting.model_id))

    assert hosted.loop.run(versions()) == (1, 2)


def test_workers_die_with_a_server_that_is_killed(running: Any, package: Path, server: Callable[..., Popen[str]]) -> None:
    running.stop()
    running.put_model(package, status="HOSTED")
    process = server(running.settings)
    assert process.stdout is not None
    workers = next(line for line in process.stdout if line.strip()).split()
    process.kill()
    process.wait()
    deadline = time.monotonic() + 5
    while any(Path(f"/proc/{number}").exists() for number in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    running.start()
    running.until(lambda: running.pool.worker_pids(), bool)  # what was hosted is hosted again
