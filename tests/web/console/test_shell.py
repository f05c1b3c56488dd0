"""The frame of the console, and the files that it is made of."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect
from tests.web.console.conftest import Console, Visitor

from walkaround.web.console.files import ConsoleFiles

STATIC = Path(__file__).parents[3] / "src" / "walkaround" / "web" / "console" / "static"


def test_the_servers_address_leads_to_the_console(console: Console) -> None:
    answer = httpx.get(console.served.url, follow_redirects=True, trust_env=False)
    assert str(answer.url) == f"{console.url}/"
    assert answer.headers["content-type"].startswith("text/html")


def test_pages_run_nothing_but_the_consoles_own_files(console: Console) -> None:
    policy = httpx.get(f"{console.url}/", trust_env=False).headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_files_are_kept_for_good_and_only_those_of_the_present_edition(console: Console) -> None:
    page = httpx.get(f"{console.url}/", trust_env=False)
    assert page.headers["cache-control"] == "no-cache"
    found = re.search(r'src="(/console/static/[0-9a-f]+/main\.js)"', page.text)
    assert found is not None
    script = httpx.get(console.served.url + found[1], trust_env=False)
    assert "immutable" in script.headers["cache-control"]
    assert script.headers["content-encoding"] == "gzip"
    assert script.headers["content-type"].startswith("text/javascript")
    older = httpx.get(f"{console.url}/static/0000000000000000/main.js", trust_env=False)
    assert (older.content, older.headers["cache-control"]) == (script.content, "no-store")


@pytest.mark.parametrize("path", ["none.js", "../files.py", "%2e%2e/files.py", "ui/../../files.py", "..%2f..%2fapp.py"])
def test_no_other_file_is_sent(console: Console, path: str) -> None:
    answer = httpx.get(f"{console.url}/static/0/{path}", trust_env=False)
    assert "import" not in answer.text or answer.headers["content-type"].startswith("text/html")


def test_a_changed_file_makes_a_new_edition(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("{edition}")
    (tmp_path / "main.js").write_text("one")
    files = ConsoleFiles(tmp_path)
    first = files.page().decode()
    (tmp_path / "main.js").write_text("another")
    second = files.page().decode()
    assert first != second
    newest = files.file(second, "main.js")
    assert newest is not None
    assert (newest[0].content, newest[1]) == (b"another", True)
    older = files.file(first, "main.js")
    assert older is not None
    assert not older[1]


@pytest.mark.parametrize("width", [1280, 375])
def test_one_finds_the_way_by_keyboard_and_on_a_phone(
    console: Console, visit: Visitor, accessible: Callable[[Page], None], width: int
) -> None:
    page = visit(f"{console.url}/nowhere", width=width)
    expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()
    if width < 800:
        page.get_by_role("button", name="Navigation").click()
    accessible(page)
    page.get_by_role("link", name="All results", exact=True).click()
    expect(page).to_have_url(re.compile(r"/console/results$"))


def test_no_page_is_dressed_by_another(console: Console, visit: Visitor) -> None:
    script = """() => [...document.styleSheets].filter((sheet) => !sheet.disabled && sheet.href.includes('/pages/'))
      .map((sheet) => sheet.href.split('/').at(-1))"""
    page = visit(f"{console.url}/watches")
    for link, title, styles in (
        ("Projects", "Projects", ["projects.css"]),
        ("All results", "All results", ["results.css"]),
        ("Access keys", "Access keys", ["keys.css"]),
        ("Projects", "Projects", ["projects.css"]),
    ):
        page.get_by_role("link", name=link, exact=True).click()
        expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
        assert page.evaluate(script) == styles
    page.go_back()
    expect(page.get_by_role("heading", name="Access keys", exact=True)).to_be_visible()
    assert page.evaluate(script) == ["keys.css"]


def test_the_focus_is_never_lost_by_keyboard(console: Console, visit: Visitor) -> None:
    page = visit(f"{console.url}/")
    page.get_by_role("link", name="Projects", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Projects", level=1)).to_be_focused()
    page.get_by_role("button", name="New project").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_label("Name of the project")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="New project")).to_be_focused()
    page.evaluate("document.activeElement.remove()")
    expect(page.get_by_role("heading", name="Projects", level=1)).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_arrows_go_through_the_projects_and_enter_takes_one(console: Console, visit: Visitor, project: str) -> None:
    page = visit(f"{console.url}/projects/{project}/train")
    chooser = page.locator("select#project")
    expect(chooser.locator("option")).not_to_have_count(1)
    expect(chooser).to_have_value(project)
    chooser.focus()
    last = chooser.locator("option").last.inner_text()
    page.keyboard.press("ArrowUp" if last == project else "ArrowDown")
    chosen = chooser.input_value()
    assert chosen != project
    assert page.url.endswith(f"/projects/{project}/train")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/projects/{chosen}/train$"))
    expect(chooser).to_have_value(chosen)


def test_a_project_that_is_not_there_is_told_in_plain_words(console: Console, visit: Visitor) -> None:
    page = visit(f"{console.url}/")
    for place in ("dataset", "label", "models/3"):
        page.goto(f"{console.url}/projects/nothing-like-it/{place}")
        expect(page.get_by_role("heading", name="There is no project called “nothing-like-it”")).to_be_visible()
        expect(page.get_by_text("account")).to_have_count(0)
    page.get_by_role("link", name="See all projects").click()
    expect(page.get_by_role("heading", name="Projects", level=1)).to_be_focused()


def test_the_theme_is_the_systems_until_the_reader_chooses(console: Console, visit: Visitor) -> None:
    page = visit(f"{console.url}/nowhere", dark=True)
    root = page.locator("html")
    expect(root).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="Colours: system").click()
    expect(root).to_have_attribute("data-theme", "light")
    page.reload()
    expect(root).to_have_attribute("data-theme", "light")
