"""The dashboard in the browser: sums in the reader's zone, what is hosted, what is running, what failed and where to go."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.web.console.conftest import Console, Visitor

from walkaround.settings import Settings
from walkaround.store.opening import database_of
from walkaround.store.pipeline import Total
from walkaround.store.tables import Job, Model, Project, now


@pytest.fixture
def busy(console: Console, project: str) -> Iterator[str]:
    """A project that looked at 60 pictures, 15 damaged, two days ago; one training runs and one failed."""
    database = database_of(Settings(data=console.served.data))
    with database.transaction() as session:
        own = session.query(Project).filter_by(name=project).one()
        hour = (now() - timedelta(days=2)).replace(minute=0, second=0, microsecond=0)
        session.add(Total(project_id=own.id, hour=hour, model_version=1, pictures=60, anomalies=15))
        models = [
            Model(project_id=own.id, version=number, status="TRAINING_FAILED", message="", output={}) for number in (1, 2)
        ]
        session.add_all(models)
        session.flush()
        reason = "There are 2 labelled pictures: label 8 more."
        jobs = [
            Job(kind="train", subject=models[0].id, state="failed", ended=now(), error=reason),
            Job(
                kind="train",
                subject=models[1].id,
                state="running",
                leased_by="nobody",
                leased_until=now() + timedelta(hours=1),
                progress={"doing": "Reading pictures", "done": 30, "of": 120},
            ),
        ]
        session.add_all(jobs)
        session.flush()
        numbers = [job.id for job in jobs]
    yield project
    with database.transaction() as session:
        session.query(Job).filter(Job.id.in_(numbers)).delete()
    database.close()


def test_the_dashboard_tells_all_at_once(
    console: Console, visit: Visitor, busy: str, accessible: Callable[[Page], None]
) -> None:
    page = visit(f"{console.url}/?project={busy}")
    figures = page.locator(".figure")
    expect(figures.nth(0)).to_contain_text("60")
    expect(figures.nth(1)).to_contain_text("15")
    expect(figures.nth(2)).to_contain_text("25.0 %")
    hosted = page.get_by_role("region", name="Hosted models")
    expect(hosted.get_by_role("link", name="cars, version 1")).to_be_visible()
    expect(hosted.get_by_role("link", name="Try it on photos").first).to_have_attribute("href", "/console/projects/cars/try")
    running = page.get_by_role("region", name="Running")
    expect(running.get_by_text("Reading pictures: 30 of 120")).to_be_visible()
    wrong = page.get_by_role("region", name="What went wrong")
    expect(wrong.get_by_text("label 8 more")).to_be_visible()
    accessible(page)
    page.get_by_role("radio", name="Week").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile("frame=1d"))
    expect(page.get_by_text("Nothing was looked at in this time")).to_be_visible()
    wrong.get_by_role("link", name="Look at the training").first.click()
    expect(page).to_have_url(re.compile(f"/projects/{busy}/train"))


def test_progress_goes_on_by_itself(console: Console, visit: Visitor, busy: str) -> None:
    page = visit(f"{console.url}/")
    running = page.get_by_role("region", name="Running")
    expect(running.get_by_text("30 of 120")).to_be_visible()
    with database_of(Settings(data=console.served.data)).transaction() as session:
        model = (
            session.query(Model).join(Project, Project.id == Model.project_id).filter(Project.name == busy, Model.version == 2)
        )
        job = session.query(Job).filter_by(kind="train", subject=model.one().id).one()
        job.progress = {"doing": "Reading pictures", "done": 90, "of": 120}
    expect(running.get_by_text("90 of 120")).to_be_visible()


def test_the_dashboard_fits_a_phone(console: Console, visit: Visitor, busy: str, accessible: Callable[[Page], None]) -> None:
    for dark in (False, True):
        page = visit(f"{console.url}/?frame=6m&of=ratio&project={busy}", width=375, dark=dark)
        page.locator(".chart canvas").wait_for()
        page.get_by_role("region", name="What went wrong").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        accessible(page)


def test_small_projects_share_a_line(console: Console, visit: Visitor) -> None:
    page = visit(f"{console.url}/nowhere")
    source = page.locator("script[type=module]").get_attribute("src")
    assert source is not None

    def run(name: str, *given: Any) -> Any:
        script = "async ([module, name, given]) => (await import(module))[name](...given)"
        return page.evaluate(script, [source.replace("main.js", "pages/dashboard/sums.js"), name, list(given)])

    def line(name: str, pictures: int) -> Any:
        points = [{"pictures": pictures, "anomalies": 1}, {"pictures": 0, "anomalies": 0}]
        return {"project": name, "pictures": pictures, "points": points}

    shown = {"projects": [line(f"p{number}", number) for number in range(9)]}  # the first had no pictures
    told = run("linesOf", shown, "ratio")
    assert [one["name"] for one in told] == ["p8", "p7", "p6", "p5", "p4", "3 others"]
    assert told[-1]["values"] == [0.5, None]
    assert len(run("linesOf", {"projects": shown["projects"][:7]}, "pictures")) == 6
    assert [run("offsetNow", minutes) for minutes in (0, 120, -210, 345)] == ["+00:00", "+02:00", "-03:30", "+05:45"]
