"""The line of waiting pictures: its limit, its order, and who leaves it."""

from __future__ import annotations

import pytest

from walkaround.hosting.pool.frames import Frame, FrameReader, Kind, head
from walkaround.hosting.pool.queue import WaitingLine, seconds_to_wait


def test_a_line_takes_up_to_its_limit_and_gives_in_order() -> None:
    line: WaitingLine[str] = WaitingLine(lambda: 3)
    assert [line.join(name) for name in "abcd"] == [True, True, True, False]
    assert line.take(2) == ["a", "b"]
    assert line.join("e")
    assert line.take(9) == ["c", "e"]
    assert len(line) == 0


def test_who_leaves_makes_room_and_what_comes_back_is_first() -> None:
    line: WaitingLine[str] = WaitingLine(lambda: 2)
    assert line.join("a")
    assert line.join("b")
    line.leave("a")
    line.leave("a")
    assert line.join("c")
    line.return_to_front(["x", "y"])
    assert line.take(4) == ["x", "y", "b", "c"]


@pytest.mark.parametrize(
    ("waiting", "units", "each", "seconds"),
    [(0, 1, 1.0, 1), (10, 1, 0.5, 5), (10, 2, 0.5, 3), (9999, 1, 1.0, 60), (5, 0, 1.0, 5)],
)
def test_when_to_come_again(waiting: int, units: int, each: float, seconds: int) -> None:
    assert seconds_to_wait(waiting, units=units, seconds_each=each) == seconds


@pytest.mark.parametrize("size", [1, 7, 13, 1000])
def test_frames_come_whole_out_of_any_pieces(size: int) -> None:
    frames = [Frame(1, Kind.LOOK, b"abc"), Frame(2**40, Kind.FOUND, b""), Frame(3, Kind.REFUSED, b"x" * 50)]
    data = b"".join(head(frame.number, frame.kind, len(frame.body)) + frame.body for frame in frames)
    reader = FrameReader()
    assert [frame for at in range(0, len(data), size) for frame in reader.feed(data[at : at + size])] == frames
