from __future__ import annotations

import pytest

from walkaround.damage.findings import Findings
from walkaround.evaluation.classify import score
from walkaround.evaluation.scores import Scores
from walkaround.evaluation.wording import headline, of_hundred, precision_elsewhere


def counted(hits: int, misses: int, false_alarms: int, quiet: int) -> Scores:
    rows = (
        [("anomaly", 0.9)] * hits + [("anomaly", 0.1)] * misses + [("normal", 0.9)] * false_alarms + [("normal", 0.1)] * quiet
    )
    findings = [Findings(source="", anomalous=d > 0.5, confidence=0.9, label="", damage=d, width=1, height=1) for _, d in rows]
    return score([truth for truth, _ in rows], findings, classes=["anomaly", "normal"], normal={"normal"}, threshold=0.5)


def test_enough_pictures_are_told_of_100() -> None:
    assert headline(counted(190, 10, 8, 192)) == (
        "Of 100 damaged cars, it finds 95 (91 to 97).",
        "Of 100 alarms, 96 are real (92 to 98).",
    )


def test_few_pictures_are_told_as_counted() -> None:
    assert headline(counted(9, 3, 1, 11)) == (
        "It found 9 of 12 damaged cars (47 to 91%).",
        "9 of its 10 alarms were real (60 to 98%).",
    )


def test_one_kind_of_picture_tells_one_thing() -> None:
    assert headline(counted(0, 0, 3, 197)) == ("Of 100 undamaged cars, it leaves 98 in peace (96 to 99).",)
    assert headline(counted(0, 0, 0, 0)) == ("There was no picture to measure it on.",)
    assert headline(counted(0, 2, 0, 2))[0] == "It found 0 of 2 damaged cars (0 to 66%)."


@pytest.mark.parametrize(
    ("share", "told"), [(0, "0"), (0.001, "fewer than 1"), (0.5, "50"), (0.994, "99"), (0.999, "more than 99"), (1, "100")]
)
def test_nearly_all_is_not_called_all(share: float, told: str) -> None:
    assert of_hundred(share) == told


def test_alarms_are_worth_less_where_damage_is_rare() -> None:
    told = precision_elsewhere(counted(95, 5, 5, 95))
    assert told is not None
    assert "Here 50 of 100" in told
    assert "68 of 100 alarms would be real" in told  # 0.1 * 0.95 / (0.1 * 0.95 + 0.9 * 0.05)
    assert precision_elsewhere(counted(9, 1, 5, 95)) is None
