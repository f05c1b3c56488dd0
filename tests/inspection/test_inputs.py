"""What is inspected is told by content; what is left out is either known to be something else, or reported."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from walkaround.inspection.inputs import DRAWN_MARKER, Input, count_inputs, list_inputs

JPEG, MP4 = b"\xff\xd8\xff\xe0", b"\0\0\0\x18ftypmp42"


def tree(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def usable(*sources: Path) -> list[tuple[str, str | None]]:
    return [(one.path.name, one.kind) for one in list_inputs(sources) if one.kind is not None]


def refused(*sources: Path) -> list[str]:
    return [str(one.refused) for one in list_inputs(sources) if one.refused is not None]


def test_folders_are_searched_in_sorted_order(tmp_path: Path) -> None:
    tree(tmp_path, {"b.jpg": JPEG, "a/z.jpg": JPEG, "a/c/x.mp4": MP4, "c.jpg": JPEG})
    assert usable(tmp_path) == [("x.mp4", "video"), ("z.jpg", "picture"), ("b.jpg", "picture"), ("c.jpg", "picture")]


def test_sources_keep_the_order_given(tmp_path: Path) -> None:
    tree(tmp_path, {"b/1.jpg": JPEG, "a/2.jpg": JPEG, "3.jpg": JPEG})
    assert [name for name, _ in usable(tmp_path / "b", tmp_path / "3.jpg", tmp_path / "a")] == ["1.jpg", "3.jpg", "2.jpg"]


@pytest.mark.parametrize(
    ("name", "content", "kind"), [("photo.txt", JPEG, "picture"), ("clip.jpg", MP4, "video"), ("x", JPEG, "picture")]
)
def test_content_tells_what_a_file_is(name: str, content: bytes, kind: str, tmp_path: Path) -> None:
    assert usable(tree(tmp_path, {name: content})) == [(name, kind)]


@pytest.mark.parametrize(
    "name", ["labels.csv", "README", "Thumbs.db", ".hidden.jpg", ".cache/a.jpg", "__MACOSX/a.jpg", "notes.TXT"]
)
def test_known_other_files_are_passed_over(name: str, tmp_path: Path) -> None:
    tree(tmp_path, {"a.jpg": JPEG, name: b"something else"})
    assert (len(usable(tmp_path)), refused(tmp_path)) == (1, [])


@pytest.mark.parametrize(
    ("name", "content", "reason"), [("a.jpg", b"text", "is neither"), ("b.png", b"", "is empty"), ("x.qqq", b"?", "is neither")]
)
def test_unknown_files_are_reported(name: str, content: bytes, reason: str, tmp_path: Path) -> None:
    tree(tmp_path, {"good.jpg": JPEG, name: content})
    (message,) = refused(tmp_path)
    assert name in message
    assert reason in message


@pytest.mark.parametrize(
    ("name", "reason"), [("absent.jpg", "No such file"), ("notes.txt", "is neither"), ("empty", "holds no pictures")]
)
def test_a_source_given_by_name_is_always_answered(name: str, reason: str, tmp_path: Path) -> None:
    tree(tmp_path, {"notes.txt": b"hello", "empty/labels.csv": b"image,label"})
    (message,) = refused(tmp_path / name)
    assert name in message
    assert reason in message


@pytest.mark.parametrize("name", ["a\0b.jpg", "n" * 300])
def test_impossible_names_are_refused(name: str, tmp_path: Path) -> None:
    assert len(refused(tmp_path / name)) == 1


def test_links_do_not_loop_and_pipes_are_not_opened(tmp_path: Path) -> None:
    tree(tmp_path, {"a/1.jpg": JPEG})
    (tmp_path / "a" / "back").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self").symlink_to("self")
    os.mkfifo(tmp_path / "a" / "pipe.jpg")
    assert usable(tmp_path) == [("1.jpg", "picture")]
    assert "pipe.jpg" in refused(tmp_path / "a" / "pipe.jpg")[0]


def test_folders_drawn_into_are_inspected_only_when_named(tmp_path: Path) -> None:
    tree(tmp_path, {"1.jpg": JPEG, "drawn/1.jpg": JPEG, f"drawn/{DRAWN_MARKER}": b""})
    assert len(usable(tmp_path)) == 1
    assert len(usable(tmp_path / "drawn")) == 1


def test_counting_agrees_with_listing(tmp_path: Path) -> None:
    tree(tmp_path, {"a/1.jpg": JPEG, "a/2.mp4": MP4, "a/labels.csv": b"", "b.jpg": JPEG, "c.qqq": b"?"})
    sources = [tmp_path, tmp_path / "b.jpg", tmp_path / "absent"]
    found = list(list_inputs(sources))
    assert count_inputs(sources) == len(found) == 7
    assert found[2] == Input(path=tmp_path / "a" / "labels.csv")
