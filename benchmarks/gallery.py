"""The gallery of the console with 16,000 pictures: time to the first screen, weight, how steadily it scrolls, and labelling.

python benchmarks/gallery.py                 photos of 1600 x 1200 pixels, each under many names
python benchmarks/gallery.py --pictures 2000 --url http://127.0.0.1:8080 --project cars   a project that is there already
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from photos import data
from served import Served, wait_for

CHROMIUM = "/usr/bin/chromium"
OPTIONS = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync --no-first-run"
PICTURES = ("car-damage", "damage-types")
SUFFIXES = (".jpg", ".jpeg", ".png")
DIFFERENT, SIZE = 96, (1600, 1200)
"""So many photos, in the size of a phone's smaller ones; each is in the bucket under many names."""
DROPPED = 1.5
"""A frame that takes more than so many frames of the screen has dropped at least one."""
SCROLL = """async ([pixels, seconds]) => {
  const times = [];
  await new Promise((resolve) => {
    let before = performance.now();
    const until = before + seconds * 1000;
    const step = (now) => {
      times.push(now - before);
      before = now;
      scrollBy(0, pixels);
      if (now < until) requestAnimationFrame(step);
      else resolve();
    };
    requestAnimationFrame(step);
  });
  const bare = [...document.querySelectorAll(".tile")].filter((tile) => {
    const { top, bottom } = tile.getBoundingClientRect();
    return bottom > 0 && top < innerHeight && !tile.querySelector("img")?.complete;
  }).length;
  return { times: times.slice(2), bare, tiles: document.querySelectorAll(".tile").length };
}"""
READY = """() => {
  const seen = [...document.querySelectorAll(".tile")].filter((tile) => tile.getBoundingClientRect().top < innerHeight);
  const shown = (image) => image?.complete && image.naturalWidth;
  return seen.length > 5 && seen.every((tile) => shown(tile.querySelector("img")));
}"""
STAGE, NAME = ".stage.there", ".going .file"
NEXT = f"(before) => document.querySelector('{NAME}')?.innerText !== before && document.querySelector('{STAGE}')"
TALL = "<body style='background: linear-gradient(red, blue); height: 600000px'>"
"""A page with nothing to do: what it drops, the machine drops."""


def fill(bucket: Path, pictures: int) -> None:
    """So many pictures in a bucket, each a link to, or a copy of, one of the real ones, and a manifest of them."""
    found = sorted(path for part in PICTURES for path in data(part).rglob("*") if path.suffix.lower() in SUFFIXES)
    originals = []
    for number in range(DIFFERENT):
        with Image.open(found[number * 7919 % len(found)]) as image:
            originals.append(bucket / f"{number}.jpg")
            image.convert("RGB").resize(SIZE).save(originals[-1], quality=88)
    lines = []
    for number in range(pictures):
        target = bucket / "fleet" / f"{number // 1000:02d}" / f"IMG_{number:05d}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(originals[number % DIFFERENT], target)
        label = ("normal", "anomaly")[number % 2]
        told = {"class-name": label, "type": "groundtruth/image-classification", "creation-date": "2026-01-01T00:00:00"}
        line = {"source-ref": f"s3://photos/{target.relative_to(bucket)}", "label": number % 2}
        lines.append(json.dumps(line if number % 10 == 0 else {**line, "label-metadata": told}))
    (bucket / "fleet.manifest").write_text("\n".join(lines))


@contextmanager
def filled(pictures: int) -> Iterator[str]:
    """The address of a server whose project fleet has so many training pictures."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        bucket = Path(folder, "photos")
        bucket.mkdir()
        fill(bucket, pictures)
        served = Served(folder=Path(folder, "served"), buckets={"photos": bucket}, variables={"WALKAROUND_KEYLESS": "true"})
        served.start()
        try:
            with httpx.Client(base_url=f"{served.url}/api/v1", timeout=60, trust_env=False) as api:
                api.post("/projects", json={"name": "fleet"}).raise_for_status()
                made = {"kind": "train", "manifest": {"bucket": "photos", "key": "fleet.manifest"}}
                job = api.post("/projects/fleet/datasets", json=made).raise_for_status().json()["job"]
                wait_for(lambda: api.get(f"/jobs/{job}").json()["state"] == "done", what="the dataset", seconds=300)
            yield served.url
        finally:
            served.stop()


@contextmanager
def opened(browser: Browser, url: str) -> Iterator[tuple[Page, dict[str, float]]]:
    """The gallery in a browser that knows nothing of it, with the seconds until its first screen is whole, and its weight."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    page = context.new_page()
    session = context.new_cdp_session(page)
    pictures: set[str] = set()
    weight = {"page": 0.0, "pictures": 0.0}
    session.send("Network.enable")

    def sent(told: dict[str, Any]) -> None:
        if "/picture?" in told["request"]["url"]:
            pictures.add(told["requestId"])

    def count(told: dict[str, Any]) -> None:
        weight["pictures" if told["requestId"] in pictures else "page"] += told["encodedDataLength"]

    session.on("Network.requestWillBeSent", sent)
    session.on("Network.loadingFinished", count)
    began = time.perf_counter()
    page.goto(url)
    page.wait_for_function(READY, polling=20, timeout=60_000)
    yield page, {"seconds": time.perf_counter() - began, **weight}
    context.close()


