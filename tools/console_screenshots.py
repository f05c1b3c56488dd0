"""Take a picture of every page of the console on drawn cars: python tools/console_screenshots.py [FOLDER]; needs chromium.

Starts a server of its own, draws cars, trains and hosts a model, tries it, and opens each page: light and wide for the docs,
and with --all dark and narrow ones too.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from walkaround.datasets.drawn.writing import write_drawn_dataset

PAGES = {
    "dashboard": "/",
    "pictures": "/projects/cars/dataset",
    "check": "/projects/cars/check",
    "label": "/projects/cars/label?show=all",
    "review": "/projects/cars/review",
    "train": "/projects/cars/train",
    "models": "/projects/cars/models",
    "model": "/projects/cars/models/2",
    "compare": "/projects/cars/compare?a=1&b=2",
    "try": "/projects/cars/try",
    "trial": "/projects/cars/try/new-cars",
    "results": "/projects/cars/results",
    "result": "/results/1",
    "watches": "/watches",
}
LOOKS = {"": (1280, 860, "light"), "-dark": (1280, 860, "dark"), "-phone": (390, 844, "light")}
OPTIONS = "--no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update --disable-sync"
_SECONDS = 600.0
_SETTLED_MS = 1200
_PICTURES_ARE_THERE = """() => [...document.images]
  .filter((one) => one.getBoundingClientRect().top < innerHeight)
  .every((one) => one.complete)"""


def main() -> None:
    """Do it."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", nargs="?", type=Path, default=Path("docs/pictures/console"))
    arguments.add_argument("--all", action="store_true", help="dark and narrow ones too")
    arguments.add_argument("--pages", nargs="+", choices=list(PAGES), default=list(PAGES))
    given = arguments.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    looks = LOOKS if given.all else {"": LOOKS[""]}
    with tempfile.TemporaryDirectory() as temporary, server(Path(temporary)) as address:
        furnish(Api(address), Path(temporary))
        for name in given.pages:
            for suffix, look in looks.items():
                take(address, PAGES[name], given.folder / f"{name}{suffix}.jpg", look)
                print(f"{name}{suffix}")


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """A server without keys on an empty data folder; its address."""
    log = folder / "log"
    command = [sys.executable, "-m", "walkaround", "serve", "--keyless", "--port", "0", "--data", str(folder / "data")]
    with log.open("wb") as file, subprocess.Popen(command, stderr=file, env={**os.environ, "HOME": str(folder)}) as process:
        try:
            until = time.monotonic() + _SECONDS
            while not (found := re.search(r"answers at (http://\S+?);", log.read_text())):
                if process.poll() is not None or time.monotonic() > until:
                    raise SystemExit(log.read_text())
                time.sleep(0.1)
            yield found[1]
        finally:
            process.terminate()
            process.wait()


class Api:
    """The server as a program sees it."""

    def __init__(self, address: str) -> None:
        self._client = httpx.Client(base_url=f"{address}/api/v1", timeout=_SECONDS, trust_env=False)

    def ok(self, method: str, path: str, **sent: Any) -> Any:
        """The JSON of an answer that has to be good."""
        answer = self._client.request(method, path, **sent)
        if not answer.is_success:
            raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    def done(self, told: dict[str, Any]) -> None:
        """Wait for the job of an answer."""
        while (job := self.ok("GET", f"/jobs/{told['job']}"))["state"] not in ("done", "failed"):
            time.sleep(0.3)
        if job["state"] == "failed":
            raise SystemExit(str(job))


def furnish(api: Api, folder: Path) -> None:
    """A project `cars` with pictures, two versions, a hosted one, a trial and results."""
    write_drawn_dataset(folder / "cars", pictures=90, seed=21)
    write_drawn_dataset(folder / "new", pictures=16, seed=22)
    api.ok("POST", "/projects", json={"name": "cars"})
    for kind, start in (("train", 0), ("test", 2)):
        api.ok("POST", "/projects/cars/datasets", json={"kind": kind})
        content = zipped(folder / "cars", lambda index, start=start: (index % 3 == 2) == (start == 2))
        api.done(api.ok("POST", f"/projects/cars/datasets/{kind}/pictures", content=content, headers=ZIP))
    for _ in range(2):
        api.done(api.ok("POST", "/projects/cars/models", json={}))
    api.done(api.ok("POST", "/projects/cars/models/2/start", json={}))
    api.done(api.ok("POST", "/projects/cars/datasets/train/check", json={}))
    everything = zipped(folder / "new", lambda _: True)
    api.done(api.ok("POST", "/projects/cars/trials/new-cars/pictures", params={"model": "2"}, content=everything, headers=ZIP))
    for path in sorted((folder / "new").rglob("*.jpg")):
        sent = {
            "params": {"name": path.name, "keep": "true", "keep_picture": "true"},
            "headers": {"content-type": "image/jpeg"},
        }
        api.ok("POST", "/projects/cars/models/2/detect", content=path.read_bytes(), **sent)


ZIP = {"content-type": "application/zip"}


def zipped(folder: Path, wanted: Any) -> bytes:
    """An archive of the pictures in `normal` and `anomaly` whose number is wanted."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for label in ("normal", "anomaly"):
            for index, path in enumerate(sorted((folder / label).iterdir())):
                if wanted(index):
                    archive.write(path, f"{label}/{path.name}")
    return content.getvalue()


def take(address: str, path: str, out: Path, look: tuple[int, int, str]) -> None:
    """Open a page as a new visitor, and take its picture when nothing is loaded any more."""
    width, height, colours = look
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=OPTIONS.split())
        page: Page = browser.new_page(
            viewport={"width": width, "height": height},
            color_scheme="dark" if colours == "dark" else "light",
            reduced_motion="reduce",
        )
        page.goto(f"{address}/console{path}")
        page.locator("h1, canvas").first.wait_for()
        page.wait_for_load_state("networkidle")
        page.wait_for_function(_PICTURES_ARE_THERE)
        page.wait_for_timeout(_SETTLED_MS)
        shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        shot.save(out, quality=86, subsampling=0, optimize=True)
        browser.close()


if __name__ == "__main__":
    main()
