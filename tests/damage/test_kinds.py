"""Names of classes: which mean that nothing is wrong."""

from __future__ import annotations

import pytest

from walkaround.damage.kinds import ANOMALY, DAMAGE_TYPES, NORMAL, means_normal, simplified


@pytest.mark.parametrize(
    "name", [NORMAL, "Normal", "NO DAMAGE", "no_damage", "no-damage", "Good", "undamaged", "unknown", "Other", "not damaged"]
)
def test_these_mean_a_whole_car(name: str) -> None:
    assert means_normal(name)


@pytest.mark.parametrize("name", [*DAMAGE_TYPES, ANOMALY, "damaged", "abnormal", "not ok", "no glass", "", "正常"])
def test_these_do_not(name: str) -> None:
    assert not means_normal(name)


@pytest.mark.parametrize(
    ("name", "plain"), [("Glass Shatter", "glassshatter"), ("door-dent_2", "doordent2"), ("STRASSE ß", "strassess")]
)
def test_spellings_of_one_name_are_one(name: str, plain: str) -> None:
    assert simplified(name) == plain


def test_the_seven_damage_types() -> None:
    assert len(set(DAMAGE_TYPES)) == 7
