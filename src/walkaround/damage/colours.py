"""A fixed colour for each class name, told apart by every kind of colour vision; never white, which stands for background.

The seven damage types of the product have the seven colours of Okabe and Ito (2008), Color universal design. All other names
get one of 17 more by the CRC-32 of their name, which the console works out alike. These were chosen one after the other, each
as far as can be from white, from black and from all before it, in OKLab (Ottosson 2020) as seen by eyes that lack one kind of
cone (Machado, Oliveira and Fernandes 2009).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from walkaround.damage.kinds import DAMAGE_TYPES, simplified

Rgb = tuple[int, int, int]

_FIXED: Mapping[str, str] = MappingProxyType(
    {
        "scratch": "#F0E442",
        "doordent": "#E69F00",
        "dent": "#E69F00",
        "bumperdent": "#D55E00",
        "glassshatter": "#56B4E9",
        "crack": "#56B4E9",
        "taillamp": "#CC79A7",
        "headlamp": "#009E73",
        "lamp": "#009E73",
        "smash": "#0072B2",
        "broken": "#0072B2",
    }
)
_SEVEN = tuple(dict.fromkeys(_FIXED.values()))
_MORE = (
    "#0000BB #774444 #9966FF #551166 #AACCAA #7700EE #BB1188 #66FFAA #004400 #CCDDFF #886655 #006677 #CC33CC #771144"
    " #FFBB66 #BBAA77 #994400"
).split()
PALETTE = (*_SEVEN, *_MORE)
"""Every colour, as "#RRGGBB"."""


def colour_of(name: str) -> str:
    """The colour of a class, "#RRGGBB", whatever other classes there are: the same on every machine, in every version."""
    plain = simplified(name) or name
    if plain in _FIXED:
        return _FIXED[plain]
    return _MORE[zlib.crc32(plain.encode("utf-8", "surrogatepass")) % len(_MORE)]


def colours_of(names: Iterable[str]) -> dict[str, str]:
    """Colours of classes that are shown together: each its own, `colour_of` it, unless another one has that already.

    The order of the names does not matter. Beyond as many names as the palette has colours, they are given out again.
    """
    given: dict[str, str] = {}
    free = list(PALETTE)
    together = sorted(set(names), key=lambda name: (_rank(name), name))
    for name in together:
        if not free:
            free = list(PALETTE)
        start = PALETTE.index(colour_of(name))
        ring = (*PALETTE[start:], *_MORE, *PALETTE)  # by the first seven the product's own types are known: they come last
        given[name] = next(colour for colour in ring if colour in free)
        free.remove(given[name])
    return dict(sorted(given.items()))


def _rank(name: str) -> int:
    """The product's own types come before other names of theirs, and these before all others."""
    plain = simplified(name)
    return 0 if plain in map(simplified, DAMAGE_TYPES) else 1 if plain in _FIXED else 2


def rgb_of(colour: str) -> Rgb:
    """Red, green and blue, 0 to 255 each, of "#RRGGBB"."""
    return (int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16))


def is_light(rgb: Rgb) -> bool:
    """Whether black reads better on it than white does: the contrasts of WCAG 2.2 meet at a relative luminance of 0.179."""
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (c / 255 for c in rgb))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179
