"""Boxes between the frames of a video that were looked at: each is on its way from one frame of its track to the next."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace

from walkaround.damage.findings import Findings, FoundBox
from walkaround.inspection.results import VideoFindings
from walkaround.inspection.tracks import Track, tracks_of

_NEAR = 1.0
"""Seconds between two boxes of a track up to which the way between them is known well enough to be drawn."""
_ALONE = 0.25
"""Seconds that a box or a mask is shown before and after its frame: later the camera looks elsewhere."""


class FollowedPlaces:
    """What is to be drawn at any time of a video."""

    def __init__(self, found: VideoFindings) -> None:
        """Follow the boxes of a video from frame to frame."""
        self._found = found
        self._times = [frame.time or 0.0 for frame in found.frames]
        self._tracks = [(sorted(track), track) for track in tracks_of(found.frames)]

    def at(self, time: float) -> Findings:
        """The verdict of the frame nearest to a time, in seconds, and the places as they are then.

        A box moves between two frames of its track that are near each other. Other boxes, and masks, are shown only near the
        frame that they were found in: elsewhere they would point at what is no damage.
        """
        nearest = self._found.nearest(time)
        masks = nearest.masks if abs((nearest.time or 0.0) - time) <= _ALONE else None
        if nearest.boxes is None:
            return replace(nearest, time=time, masks=masks)
        boxes = [box for numbers, track in self._tracks if (box := self._on_track(numbers, track, time)) is not None]
        return replace(nearest, time=time, masks=masks, boxes=tuple(sorted(boxes, key=lambda box: -box.score)))

    def _on_track(self, numbers: list[int], track: Track, time: float) -> FoundBox | None:
        """The box of one track at a time."""
        after = bisect_right(numbers, time, key=self._times.__getitem__)
        around = numbers[max(0, after - 1) : after + 1]
        begin, end = self._times[around[0]], self._times[around[-1]]
        if begin < end <= begin + _NEAR:
            return _between(track[around[0]], track[around[-1]], share=min(1.0, max(0.0, (time - begin) / (end - begin))))
        nearest = min(around, key=lambda number: abs(self._times[number] - time))
        return track[nearest] if abs(self._times[nearest] - time) <= _ALONE else None


def _between(one: FoundBox, other: FoundBox, *, share: float) -> FoundBox:
    left, top, right, bottom = (a + share * (b - a) for a, b in zip(one.box, other.box, strict=True))
    return FoundBox(label=one.label, score=one.score + share * (other.score - one.score), box=(left, top, right, bottom))
