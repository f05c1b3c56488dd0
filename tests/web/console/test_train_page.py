"""The page Train: the plan in words, one button, a training as it goes on, left and come back to, cancelled, and its logic."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select, update
from tests.web.console.conftest import Console, Visitor

from walkaround.hosting.operations.training.trainings import log_folder
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.opening import database_of
from walkaround.store.tables import Job, Model, Project, TrainingLine
from walkaround.training.monitor import RunFacts
from walkaround.training.watching import Watch

Accessible = Callable[[Page], None]


def ask(page: Page, module: str, script: str, *given: object) -> Any:
    """What a script says that has the names of a module of the page Train as `m`, and what is given as `given`."""
    static = "/console/static/0/pages/train/"
    return page.evaluate(f"async (given) => {{ const m = await import('{static}{module}.js'); return ({script}); }}", given)


@pytest.fixture(scope="module")
def blank(console: Console, browser: Any) -> Iterator[Page]:
    """A page of the server in which modules can be tried."""
    page = browser.new_page()
    page.goto(f"{console.url}/")
    yield page
    page.close()


def line(number: int, kind: str, step: int | None = None, part: str | None = "boxes", **told: Any) -> dict[str, Any]:
    return {"number": number, "kind": kind, "part": part, "step": step, "told": told, "at": "2026-01-01T00:00:00Z"}


def test_a_part_that_goes_on_forgets_what_it_does_again(blank: Page) -> None:
    log = [
        line(1, "begin", part=None, attempt=1),
        line(2, "start", 0, first_step=0),
        *(line(2 + number, "point", 10 * number, losses={"loss": 1 / number}) for number in (1, 2, 3)),
        line(6, "begin", part=None, attempt=2),
        line(7, "start", 20, first_step=20),
        line(8, "point", 30, losses={"loss": 0.3}),
        line(9, "epoch", 30, losses={}, validation={"loss": 0.5}, scores={"ap_50": 0.2}, epoch=1),
    ]
    told = ask(blank, "fold", "m.folded(given[0])", log)
    (part,) = told["parts"]
    assert [one["step"] for one in part["points"]] == [10, 20, 30]
    assert len(told["attempts"]) == 2
    curves = ask(blank, "fold", "m.losses(given[0])", part)
    assert curves["x"] == [10, 20, 30]
    assert [one["values"] for one in curves["series"]] == [[1, 0.5, 0.3], [None, None, 0.5]]
    assert ask(blank, "fold", "m.scores(given[0])", part) == {"x": [1], "series": [{"name": "ap 50", "values": [0.2]}]}


def test_lines_that_come_twice_count_once(blank: Page) -> None:
    log = [line(1, "note"), line(2, "note")]
    assert ask(blank, "fold", "m.joined(given[0], given[1]).map((one) => one.number)", log, [log[1], line(3, "note")]) == [
        1,
        2,
        3,
    ]


def test_a_table_in_markdown_is_taken_apart(blank: Page) -> None:
    table = "| a | b |\n|---|---|\n| 1 | 2, 3 |"
    assert ask(blank, "fold", "m.tableOf(given[0])", table) == [["a", "b"], ["1", "2, 3"]]
    assert ask(blank, "fold", "m.tableOf(given[0])", "no table") == []


@pytest.mark.parametrize(
    ("text", "most", "wrong"),
    [("", None, None), ("2.5", None, None), ("0", None, "number"), ("x", None, "number"), ("30", 20, "At most 20")],
)
def test_minutes_are_checked_before_they_are_sent(blank: Page, text: str, most: int | None, wrong: str | None) -> None:
    said = ask(blank, "start", "m.minutesProblem(given[0], given[1])", text, most)
    assert (said is None) == (wrong is None)
    assert wrong is None or wrong in said


def test_every_rule_has_a_name_in_plain_words(blank: Page) -> None:
    from walkaround.training.rules.table import RULES

    names = [rule.name for rule in RULES]
    told = ask(blank, "words", "given[0].map(m.ruleName)", names)
    assert [name for name, words in zip(names, told, strict=True) if name == words] == []
    assert ask(blank, "words", "m.phaseName('Training verdict-0')") == "Learning: fine-tuning, try 1"


def test_what_would_be_trained_is_told_before(console: Console, visit: Visitor, accessible: Accessible) -> None:
    page = visit(f"{console.url}/projects/cars/train")
    expect(page.get_by_role("heading", name="Train", exact=True).first).to_be_visible()
    expect(page.get_by_text("12 whole cars (normal) and 12 damaged ones (anomaly)")).to_be_visible()
    expect(page.get_by_role("button", name="Train version 2")).to_be_enabled()
    page.get_by_text("How to get a better one").click()
    expect(page.get_by_text("Draw boxes")).to_be_visible()
    row = page.get_by_role("row", name="Version 1")
    expect(row.get_by_text("trained")).to_be_visible()
    accessible(page)


def test_what_is_missing_is_said_and_nothing_can_be_begun(console: Console, project: str, visit: Visitor) -> None:
    page = visit(f"{console.url}/projects/{project}/train", width=375, dark=True)
    expect(page.get_by_text("It cannot be trained yet.")).to_be_visible()
    expect(page.get_by_text("a model needs at least 10 and 10 there")).to_be_visible()
    expect(page.get_by_text(re.compile("labelled whole and .* labelled damaged")).first).to_be_visible()
    expect(page.get_by_role("button", name="Train version 1")).to_be_disabled()
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


def test_one_button_trains_and_the_page_can_be_left(console: Console, car_pictures: list[Path], visit: Visitor) -> None:
    console.make_project("train-here", train=car_pictures[:24], test=car_pictures[24:])
    page = visit(f"{console.url}/projects/train-here/train")
    page.get_by_text("Options", exact=True).click()
    page.get_by_label("Description").fill("the first one")
    page.get_by_role("button", name="Train version 1").click()
    expect(page.get_by_role("heading", name="Version 1", exact=True)).to_be_visible()
    expect(page.get_by_role("progressbar")).to_be_visible()
    page.get_by_role("link", name="Models", exact=True).click()
    expect(page.get_by_text("the first one")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("The model is trained")).to_be_visible(timeout=180_000)
    expect(page.get_by_text("accuracy, cross-validated")).to_be_visible()
    expect(page.get_by_role("list", name="What it went through")).to_contain_text("Reading pictures")
    expect(page.get_by_role("link", name="Report")).to_have_attribute("href", re.compile("/training/report$"))


class Pretended:
    """A training that goes on as a test says; no process works on it."""

    def __init__(self, database: Database, data: Path, project: str) -> None:
        self._database, self._project = database, project
        with database.transaction() as session:
            owner = session.scalars(select(Project).filter_by(name=project)).one()
            owner.last_version += 1
            self.version = owner.last_version
            output = {"S3Location": {"Bucket": "photos", "Prefix": ""}}
            model = Model(project_id=owner.id, version=self.version, status="TRAINING", output=output)
            session.add(model)
            session.flush()
            self.model = model.id
            job = Job(kind="train", subject=model.id, state="running", leased_by="a test", progress=None)
            session.add(job)
        self.folder = data / log_folder(self.model)

    def tell(self, kind: str, step: int | None = None, part: str | None = "boxes", **told: Any) -> None:
        with self._database.transaction() as session:
            session.add(TrainingLine(model_id=self.model, kind=kind, part=part, step=step, told=told))

    def progress(self, doing: str, done: int, of: int) -> None:
        with self._database.transaction() as session:
            values = {"doing": doing, "done": done, "of": of}
            session.execute(update(Job).where(Job.subject == self.model, Job.kind == "train").values(progress=values))

    @property
    def cancelled(self) -> bool:
        with self._database.reading() as session:
            return session.scalars(select(Job.cancelled).filter_by(subject=self.model, kind="train")).one()

    def end(self) -> None:
        with self._database.transaction() as session:
            session.execute(update(Model).where(Model.id == self.model).values(status="TRAINING_FAILED", message="Enough."))
            session.add(TrainingLine(model_id=self.model, kind="end", told={"state": "cancelled", "message": "Enough."}))
            session.execute(update(Job).where(Job.subject == self.model, Job.kind == "train").values(state="failed"))


@pytest.fixture
def pretended(console: Console, project: str) -> Iterator[Pretended]:
    """A training of the test's own project."""
    data = console.served.data
    database = database_of(Settings(data=data))
    made = Pretended(database, data, project)
    yield made
    made.end()
    database.close()


