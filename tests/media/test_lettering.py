"""Words on pictures: what the font has no letters for is spelt with what it has."""

from __future__ import annotations

import pytest

from walkaround.media.lettering import fitted, font_of, printable


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("door_dent", "door dent"),
        ("two\nlines\x07", "two lines"),
        ("Kratzer_gro\N{LATIN SMALL LETTER SHARP S}", "Kratzer gross"),
        ("ray\N{LATIN SMALL LETTER E WITH ACUTE}", "raye"),
        ("\N{LATIN CAPITAL LETTER L WITH STROKE}a", "La"),
        ("\u65e5\u672c scratch", "?? scratch"),
        ("caf\udce9", "caf"),
        ("", ""),
    ],
)
def test_class_names_are_written_in_letters_that_the_font_has(label: str, words: str) -> None:
    assert printable(label) == words


def test_every_letter_of_a_drawing_has_a_shape_of_its_own() -> None:
    font = font_of(20)
    shapes = {letter: bytes(font.getmask(letter)) for letter in "0123456789%><,:x?\N{HORIZONTAL ELLIPSIS}\uffff"}
    assert len(set(shapes.values())) == len(shapes)


def test_a_text_gets_smaller_and_then_shorter() -> None:
    assert fitted("scratch", 20, 1000) == ("scratch", font_of(20))
    text, font = fitted("scratch " * 20, 20, 100)
    assert text.startswith("scratch")
    assert text.endswith("\N{HORIZONTAL ELLIPSIS}")
    assert font.getlength(text) <= 100
