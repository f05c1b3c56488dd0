"""A package is whole or it is refused; something else is never overwritten."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from walkaround.errors import PackageError, StorageError
from walkaround.models.package import Card, check_target, read_package, write_package

MODEL = b"bytes of a model"
CARD = Card(
    name="cars",
    task="classes",
    classes=("normal", "Beule 車"),
    normal=("normal",),
    threshold=0.42,
    side=320,
    model_sha256=hashlib.sha256(MODEL).hexdigest(),
    created="2025-01-01T00:00:00Z",
    walkaround="0",
    data={"pictures": 3},
    scores={"accuracy": 0.9, "intervals": {"accuracy": [0.8, 1.0]}},
)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    write_package(tmp_path / "cars", MODEL, CARD)
    return tmp_path / "cars"


def edit(package: Path, change: Callable[[dict[str, object]], object]) -> None:
    """Alter the stored card as somebody with an editor would."""
    stored = json.loads((package / "card.json").read_text())
    change(stored)
    (package / "card.json").write_text(json.dumps(stored))


def test_what_is_written_is_read_back(package: Path) -> None:
    found = read_package(str(package))
    assert found.card == CARD
    assert found.model.read_bytes() == MODEL
    assert len(found.fingerprint) == 12
    assert sorted(path.name for path in package.iterdir()) == ["card.json", "model.onnx"]


MULTI_LABEL = replace(
    CARD, task="multi-label", format=3, classes=("normal", "dent", "scratch"), kind_thresholds={"dent": 0.4, "scratch": 0.6}
)


def test_a_multi_label_package_has_a_format_of_its_own(tmp_path: Path) -> None:
    write_package(tmp_path / "a", MODEL, MULTI_LABEL)
    assert read_package(tmp_path / "a").card == MULTI_LABEL
    assert json.loads((tmp_path / "a" / "card.json").read_text())["format"] == 3


def test_the_cards_of_other_packages_stay_as_they_were(package: Path) -> None:
    stored = json.loads((package / "card.json").read_text())
    assert stored["format"] == 2
    assert "kind_thresholds" not in stored
    assert read_package(package).fingerprint == stored["fingerprint"][:12]


@pytest.mark.parametrize("change", [{"kind_thresholds": {"dent": 0.4}}, {"kind_thresholds": None}, {"task": "classes"}])
def test_a_multi_label_package_has_a_threshold_for_each_damage_type(tmp_path: Path, change: dict[str, Any]) -> None:
    write_package(tmp_path / "a", MODEL, replace(MULTI_LABEL, **change))
    with pytest.raises(PackageError, match="no threshold for each of its damage types; train it again"):
        read_package(tmp_path / "a")


def test_fingerprints_tell_packages_apart(package: Path, tmp_path: Path) -> None:
    other = write_package(tmp_path / "other", MODEL, replace(CARD, threshold=0.43))
    assert read_package(package).fingerprint != read_package(other.path).fingerprint
    assert read_package(other.path).fingerprint == other.fingerprint


def test_a_package_replaces_another_and_leaves_nothing_beside(package: Path) -> None:
    write_package(package, b"new", replace(CARD, model_sha256=hashlib.sha256(b"new").hexdigest()))
    assert read_package(package).model.read_bytes() == b"new"
    assert [path.name for path in package.parent.iterdir()] == ["cars"]


def test_names_that_are_no_utf8_come_back(tmp_path: Path) -> None:
    write_package(tmp_path / "a", MODEL, replace(CARD, name="caf\udce9"))
    assert read_package(tmp_path / "a").card.name == "caf\udce9"


FAULTS: list[tuple[str, Callable[[Path], object], str]] = [
    ("no model", lambda at: (at / "model.onnx").unlink(), r"lacks model\.onnx; copy the whole folder again or train it again"),
    ("no card", lambda at: (at / "card.json").unlink(), r"lacks card\.json; copy the whole folder again"),
    ("altered model", lambda at: (at / "model.onnx").write_bytes(b"other"), r"model\.onnx .*was altered after training"),
    ("altered card", lambda at: edit(at, lambda card: card.update(threshold=0.01)), r"card\.json .*was altered after"),
    ("added field", lambda at: edit(at, lambda card: card.update(more=1)), r"card\.json .*was altered after"),
    ("taken field", lambda at: edit(at, lambda card: card.pop("classes")), r"card\.json .*was altered after"),
    ("no seal", lambda at: edit(at, lambda card: card.pop("fingerprint")), r"card\.json .*was altered after"),
    ("later format", lambda at: edit(at, lambda card: card.update(format=99)), r"has format 99, .* update walkaround"),
    ("cut card", lambda at: (at / "card.json").write_text('{"name": "ca'), r"cannot be read .* copy the whole folder again"),
    ("empty card", lambda at: (at / "card.json").write_text(""), r"cannot be read .* copy the whole folder again"),
    ("deep card", lambda at: (at / "card.json").write_text("[" * 200_000), r"cannot be read|is no walkaround card"),
    ("no text", lambda at: (at / "card.json").write_bytes(b"\xff\xfe\x00"), r"cannot be read .* copy the whole folder again"),
    ("other JSON", lambda at: (at / "card.json").write_text("[1, 2]"), r"is no walkaround card; give the folder"),
]


@pytest.mark.parametrize(("fault", "message"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_a_damaged_package_is_refused_in_one_sentence(package: Path, fault: Callable[[Path], object], message: str) -> None:
    fault(package)
    with pytest.raises(PackageError, match=message) as refused:
        read_package(package)
    assert str(package) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_no_package_at_all(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "missing", tmp_path / "file"):
        with pytest.raises(PackageError, match=r"There is no package at .*walkaround train --out"):
            read_package(path)


def holiday(folder: Path) -> Path:
    (folder / "photos").mkdir()
    (folder / "photos" / "holiday.jpg").write_bytes(b"x")
    return folder / "photos"


def note(folder: Path) -> Path:
    (folder / "note.txt").write_text("keep me")
    return folder / "note.txt"


@pytest.mark.parametrize("make", [holiday, note])
def test_what_is_no_package_is_never_overwritten(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    for attempt in (lambda: check_target(path), lambda: write_package(path, MODEL, CARD)):
        with pytest.raises(StorageError, match="exists and is no package; choose another name"):
            attempt()
    assert sorted(tmp_path.rglob("*")) == before


def test_an_empty_folder_may_become_a_package(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    write_package(tmp_path / "empty", MODEL, CARD)
    assert read_package(tmp_path / "empty").card == CARD


def test_a_place_below_a_file_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="a part of the path is a file, not a folder; choose another path"):
        check_target(note(tmp_path) / "deep" / "package")
