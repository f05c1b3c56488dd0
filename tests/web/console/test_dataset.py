"""The pictures of a project in the browser: added, looked through, labelled many at a time, taken out, exported."""

from __future__ import annotations

import base64
import io
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from tests.web.console.conftest import Console, Visitor

DROP = """([files]) => {
  const transfer = new DataTransfer();
  for (const [name, content] of files) {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    transfer.items.add(new File([bytes], name));
  }
  const told = { dataTransfer: transfer, bubbles: true, cancelable: true };
  for (const kind of ["dragenter", "dragover", "drop"]) dispatchEvent(new DragEvent(kind, told));
}"""


def module(page: Page, name: str) -> str:
    source = page.locator("script[type=module]").get_attribute("src")
    assert source is not None
    return source.replace("main.js", f"pages/dataset/{name}.js")


def opened(visit: Visitor, console: Console, project: str, query: str = "", **members: Any) -> Page:
    page = visit(f"{console.url}/projects/{project}/dataset{query}", **members)
    expect(page.get_by_role("heading", name="Pictures", exact=True)).to_be_visible()
    return page


def tiles(page: Page) -> Locator:
    return page.get_by_role("gridcell")


def names(page: Page) -> list[str]:
    return [text.strip() for text in page.locator(".tile .name").all_text_contents()]


def test_pictures_are_labelled_by_keyboard_and_the_numbers_follow(console: Console, visit: Visitor, project: str) -> None:
    page = opened(visit, console, project)
    expect(tiles(page)).to_have_count(6)
    expect(page.get_by_role("button", name="Not labelled 4")).to_be_visible()
    tiles(page).first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.get_by_text("2 pictures chosen")).to_be_visible()
    page.keyboard.press("a")
    expect(page.get_by_role("button", name="Damaged 3")).to_be_visible()
    expect(page.get_by_role("button", name="Not labelled 2")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("pictures chosen")).to_have_count(0)
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("u")
    expect(page.get_by_role("button", name="Not labelled 3")).to_be_visible()
    labels = [one["label"] for one in console.ok("GET", f"/projects/{project}/datasets/train/entries")["entries"]]
    assert labels.count(None) == 3