def scrolled(page: Page, *, pixels: int, seconds: float) -> str:
    """How steadily a page scrolls by so many pixels a frame, and what that costs the browser."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = _processor(session)
    told = page.evaluate(SCROLL, [pixels, seconds])
    used = _processor(session) - before
    times = sorted(told["times"])
    frame = 1000 / 60
    dropped = sum(max(0, round(one / frame) - 1) for one in times if one > DROPPED * frame)
    share = dropped / (len(times) + dropped)
    late = times[int(len(times) * 0.99)]
    cost = 1000 * used / len(times)
    return (
        f"{len(times):4d} frames, {dropped:3d} dropped ({share:.1%}), 99 % within {late:.1f} ms; {cost:.1f} ms"
        f" of processor a frame; {told['tiles']} tiles in the page, {told['bare']} on the screen without picture"
    )


def _processor(session: CDPSession) -> float:
    """Seconds of processor time that the page's main thread has used, whatever else the machine does."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(float(one["value"]) for one in metrics if one["name"] == "TaskDuration")


def measure(url: str, project: str) -> None:
    """Print what a browser finds."""
    place = f"{url}/console/projects/{project}/dataset"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS.split())
        blank = browser.new_page()
        blank.goto(f"{url}/healthz")  # the browser itself is warm
        for name in ("thumbnails not made yet", "thumbnails made", "the same again"):
            with opened(browser, place) as (_, told):
                parts = f"{told['page'] / 1e3:,.0f} kB page, {told['pictures'] / 1e3:,.0f} kB pictures"
                print(f"first screen, {name}: {told['seconds']:.2f} s, {parts}")
        blank.set_content(TALL)
        print(f"scrolling a page with nothing in it: {scrolled(blank, pixels=10, seconds=6)}")
        with opened(browser, place) as (page, _):
            for name, pixels in {"slowly (600 px/s)": 10, "briskly (2,400 px/s)": 40, "rushing (24,000 px/s)": 400}.items():
                page.wait_for_timeout(1500)
                print(f"scrolling {name}: {scrolled(page, pixels=pixels, seconds=6)}")
            began = time.perf_counter()
            page.evaluate("scrollTo(0, document.body.scrollHeight / 2)")
            page.wait_for_function(READY.replace(".top < innerHeight", ".bottom > 0"), polling=20)
            print(f"jump to the middle: {time.perf_counter() - began:.2f} s until its screen is whole")
        browser.close()


def label_by_keyboard(url: str, project: str, *, pictures: int = 40) -> None:
    """Print how long a picture takes whose label is one key, from the key to the next picture on the screen."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS.split())
        page = browser.new_page(viewport={"width": 1280, "height": 860})
        page.goto(f"{url}/console/projects/{project}/label?show=all")
        page.wait_for_selector(STAGE)
        times = []
        for number in range(pictures):
            before = page.locator(NAME).inner_text()
            began = time.perf_counter()
            page.keyboard.press("na"[number % 2])
            page.wait_for_function(NEXT, arg=before, polling=10)
            times.append(time.perf_counter() - began)
        usual = sorted(times)[pictures // 2]
        print(f"labelling by keyboard: {usual:.2f} s a picture, the slowest of {pictures} {max(times):.2f} s")
        browser.close()


def listing(url: str, project: str) -> None:
    """Print how long the API takes."""
    with httpx.Client(base_url=f"{url}/api/v1/projects/{project}/datasets/train", timeout=60, trust_env=False) as api:
        for query in ("", "?label=anomaly", "?label=none", "?contains=IMG_01234", "?contains=IMG", "?order=doubt", "?flag=any"):
            times = []
            for _ in range(7):
                began = time.perf_counter()
                size = len(api.get(f"/gallery{query}").raise_for_status().content)
                times.append(time.perf_counter() - began)
            print(f"GET gallery{query or ' (all)'}: {sorted(times)[3] * 1e3:.0f} ms, {size / 1e3:,.0f} kB")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=16_000)
    parser.add_argument("--url")
    parser.add_argument("--project", default="fleet")
    given = parser.parse_args()
    if given.url:
        listing(given.url, given.project)
        measure(given.url, given.project)
        return
    with filled(given.pictures) as url:
        listing(url, "fleet")
        measure(url, "fleet")
        label_by_keyboard(url, "fleet")


if __name__ == "__main__":
    main()