def test_curves_and_rules_come_as_the_training_tells_them(
    console: Console, project: str, pretended: Pretended, visit: Visitor, accessible: Accessible
) -> None:
    pretended.tell("begin", part=None, attempt=1)
    pretended.tell("phase", part=None, doing="Training boxes", done=0, of=400)
    pretended.tell("start", 0, first_step=0, total_steps=400, settings={}, classes=["dent"], counts=[9])
    for number in range(1, 6):
        pretended.tell("point", number, losses={"loss": 3.0 / number, "boxes": 1.0, "classes": 2.0}, epoch=1, rate=0.1)
    pretended.progress("Training boxes", 100, 400)
    page = visit(f"{console.url}/projects/{project}/train")
    expect(page.get_by_text("Learning: boxes: 25 %")).to_be_visible()
    expect(page.get_by_text("step 5 of 400")).to_be_visible()
    expect(page.get_by_role("table", name="Boxes: error by step").get_by_role("row")).to_have_count(6)
    pretended.tell("rule", 6, rule="Overfit", message="the loss rises on pictures kept back", advice="More pictures help most.")
    pretended.tell("point", 6, losses={"loss": 0.4}, epoch=1, rate=0.1)
    expect(page.get_by_text("It learns the pictures by heart.")).to_be_visible()
    expect(page.get_by_role("table", name="Boxes: error by step").get_by_role("row")).to_have_count(7)
    accessible(page)
    page.reload()
    expect(page.get_by_text("It learns the pictures by heart.")).to_be_visible()


