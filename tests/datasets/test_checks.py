from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from walkaround.datasets.checks import CheckReport, check_dataset, check_survey
from walkaround.datasets.reading import read_dataset
from walkaround.datasets.sample import Dataset, Sample, Split
from walkaround.datasets.survey import Survey
from walkaround.media.facts import PictureFacts

Save = Callable[..., Path]


def surveyed(labels: Sequence[str | None], facts: PictureFacts) -> Survey:
    """A survey of pictures that differ in nothing but their label."""
    samples = tuple(Sample(path=Path(f"{number}.jpg"), label=label) for number, label in enumerate(labels))
    return Survey(
        samples=samples,
        facts=tuple(replace(facts, path=sample.path, sha256=str(sample.path)) for sample in samples),
        groups=np.arange(len(samples)),
        problems=(),
    )


def checked(looked: Survey) -> CheckReport:
    return check_survey(Dataset(origin=Path("cars"), samples=looked.samples), looked)


def kinds(report: CheckReport) -> list[tuple[str, str]]:
    return [(problem.kind, problem.severity) for problem in report.problems]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"normal": 30, "anomaly": 30}, []),
        ({"normal": 30}, [("normal-only", "note")]),
        ({"dent": 30}, [("one-class", "error")]),
        ({"dent": 30, "scratch": 30}, [("no-normal", "warning")]),
        ({"normal": 19, "anomaly": 10}, [("few", "warning")]),
        ({"normal": 20, "anomaly": 9}, [("few", "warning")]),
        ({"normal": 20, "anomaly": 2}, [("too-few", "error")]),
        ({"normal": 200, "anomaly": 15}, [("imbalance", "warning")]),
        ({"normal": 30, "Door dent": 30, "door_dent": 30}, [("spelling", "warning")]),
        ({None: 30}, [("no-labels", "error")]),
        ({"normal": 30, "anomaly": 30, None: 3}, [("unlabelled", "note")]),
    ],
)
def test_the_labels_of_a_dataset(
    some_facts: PictureFacts, counts: dict[str | None, int], expected: list[tuple[str, str]]
) -> None:
    report = checked(surveyed([label for label, count in counts.items() for _ in range(count)], some_facts))
    assert [pair for pair in kinds(report) if pair != ("imbalance", "warning") or pair in expected] == expected
    assert report.passed == all(severity != "error" for _, severity in expected)
    assert report.counts == {label: count for label, count in sorted(counts.items(), key=str) if label is not None}


def test_normal_pictures_that_are_left_by_mistake_are_no_dataset(some_facts: PictureFacts) -> None:
    looked = surveyed(["normal"] * 30, some_facts)
    report = checked(replace(looked, left_out=(Sample(path=Path("broken.jpg"), label="dent"),)))
    assert (kinds(report), report.passed) == ([("normal-left", "error")], False)
    assert report.problems[0].message == "Only normal pictures are left: no picture of 'dent' could be used."


def test_near_duplicates_count_once(some_facts: PictureFacts) -> None:
    looked = surveyed(["normal"] * 30 + ["anomaly"] * 30, some_facts)
    looked = replace(looked, groups=np.r_[np.arange(30), np.full(30, 30)])
    report = checked(looked)
    assert ("too-few", "error") in kinds(report)
    assert "1 picture that differ" in report.problems[0].message


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        (("normal", "train"), ("normal", "test"), "split-leak"),
        (("normal", None), ("anomaly", None), "near-two-labels"),
    ],
)
def test_near_duplicates_that_disagree(
    some_facts: PictureFacts, first: tuple[str, Split | None], second: tuple[str, Split | None], kind: str
) -> None:
    looked = surveyed(["normal"] * 30 + ["anomaly"] * 30, some_facts)
    pair = [Sample(path=Path(f"copy{n}.jpg"), label=label, split=split) for n, (label, split) in enumerate((first, second))]
    looked = replace(looked, samples=(*looked.samples[:58], *pair), groups=np.r_[np.arange(58), 58, 58])
    problem = next(problem for problem in checked(looked).problems if problem.kind == kind)
    assert problem.files == ("copy0.jpg", "copy1.jpg")


def test_doubtful_labels_are_named_the_surest_first(some_facts: PictureFacts) -> None:
    looked = surveyed(["normal"] * 30 + ["anomaly"] * 30, some_facts)
    doubt = {
        Path("3.jpg"): ("anomaly", 0.91),
        Path("40.jpg"): ("normal", 0.99),
        Path("5.jpg"): ("anomaly", 0.6),
        Path("6.jpg"): ("normal", 1.0),
    }
    report = check_survey(Dataset(origin=Path("cars"), samples=looked.samples), looked, label_doubt=doubt)
    assert [(problem.kind, problem.files) for problem in report.problems] == [
        ("label-doubt", ("40.jpg",)),
        ("label-doubt", ("3.jpg",)),
    ]
    assert "'anomaly' but looks like 'normal' (99%)" in report.problems[0].message


def test_a_whole_check_from_files(tmp_path: Path, save_scene: Save) -> None:
    for seed in range(4):
        save_scene(tmp_path / "normal" / f"{seed}.png", seed)
        save_scene(tmp_path / "anomaly" / f"{seed}.jpg", 100 + seed)
    save_scene(tmp_path / "normal" / "small.png", 7, width=60, height=50)
    save_scene(tmp_path / "normal" / "copy.jpg", 2)
    (tmp_path / "anomaly" / "again.jpg").write_bytes((tmp_path / "anomaly" / "0.jpg").read_bytes())
    (tmp_path / "anomaly" / "broken.jpg").write_text("no picture")
    report = check_dataset(read_dataset(tmp_path))
    assert {problem.kind for problem in report.problems} == {"few", "tiny", "near-duplicates", "duplicates", "unreadable"}
    assert report.passed
    severities = [problem.severity for problem in report.problems]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)
    line = json.loads(json.dumps(report.as_json()))
    assert line["counts"] == {"anomaly": 5, "normal": 6}
    assert all(problem["message"].endswith(".") for problem in line["problems"])
