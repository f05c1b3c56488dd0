"""Following a damage through the frames of a video by its box: which boxes of neighbouring frames are the same damage.

Each box goes on the track of its label that it overlaps most; a camera that walks on moves boxes by more than their own size,
so that a box whose centre lies near the last one of a track is taken for it too. After Bewley et al. (2016), Simple online and
realtime tracking: the assignment of Kuhn and Munkres, but no model of motion, because frames are seconds apart and cameras in
hands.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from walkaround.damage.findings import Findings, FoundBox
from walkaround.damage.places import Box

Track = dict[int, FoundBox]
"""The box of one damage in each frame that shows it, by the number of the frame."""

_LEAST_OVERLAP = 0.1  # intersection over union
_FAR = 1.0  # mean diagonals of two boxes that their centres may be apart
_SECONDS = 3.0  # for which a damage may be out of sight, or unseen, and still be the same
_FRAMES = 2  # of a slow sequence, in which frames are farther apart than that: the neighbours, and one between
_LIKELY_SIZE = 4.0  # times in area that a box may grow from one frame to the next


def tracks_of(frames: Sequence[Findings]) -> list[Track]:
    """The damages that are seen in frames, each followed from its first to its last box.

    Args:
        frames: of the same video and model, in order of time.
    """
    tracks: list[Track] = []
    going: list[tuple[int, Track]] = []
    for number, frame in enumerate(frames):
        going = [
            (last, track)
            for last, track in going
            if number - last <= _FRAMES or (frame.time or 0.0) - (frames[last].time or 0.0) <= _SECONDS
        ]
        boxes = list(frame.boxes or ())
        seen: list[Track] = []
        for label in dict.fromkeys(box.label for box in boxes):
            own = [box for box in boxes if box.label == label]
            former = [(last, track) for last, track in going if track[last].label == label]
            taken = _assigned([track[last] for last, track in former], own)
            for at, box in enumerate(own):
                track = former[taken[at]][1] if at in taken else {}
                if at not in taken:
                    tracks.append(track)
                track[number] = box
                seen.append(track)
        going = [(last, track) for last, track in going if number not in track] + [(number, track) for track in seen]
    return tracks


def _assigned(former: Sequence[FoundBox], boxes: Sequence[FoundBox]) -> dict[int, int]:
    """Which former box each one goes on from, by its number; those that are new are left out."""
    from scipy.optimize import linear_sum_assignment

    if not former:
        return {}
    likeness = np.array([[_likeness(one.box, box.box) for one in former] for box in boxes])
    rows, columns = linear_sum_assignment(-likeness)
    return {int(row): int(column) for row, column in zip(rows, columns, strict=True) if likeness[row, column] > 0}


def _likeness(first: Box, second: Box) -> float:
    """How much two boxes look like the same damage: 0 not at all, above 1 where they overlap."""
    areas = [max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1]) for box in (first, second)]
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    common = max(0.0, width) * max(0.0, height)
    overlap = common / max(sum(areas) - common, 1e-9)
    if overlap >= _LEAST_OVERLAP:
        return 1.0 + overlap
    if max(areas) > _LIKELY_SIZE * min(areas):
        return 0.0
    diagonals = [math.hypot(box[2] - box[0], box[3] - box[1]) for box in (first, second)]
    apart = math.hypot(sum(first[::2]) - sum(second[::2]), sum(first[1::2]) - sum(second[1::2])) / 2
    return max(0.0, 1.0 - apart / max(_FAR * sum(diagonals) / 2, 1e-9))
