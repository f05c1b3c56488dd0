"""Results in the browser: searched, reviewed, exported, one of them with its picture or video, and what its modules compute."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from playwright.sync_api import Page, expect
from tests.web.console.conftest import Console, Visitor

from served import wait_for
from walkaround.media.videos import Frame, write_video
from walkaround.settings import Settings
from walkaround.store.opening import database_of
from walkaround.store.pipeline import GONE, Arrival, Watch
from walkaround.store.results import Result
from walkaround.store.tables import Project, now

JPEG = {"content-type": "image/jpeg"}


@pytest.fixture(scope="module")
def looked(console: Console, car_pictures: list[Path]) -> list[Any]:
    """Eight cars that were sent to the hosted model and kept with their pictures, the newest first."""
    for path in car_pictures[24:32]:
        query = f"keep_picture=true&name=yard/{path.parent.name}-{path.name}"
        console.ok("POST", f"/projects/cars/models/1/detect?{query}", content=path.read_bytes(), headers=JPEG)
    return results_of(console)


def results_of(console: Console, **wanted: Any) -> list[Any]:
    found: list[Any] = console.ok("GET", "/projects/cars/results", params=wanted)["results"]
    return found


@pytest.fixture(scope="module")
def video(console: Console, tmp_path_factory: pytest.TempPathFactory) -> int:
    """A video of four seconds in a bucket, damaged from 1 to 2 s and at 3 s; number of its result."""
    folder = console.served.data / "buckets" / "videos"
    folder.mkdir(parents=True)
    shades = [Frame(time=number / 5, pixels=np.full((96, 128, 3), 12 * number, np.uint8)) for number in range(20)]
    write_video(folder / "round.mp4", shades, frame_rate=5)
    status = (folder / "round.mp4").stat()
    plain = {"source": "s3://videos/round.mp4", "anomalous": True, "confidence": 0.93, "label": "anomaly"}
    size = {"damage": 0.93, "probabilities": {"anomaly": 0.93, "normal": 0.07}, "width": 128, "height": 96}
    damaged = {1.0, 1.4, 2.0, 3.0}
    frames = [
        {
            "time": time,
            "anomalous": time in damaged,
            "confidence": 0.9,
            "boxes": [{"label": "dent", "score": 0.8, "box": [8, 8, 64, 64]}],
        }
        for time in (0.0, 0.6, 1.0, 1.4, 2.0, 2.6, 3.0, 3.6)
    ]
    findings = {**plain, **size, "duration": 4.0, "frames": 8, "strongest_time": 1.4, "frames_found": frames, "spans": []}
    with database_of(Settings(data=console.served.data)).transaction() as session:
        project = session.query(Project).filter_by(name="cars").one()
        watch = Watch(account=project.account, region=project.region, name="/videos", spec={}, origin=GONE)
        session.add(watch)
        session.flush()
        etag = f"{status.st_mtime_ns:x}-{status.st_size:x}"
        place = {"bucket": "videos", "key": "round.mp4", "etag": etag, "happened": now(), "state": "done"}
        arrival = Arrival(identity="video", watch_id=watch.id, project_id=project.id, model_version=1, **place)
        session.add(arrival)
        session.flush()
        result = Result(project_id=project.id, model_version=1, findings=findings, arrival_id=arrival.id, **plain)
        session.add(result)
        session.flush()
        return result.id


@pytest.fixture(scope="module")
def logic(browser: Any, console: Console) -> Iterator[Callable[..., Any]]:
    """Call a function of a module below pages/: logic("result/timeline.js", "clock", 65.3)."""
    page = browser.new_page(timezone_id="Europe/Berlin")
    page.goto(f"{console.url}/nowhere")
    source = page.locator("script[type=module]").get_attribute("src")

    def run(module: str, name: str, *given: Any) -> Any:
        script = "async ([module, name, given]) => (await import(module))[name](...given)"
        return page.evaluate(script, [source.replace("main.js", f"pages/{module}"), name, list(given)])

    yield run
    page.close()


def rows(page: Page) -> Any:
    return page.locator("table.results tbody tr")


def fits(page: Page) -> bool:
    wide: bool = page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    return wide


def test_results_are_searched_by_filters_that_stand_in_the_address(
    console: Console, visit: Visitor, looked: list[Any], accessible: Callable[[Page], None]
) -> None:
    page = visit(f"{console.url}/projects/cars/results")
    expect(rows(page)).to_have_count(len(results_of(console)))
    expect(rows(page).first.locator("img")).to_have_js_property("complete", True)
    assert page.evaluate("document.querySelector('table.results img').naturalWidth") > 0
    accessible(page)
    damaged = [one for one in looked if one["anomalous"]]
    page.get_by_text("Damaged", exact=True).click()
    expect(page).to_have_url(re.compile("verdict=damaged"))
    expect(rows(page)).to_have_count(len([one for one in results_of(console) if one["anomalous"]]))
    page.get_by_label("Name begins with").fill("normal-")
    expect(page).to_have_url(re.compile("begins=normal-"))
    expect(rows(page)).to_have_count(len([one for one in damaged if one["source"].startswith("normal-")]))
    page.reload()
    expect(page.get_by_label("Name begins with")).to_have_value("normal-")
    page.get_by_role("button", name="Clear").click()
    expect(rows(page)).to_have_count(len(results_of(console)))
    page.get_by_label("Name begins with").fill("nothing is called so")
    expect(page.get_by_text("No result fits")).to_be_visible()


def test_what_is_filtered_is_exported(console: Console, visit: Visitor, looked: list[Any]) -> None:
    page = visit(f"{console.url}/projects/cars/results?verdict=whole&begins=normal-")
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="CSV").click()
    table = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text())))
    wanted = [one["source"] for one in looked if not one["anomalous"] and one["source"].startswith("normal-")]
    assert sorted(row["source"] for row in table) == sorted(wanted)


def test_many_results_are_reviewed_at_once(console: Console, visit: Visitor, looked: list[Any]) -> None:
    page = visit(f"{console.url}/results?project=cars&begins=anomaly-")
    ticks = page.get_by_role("checkbox", name=re.compile("^Select anomaly-"))
    for index in (0, 1):
        ticks.nth(index).focus()
        page.keyboard.press("Space")
    bar = page.get_by_role("region", name="Selected results")
    expect(bar.get_by_text("2 results selected")).to_be_visible()
    expect(bar.get_by_role("button", name="Add to training pictures")).to_be_disabled()
    bar.get_by_role("button", name="The model is right").click()
    expect(page.get_by_text("confirmed", exact=True)).to_have_count(2)
    expect(bar).to_have_count(0)
    assert len(results_of(console, reviewed="confirmed", prefix="anomaly-")) == 2


@pytest.fixture
def own(console: Console, project: str, looked: list[Any]) -> list[Any]:
    """Two of the results as those of a project of the test's own, the newest first."""
    with database_of(Settings(data=console.served.data)).transaction() as session:
        target = session.query(Project).filter_by(name=project).one()
        for one in looked[1::-1]:
            kept = session.get_one(Result, one["id"])
            plain = {"source": kept.source, "anomalous": kept.anomalous, "confidence": kept.confidence, "label": kept.label}
            session.add(Result(project_id=target.id, model_version=1, findings=kept.findings, picture=kept.picture, **plain))
            session.flush()
    found: list[Any] = console.ok("GET", f"/projects/{project}/results")["results"]
    return found


