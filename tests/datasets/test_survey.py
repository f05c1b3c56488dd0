from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from walkaround.datasets.reading import read_dataset
from walkaround.datasets.survey import survey

Save = Callable[..., Path]


def test_a_survey_keeps_what_can_be_used_in_order(tmp_path: Path, save_scene: Save) -> None:
    for seed in range(4):
        save_scene(tmp_path / ("normal" if seed % 2 else "anomaly") / f"{seed}.png", seed)
    told: list[tuple[int, int]] = []
    looked = survey(read_dataset(tmp_path), progress=lambda done, total: told.append((done, total)))
    assert [sample.path.name for sample in looked.samples] == ["0.png", "2.png", "1.png", "3.png"]
    assert [fact.path for fact in looked.facts] == [sample.path for sample in looked.samples]
    assert looked.groups.tolist() == [0, 1, 2, 3]
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_each_unreadable_picture_is_named_and_left_out(tmp_path: Path, save_scene: Save) -> None:
    whole = save_scene(tmp_path / "normal" / "whole.png", 1)
    (tmp_path / "normal" / "cut.png").write_bytes(whole.read_bytes()[:500])
    (tmp_path / "normal" / "text.jpg").write_text("no picture")
    looked = survey(read_dataset(tmp_path))
    assert [sample.path.name for sample in looked.samples] == ["whole.png"]
    assert [(problem.kind, Path(problem.files[0]).name) for problem in looked.problems] == [
        ("unreadable", "cut.png"),
        ("unreadable", "text.jpg"),
    ]


def test_one_file_with_two_labels_is_left_out_with_both_names(tmp_path: Path, save_scene: Save) -> None:
    save_scene(tmp_path / "normal" / "a.png", 1)
    save_scene(tmp_path / "anomaly" / "b.png", 1)
    save_scene(tmp_path / "anomaly" / "c.png", 2)
    looked = survey(read_dataset(tmp_path))
    assert [sample.path.name for sample in looked.samples] == ["c.png"]
    [problem] = looked.problems
    assert (problem.kind, problem.severity) == ("two-labels", "error")
    assert "a.png" in problem.message
    assert "b.png" in problem.message
