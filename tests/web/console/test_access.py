"""The first minute in the browser, signing in and out, users, access keys and projects."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.web.console.conftest import Visitor

from served import Served

PASSWORD = "correct horse battery"  # noqa: S105 - of users who are made here
MINUTES = 60_000
Accessible = Callable[[Page], None]


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Served]:
    """A server on which nobody was before."""
    own = Served(folder=tmp_path)
    own.start()
    yield own
    assert own.stop() == 0, own.log.read_text()[-4000:]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with a user, ann, who administers it."""
    own = Served(folder=tmp_path_factory.mktemp("access"))
    command = [sys.executable, "-m", "walkaround", "users", "make", "ann", "--data", str(own.data)]
    subprocess.run(command, input=f"{PASSWORD}\n", text=True, check=True, capture_output=True)
    own.start()
    yield own
    assert own.stop() == 0, own.log.read_text()[-4000:]


@pytest.fixture(scope="module")
def url(served: Served) -> str:
    """Of the console of ann's server."""
    return f"{served.url}/console"


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


@pytest.fixture
def inside(url: str, visit: Visitor) -> Callable[..., Page]:
    """Open a page as somebody who signs in."""

    def open_page(path: str, name: str = "ann", password: str = PASSWORD, **options: Any) -> Page:
        page = visit(f"{url}/sign-in?next={path}", **options)
        sign_in(page, name, password)
        expect(page).to_have_url(f"{url}{path}")
        return page

    return open_page


def test_the_first_minute(empty: Served, visit: Visitor, accessible: Accessible) -> None:
    link = re.search(r"Open (\S+) to make the first user", empty.log.read_text())
    assert link is not None
    url = f"{empty.url}/console"
    stranger = visit(f"{url}/users")
    expect(stranger.get_by_role("heading", name="Nobody is here yet")).to_be_visible()
    accessible(stranger)

    page = visit(link[1])
    page.get_by_label("Your name").fill("Ann Müller")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("alert")).to_contain_text("digits and . _ @ + - may be in it, as in ann.muller.")
    page.get_by_label("Your name").fill("Ann")
    assert "#" not in page.url  # the key is not kept in the history
    accessible(page)
    page.get_by_label("Password", exact=True).fill("annannannann")
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("alert")).to_contain_text("hardly more than the user's name")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    expect(page.get_by_text("Signed in as ann")).to_be_attached()
    accessible(page)

    page.get_by_role("button", name="Try it with drawn cars").click()
    steps = page.get_by_role("listitem").filter(has=page.get_by_role("progressbar"))
    expect(steps).to_contain_text("Draw cars", timeout=MINUTES)
    accessible(page)
    page.get_by_role("link", name="Users").click()
    page.get_by_role("link", name="Dashboard").click()
    expect(steps).to_have_count(1)
    assert empty.stop() == 0
    empty.start()
    expect(steps).to_contain_text("Train a model", timeout=3 * MINUTES)
    page.reload()
    expect(page.get_by_text("has a model, and it is running")).to_be_visible(timeout=4 * MINUTES)
    page.get_by_role("link", name="See how good it is").click()
    expect(page).to_have_url(f"{url}/projects/drawn-cars/models/1")

    page.goto(f"{url}/projects")
    page.get_by_role("button", name="Delete drawn-cars").click()
    page.get_by_label("to go on").fill("drawn-cars")
    page.get_by_role("button", name="Delete all of it").click()
    expect(page.get_by_role("alert")).to_contain_text("Model 1 is running: stop it first.")
    again = visit(link[1])
    expect(again.get_by_text("The first user was made already.")).to_be_visible()
    again.get_by_role("link", name="Sign in").click()
    expect(again.get_by_role("button", name="Sign in")).to_be_visible()


@pytest.mark.parametrize("width", [1280, 375])
def test_one_signs_in_by_keyboard_and_comes_where_one_wanted_to(
    url: str, visit: Visitor, accessible: Accessible, width: int
) -> None:
    page = visit(f"{url}/projects", width=width)
    expect(page).to_have_url(f"{url}/sign-in?next=%2Fprojects")
    accessible(page)
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("ann")
    page.keyboard.press("Tab")
    page.keyboard.type("wrong horse battery")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("The name or the password is wrong.")
    expect(page.get_by_label("Password")).to_have_value("")
    page.get_by_label("Password").focus()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Projects", exact=True)).to_be_visible()
    expect(page).to_have_url(f"{url}/projects")


@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example", "/sign-in?next=/sign-in"])
def test_signing_in_leads_nowhere_else(url: str, visit: Visitor, wanted: str) -> None:
    page = visit(f"{url}/sign-in?next={wanted}")
    sign_in(page, "ann")
    expect(page.get_by_text("Signed in as ann")).to_be_attached()
    assert page.url.startswith(f"{url}/")


def test_signing_out_ends_it_for_this_browser_alone(inside: Any) -> None:
    page, other = inside("/projects"), inside("/projects")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_role("textbox", name="Name")).to_be_focused()
    page.go_back()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    other.reload()
    expect(other.get_by_role("heading", name="Projects", exact=True)).to_be_visible()


def test_a_tab_goes_on_after_a_sign_in_in_another_one(inside: Any, url: str, served: Served) -> None:
    page = inside("/projects")
    sent = {"name": "ann", "password": PASSWORD}
    assert page.context.request.post(f"{served.url}/api/v1/session", data=sent).ok  # the former session and its token end
    page.get_by_role("button", name="New project").click()
    page.get_by_label("Name of the project").fill("from-an-old-tab")
    page.get_by_role("button", name="Make the project").click()
    expect(page).to_have_url(f"{url}/projects/from-an-old-tab/dataset")