def test_a_person_corrects_a_result_by_a_key_and_adds_it_to_the_dataset(
    console: Console, visit: Visitor, project: str, own: list[Any], accessible: Callable[[Page], None]
) -> None:
    page = visit(f"{console.url}/projects/{project}/results?reviewed=open")
    expect(rows(page)).to_have_count(2)
    rows(page).first.get_by_role("link", name=re.compile("car_")).click()
    expect(page).to_have_url(re.compile(f"/results/{own[0]['id']}$"))
    picture = page.locator(".picture img").first
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("element => element.naturalWidth") == own[0]["findings"]["width"]
    page.get_by_label("Where the model looked").check()
    expect(page.locator(".picture img.layer")).to_have_js_property("complete", True)
    accessible(page)
    page.get_by_label("Why").fill("rain on the door")
    page.locator("h1").focus()
    page.keyboard.press("n")
    expect(page.get_by_text(re.compile("^corrected: (whole|damaged)$"))).to_be_visible()
    expect(page.locator(".history").get_by_text("“rain on the door”")).to_be_visible()
    page.get_by_role("button", name="Add to training pictures").click()
    expect(page.locator(".history").get_by_text("added to the training pictures as")).to_be_visible()
    entries = console.ok("GET", f"/projects/{project}/datasets/train/entries?limit=100")["entries"]
    assert len(entries) == 7
    assert entries[-1]["label"] == ("normal" if own[0]["anomalous"] else "anomaly")
    page.locator("h1").focus()
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile(f"/results/{own[1]['id']}$"))
    page.get_by_role("main").get_by_role("link", name="All results").click()  # the menu has one of that name too
    expect(page).to_have_url(re.compile("reviewed=open"))
    expect(rows(page)).to_have_count(1)


