"""Classes have the same colours in the browser as everywhere else."""

from __future__ import annotations

import random

from tests.web.console.conftest import Console, Visitor

from walkaround.damage.colours import colour_of, colours_of, is_light, rgb_of
from walkaround.damage.kinds import DAMAGE_TYPES

NAMES = [*DAMAGE_TYPES, "Dent", "lamp", "rust", "front_left_door", "hood", "Kratzer", "Beule groß", "傷", "", "-", "paint-peel"]


def test_a_class_has_the_same_colour_in_the_browser(console: Console, visit: Visitor) -> None:
    page = visit(f"{console.url}/nowhere")
    source = page.locator("script[type=module]").get_attribute("src")
    assert source is not None
    module = source.replace("main.js", "ui/colours.js")
    script = "async ([module, names]) => { const found = await import(module); return names.map(found.colourOf); }"
    assert page.evaluate(script, [module, NAMES]) == [colour_of(name) for name in NAMES]
    chance = random.Random(0)
    for _ in range(20):
        together = chance.sample(NAMES, k=chance.randint(1, len(NAMES)))
        script = "async ([module, names]) => (await import(module)).coloursOf(names)"
        assert page.evaluate(script, [module, together]) == colours_of(together)
    script = "async ([module, colours]) => { const found = await import(module); return colours.map(found.isLight); }"
    colours = [colour_of(name) for name in NAMES]
    assert page.evaluate(script, [module, colours]) == [is_light(rgb_of(colour)) for colour in colours]
