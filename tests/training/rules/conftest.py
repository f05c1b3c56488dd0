"""Small trainings under all rules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from small_training import Lesson, learn
from walkaround.training.rules.table import choose_rules
from walkaround.training.watching import Watch

Trainer = Callable[..., set[str]]


@pytest.fixture
def train(tmp_path: Path) -> Trainer:
    """Train a lesson under all rules, with some settings of them, and tell which fired."""

    def trained(lesson: Lesson, *settings: str) -> set[str]:
        return learn(Watch(tmp_path / "log", rules=choose_rules(settings), every=4), lesson)

    return trained
