"""The page Models: versions with scores, started and stopped, used in programs, and deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select
from tests.web.console.conftest import Console, Visitor

from walkaround.settings import Settings
from walkaround.store.opening import database_of
from walkaround.store.tables import Model, Project

Accessible = Callable[[Page], None]


@pytest.fixture
def failed(console: Console, project: str) -> str:
    """A project with a version whose training has failed."""
    database = database_of(Settings(data=console.served.data))
    with database.transaction() as session:
        owner = session.scalars(select(Project).filter_by(name=project)).one()
        owner.last_version = 1
        output = {"S3Location": {"Bucket": "photos", "Prefix": ""}}
        told: dict[str, Any] = {"status": "TRAINING_FAILED", "message": "Too few pictures were left."}
        session.add(Model(project_id=owner.id, version=1, output=output, **told))
    database.close()
    return project


def test_a_version_shows_its_scores_and_how_it_is_hosted(console: Console, visit: Visitor, accessible: Accessible) -> None:
    page = visit(f"{console.url}/projects/cars/models")
    version = page.locator(".version", has_text="Version 1")
    expect(version.get_by_text("hosted")).to_be_visible()
    expect(version.get_by_text("F1 score")).to_be_visible()
    expect(version.get_by_text("Measured on 24 pictures")).to_be_visible()
    units = version.locator("div").filter(has=page.get_by_text("Units that run", exact=True))
    expect(units.locator("dd")).to_have_text("1 of 1")
    expect(version.get_by_role("button", name="Stop")).to_be_visible()
    expect(page.get_by_role("checkbox")).to_have_count(0)  # there is nothing to compare it with
    accessible(page)
    version.get_by_role("link", name="Version 1").click()
    expect(page).to_have_url(f"{console.url}/projects/cars/models/1")


def test_scores_of_another_threshold_are_not_mixed_with_those_of_the_trainings(console: Console, visit: Visitor) -> None:
    console.ok("PUT", "/projects/cars/models/1/threshold", json={"threshold": 0.001})
    try:
        page = visit(f"{console.url}/projects/cars/models")
        figures = page.locator(".version .figure")
        expect(figures.filter(has_text="F1 score")).to_contain_text("at the adopted threshold")
        expect(figures.filter(has_text="Right verdicts")).to_contain_text("at the threshold of the training")
        expect(figures.filter(has_text="AUROC")).not_to_contain_text("threshold")  # it has none
    finally:
        console.ok("PUT", "/projects/cars/models/1/threshold", json={"threshold": None})


def test_calls_are_ready_to_paste_for_the_address_that_is_open(console: Console, visit: Visitor) -> None:
    page = visit(f"{console.url}/projects/cars/models", width=375)
    page.get_by_role("button", name="Use in a program").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("tab")).to_have_text(["boto3", "AWS CLI", "curl", "Python"])
    dialog.get_by_role("tab", name="curl").click()
    address = f"{console.served.url}/api/v1/projects/cars/models/1/detect"
    expect(dialog.get_by_label("Call with curl")).to_contain_text(address)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


def test_a_card_and_the_package_are_one_menu_away(console: Console, visit: Visitor) -> None:
    page = visit(f"{console.url}/projects/cars/models")
    version = page.locator(".version", has_text="Version 1")
    version.get_by_role("button", name="More").click()
    expect(version.get_by_role("menuitem")).to_have_count(3)
    with page.expect_download() as download:
        version.get_by_role("menuitem", name="Download the package").click()
    assert download.value.suggested_filename == "cars-1.zip"
    version.get_by_role("button", name="More").click()
    version.get_by_role("menuitem", name="Model card").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("from whole and damaged cars: whole, damaged")).to_be_visible()
    expect(dialog.get_by_text("efficientnet", exact=False).first).to_be_visible()


def test_a_model_is_stopped_and_started_with_units(console: Console, visit: Visitor) -> None:
    page = visit(f"{console.url}/projects/cars/models", dark=True)
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop it").click()
    page.get_by_role("button", name="Start", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Units, at most").fill("9")
    expect(dialog.get_by_text("A model may have 5 units here.")).to_be_visible()
    expect(dialog.get_by_role("button", name="Start")).to_be_disabled()
    dialog.get_by_label("Units, at most").fill("2")
    dialog.get_by_role("button", name="Start").click()
    expect(page.get_by_text("1 of 1 to 2")).to_be_visible()
    console.wait(console.ok("POST", "/projects/cars/models/1/stop")["job"])
    console.wait(console.ok("POST", "/projects/cars/models/1/start", json={})["job"])


def test_a_failed_version_says_why_and_is_deleted_once_confirmed(console: Console, failed: str, visit: Visitor) -> None:
    page = visit(f"{console.url}/projects/{failed}/models")
    expect(page.get_by_text("Too few pictures were left.")).to_be_visible()
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("button", name="Delete it").click()
    expect(page.get_by_text("No model yet")).to_be_visible()
    assert console.ok("GET", f"/projects/{failed}/models")["models"] == []