def test_a_training_is_cancelled_when_that_was_confirmed(
    console: Console, project: str, pretended: Pretended, visit: Visitor
) -> None:
    page = visit(f"{console.url}/projects/{project}/train?version={pretended.version}")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel", exact=True).click()
    assert not pretended.cancelled
    page.get_by_role("button", name="Cancel").click()
    with page.expect_response(lambda answer: answer.url.endswith("/cancel")) as answered:
        page.get_by_role("button", name="Cancel the training").click()
    assert answered.value.status == 202
    pretended.end()
    expect(page.get_by_text("The training was cancelled,")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)


def test_tensorboard_opens_in_a_tab_of_its_own(console: Console, project: str, pretended: Pretended, visit: Visitor) -> None:
    pytest.importorskip("tensorboard")
    watch = Watch(pretended.folder)
    watch.start(RunFacts(name="boxes", total_steps=2))
    watch.scalars(1, {"train/loss": 0.5})
    watch.close()
    pretended.end()
    page = visit(f"{console.url}/projects/{project}/train?version={pretended.version}")
    with page.context.expect_page() as opened:
        page.get_by_role("button", name="Open TensorBoard").click()
    board = opened.value
    board.wait_for_url(re.compile("/tensorboard/"), timeout=120_000)
    expect(board.get_by_text("TensorBoard").first).to_be_visible(timeout=120_000)
    assert board.evaluate("window.opener") is None
    refused = board.evaluate("fetch('/api/v1/projects').then(() => 'answered', () => 'refused')")
    assert refused == "refused"
