"""The page of a version and that of two: scores, the threshold and what it moves, mistakes, large pictures, differences."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from sklearn import metrics
from sqlalchemy import select
from tests.web.console.conftest import Console, Visitor

from walkaround.evaluation.intervals import wilson
from walkaround.evaluation.measured import MeasuredPicture, MeasuredSet, evaluation_at, from_lines, to_lines
from walkaround.evaluation.scorecard import as_json
from walkaround.hosting.operations.models.measured import measured_file
from walkaround.settings import Settings
from walkaround.store.opening import database_of
from walkaround.store.tables import Model, Project

MANY = 2000
PURE = """async (given) => {
  const pure = await import(document.querySelector("script[type=module]").src.replace("main.js", "pages/model/threshold.js"));
  %s
}"""


def rises(n: int, *, seed: int, shift: float = 0.0) -> tuple[Any, Any]:
    """Truth, and probabilities that tend to be higher where it is true; some are equal."""
    rng = np.random.default_rng(seed)
    damaged = rng.random(n) < 0.35
    logit = rng.normal(-1.6 + 3.0 * damaged + shift, 1.2)
    return damaged, np.round(1 / (1 + np.exp(-logit)), 2 if n < 100 else 4)


@pytest.fixture(scope="module")
def judged(console: Console) -> str:
    """A project whose versions 1 and 2 are the package of `cars`, with 60 test pictures each, and version 3 with 2,000."""
    data = console.served.data
    with database_of(Settings(data=data)).transaction() as session:
        cars = session.scalars(select(Model).join(Project).where(Project.name == "cars", Model.version == 1)).one()
        package = data / (cars.package or "")
        seen = from_lines(measured_file(package).read_text(encoding="utf-8").splitlines())
        project = Project(account="000000000000", region="us-east-1", name="judged", last_version=3)
        session.add(project)
        session.flush()
        for version, (n, shift) in enumerate(((60, 0.0), (60, 0.8), (MANY, 0.0)), start=1):
            damaged, damage = rises(n, seed=1, shift=shift)
            pictures = tuple(
                replace(
                    seen.pictures[number % len(seen.pictures)],
                    label="anomaly" if damaged[number] else "normal",
                    damage=float(damage[number]),
                    probabilities={"normal": 1 - float(damage[number]), "anomaly": float(damage[number])},
                )
                for number in range(n)
            )
            if n < MANY:  # each picture once, so that both versions can be compared
                pictures = _apart(pictures, data, len(seen.pictures))
            some = MeasuredSet(classes=seen.classes, normal=seen.normal, threshold=0.5, pictures=pictures)
            place = Path("models", "judged", str(version), "attempt", f"judged-{version}")
            shutil.copytree(package, data / place)
            measured_file(data / place).write_text("".join(to_lines(some)), encoding="utf-8")
            card = as_json(evaluation_at(some, 0.5), {})
            row = Model(project_id=project.id, version=version, status="TRAINED", output=cars.output, package=str(place))
            row.scores = card
            session.add(row)
    return "judged"


def _apart(pictures: tuple[MeasuredPicture, ...], data: Path, n: int) -> tuple[MeasuredPicture, ...]:
    """The same pictures under names of their own."""
    apart = []
    for number, one in enumerate(pictures):
        bucket, _, key = one.ref.removeprefix("s3://").partition("/")
        copy = data / "buckets" / bucket / "judged" / f"{number}.jpg"
        copy.parent.mkdir(exist_ok=True)
        if not copy.exists():
            shutil.copyfile(data / "buckets" / bucket / key, copy)
        apart.append(replace(one, ref=f"s3://{bucket}/judged/{number}.jpg"))
    assert n <= len(apart)
    return tuple(apart)


@pytest.fixture
def model(visit: Visitor, console: Console, judged: str) -> Page:
    """The page of version 1."""
    page = visit(f"{console.url}/projects/{judged}/models/1")
    expect(slider(page)).to_be_visible()
    return page


def slider(page: Page) -> Any:
    return page.get_by_role("slider", name="Threshold")


def exact(page: Page) -> Any:
    """The field with the threshold as a number."""
    return page.get_by_role("spinbutton", name="Threshold")


def shown(page: Page) -> list[int]:
    """Found, missed, false alarms, left alone."""
    return [int(text.replace(",", "")) for text in page.locator(".confusion td strong").all_inner_texts()]


def percents(page: Page) -> list[int]:
    """The probabilities of damage under the small pictures."""
    return [int(text.removesuffix(" %")) for text in page.locator(".mistakes .caption > :last-child").all_inner_texts()]


def expected(n: int, threshold: float) -> list[int]:
    damaged, damage = rises(n, seed=1)
    (left, false), (missed, hits) = metrics.confusion_matrix(damaged, damage >= threshold).tolist()
    return [hits, missed, false, left]


@pytest.mark.parametrize(("n", "seed"), [(1, 0), (7, 1), (60, 2), (1500, 3)])
def test_the_arithmetic_of_thresholds_is_that_of_scikit_learn(model: Page, n: int, seed: int) -> None:
    damaged, damage = rises(n, seed=seed)
    thresholds = [0.0, 0.1, 0.37, 0.5, float(damage[0]), 0.93, 1.0]
    found = model.evaluate(
        PURE
        % """const ranked = pure.ranked(given.pictures);
        const curves = pure.curvesOf(ranked);
        return { curves, at: given.thresholds.map((one) => {
          const counts = pure.countsAt(ranked, one);
          const { missed, falseAlarms } = pure.mistakesAt(ranked, one);
          const told = { counts, scores: pure.scoresOf(counts), intervals: pure.intervalsOf(counts) };
          return { ...told, missed: [...missed], falseAlarms: [...falseAlarms] };
        }) };""",
        {
            "pictures": [{"damage": float(value), "damaged": bool(true)} for value, true in zip(damage, damaged, strict=True)]
            + [{"damage": 0.5, "damaged": None}],
            "thresholds": thresholds,
        },
    )
    for threshold, told in zip(thresholds, found["at"], strict=True):
        alarm = damage >= threshold
        (left, false), (missed, hits) = metrics.confusion_matrix(damaged, alarm, labels=[False, True]).tolist()
        assert told["counts"] == {"hits": hits, "misses": missed, "falseAlarms": false, "leftAlone": left}
        assert told["scores"]["accuracy"] == pytest.approx(metrics.accuracy_score(damaged, alarm))
        if damaged.any() and not damaged.all():
            assert told["scores"]["recall"] == pytest.approx(metrics.recall_score(damaged, alarm))
            assert told["scores"]["f1"] == pytest.approx(metrics.f1_score(damaged, alarm, zero_division=0.0))
            assert told["intervals"]["recall"] == pytest.approx(wilson(hits, hits + missed))
            assert told["scores"]["precision"] == (pytest.approx(hits / (hits + false)) if hits + false else None)
        assert sorted(told["missed"]) == np.flatnonzero(damaged & ~alarm).tolist()
        assert sorted(told["falseAlarms"]) == np.flatnonzero(~damaged & alarm).tolist()
        assert np.all(np.diff(damage[told["missed"]]) >= 0), "the most wrong first"
        assert np.all(np.diff(damage[told["falseAlarms"]]) <= 0)
    if damaged.any() and not damaged.all():
        recall, rate = np.array(found["curves"]["recall"]), np.array(found["curves"]["falseAlarmRate"])
        area = float(np.trapezoid([0, *recall], [0, *rate]))
        assert area == pytest.approx(metrics.roc_auc_score(damaged, damage))
        steps = np.diff([0, *recall]) * np.array(found["curves"]["precision"])
        assert float(steps.sum()) == pytest.approx(metrics.average_precision_score(damaged, damage))


@pytest.mark.parametrize(("miss", "alarm", "share"), [(10, 1, 0.35), (1, 1, 0.5), (0.5, 4, 0.02), (3, 0, 0.1)])
def test_the_cheapest_threshold_is_the_cheapest_of_all(model: Page, miss: float, alarm: float, share: float) -> None:
    damaged, damage = rises(80, seed=5)
    found = model.evaluate(
        PURE % "return pure.cheapest(pure.ranked(given.pictures), given.costs);",
        {
            "pictures": [{"damage": float(value), "damaged": bool(true)} for value, true in zip(damage, damaged, strict=True)],
            "costs": {"miss": miss, "falseAlarm": alarm, "share": share},
        },
    )

    def cost(threshold: float) -> float:
        called = damage >= threshold
        missed, false = (damaged & ~called).sum() / damaged.sum(), (~damaged & called).sum() / (~damaged).sum()
        return float(1000 * (share * missed * miss + (1 - share) * false * alarm))

    every = [cost(threshold) for threshold in np.linspace(0, 1.0, 2001)]
    assert found["cost"] == pytest.approx(min(every))
    assert cost(found["threshold"]) == pytest.approx(min(every))


def test_the_slider_moves_confusion_cost_and_mistakes_by_keyboard_and_says_so(model: Page) -> None:
    control = slider(model)
    assert shown(model) == expected(60, 0.5)
    cost = model.locator(".cost").get_attribute("data-cost")
    control.focus()
    for _ in range(3):
        model.keyboard.press("PageDown")
    expect(exact(model)).to_have_value("0.200")
    now = expected(60, 0.2)
    assert shown(model) == now
    assert model.locator(".cost").get_attribute("data-cost") != cost
    expect(model.locator(".choice label.chosen")).to_have_text(f"Missed damage ({now[1]})")
    expect(model.locator(".mistakes > li")).to_have_count(min(now[1], 24))
    told = control.get_attribute("aria-valuetext")
    damaged, whole = now[0] + now[1], now[2] + now[3]
    assert told == (
        f"Threshold 0.200: {now[0]} of {damaged} damaged pictures found, {now[1]} missed;"
        f" {now[2]} false alarms in {whole} whole pictures."
    )
    expect(model.locator(".threshold [role=status]")).to_have_text(told)
    model.keyboard.press("ArrowRight")
    model.keyboard.press("Shift+ArrowRight")
    expect(exact(model)).to_have_value("0.211")
    expect(model).to_have_url(model.url.partition("?")[0] + "?t=0.2110")
    model.reload()
    expect(exact(model)).to_have_value("0.211")


def test_numbers_of_a_chart_are_shown_where_it_is_read_and_no_dashes_before(model: Page) -> None:
    chart = model.locator(".chart").first
    chart.scroll_into_view_if_needed()
    expect(chart.locator(".u-series", has_text="Guessing")).to_be_visible()
    expect(chart.locator(".u-value").filter(visible=True)).to_have_count(0)
    chart.locator(".u-over").hover()
    expect(chart.locator(".u-value").filter(visible=True)).to_have_count(3)
    model.mouse.move(0, 0)
    expect(chart.locator(".u-value").filter(visible=True)).to_have_count(0)


def test_costs_move_the_cheapest_threshold_and_are_remembered(model: Page) -> None:
    cheapest = model.get_by_role("button", name="Cheapest")
    before = cheapest.inner_text()
    model.get_by_label("A missed damage costs").fill("1")
    model.get_by_label("A false alarm costs").fill("20")
    expect(cheapest).not_to_have_text(before)
    cheapest.click()
    assert float(exact(model).input_value()) > 0.5
    now = cheapest.inner_text()
    model.reload()
    expect(model.get_by_label("A false alarm costs")).to_have_value("20")
    expect(cheapest).to_have_text(now)


def test_mistakes_are_sorted_by_how_wrong_they_are_and_open_large_with_the_heat_map(model: Page) -> None:
    probabilities = percents(model)
    assert probabilities == sorted(probabilities)
    model.locator(".choice").get_by_text("All (60)").click()
    probabilities = percents(model)
    assert probabilities == sorted(probabilities, reverse=True)
    model.locator(".mistakes button").first.click()
    window = model.get_by_role("dialog")
    heat = window.get_by_alt_text("Heat map")
    expect(heat).to_be_visible()
    assert heat.evaluate("async (image) => { await image.decode(); return image.naturalWidth; }") > 0
    model.keyboard.press("h")
    expect(heat).to_have_count(0)
    window.get_by_label("Heat map").check()
    expect(heat).to_be_visible()
    before = window.locator(".address").inner_text()
    model.keyboard.press("ArrowRight")
    expect(window.get_by_role("heading")).to_have_text("Picture 2 of 60")
    expect(window.locator(".address")).not_to_have_text(before)
    model.keyboard.press("Escape")
    expect(window).to_have_count(0)


def test_a_threshold_is_adopted_with_a_reason_and_taken_back(model: Page, console: Console, judged: str) -> None:
    path = f"/projects/{judged}/models/1/threshold"
    exact(model).fill("0.3")
    exact(model).blur()
    model.get_by_role("button", name="Answer by 0.300 from now on").click()
    model.get_by_label("Why").fill("misses cost more")
    model.get_by_role("dialog").get_by_role("button", name="Answer by 0.300").click()
    expect(model.locator(".adopt > p")).to_contain_text("answers by 0.300, adopted")
    expect(model.locator(".adopt > p")).to_contain_text("misses cost more")
    expect(model.get_by_text("at the threshold 0.300, by which it answers")).to_be_visible()
    assert console.ok("GET", path)["threshold"] == 0.3
    model.get_by_role("button", name="Back to that of the training").click()
    expect(model.locator(".adopt > p")).to_contain_text("answers by 0.500, as its training chose")
    told = console.ok("GET", path)
    assert [(one["threshold"], one["note"]) for one in told["changes"][:2]] == [(None, ""), (0.3, "misses cost more")]


def test_two_thousand_pictures_move_with_the_slider(visit: Visitor, console: Console, judged: str) -> None:
    page = visit(f"{console.url}/projects/{judged}/models/3")
    expect(slider(page)).to_be_visible()
    assert shown(page) == expected(MANY, 0.5)
    tools = page.context.new_cdp_session(page)
    tools.send("Performance.enable", {"timeDomain": "threadTicks"})  # time of the processor, whatever else the machine does

    def worked() -> float:
        return float(
            next(one["value"] for one in tools.send("Performance.getMetrics")["metrics"] if one["name"] == "TaskDuration")
        )

    def move(steps: int) -> None:
        page.evaluate(
            """async (steps) => {
              const input = document.querySelector(".scale input");
              for (let step = 0; step < steps; step++) {
                await new Promise(requestAnimationFrame);
                input.value = 0.5 + 0.4 * Math.sin(step / 5);
                input.dispatchEvent(new Event("input", { bubbles: true }));
                await new Promise((resolve) => setTimeout(resolve));
              }
            }""",
            steps,
        )

    move(30)  # small pictures are decoded when they are first shown
    before = worked()
    move(60)
    assert (worked() - before) / 60 < 1 / 60, "a frame of 60 in a second"


def test_two_versions_are_compared_and_their_differences_opened(visit: Visitor, console: Console, judged: str) -> None:
    page = visit(f"{console.url}/projects/{judged}/compare?a=1&b=2")
    found = console.ok("GET", f"/projects/{judged}/comparison?first=1&second=2")
    row = page.get_by_role("row", name="Damage found")
    expect(row).to_contain_text(f"{found['scores']['recall']['first']:.3f}")
    expect(row).to_contain_text(f"{found['scores']['recall']['second']:.3f}")
    expect(row).to_contain_text("p ")
    figures = [int(text) for text in page.locator(".agreement strong").all_inner_texts()]
    assert figures == [found[name] for name in ("both_right", "only_first", "only_second", "both_wrong")]
    page.get_by_text("Only 2 is right").click()
    expect(page.locator(".mistakes > li")).to_have_count(found["only_second"])
    page.locator(".mistakes button").first.click()
    expect(page.get_by_role("dialog").get_by_alt_text("Heat map")).to_have_count(2)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Exchange").click()
    expect(page.get_by_role("columnheader", name="Version 2", exact=True)).to_be_visible()
    expect(page).to_have_url(f"{console.url}/projects/{judged}/compare?a=2&b=1")
    page.get_by_label("Second").select_option("3")
    expect(page.get_by_text("were tested on no picture in common")).to_be_visible()


@pytest.mark.parametrize("width", [1280, 375])
@pytest.mark.parametrize("place", ["models/1", "compare?a=1&b=2"])
def test_the_pages_fit_and_are_accessible(
    visit: Visitor, console: Console, judged: str, accessible: Callable[[Page], None], place: str, width: int
) -> None:
    page = visit(f"{console.url}/projects/{judged}/{place}", width=width, dark=width < 1000)
    expect(page.locator(".mistakes > li").first).to_be_visible()
    accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator(".mistakes button").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    accessible(page)


def test_a_version_that_is_not_there_or_not_trained_says_so(visit: Visitor, console: Console, judged: str) -> None:
    page = visit(f"{console.url}/projects/{judged}/models/77")
    expect(page.get_by_role("alert")).to_contain_text("has no model version 77")
    page = visit(f"{console.url}/projects/nothing/compare")
    expect(page.get_by_text("There is no project called “nothing”")).to_be_visible()
