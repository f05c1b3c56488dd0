"""A package answers for pictures: right, in order, the same on every thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from walkaround.damage.findings import Findings
from walkaround.errors import InputError, PackageError, PictureError
from walkaround.inspection.detector import Detector, findings_of, in_order

Pixels = NDArray[np.uint8]


@pytest.mark.parametrize("label", ["normal", "smash"])
def test_it_knows_the_cars_it_was_made_with(detector: Detector, cars: dict[str, list[Pixels]], label: str) -> None:
    found = [detector.inspect(pixels, source="drawn") for pixels in cars[label]]
    assert {one.label for one in found} == {label}
    assert {one.anomalous for one in found} == {label == "smash"}
    assert all(one.confidence == max(one.damage, 1 - one.damage) > 0.5 for one in found)
    assert all((one.width, one.height) == (320, 240) for one in found)


def test_heat_maps_come_when_asked_for(detector: Detector, cars: dict[str, list[Pixels]]) -> None:
    with_heat, without = (detector.inspect(cars["smash"][0], source="drawn", heat=heat) for heat in (True, False))
    assert without.heat_map is None
    assert with_heat.heat_map is not None
    assert with_heat.heat_map.shape == (20, 20)
    assert with_heat.heat_map.max() > 0
    assert with_heat.damage == pytest.approx(without.damage, abs=1e-6)


def test_predictions_come_in_order_with_their_errors(
    detector: Detector, cars: dict[str, list[Pixels]], save: Callable[[Pixels, Path], Path], tmp_path: Path
) -> None:
    paths = [save(pixels, tmp_path / f"{label}-{n}.png") for label in cars for n, pixels in enumerate(cars[label][:3])]
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 nothing more")
    answers = list(detector.predict([*paths[:3], broken, *paths[3:]]))
    assert isinstance(answers.pop(3), PictureError)
    found = [answer for answer in answers if isinstance(answer, Findings)]
    assert [one.source for one in found] == [str(path) for path in paths]
    assert [one.label for one in found] == [path.stem[:-2] for path in paths]


def test_another_threshold_changes_the_verdict_and_nothing_else(detector: Detector, cars: dict[str, list[Pixels]]) -> None:
    usual = detector.inspect(cars["normal"][0], source="drawn")
    strict = detector.at_threshold(usual.damage / 2).inspect(cars["normal"][0], source="drawn")
    assert (usual.anomalous, strict.anomalous) == (False, True)
    assert strict.damage == usual.damage
    assert strict.label == "smash"
    with pytest.raises(InputError, match=r"1\.5 is no threshold"):
        detector.at_threshold(1.5)


def test_a_folder_without_a_package_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"lacks card\.json"):
        Detector(tmp_path)


@pytest.mark.parametrize(
    ("probabilities", "threshold", "anomalous", "label", "confidence"),
    [
        ([0.6, 0.1, 0.3], 0.5, False, "normal", 0.6),
        ([0.4, 0.2, 0.4], 0.5, True, "scratch", 0.6),  # the verdict comes of both damages together
        ([0.45, 0.1, 0.45], 0.6, False, "normal", 0.45),  # a whole car's label, though damage is more probable
        ([0.8, 0.05, 0.15], 0.2, True, "scratch", 0.2),
        ([0.0, 1.0, 0.0], 0.5, True, "dent", 1.0),
    ],
)
def test_verdict_label_and_confidence(
    probabilities: list[float], threshold: float, anomalous: bool, label: str, confidence: float
) -> None:
    found = findings_of(
        np.array(probabilities),
        classes=("normal", "dent", "scratch"),
        damaged=np.array([False, True, True]),
        threshold=threshold,
        source="row",
        size=(4, 3),
    )
    assert (found.anomalous, found.label) == (anomalous, label)
    assert found.confidence == pytest.approx(confidence)


def test_few_items_are_in_flight_and_all_threads_work() -> None:
    taken, at_once = 0, threading.Barrier(3, timeout=20)

    def items() -> Iterator[int]:
        nonlocal taken
        while taken < 60:
            taken += 1
            yield taken

    def work(item: int) -> int:
        if item <= 3:
            at_once.wait()  # passes only when three are worked on at the same time
        time.sleep(0.001 * (item % 3))
        return item

    for count, answer in enumerate(in_order(work, items(), threads=3), start=1):
        assert answer == count
        assert taken <= count + 12


def test_an_error_of_the_work_comes_out_at_its_place() -> None:
    answers = in_order(lambda number: 12 // number, [3, 2, 0, 1], threads=2)
    assert [next(answers), next(answers)] == [4, 6]
    with pytest.raises(ZeroDivisionError):
        next(answers)
