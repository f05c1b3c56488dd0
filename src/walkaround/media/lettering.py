"""Words on pictures: fonts, texts that fit, class names and probabilities as people read them."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import cast

from PIL import ImageFont

SMALLEST_FONT = 10
"""Pixels: smaller letters cannot be read."""
_PROBE, _UNKNOWN = 20, "\uffff"  # a size, and what is no letter in any font
_SPELT = {
    "ß": "ss",
    "æ": "ae",
    "œ": "oe",
    "ø": "o",
    "ł": "l",
    "đ": "d",
    "\N{LATIN SMALL LETTER DOTLESS I}": "i",
    "Æ": "AE",
    "Œ": "OE",
    "Ø": "O",
    "Ł": "L",
    "Đ": "D",
    "\N{EN DASH}": "-",
    "\N{EM DASH}": "-",
    "\N{MULTIPLICATION SIGN}": "x",
}


def fitted(text: str, size: int, room: int) -> tuple[str, ImageFont.FreeTypeFont]:
    """The text and the font in which it is at most `room` pixels wide: smaller first, then shortened with an ellipsis."""
    for smaller in range(size, max(SMALLEST_FONT - 2, size * 3 // 4) - 1, -1):
        font = font_of(smaller)
        if font.getlength(text) <= room:
            return text, font
    while text and font.getlength(text + "\N{HORIZONTAL ELLIPSIS}") > room:
        text = text[:-1].rstrip()
    return text + "\N{HORIZONTAL ELLIPSIS}", font


@lru_cache(maxsize=64)
def font_of(size: int) -> ImageFont.FreeTypeFont:
    """The font of all drawings, `size` pixels high."""
    return cast(ImageFont.FreeTypeFont, ImageFont.load_default(size))


def printable(label: str) -> str:
    """A class name as words: no underscores, no line breaks, nothing that has no shape.

    The font has the letters of English alone. Others lose their accents, and those of other scripts become question marks.
    """
    words = " ".join("".join(letter if letter.isprintable() else " " for letter in label.replace("_", " ")).split())
    return "".join(map(_drawable, words))


@lru_cache(maxsize=1024)
def _drawable(letter: str) -> str:
    if letter == " " or _has_shape(letter):
        return letter
    parts = unicodedata.normalize("NFKD", _SPELT.get(letter, letter))
    plain = (part for part in parts if not unicodedata.combining(part))
    return "".join(part if part == " " or _has_shape(part) else "?" for part in plain)


def _has_shape(letter: str) -> bool:
    """Whether the font knows a letter: it draws the same empty box for all others."""
    font = font_of(_PROBE)
    drawn, unknown = font.getmask(letter), font.getmask(_UNKNOWN)
    return (drawn.size, bytes(drawn)) != (unknown.size, bytes(unknown))


def percent(confidence: float) -> str:
    """A probability in whole percent, never rounded up to certainty."""
    return "> 99 %" if confidence >= 0.995 else f"{100 * confidence:.0f} %"