def test_what_was_labelled_by_mistake_is_taken_back_by_key(console: Console, visit: Visitor, project: str) -> None:
    page = opened(visit, console, project)
    tiles(page).first.focus()
    page.keyboard.press("Control+a")
    page.keyboard.press("n")
    expect(page.get_by_role("button", name="Not labelled 0")).to_be_visible()
    expect(page.get_by_text("Labelled whole: 6 pictures.")).to_be_visible()
    page.keyboard.press("a")
    expect(page.get_by_text("Labelled damaged: 6 pictures.")).to_be_visible()
    expect(tiles(page).first).to_be_focused()
    page.keyboard.press("Control+z")
    expect(page.get_by_role("button", name="Whole 6")).to_be_visible()
    expect(page.get_by_text("Taken back: 6 labels.")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(page.get_by_role("button", name="Not labelled 4")).to_be_visible()
    expect(page.get_by_role("button", name="Damaged 1")).to_be_visible()
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(page.get_by_text("There is nothing to take back.")).to_be_visible()
    labels = [one["label"] for one in console.ok("GET", f"/projects/{project}/datasets/train/entries")["entries"]]
    assert sorted(map(str, labels)) == ["None"] * 4 + ["anomaly", "normal"]


def test_labels_of_more_pictures_than_were_seen_are_taken_back(
    console: Console, visit: Visitor, project: str, tmp_path: Path
) -> None:
    many = []
    for folder, count in (("normal", 90), ("anomaly", 60)):
        (tmp_path / folder).mkdir()
        for number in range(count):
            many.append(tmp_path / folder / f"{number:03}.png")
            Image.new("RGB", (64, 64), (number, count, 99)).save(many[-1])
    console.make_project(f"{project}-many", train=many, test=[])
    page = opened(visit, console, f"{project}-many", height=500)
    tiles(page).first.focus()
    page.keyboard.press("Control+a")
    page.keyboard.press("u")
    expect(page.get_by_text("Label taken away: 150 pictures.")).to_be_visible()
    expect(page.get_by_role("button", name="Not labelled 150")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(page.get_by_role("button", name="Damaged 60")).to_be_visible()
    expect(page.get_by_role("button", name="Whole 90")).to_be_visible()


def test_a_label_that_a_drawing_contradicts_is_refused_with_the_reason(console: Console, visit: Visitor, project: str) -> None:
    base = f"/projects/{project}/datasets/train"
    pictures = [one["picture"] for one in console.ok("GET", f"{base}/entries")["entries"]]
    drawn = {"label": "anomaly", "places": [{"label": "dent", "box": [10, 10, 60, 60]}]}
    console.ok("PUT", f"{base}/places", params={"picture": pictures[2]}, json=drawn)
    page = opened(visit, console, project)
    expect(page.get_by_role("button", name="Not labelled 3")).to_be_visible()
    tiles(page).first.focus()
    page.keyboard.press("Control+a")
    page.keyboard.press("n")
    expect(page.get_by_text("it calls the picture normal, and a box says 'dent'")).to_be_visible()
    expect(page.get_by_text("Labelled whole")).to_have_count(0)
    expect(page.get_by_role("button", name="Not labelled 3")).to_be_visible()


def test_the_focus_goes_on_to_the_picture_that_follows_one_that_is_taken_out(
    console: Console, visit: Visitor, project: str
) -> None:
    page = opened(visit, console, project)
    expect(tiles(page)).to_have_count(6)
    second = names(page)[1]
    tiles(page).first.focus()
    page.keyboard.press("Delete")
    expect(tiles(page)).to_have_count(5)
    expect(page.get_by_role("gridcell", name=second)).to_be_focused()


def test_filters_stand_in_the_address_and_come_back(console: Console, visit: Visitor, project: str) -> None:
    page = opened(visit, console, project, "?label=none")
    expect(tiles(page)).to_have_count(4)
    page.get_by_role("button", name="Damaged 1").click()
    expect(tiles(page)).to_have_count(1)
    expect(page).to_have_url(re.compile(r"label=anomaly"))
    page.get_by_role("button", name="All 6").click()
    page.get_by_role("searchbox", name="Part of a name").fill("nothing-like-it")
    expect(page.get_by_text("No picture is like this")).to_be_visible()
    page.get_by_role("button", name="Show all pictures").click()
    expect(tiles(page)).to_have_count(6)
    newest = names(page)
    page.get_by_label("Order").select_option("oldest")
    expect(page.locator(".tile .name").first).to_have_text(newest[-1])
    page.reload()
    expect(page.locator(".tile .name").first).to_have_text(newest[-1])


def test_what_is_taken_out_can_be_put_back(console: Console, visit: Visitor, project: str) -> None:
    page = opened(visit, console, project)
    expect(tiles(page)).to_have_count(6)
    tiles(page).nth(2).focus()
    page.keyboard.press("Delete")
    expect(tiles(page)).to_have_count(5)
    expect(page.get_by_role("button", name="All 5")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(tiles(page)).to_have_count(6)
    assert console.ok("GET", f"/projects/{project}/datasets/train")["total"] == 6


def test_one_picture_large(console: Console, visit: Visitor, project: str, accessible: Callable[[Page], None]) -> None:
    page = opened(visit, console, project)
    tiles(page).first.click()
    window = page.get_by_role("dialog")
    expect(window.get_by_text("1 of 6")).to_be_visible()
    page.wait_for_function("() => document.querySelector('.look-picture img')?.naturalWidth > 0")
    accessible(page)
    page.keyboard.press("ArrowRight")
    expect(window.get_by_text("2 of 6")).to_be_visible()
    page.keyboard.press("n")
    expect(window.get_by_role("button", name="Whole n")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(window).to_have_count(0)
    expect(page.get_by_role("button", name="Whole 2")).to_be_visible()


def encoded(files: list[tuple[str, bytes]]) -> list[list[str]]:
    return [[name, base64.b64encode(content).decode()] for name, content in files]


def test_a_drop_is_sent_and_what_cannot_be_used_is_listed(
    console: Console, visit: Visitor, car_pictures: list[Path], accessible: Callable[[Page], None]
) -> None:
    console.ok("POST", "/projects", json={"name": "dropped"})
    page = opened(visit, console, "dropped")
    expect(page.get_by_text("No pictures yet")).to_be_visible()
    accessible(page)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.write(car_pictures[2], "normal/packed.jpg")
    good = [(f"car-{number}.jpg", car_pictures[number].read_bytes()) for number in (0, 1)]
    bad = [("broken.jpg", car_pictures[3].read_bytes()[:900]), ("notes.txt", b"text"), (".DS_Store", b"x")]
    page.evaluate(DROP, [encoded([*good, *bad, ("more.zip", archive.getvalue())])])
    window = page.get_by_role("dialog")
    expect(window.get_by_role("heading", name="Add 3 pictures and 1 zip archive to training")).to_be_visible()
    expect(window.get_by_text("1 file will be left out: notes.txt")).to_be_visible()
    window.get_by_role("group", name="Label of the pictures").get_by_text("damaged").click()
    accessible(page)
    window.get_by_role("button", name="Add them").click()
    expect(page.get_by_text("All files were sent.")).to_be_visible()
    expect(page.get_by_text("2 files could not be used")).to_be_visible()
    expect(page.get_by_role("cell", name="'broken.jpg'")).to_be_visible()
    expect(tiles(page)).to_have_count(3)
    expect(page.get_by_role("button", name="Damaged 2")).to_be_visible()
    expect(page.get_by_role("button", name="Whole 1")).to_be_visible()


def test_a_folder_of_folders_is_dropped(console: Console, visit: Visitor, car_pictures: list[Path], tmp_path: Path) -> None:
    console.ok("POST", "/projects", json={"name": "dropped-folder"})
    fleet = tmp_path / "fleet"
    whole, damaged = [car_pictures[0::2][:3], car_pictures[1::2][:2]]
    for place, pictures in (
        ("2026/may/No damage", whole),
        ("2026/June/damaged", damaged),
        ("2026/June/odd", car_pictures[20:21]),
    ):
        (fleet / place).mkdir(parents=True)
        for picture in pictures:
            shutil.copy(picture, fleet / place)
    (fleet / "2026" / ".git").mkdir()
    shutil.copy(car_pictures[22], fleet / "2026" / ".git")
    (fleet / "2026" / "notes.txt").write_text("not a picture")
    page = opened(visit, console, "dropped-folder")
    expect(page.get_by_text("No pictures yet")).to_be_visible()
    devices = page.context.new_cdp_session(page)  # a script cannot make a drop whose webkitGetAsEntry is a folder
    data = {"items": [], "files": [str(fleet)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        devices.send("Input.dispatchDragEvent", {"type": kind, "x": 640, "y": 400, "data": data})
        if kind == "dragOver":
            expect(page.get_by_text("Add to training pictures")).to_be_visible()
    window = page.get_by_role("dialog")
    expect(window.get_by_role("heading", name="Add 6 pictures to training")).to_be_visible()
    expect(window.get_by_text("1 file will be left out: notes.txt")).to_be_visible()
    said = {"No damage": "whole", "damaged": "damaged", "odd": "no label"}
    for folder, label in said.items():
        expect(window.get_by_role("group", name=f"Label of {folder}").get_by_label(label)).to_be_checked()
    window.get_by_role("button", name="Add them").click()
    expect(page.get_by_text("All files were sent.")).to_be_visible()
    expect(page.get_by_role("button", name="Whole 3")).to_be_visible()
    expect(page.get_by_role("button", name="Damaged 2")).to_be_visible()
    expect(page.get_by_role("button", name="Not labelled 1")).to_be_visible()


def test_an_upload_goes_on_while_the_page_is_left_and_can_be_stopped(
    console: Console, visit: Visitor, car_pictures: list[Path]
) -> None:
    console.ok("POST", "/projects", json={"name": "left-alone"})
    page = opened(visit, console, "left-alone")
    files = [(f"{number}.jpg", path.read_bytes()) for number, path in enumerate(car_pictures[:30])]
    page.evaluate(DROP, [encoded(files)])
    page.get_by_role("button", name="Add them").click()
    page.get_by_role("link", name="Check").first.click()
    page.get_by_role("link", name="Pictures", exact=True).click()
    expect(page.get_by_text("All files were sent.")).to_be_visible()
    expect(page.get_by_role("button", name="All 30")).to_be_visible()


def test_an_upload_that_does_not_get_through_can_be_sent_again(
    console: Console, visit: Visitor, car_pictures: list[Path]
) -> None:
    console.ok("POST", "/projects", json={"name": "cut-off"})
    page = opened(visit, console, "cut-off")
    page.clock.install()
    page.route("**/datasets/train/pictures*", lambda route: route.abort())
    page.evaluate(DROP, [encoded([("a.jpg", car_pictures[0].read_bytes())])])
    page.get_by_role("button", name="Add them").click()
    for _ in range(5):
        page.clock.run_for(5000)
    expect(page.get_by_text("The upload did not get through.")).to_be_visible()
    page.unroute("**/datasets/train/pictures*")
    page.get_by_role("button", name="Send the rest").click()
    page.clock.resume()
    expect(page.get_by_text("All files were sent.")).to_be_visible()
    expect(tiles(page)).to_have_count(1)


def test_who_imports_is_offered_the_buckets_that_the_server_knows(
    console: Console, visit: Visitor, project: str, accessible: Callable[[Page], None]
) -> None:
    (console.served.data / "buckets" / "claims").mkdir(parents=True)
    page = opened(visit, console, project)
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Import").click()
    window = page.get_by_role("dialog")
    expect(window.get_by_text("Buckets known here: claims.")).to_be_visible()
    assert window.locator("datalist option").first.get_attribute("value") == "s3://claims/"
    accessible(page)


def test_a_dataset_is_exported_and_its_manifest_fetched(console: Console, visit: Visitor) -> None:
    page = opened(visit, console, "cars")
    page.get_by_role("button", name="More").click()
    with page.expect_download() as manifest:
        page.get_by_role("menuitem", name="Download the manifest").click()
    assert len(Path(manifest.value.path()).read_text().splitlines()) == 24
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Export").click()
    window = page.get_by_role("dialog")
    window.get_by_text("Lookout for Vision").click()
    window.get_by_role("button", name="Write the archive").click()
    link = window.get_by_role("link", name=re.compile("^Download"))
    expect(link).to_be_visible(timeout=60_000)
    with page.expect_download() as archive:
        link.click()
    with zipfile.ZipFile(archive.value.path()) as packed:
        assert {"train.manifest", "test.manifest"} <= set(packed.namelist())


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (375, True)])
def test_the_gallery_can_be_used_by_everybody(
    console: Console, visit: Visitor, accessible: Callable[[Page], None], width: int, dark: bool
) -> None:
    page = opened(visit, console, "cars", width=width, dark=dark)
    expect(tiles(page).first).to_be_visible()
    tiles(page).first.focus()
    page.keyboard.press("Space")
    accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_check_leads_from_problems_to_pictures(
    console: Console, visit: Visitor, project: str, accessible: Callable[[Page], None]
) -> None:
    page = visit(f"{console.url}/projects/{project}/check")
    expect(page.get_by_text("Not checked yet")).to_be_visible()
    accessible(page)
    page.get_by_label("Look for wrong labels too").uncheck()
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_role("heading", name="Pictures without a label")).to_be_visible(timeout=60_000)
    accessible(page)
    page.get_by_role("region", name="Pictures without a label").get_by_role("link", name="Show all 4 pictures").click()
    expect(page).to_have_url(re.compile(r"flag=unlabelled"))
    expect(tiles(page)).to_have_count(4)


PURE = {
    "windowing": """({ layout, rowsSeen, moved }) => {
      const lies = layout({ width: 1000, count: 16000, size: "medium" });
      const [first, last] = rowsSeen({ top: 100000, bottom: 100800, rowHeight: lies.rowHeight, rows: lies.rows });
      return [lies.columns, lies.rows, last - first < 14, moved("ArrowDown", 0, { columns: 5, count: 7, page: 2 }),
        moved("ArrowDown", 5, { columns: 5, count: 7, page: 2 }), moved("End", 0, { columns: 5, count: 7, page: 2 }),
        moved("PageUp", 6, { columns: 5, count: 7, page: 2 }), moved("x", 0, { columns: 5, count: 7, page: 2 }),
        rowsSeen({ top: -50, bottom: 10, rowHeight: 100, rows: 0 })];
    }""",
    "selection": """({ NONE, toggled, extended, all, without }) => {
      const ids = [10, 20, 30, 40];
      const one = toggled(NONE, ids, 1);
      const more = extended(one, ids, 3);
      const found = [one, more, toggled(more, ids, 1), all(ids), without(more, new Set([20]))];
      return found.map(({ chosen }) => [...chosen]);
    }""",
    "folders": """({ labelOfFolder, sorted, parts }) => {
      const file = (name, size) => new File([new Uint8Array(size)], name);
      const paths = ["a/No damage/1.jpg", "a/dent/2.PNG", "empty.jpg", "x/.git/4.jpg", "5.heic", "6.zip", "a/odd/7.jpg"];
      const given = paths.map((path) => ({ path, file: file(path.split("/").pop(), path === "empty.jpg" ? 0 : 5) }));
      const { folders, archives, refused } = sorted(given);
      const split = parts([4, 4, 4, 9, 1].map((size) => file("f", size)), { files: 2, bytes: 8 });
      return [
        folders.map((one) => [one.name, one.label, one.files.length]),
        archives.length,
        refused.map((one) => one.name),
        split.map((some) => some.length),
        labelOfFolder("Glass_Shatter"),
        labelOfFolder("car 7"),
      ];
    }""",
    "reducing": """async ({ sizeOf, fitting }) => {
      const canvas = new OffscreenCanvas(5000, 1000);
      canvas.getContext("2d").fillRect(0, 0, 5000, 1000);
      const png = new Uint8Array(await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer());
      const jpeg = new Uint8Array(await (await canvas.convertToBlob({ type: "image/jpeg" })).arrayBuffer());
      const large = new File([jpeg, new Uint8Array(2000000)], "wide.jpg", { type: "image/jpeg" });
      const { file, reduced } = await fitting(large);
      const shown = await createImageBitmap(file);
      return [sizeOf(png), sizeOf(jpeg), sizeOf(new Uint8Array(9)), reduced, file.name, shown.width, shown.height];
    }""",
}
EXPECTED = {
    "windowing": [5, 3200, True, 5, 5, 6, 0, None, [0, 0]],
    "selection": [[20], [20, 30, 40], [30, 40], [10, 20, 30, 40], [30, 40]],
    "folders": [
        [["dent", "anomaly", 1], ["No damage", "normal", 1], ["odd", None, 1]],
        1,
        ["empty.jpg", "5.heic"],
        [2, 1, 1, 1],
        "anomaly",
        None,
    ],
    "reducing": [[5000, 1000], [5000, 1000], None, True, "wide.jpg", 4096, 819],
}


@pytest.mark.parametrize("name", PURE)
def test_what_needs_no_page(console: Console, visit: Visitor, name: str) -> None:
    page = visit(f"{console.url}/nowhere")
    call = f"async ([module]) => ({PURE[name]})(await import(module))"
    assert page.evaluate(call, [module(page, name)]) == EXPECTED[name]
