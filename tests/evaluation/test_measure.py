from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from walkaround.damage.findings import Findings
from walkaround.datasets.sample import Sample
from walkaround.errors import InputError, PictureError
from walkaround.evaluation.measure import Evaluation, measure

SAMPLES = [
    Sample(path=Path("a.jpg"), label="anomaly"),
    Sample(path=Path("broken.jpg"), label="anomaly"),
    Sample(path=Path("b.jpg"), label=None),
    Sample(path=Path("c.jpg"), label="normal"),
]


def found(path: Path, damage: float) -> Findings:
    anomalous = damage >= 0.5
    label = "anomaly" if anomalous else "normal"
    return Findings(source=str(path), anomalous=anomalous, confidence=0.9, label=label, damage=damage, width=64, height=48)


def answers(paths: Sequence[Path]) -> Iterator[Findings | PictureError]:
    """A detector that knows its pictures by name, and answers one after the other."""
    for path in paths:
        if path.name == "broken.jpg":
            yield PictureError("broken.jpg ends too early; send it again.")
        else:
            yield found(path, 0.9 if path.name == "a.jpg" else 0.2)


def measured(predict_more: int = 0) -> Evaluation:
    def predict(paths: Sequence[Path]) -> Iterable[Findings | PictureError]:
        return [*answers(paths), *(found(paths[0], 0.1) for _ in range(predict_more))]

    return measure(predict, SAMPLES, classes=["anomaly", "normal"], normal={"normal"}, threshold=0.5, seed=3)


def test_every_labelled_picture_is_scored_or_named_as_unreadable() -> None:
    evaluation = measured()
    assert [(row.path.name, row.truth, row.findings.damage) for row in evaluation.rows] == [
        ("a.jpg", "anomaly", 0.9),
        ("c.jpg", "normal", 0.2),
    ]
    assert evaluation.unreadable == ((Path("broken.jpg"), "broken.jpg ends too early; send it again."),)
    assert evaluation.unlabelled == (Path("b.jpg"),)
    assert (evaluation.scores.n, evaluation.scores.accuracy, evaluation.seed) == (2, 1.0, 3)
    assert evaluation.seconds >= 0


def test_a_stream_of_answers_is_as_good_as_a_list() -> None:
    streamed = measure(answers, SAMPLES, classes=["anomaly", "normal"], normal={"normal"}, threshold=0.5, seed=3)
    assert streamed.rows == measured().rows


def test_a_model_that_answers_too_often_is_caught() -> None:
    with pytest.raises(InputError, match="4 answers for 3 pictures"):
        measured(predict_more=1)


def test_no_picture_at_all_gives_no_score() -> None:
    evaluation = measure(answers, [], classes=["anomaly", "normal"], normal={"normal"}, threshold=0.5)
    assert (evaluation.scores.n, evaluation.scores.accuracy) == (0, None)
