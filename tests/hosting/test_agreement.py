"""How far reviewers agree, and what lines say of labelling: numbers with known answers, and lines of strangers."""

from __future__ import annotations

from typing import Any

import pytest

from walkaround.damage.places import Place, Polygons
from walkaround.hosting.operations.labelling.agreement import cohens_kappa, overlap, told
from walkaround.hosting.operations.lines.label_lines import (
    Review,
    kinds_of,
    labelled_by,
    relabelled,
    review_of,
    reviewed,
    state_of,
    with_kinds,
)

SIZE = {"width": 200, "height": 100}
MULTI = {"type": "groundtruth/image-classification-multilabel", "class-map": {"0": "dent", "1": "scratch"}}


def box(label: str, left: float, top: float, right: float, bottom: float) -> Place:
    return Place(label=label, box=(left, top, right, bottom))


def outline(label: str, *points: tuple[float, float]) -> Place:
    rings = Polygons(rings=(points,))
    return Place(label=label, box=rings.box, outline=rings)


@pytest.mark.parametrize(
    ("pairs", "kappa"),
    [
        ([], None),
        ([("a", "a")] * 5, None),
        ([("a", "a"), ("b", "b")], 1.0),
        ([("a", "b"), ("b", "a")], -1.0),
        # Cohen 1960 in the form of textbooks: 20 both yes, 15 both no, 5 and 10 apart of 50
        ([("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15, 0.4),
    ],
)
def test_cohens_kappa(pairs: list[tuple[str, str]], kappa: float | None) -> None:
    found = cohens_kappa(pairs)
    assert found == (None if kappa is None else pytest.approx(kappa))


@pytest.mark.parametrize(
    ("before", "after", "iou"),
    [
        ([], [], None),
        ([box("dent", 0, 0, 10, 10)], [], 0.0),
        ([box("dent", 0, 0, 10, 10)], [box("dent", 0, 0, 10, 5)], 0.5),
        ([box("dent", 0, 0, 10, 10)], [box("scratch", 0, 0, 10, 10)], 0.0),
        ([box("dent", 0, 0, 10, 10)], [box("dent", 0, 0, 10, 10), box("dent", 50, 0, 60, 10)], 0.5),
        ([outline("dent", (0, 0), (20, 0), (20, 20), (0, 20))], [box("dent", 0, 0, 20, 10)], 0.5),
        ([outline("dent", (0, 0), (20, 0), (20, 20))], [outline("dent", (0, 0), (20, 0), (20, 20))], 1.0),
    ],
)
def test_places_are_paired_by_label_and_overlap(before: list[Place], after: list[Place], iou: float | None) -> None:
    found = overlap(before, after, **SIZE)
    assert found == (None if iou is None else pytest.approx(iou, abs=0.01))


def review(verdict: Any, **members: Any) -> dict[str, Any]:
    return Review(verdict=verdict, **members).as_json()


def test_the_numbers_of_reviews() -> None:
    rows = [
        (review("accepted", label_before="anomaly", unchanged=True), "anomaly"),
        (review("accepted", label_before="normal", unchanged=True), "normal"),
        (review("adjusted", label_before="normal", iou=0.25), "anomaly"),
        (review("adjusted", label_before="anomaly", iou=0.75), "anomaly"),
        (review("accepted", label_before="anomaly", returned=True), "normal"),
        (review("sent_back", label_before="anomaly", returned=True), "anomaly"),
    ]
    assert told(rows * 2).kappa == pytest.approx(
        cohens_kappa([("a", "a"), ("n", "n"), ("n", "a"), ("a", "a"), ("a", "n")]) or 0
    )
    found = told(rows)
    assert (found.reviewed, found.unchanged, found.adjusted, found.sent_back) == (6, 2, 2, 2)
    assert found.share == pytest.approx(1 / 3)
    assert found.mean_iou == pytest.approx(0.5)
    assert found.kappa is None, "of five pictures it says nothing"
    assert told([]).share is None


def test_damage_types_replace_those_of_every_attribute_of_their_kind() -> None:
    line = {"source-ref": "s3://photos/a.jpg", "types": [0, 1], "types-metadata": MULTI, "x": 1}
    assert kinds_of(line) == ["dent", "scratch"]
    again = with_kinds(line, ["smash", "dent", "smash"], worker="user:anna")
    assert kinds_of(again) == ["dent", "smash"]
    assert again["x"] == 1
    assert "types" not in again
    assert labelled_by(again)[0] == "user:anna"
    assert with_kinds(again, ()) == {"source-ref": "s3://photos/a.jpg", "x": 1}


@pytest.mark.parametrize("numbers", [None, 3, "0", [7], [[0]], [{"a": 1}], [True], {"0": 1}])
def test_damage_types_that_cannot_be_read_are_left_out(numbers: Any) -> None:
    assert kinds_of({"t": numbers, "t-metadata": MULTI}) == []
    assert kinds_of({"t": [0], "t-metadata": {**MULTI, "class-map": numbers}}) == []


def test_a_review_is_read_as_it_was_written_and_answered_by_labelling_again() -> None:
    given = Review(
        verdict="sent_back", by="b", at="2026-01-02T03:04:05", note="no", labelled_by="a", label_before="normal", iou=0.5
    )
    line = reviewed({"x": 1}, given)
    assert review_of(line) == given
    assert state_of("normal", review_of(line)) == "sent_back"
    answered = review_of(relabelled(line))
    assert answered is not None
    assert (answered.answered, answered.note, state_of("normal", answered)) == (True, "no", "to_review")
    assert relabelled(reviewed({"x": 1}, Review(verdict="accepted"))) == {"x": 1}
    assert state_of(None, given) == "unlabelled"


@pytest.mark.parametrize(
    "metadata",
    [
        {"class-name": "splendid"},
        {"class-name": ["accepted"]},
        {"class-name": "accepted", "iou": "x", "worker": 3, "worker-feedback": "no", "label-before": [1], "unchanged": "yes"},
        {"class-name": "sent_back", "iou": True, "worker-feedback": [3], "creation-date": {}},
    ],
)
def test_reviews_of_strangers_do_no_harm(metadata: dict[str, Any]) -> None:
    found = review_of({"walkaround-review": 0, "walkaround-review-metadata": metadata})
    assert found is None or (found.iou, found.by, found.note, found.unchanged) == (None, None, "", False)
