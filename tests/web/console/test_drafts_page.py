"""Drafts of all pictures on the page Label: begun there, shown at once, accepted or corrected."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect
from tests.web.console.conftest import Console, Visitor
from tests.web.test_drafts import spotted

from made_models import BOX_PART, MASK_PART, made_package
from served import Served

SAVED = "[data-state=saved]"


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A keyless server with a project of six pictures without label, and a model that is not hosted."""
    folder = tmp_path_factory.mktemp("drafts")
    served = Served(folder=folder, variables={"WALKAROUND_KEYLESS": "true"})
    served.start()
    found = Console(served)
    try:
        package = made_package(folder / "package", damage=0.8, boxes=BOX_PART, masks=MASK_PART)
        served.walkaround("import", str(package.path), "drafted")
        found.ok("POST", "/projects/drafted/datasets", json={"kind": "train"})
        files = [("files", (f"{number}.png", spotted(number), "image/png")) for number in range(6)]
        found.wait(found.ok("POST", "/projects/drafted/datasets/train/pictures", files=files)["job"])
        yield found
    finally:
        found.close()
        code = served.stop()
    assert code == 0, served.log.read_text()[-4000:]


def test_all_are_drafted_and_each_is_there_when_its_picture_is_opened(
    console: Console, visit: Visitor, accessible: Callable[[Page], None]
) -> None:
    page = visit(f"{console.url}/projects/drafted/label")
    page.get_by_role("button", name="Draft all unlabelled pictures").click()
    expect(page.get_by_role("heading", name="Draft of model 1")).to_be_visible()
    drafts = page.get_by_label("Drafts", exact=True)
    expect(drafts.get_by_role("listitem")).to_have_count(2)
    expect(drafts).to_contain_text("6 of 6 unlabelled pictures have a draft by version 1")
    expect(page.get_by_role("button", name="Draft all unlabelled pictures")).to_have_count(0)
    accessible(page)
    file = page.locator(".label-side .file").first
    first = file.inner_text()
    page.keyboard.press("Enter")
    expect(page.locator(".verdict-button[aria-pressed=true]")).to_have_text("DamagedA")
    page.wait_for_selector(SAVED)
    page.keyboard.press(".")
    expect(file).not_to_have_text(first)
    expect(page.get_by_role("heading", name="Draft of model 1")).to_be_visible()
    drafts.get_by_role("button", name="Accept").first.click()
    drafts.get_by_role("button", name="Reject").first.click()
    page.wait_for_selector(SAVED)
    expect(drafts).to_contain_text("4 of 4 unlabelled pictures have a draft")
    labelled = [one for one in console.ok("GET", "/projects/drafted/datasets/train/entries")["entries"] if one["label"]]
    path = "/projects/drafted/datasets/train/labelling"
    told = [console.ok("GET", path, params={"picture": one["picture"]}) for one in labelled]
    assert sorted(len(one["places"]) for one in told) == [1, 2], "one draft was taken as it was, of the other one place"
    assert {one["label"] for one in told} == {"anomaly"}
