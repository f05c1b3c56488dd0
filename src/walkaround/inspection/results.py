"""What an inspection gives for one source: findings of a picture, findings of a video, or the reason why there are none."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from walkaround.damage.findings import Findings
from walkaround.errors import InputError
from walkaround.inspection.spans import DamageSpan


@dataclass(frozen=True, kw_only=True)
class VideoFindings:
    """What was found in a video.

    Attributes:
        frames: what was found in each frame that was looked at, in order of time.
        whole: the verdict on the video; its time, heat map, boxes and masks are those of the frame that speaks most for damage.
        duration: seconds; up to the last frame looked at where the file does not say.
        spans: the stretches in which damage is seen, in order of time. They say where to look, each for itself; `whole` weighs
            all frames, and can be whole with a short span.
        incomplete: one sentence when frames are missing, as in a file that was cut off: nobody looked at those.
    """

    frames: tuple[Findings, ...]
    whole: Findings
    duration: float
    spans: tuple[DamageSpan, ...] = ()
    incomplete: str | None = None

    @property
    def source(self) -> str:
        """The video's path, as it was given."""
        return self.whole.source

    def nearest(self, time: float) -> Findings:
        """What was found in the frame nearest to a time, in seconds."""
        after = bisect_left(self.frames, time, key=_time)
        return min(self.frames[max(0, after - 1) : after + 1], key=lambda frame: abs(_time(frame) - time))

    def as_json(self) -> dict[str, object]:
        """The line of the whole video: no `time` as in a frame's, but `frames`, `duration`, `strongest_time` and `spans`.

        An incomplete video has its verdict and an `error`.
        """
        line = self.whole.as_json()
        strongest = line.pop("time", None)
        line |= {"frames": len(self.frames), "duration": round(self.duration, 3), "strongest_time": strongest}
        line["spans"] = [span.as_json() for span in self.spans]
        return line if self.incomplete is None else {**line, "error": self.incomplete}


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A source that could not be used; `reason` says in one sentence why, and what to do."""

    source: str
    reason: InputError

    def as_json(self) -> dict[str, object]:
        """A line in which no verdict is given."""
        return {"source": self.source, "anomalous": None, "confidence": None, "label": None, "error": str(self.reason)}


def _time(frame: Findings) -> float:
    return frame.time or 0.0


Result = Findings | VideoFindings | Refusal