@pytest.mark.parametrize("width", [1280, 375])
def test_a_user_is_added_changed_and_removed(inside: Any, visit: Visitor, url: str, accessible: Accessible, width: int) -> None:
    page, eve_name = inside("/users", width=width), f"eve{width}@example.org"
    page.get_by_role("button", name="Add a user").click()
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    accessible(page)
    page.get_by_label("Name", exact=True).fill(f"Eve{width}@example.org")
    page.get_by_label("Role", exact=True).select_option("read")
    password = page.get_by_role("textbox", name="Password").input_value()
    assert re.fullmatch(r"([a-z2-9]{5}-){3}[a-z2-9]{5}", password)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_label("Name and password")).to_contain_text(password)
    page.get_by_role("button", name="Done").click()
    accessible(page)

    eve = visit(f"{url}/sign-in?next=/users")
    sign_in(eve, eve_name, password)
    expect(eve.get_by_text("Only administrators see and change users.")).to_be_visible()
    expect(eve.get_by_role("link", name="Users")).to_have_count(0)
    page.get_by_label(f"Role of {eve_name}").select_option("admin")
    expect(page.get_by_text(f"{eve_name} is administrator now.")).to_be_visible()
    eve.reload()
    expect(eve.get_by_role("link", name="Users")).to_have_count(1)

    page.get_by_role("button", name=f"Actions for {eve_name}").click()
    page.get_by_role("menuitem", name="New password").click()
    page.get_by_role("textbox", name="Password").fill("another horse battery")
    page.get_by_role("button", name="Set the password").click()
    page.get_by_role("button", name="Done").click()
    eve.get_by_role("link", name="Projects").click()
    expect(eve.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_role("button", name=f"Actions for {eve_name}").click()
    page.get_by_role("menuitem", name="Remove").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_text(f"{eve_name} was removed.")).to_be_visible()
    expect(page.get_by_role("row", name=eve_name)).to_have_count(0)


def test_the_last_administrator_is_told_why_not(inside: Any) -> None:
    page = inside("/users")
    page.get_by_label("Role of ann").select_option("read")
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_text("'ann' is the last administrator: make another one first.")).to_be_visible()
    expect(page.get_by_label("Role of ann")).to_have_value("admin")


def test_one_changes_ones_own_password(inside: Any) -> None:
    page = inside("/account")
    page.get_by_label("Current password").fill("wrong horse battery")
    page.get_by_label("New password").fill("another horse battery")
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_role("alert")).to_contain_text("The current password is wrong")
    for current, new in ((PASSWORD, "another horse battery"), ("another horse battery", PASSWORD)):
        page.get_by_label("Current password").fill(current)
        page.get_by_label("New password").fill(new)
        page.get_by_role("button", name="Change the password").click()
        expect(page.get_by_label("Current password")).to_have_value("")
    page.get_by_role("link", name="Projects").click()
    expect(page.get_by_role("heading", name="Projects", exact=True)).to_be_visible()


@pytest.mark.parametrize("width", [1280, 375])
def test_a_key_is_made_shown_once_and_revoked(inside: Any, served: Served, accessible: Accessible, width: int) -> None:
    page = inside("/keys", width=width)
    page.get_by_role("button", name="Make a key").click()
    page.get_by_label("What is it for?").fill(f"gate {width}")
    page.get_by_role("button", name="Make the key").click()
    token = page.get_by_label("Token", exact=True).inner_text().strip()
    accessible(page)
    answer = page.request.get(f"{served.url}/api/v1/session", headers={"Authorization": f"Bearer {token}"})
    told = answer.json()
    assert (told["role"], told["user"]) == ("detect", None)
    page.get_by_role("button", name="I have copied them").click()
    row = page.get_by_role("row", name=re.compile(f"gate {width}"))
    expect(row).to_contain_text("by ann")
    assert token not in page.content()
    accessible(page)
    row.get_by_role("button", name="Revoke").click()
    page.get_by_role("button", name="Revoke", exact=True).click()
    expect(row).to_have_count(0)
    page.get_by_label(re.compile("Show .* revoked")).check()
    expect(row).to_contain_text("revoked")


def test_a_project_for_ones_photos_is_made_and_deleted_again(inside: Any, url: str, accessible: Accessible) -> None:
    page = inside("/welcome")
    page.get_by_label("Name of the project").fill("Größe 2026/Nord")
    expect(page.get_by_text("It will be called Grosse-2026-Nord.")).to_be_visible()
    page.get_by_role("button", name="Make it and add photos").click()
    expect(page).to_have_url(f"{url}/projects/Grosse-2026-Nord/dataset")
    page.get_by_role("link", name="Projects").click()
    page.get_by_role("button", name="Delete Grosse-2026-Nord").click()
    delete = page.get_by_role("button", name="Delete all of it")
    expect(delete).to_be_disabled()
    page.get_by_label("to go on").fill("Grosse-2026-Nord")
    accessible(page)
    delete.click()
    expect(page.get_by_text("The project Grosse-2026-Nord is deleted.")).to_be_visible()
    expect(page.get_by_role("link", name="Grosse-2026-Nord")).to_have_count(0)


def test_names_of_projects_are_what_the_server_takes(url: str, visit: Visitor) -> None:
    page = visit(f"{url}/sign-in")
    folder = page.locator('script[type="module"]').get_attribute("src") or ""
    module = folder.replace("main.js", "pages/projects/names.js")
    told = page.evaluate(
        """async (module) => {
          const { projectName, freeName } = await import(module);
          return [["Fleet 2026", "é à", " -x- ", "__", "a".repeat(300), "日本"].map(projectName),
                  freeName("cars", []), freeName("cars", ["cars", "cars-2"])];
        }""",
        module,
    )
    assert told == [["Fleet-2026", "e-a", "x", "", "a" * 255, ""], "cars", "cars-3"]