def test_a_video_is_played_from_a_damaged_stretch_and_shown_frame_by_frame(
    console: Console, visit: Visitor, video: int, accessible: Callable[[Page], None]
) -> None:
    page = visit(f"{console.url}/results/{video}")
    player = page.locator("video")
    player.wait_for()
    wait_for(lambda: player.evaluate("video => video.readyState") or None, what="the video", seconds=20)
    page.get_by_role("button", name="0:01.0 to 0:02.0").click()
    expect(player).to_have_js_property("currentTime", 1)
    page.locator("h1").focus()
    page.keyboard.press(".")
    expect(player).to_have_js_property("currentTime", 1.4)
    expect(page.locator(".played rect")).to_have_count(1)  # the box of that frame
    accessible(page)
    slider = page.get_by_role("slider", name="Moment of the video")
    slider.focus()
    page.keyboard.press("End")
    expect(slider).to_have_attribute("aria-valuetext", "0:04.0 of 0:04.0")
    page.get_by_text("Frames looked at", exact=True).first.click()
    expect(player).to_have_count(0)
    page.locator("h1").focus()
    page.keyboard.press(",")
    expect(page.get_by_text("sure at 0:03.0")).to_be_visible()
    expect(page.locator(".picture img").first).to_have_js_property("complete", True)
    assert page.locator(".picture img").first.evaluate("element => element.naturalWidth") == 128


def test_a_result_without_picture_says_why(console: Console, visit: Visitor, car_pictures: list[Path]) -> None:
    sent = console.ok("POST", "/projects/cars/models/1/detect?keep=true", content=car_pictures[0].read_bytes(), headers=JPEG)
    page = visit(f"{console.url}/results/{sent['result']}")
    expect(page.get_by_text("sent to the server and not kept")).to_be_visible()
    page = visit(f"{console.url}/results/99999999")
    expect(page.get_by_text("There is no result 99999999")).to_be_visible()


def test_results_fit_a_phone(
    console: Console, visit: Visitor, looked: list[Any], video: int, accessible: Callable[[Page], None]
) -> None:
    for path in ("/projects/cars/results", f"/results/{looked[0]['id']}", f"/results/{video}"):
        page = visit(console.url + path, width=375, dark=path.startswith("/results"))
        page.locator("table.results, .classes").first.wait_for()
        assert fits(page), path
        accessible(page)


def test_filters_become_the_query_of_the_api(logic: Callable[..., Any]) -> None:
    moment = 1_780_000_000_000
    wanted = {"verdict": "damaged", "time": "24", "begins": "s3://a/", "sure": "0-70", "model": "3", "reviewed": "open"}
    assert logic("results/wanted.js", "wantedOf", wanted, moment) == {
        "after": "2026-05-27T20:26:40.000Z",
        "anomalous": True,
        "prefix": "s3://a/",
        "confidence_to": 0.7,
        "model": 3,
        "reviewed": "open",
    }
    days = {"time": "own", "from": "2026-05-04", "to": "2026-05-04", "model": "0x3", "sure": "90-100"}
    assert logic("results/wanted.js", "wantedOf", days) == {
        "after": "2026-05-03T22:00:00.000Z",  # midnight in Berlin
        "before": "2026-05-04T22:00:00.000Z",
        "confidence_from": 0.9,
    }
    assert logic("results/wanted.js", "wantedOf", {}) == {}


def test_the_timeline_has_places_for_everything(logic: Callable[..., Any]) -> None:
    assert logic("result/timeline.js", "placed", {"start": 1, "end": 2}, 4) == {"left": 0.25, "width": 0.25}
    short = logic("result/timeline.js", "placed", {"start": 4, "end": 4}, 4)
    assert 0 < short["width"] < 0.01
    assert short["left"] + short["width"] == pytest.approx(1)
    frames = [{"time": time, "anomalous": time > 1} for time in (0, 1, 2, 3)]
    assert logic("result/timeline.js", "nearest", frames, 1.4)["time"] == 1
    assert logic("result/timeline.js", "shownAt", frames, 9) is None
    assert [logic("result/timeline.js", "following", frames, 0, 1, {"damaged": flag}) for flag in (False, True)] == [1, 2]
    assert logic("result/timeline.js", "following", frames, 2, -1, {"damaged": True}) == 2
    assert [logic("result/timeline.js", "clock", time) for time in (0, 5.04, 65.3, 600)] == [
        "0:00.0",
        "0:05.0",
        "1:05.3",
        "10:00.0",
    ]


def test_the_video_can_be_asked_for_in_parts(console: Console, video: int) -> None:
    url = f"{console.served.url}/api/v1/results/{video}/video"
    assert httpx.get(url, headers={"Range": "bytes=0-3"}, trust_env=False).status_code == 206
