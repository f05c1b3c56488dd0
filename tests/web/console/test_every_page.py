"""Every page by its address, wide and light, narrow and dark: nothing to axe-core, nothing wider than the screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from tests.web.console.conftest import Console, Visitor

PROJECT = "/projects/cars"
PAGES = {
    "/": "Dashboard",
    "/welcome": "Welcome",
    "/projects": "Projects",
    "/keys": "Access keys",
    "/watches": "Watches",
    "/results": "All results",
    f"{PROJECT}/dataset": "Pictures",
    f"{PROJECT}/check": "Check",
    f"{PROJECT}/label?show=all": "Label",
    f"{PROJECT}/label": "Label",
    f"{PROJECT}/review": "Review",
    f"{PROJECT}/train": "Train",
    f"{PROJECT}/models": "Models",
    f"{PROJECT}/models/1": "Version 1",
    f"{PROJECT}/models/7": "Version 7",
    f"{PROJECT}/compare": "Compare versions",
    f"{PROJECT}/try": "Try a model",
    f"{PROJECT}/results": "Results of cars",
    "/nowhere": "There is nothing here",
}
LOOKS: dict[str, Any] = {"wide": {"width": 1280, "dark": False}, "narrow": {"width": 390, "height": 844, "dark": True}}


def check(page: Page) -> None:
    """When what the page asked for is there: axe-core finds nothing, and nothing has to be scrolled to the side."""
    page.wait_for_load_state("networkidle")
    expect(page.locator(".state.loading")).to_have_count(0)
    found = Axe().run(page).response["violations"]
    assert [f"{one['id']}: {one['help']}: {[node['target'] for node in one['nodes']][:5]}" for one in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_for_everybody(console: Console, visit: Visitor, path: str, look: str) -> None:
    page = visit(f"{console.url}{path}", **LOOKS[look])
    expect(page.get_by_role("heading", name=PAGES[path], exact=True, level=1)).to_be_visible()
    check(page)


def test_a_result_is_for_everybody(console: Console, visit: Visitor, car_pictures: list[Path]) -> None:
    headers = {"content-type": "image/jpeg"}
    kept = {"keep": "true", "keep_picture": "true", "name": "for-everybody.jpg"}
    console.ok("POST", f"{PROJECT}/models/1/detect", content=car_pictures[0].read_bytes(), headers=headers, params=kept)
    for look in LOOKS.values():
        page = visit(f"{console.url}/results?begins=for-everybody", **look)
        page.get_by_role("link", name="for-everybody.jpg").first.click()
        expect(page.get_by_role("heading", name="for-everybody.jpg", level=1)).to_be_visible()
        check(page)
