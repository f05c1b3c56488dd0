"""The strip under a drawn video: its whole length, the stretches in which damage is seen, and where it is now.

Colours are those of the banner. None carries a meaning alone: stretches of damage are also higher than the track they lie on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from walkaround.inspection.results import VideoFindings

_BACKGROUND, _TRACK, _PAST = (22, 25, 29), (74, 82, 92), (150, 158, 168)
_DAMAGED, _POSITION = (230, 159, 0), (255, 255, 255)
_SMALLEST = 14  # pixels


class Timeline:
    """Strips for the frames of one video in one size."""

    def __init__(self, found: VideoFindings, *, width: int, height: int) -> None:
        """Draw what is the same in all frames.

        Args:
            found: whose spans are shown.
            width: of the frames, in pixels, and of the strips.
            height: of the frames, in pixels; the strips' height depends on these two alone.
        """
        self._height = max(_SMALLEST, round(min(width, height) * 0.045))
        self._unit = max(1, self._height // 8)
        self._left, self._right = 3 * self._unit, max(3 * self._unit + 1, width - 3 * self._unit)
        self._duration = max(found.duration, 1e-3)
        ahead, past = (Image.new("RGB", (width, self._height), _BACKGROUND) for _ in range(2))
        middle, thick = self._height / 2, self._unit / 2
        for image, colour in ((ahead, _TRACK), (past, _PAST)):
            draw = ImageDraw.Draw(image)
            draw.rectangle((self._left, round(middle - thick), self._right, round(middle + thick)), fill=colour)
            for span in found.spans:
                begin, end = self._place(span.begin), self._place(span.end)
                least = begin + 2 * self._unit  # a stretch too short to be seen is drawn longer
                place = (
                    begin + self._unit / 2,
                    2 * self._unit,
                    max(end - self._unit / 2, least),
                    self._height - 2 * self._unit - 1,
                )
                draw.rounded_rectangle(place, radius=self._unit, fill=_DAMAGED)
        self._ahead, self._past = np.asarray(ahead), np.asarray(past)

    def at(self, time: float) -> NDArray[np.uint8]:
        """uint8 [height of the strip, width, 3], RGB, with the position of a time in seconds."""
        x = round(self._place(time))
        strip = self._ahead.copy()
        strip[:, :x] = self._past[:, :x]
        strip[:, max(0, x - 2 * self._unit) : x + 2 * self._unit] = _BACKGROUND  # so that it stands out on any colour
        strip[:, max(0, x - self._unit) : x + self._unit] = _POSITION
        return strip

    def _place(self, time: float) -> float:
        return self._left + (self._right - self._left) * min(1.0, max(0.0, time / self._duration))
