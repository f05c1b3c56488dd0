"""The arithmetic of labelling in the browser: views, shapes, history, and masks that the server reads as they were painted."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page
from tests.web.console.conftest import Console, Visitor

from walkaround.datasets.runs import mask_of_runs, packed, runs_of, unpacked

Run = Callable[..., Any]
SIZE = {"width": 200, "height": 100}


@pytest.fixture
def run(console: Console, visit: Visitor) -> Run:
    """Run JavaScript with a module of labelling as `m` and a value as `given`."""
    page: Page = visit(f"{console.url}/nowhere")
    source = page.locator("script[type=module]").get_attribute("src") or ""

    def act(module: str, body: str, given: object = None) -> Any:
        address = source.replace("main.js", f"pages/label/{module}.js")
        return page.evaluate(f"async ([address, given]) => {{ const m = await import(address); {body} }}", [address, given])

    return act


def test_masks_are_packed_as_the_server_packs_them(run: Run) -> None:
    chance = np.random.default_rng(3)
    for height, width, share in ((7, 5, 0.5), (40, 61, 0.02), (64, 64, 0.98), (1, 9, 0.5), (200, 3, 0.3)):
        mask = chance.random((height, width)) < share
        told = run("runs", "return m.runsOf({...given, data: Uint8Array.from(given.data)});", as_mask(mask))
        assert told == {"size": [height, width], "counts": packed(runs_of(mask))}
        back = run("runs", "return [...m.maskOf(given).data];", told)
        assert back == mask.ravel().astype(int).tolist()


def test_an_empty_mask_has_no_runs_and_a_wrong_one_is_refused(run: Run) -> None:
    assert run("runs", "return m.runsOf(m.emptyMask(9, 9));") is None
    refused = (
        "try { m.maskOf({size: [3, 3], counts: given}); return false; } catch (error) { return error instanceof RangeError; }"
    )
    assert run("runs", refused, "5") is True
    assert run("runs", refused, packed(runs_of(np.ones((4, 4), dtype=np.bool_)))) is True


def test_a_brush_paints_what_is_near_its_line(run: Run) -> None:
    script = "const k = m.emptyMask(40, 30); m.stroke(k, given.from, given.to, given.radius, 1); return m.runsOf(k);"
    told = run("runs", script, {"from": [10, 10], "to": [30, 20], "radius": 4})
    mask = mask_of_runs(unpacked(told["counts"], height=30, width=40))
    rows, columns = np.mgrid[0:30, 0:40] + 0.5
    along = np.clip(((columns - 10) * 20 + (rows - 10) * 10) / 500, 0, 1)
    near = np.hypot(columns - 10 - 20 * along, rows - 10 - 10 * along) <= 4
    assert np.array_equal(mask, near)
    wiped = run("runs", script + "", {"from": [-50, -50], "to": [-40, -40], "radius": 4})
    assert wiped is None


def test_a_view_keeps_what_is_under_the_pointer_and_never_loses_the_picture(run: Run) -> None:
    picture, stage = {"width": 4000, "height": 3000}, {"width": 800, "height": 600}
    fitted = run("viewport", "return m.fitted(...given);", [picture, stage])
    assert fitted["scale"] == pytest.approx(576 / 3000)
    chance = random.Random(1)
    script = """
      const { view, by, at, picture, stage } = given;
      return [m.toPicture(view, at), m.toPicture(m.zoomed(view, by, at, picture, stage), at)];
    """
    for _ in range(10):
        at = [chance.uniform(300, 500), chance.uniform(200, 400)]
        given = {"view": fitted, "at": at, "by": chance.uniform(1.1, 6), "picture": picture, "stage": stage}
        before, after = run("viewport", script, given)
        assert after == pytest.approx(before, abs=1e-6)
    lost = run("viewport", "return m.panned(...given);", [fitted, 99_999, -99_999, picture, stage])
    assert 0 < lost["x"] < 800
    assert lost["y"] + 3000 * lost["scale"] > 0
    pinch = "return m.toPicture(m.pinched(...given), [420, 300]);"
    before = run("viewport", "return m.toPicture(...given);", [fitted, [420, 300]])
    assert run(
        "viewport", pinch, [fitted, [[400, 300], [440, 300]], [[380, 300], [460, 300]], picture, stage]
    ) == pytest.approx(before)


@pytest.mark.parametrize(
    ("call", "given", "told"),
    [
        ("boxBetween", [[50, 60], [10, 20], SIZE], [10, 20, 50, 60]),
        ("boxBetween", [[-5, -5], [500, 500], SIZE], [0, 0, 200, 100]),
        ("boxBetween", [[5, 5], [5.5, 80], SIZE], None),
        ("boxMoved", [[150, 10, 190, 40], 50, -50, SIZE], [160, 0, 200, 30]),
        ("boxResized", [[10, 10, 50, 50], "se", [80, 90], SIZE], [10, 10, 80, 90]),
        ("boxResized", [[10, 10, 50, 50], "w", [70, 0], SIZE], [50, 10, 70, 50]),
        ("boxResized", [[10, 10, 50, 50], "n", [0, 50], SIZE], [10, 49, 50, 50]),
        ("ringsMoved", [[[[0, 0], [20, 0], [20, 20]]], -5, 90, SIZE], [[[0, 80], [20, 80], [20, 100]]]),
        ("ringsStretched", [[[[0, 0], [20, 0], [20, 20]]], [0, 0, 40, 10]], [[[0, 0], [40, 0], [40, 10]]]),
        ("pointRemoved", [[[[0, 0], [20, 0], [20, 20]]], 0, 1], None),
        ("pointAdded", [[[[0, 0], [20, 0], [20, 20]]], 0, 2, [5, 15], SIZE], [[[0, 0], [20, 0], [20, 20], [5, 15]]]),
        ("isInside", [[15, 5], [[[0, 0], [20, 0], [20, 20]]]], True),
        ("isInside", [[5, 15], [[[0, 0], [20, 0], [20, 20]]]], False),
        ("doubleArea", [[[0, 0], [20, 0], [20, 20]]], 400),
        ("iouOfBoxes", [[0, 0, 10, 10], [0, 0, 10, 5]], 0.5),
    ],
)
def test_shapes_stay_in_the_picture_and_are_shapes(run: Run, call: str, given: Any, told: Any) -> None:
    assert run("geometry", f"return m.{call}(...given);", given) == told


def test_what_is_undone_can_be_done_again_until_something_else_is_done(run: Run) -> None:
    script = """
      let h = m.begun(0);
      for (const value of [1, 2, 3]) h = m.done(h, value);
      h = m.undone(m.undone(h));
      const back = h.present;
      h = m.redone(h);
      const forth = h.present;
      h = m.done(h, 9);
      const merged = m.done(h, 10, { merge: true });
      const [once, twice, never] = [m.undone(h), m.undone(merged), m.undone(m.begun(5))].map((one) => one.present);
      return [back, forth, m.canRedo(h), once, merged.present, twice, never];
    """
    assert run("history", script) == [1, 2, False, 2, 10, 2, 5]


def test_a_whole_picture_has_no_damage_and_a_damaged_one_is_called_so(run: Run) -> None:
    script = """
      let d = m.kindToggled(m.nothing(), "scratch");
      d = m.withPlace(d, { id: 1, label: "dent", box: [1, 2, 3, 4] });
      const told = m.requestOf(d, false);
      const whole = m.withLabel(d, "normal");
      const large = { id: 2, label: "dent", box: [0, 0, 999, 9] };
      const copied = m.withCopies(m.nothing(), [d.places[0], large], { width: 10, height: 10 });
      const same = m.sameDocument(d, m.kindToggled(m.kindToggled(d, "x"), "x"));
      return [told, m.requestOf(whole, true), m.requestOf(m.nothing(), false), copied.places.length, same];
    """
    told, whole, nothing, copies, same = run("document", script)
    assert told == {"label": "anomaly", "kinds": ["scratch"], "places": [{"label": "dent", "box": [1, 2, 3, 4]}]}
    assert whole == {"label": "normal", "kinds": [], "places": []}
    assert nothing == {"label": None, "kinds": [], "places": None}
    assert (copies, same) == (1, True)


def as_mask(mask: np.ndarray[Any, np.dtype[np.bool_]]) -> dict[str, Any]:
    return {"width": mask.shape[1], "height": mask.shape[0], "data": mask.ravel().astype(int).tolist()}
