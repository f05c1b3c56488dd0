"""What a model proposes: drafts of all pictures on the page Label, and areas of a trial that are corrected by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.web.console.conftest import Console, Visitor
from tests.web.console.test_label_pages import drag
from tests.web.test_drafts import spotted

from made_models import BOX_PART, MASK_PART, made_package
from served import Served, wait_for
from walkaround.datasets.runs import mask_of_runs, unpacked

SAVED = "[data-state=saved]"
THRESHOLD = "/projects/drafted/models/1/threshold"


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


@pytest.fixture
def drafted(console: Console) -> Iterator[str]:
    """The address of the page whose pictures all have a draft; the model judges as it was trained, afterwards too."""
    console.wait(console.ok("POST", "/projects/drafted/datasets/train/drafts", json={"model": "1"})["job"])
    yield f"{console.url}/projects/drafted/label"
    console.ok("PUT", THRESHOLD, json={"threshold": None})


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


def test_a_threshold_that_is_moved_meanwhile_counts_on_the_open_page(console: Console, visit: Visitor, drafted: str) -> None:
    page = visit(drafted)
    drafts = page.get_by_label("Drafts", exact=True)
    expect(drafts).to_contain_text("damaged, 80 % sure")
    file = page.locator(".label-side .file").first
    first = file.inner_text()
    with page.expect_response(lambda answer: "drafts/picture" in answer.url):  # that of the next picture is fetched ahead
        page.keyboard.press(".")
    expect(file).not_to_have_text(first)
    expect(drafts).to_contain_text("damaged, 80 % sure")
    console.ok("PUT", THRESHOLD, json={"threshold": 0.9})
    expect(drafts).to_contain_text("damaged, 80 % sure")  # nobody has told the page yet
    page.evaluate("dispatchEvent(new Event('focus'))")
    expect(drafts).to_contain_text("whole, 20 % sure")
    expect(drafts).to_contain_text("Called damaged from 90.0 %")
    page.keyboard.press(".")
    expect(file).not_to_have_text(first)
    expect(drafts).to_contain_text("whole, 20 % sure")


def test_who_stays_on_the_page_hears_of_the_threshold_with_the_next_draft(
    console: Console, visit: Visitor, drafted: str
) -> None:
    page = visit(drafted)
    drafts = page.get_by_label("Drafts", exact=True)
    expect(drafts).to_contain_text("damaged, 80 % sure")
    console.ok("PUT", THRESHOLD, json={"threshold": 0.9})
    page.keyboard.press(".")
    page.keyboard.press(".")  # whose draft was not fetched before
    expect(drafts).to_contain_text("whole, 20 % sure")
    page.keyboard.press(",")
    expect(drafts).to_contain_text("whole, 20 % sure")


def test_areas_that_a_model_found_are_corrected_with_brush_and_eraser(
    console: Console, visit: Visitor, accessible: Callable[[Page], None]
) -> None:
    trial = "/projects/drafted/trials/areas"
    content = {"content": spotted(77), "headers": {"content-type": "image/png"}}
    console.ok("POST", f"{trial}/pictures", params={"model": "1", "name": "spot.png"}, **content)
    wait_for(lambda: console.ok("GET", trial)["status"] == "COMPLETE", what="the trial", seconds=90)
    page = visit(f"{console.url}/projects/drafted/try/areas")
    expect(page.get_by_text("says the model")).to_be_visible()
    page.keyboard.press("c")
    dialog = page.get_by_role("dialog", name="What is really there?")
    expect(dialog.locator(".stage.there")).to_be_focused()
    places = dialog.get_by_label("Drawn").get_by_role("listitem")
    expect(places).to_contain_text(["painted area", "box"])
    before_tools = dialog.locator(".stage").bounding_box()
    page.keyboard.press("e")
    assert dialog.locator(".stage").bounding_box() == before_tools, "the picture stays where it is when there is a brush"
    drag(page, (0.05, 0.4), (0.6, 0.4))
    page.keyboard.press("r")
    page.keyboard.press("2")
    drag(page, (0.4, 0.8), (0.7, 0.8))
    expect(places).to_have_count(3)
    accessible(page)
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("img", name="Painted: scratch, door dent")).to_be_visible()
    (told,) = wait_for(lambda: console.ok("GET", f"{trial}/pictures?show=verified")["pictures"], what="the verdict", seconds=30)
    (before,) = [
        one for one in console.ok("GET", f"{trial}/found", params={"picture": told["picture"]})["places"] if one["runs"]
    ]
    after = {one["label"]: painted(one) for one in told["places"] if one["runs"]}
    assert sorted(after) == ["door_dent", "scratch"]
    assert 0 < after["scratch"].sum() < painted(before).sum(), "a part of what was found was wiped"
    assert not (after["scratch"] & ~painted(before)).any(), "and nothing else was painted as a scratch"
    height = told["findings"]["height"]
    assert after["door_dent"][height // 2 :].sum() == after["door_dent"].sum() > 0


def painted(place: Any) -> Any:
    """The mask bool [h, w] of a painted place."""
    height, width = place["runs"]["size"]
    return mask_of_runs(unpacked(place["runs"]["counts"], height=height, width=width))
