"""Rates and times left, in words."""

from __future__ import annotations

import pytest

from walkaround.pipeline.bulk.bar import Pace, duration


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (89, "89 s"),
        (90, "2 min"),
        (5340, "89 min"),
        (5460, "1 h 31 min"),
        (86_400, "24 h 0 min"),
        (200_000, "2 days"),
    ],
)
def test_a_duration_is_told_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_the_pace_counts_from_when_it_began_to_go() -> None:
    pace = Pace()
    assert pace.words(500, 1000, now=0) == "", "what an earlier run did"
    assert pace.words(500, 1000, now=10) == "", "models are loaded"
    assert pace.words(510, 1000, now=11) == ""
    assert pace.words(560, 1000, now=12) == "50.0/s, 9 s left"
    assert pace.words(1000, 1000, now=21) == "49.0/s"
