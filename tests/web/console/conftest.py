"""For the tests of the console's pages: a browser, and a server whose project `cars` has drawn cars and a hosted model.

Tests that change what is stored make a project of their own (`project`), so that they do not disturb each other.
"""

from __future__ import annotations

import io
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, expect, sync_playwright

from served import Key, Served, wait_for
from walkaround.datasets.drawn.writing import write_drawn_dataset

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
_OPTIONS = """--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync --disable-dev-shm-usage""".split()
_SECONDS = 900.0  # of a crowded machine, that trains beside
_MILLISECONDS = 60_000  # of a crowded machine; what is there is not waited for
_SERIOUS = ("serious", "critical")

expect.set_options(timeout=_MILLISECONDS)


class Console:
    """A server with a project, as a caller of its REST API sees it.

    Attributes:
        served: the server.
        url: of the console.
    """

    def __init__(self, served: Served, key: Key | None = None) -> None:
        self.served = served
        self.url = f"{served.url}/console"
        headers = {"authorization": f"Bearer {(key or served.key).bearer}"}
        headers = {} if served.variables.get("WALKAROUND_KEYLESS") else headers
        self._client = httpx.Client(base_url=f"{served.url}/api/v1", headers=headers, timeout=_SECONDS, trust_env=False)

    def ok(self, method: str, path: str, **sent: Any) -> Any:
        """The JSON of an answer that has to be good."""
        answer = self._client.request(method, path, **sent)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content and "json" in answer.headers["content-type"] else None

    def wait(self, job: str) -> None:
        """Wait until a job is done."""
        ended = wait_for(lambda: self._ended(job), what=f"the end of job {job}", seconds=_SECONDS)
        assert ended["state"] == "done", ended

    def make_project(self, name: str, *, train: list[Path], test: list[Path]) -> None:
        """A project with pictures, labelled by the folder that they are in."""
        self.ok("POST", "/projects", json={"name": name})
        for kind, files in (("train", train), ("test", test)):
            self.ok("POST", f"/projects/{name}/datasets", json={"kind": kind})
            if files:
                headers = {"content-type": "application/zip"}
                sent = self.ok("POST", f"/projects/{name}/datasets/{kind}/pictures", content=zip_of(files), headers=headers)
                self.wait(sent["job"])

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _ended(self, job: str) -> dict[str, Any] | None:
        told: dict[str, Any] = self.ok("GET", f"/jobs/{job}")
        return told if told["state"] in ("done", "failed") else None


def zip_of(files: list[Path]) -> bytes:
    """An archive of files, each in the folder that it is in."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for file in files:
            archive.write(file, f"{file.parent.name}/{file.name}")
    return content.getvalue()


@pytest.fixture(scope="session")
def car_pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """48 drawn cars, half in `normal` and half in `anomaly`, taking turns."""
    folder = tmp_path_factory.mktemp("console-cars")
    write_drawn_dataset(folder, pictures=48, seed=11)
    whole, damaged = (sorted((folder / name).iterdir()) for name in ("normal", "anomaly"))
    return [path for pair in zip(whole, damaged, strict=True) for path in pair]


@pytest.fixture(scope="session")
def console(tmp_path_factory: pytest.TempPathFactory, car_pictures: list[Path]) -> Iterator[Console]:
    """A keyless server whose project `cars` has 24 training and 24 test pictures and a hosted model, version 1."""
    served = Served(folder=tmp_path_factory.mktemp("console"), variables={"WALKAROUND_KEYLESS": "true"})
    served.start()
    found = Console(served)
    try:
        found.make_project("cars", train=car_pictures[:24], test=car_pictures[24:])
        found.wait(found.ok("POST", "/projects/cars/models", json={})["job"])
        found.wait(found.ok("POST", "/projects/cars/models/1/start", json={})["job"])
        yield found
    finally:
        found.close()
        code = served.stop()
    assert code == 0, served.log.read_text()[-4000:]


@pytest.fixture
def project(console: Console, car_pictures: list[Path], request: pytest.FixtureRequest) -> str:
    """A project of the test's own, with six training pictures of which two are labelled, and no model."""
    name = re.sub(r"[^a-zA-Z0-9]+", "-", request.node.name).strip("-")[:80]
    console.make_project(name, train=car_pictures[:6], test=[])
    pictures = [one["picture"] for one in console.ok("GET", f"/projects/{name}/datasets/train/entries")["entries"]]
    bare = {"labels": [{"picture": picture, "label": None} for picture in pictures[2:]]}
    console.wait(console.ok("POST", f"/projects/{name}/datasets/train/labels", json=bare)["job"])
    return name


@pytest.fixture(scope="module")
def _playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")  # Playwright's event loop stays in the thread until it stops, and other tests run their own
def browser(_playwright: Playwright) -> Iterator[Browser]:
    """Debian's Chromium, headless, that asks no other host for anything."""
    if not Path(CHROMIUM).exists():
        pytest.skip("chromium is not installed: apt-get install chromium")
    browser = _playwright.chromium.launch(executable_path=CHROMIUM, args=_OPTIONS)
    yield browser
    browser.close()


Visitor = Callable[..., Page]


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visitor]:
    """Open pages, each as a visitor of its own: visit(url, width=375, dark=True); an error of a script fails the test."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def told(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            errors.append(message.text)

    def open_page(url: str, *, width: int = 1280, height: int = 800, dark: bool = False) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", timezone_id="Europe/Berlin"
        )
        contexts.append(context)
        context.set_default_timeout(_MILLISECONDS)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", told)
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def accessible() -> Callable[[Page], None]:
    """Fail where axe-core finds something serious on a page."""

    def check(page: Page) -> None:
        found = Axe().run(page).response["violations"]
        serious = [one for one in found if one["impact"] in _SERIOUS]
        told = [f"{one['id']}: {one['help']}: {[node['target'] for node in one['nodes']][:5]}" for one in serious]
        assert told == []

    return check
