"""Single pictures looked at without hosting: by a worker that is there when it is needed, and not for long."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest
from PIL import Image

from made_models import made_package, picture_with
from served import wait_for
from walkaround.damage.findings import Findings
from walkaround.errors import PackageError, PictureError, ThrottledError, UnavailableError
from walkaround.hosting.pool.viewer import Viewer

SPOT = (64, 48, 128, 96)


@pytest.fixture
def viewer() -> Iterator[Viewer]:
    made = Viewer()
    yield made
    made.close()


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("made")
    return [made_package(folder / name, damage=damage).path for name, damage in (("first", 0.8), ("second", 0.3))]


@pytest.fixture(scope="module")
def picture() -> bytes:
    content = io.BytesIO()
    Image.fromarray(picture_with(SPOT)).save(content, "PNG")
    return content.getvalue()


def workers() -> list[int]:
    """Process ids of the workers that this process has started."""
    children = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    numbers = [int(number) for path in children for number in path.read_text().split()]
    return [number for number in numbers if b"hosting.pool.worker" in Path(f"/proc/{number}/cmdline").read_bytes()]


def test_any_model_looks_at_a_picture_at_any_threshold_with_its_heat_map(
    viewer: Viewer, packages: list[Path], picture: bytes
) -> None:
    before = workers()
    found = [viewer.look(package, picture, threshold=threshold) for package in packages for threshold in (None, 0.9, 0.1)]
    assert [one.anomalous for one in found] == [True, False, True, False, False, True]
    assert all(one.heat_map is not None for one in found)
    assert len(workers()) == len(before) + 1, "one, whatever is asked"
    viewer.close()
    assert workers() == before
    with pytest.raises(UnavailableError, match="stopping"):
        viewer.look(packages[0], picture, threshold=None)


def test_a_worker_that_was_killed_is_started_again(viewer: Viewer, packages: list[Path], picture: bytes) -> None:
    before = workers()
    viewer.look(packages[0], picture, threshold=None)
    (worker,) = set(workers()) - set(before)
    os.kill(worker, signal.SIGKILL)
    assert viewer.look(packages[0], picture, threshold=None).anomalous


def test_what_cannot_be_looked_at_is_said(viewer: Viewer, packages: list[Path], picture: bytes, tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="not a picture"):
        viewer.look(packages[0], b"nothing", threshold=None)
    with pytest.raises(PackageError, match="There is no package"):
        viewer.look(tmp_path / "none", picture, threshold=None)
    assert viewer.look(packages[0], picture, threshold=None).anomalous


def test_too_many_who_wait_are_turned_away(viewer: Viewer, packages: list[Path], picture: bytes) -> None:
    with ThreadPoolExecutor(40) as threads:
        tries = [threads.submit(viewer.look, packages[0], picture, threshold=None) for _ in range(40)]
    problems = [one.exception() for one in tries]
    assert sum(one is None for one in problems) >= 24
    assert {type(one) for one in problems if one is not None} <= {ThrottledError}


def held(before: list[int]) -> int:
    """The process id of the worker that is being started, which loads its model no further until SIGCONT."""
    worker = wait_for(lambda: set(workers()) - set(before), what="a worker", seconds=30).pop()
    os.kill(worker, signal.SIGSTOP)
    return int(worker)


def test_a_model_that_is_slow_to_load_is_said_to_be_loading_and_is_there_later(packages: list[Path], picture: bytes) -> None:
    before = workers()
    with closing(Viewer(patience=1.0)) as viewer:
        with ThreadPoolExecutor(1) as threads:
            asked = threads.submit(viewer.look, packages[0], picture, threshold=None)
            worker = held(before)
            with pytest.raises(UnavailableError, match="The model is still being loaded") as raised:
                asked.result()
        assert raised.value.retry_after == 10
        os.kill(worker, signal.SIGCONT)

        def found() -> Findings | None:
            with suppress(UnavailableError):
                return viewer.look(packages[0], picture, threshold=None)
            return None

        assert wait_for(found, what="the model", seconds=60).anomalous
        assert set(workers()) - set(before) == {worker}, "the one that was slow"


def test_a_server_that_stops_does_not_wait_for_a_model_that_is_being_loaded(packages: list[Path], picture: bytes) -> None:
    before = workers()
    viewer = Viewer()
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(viewer.look, packages[0], picture, threshold=None)
        held(before)
        viewer.close()
        with pytest.raises(UnavailableError):
            asked.result(10)
    assert workers() == before
