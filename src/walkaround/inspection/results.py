"""What an inspection gives for one source: findings of a picture, findings of a video, or the reason why there are none."""

from __future__ import annotations

from dataclasses import dataclass

from walkaround.damage.findings import Findings
from walkaround.errors import InputError


@dataclass(frozen=True, kw_only=True)
class VideoFindings:
    """What was found in a video.

    Attributes:
        frames: what was found in each frame that was looked at, in order of time.
        whole: the verdict on the video; its time and heat map are those of the frame that speaks most for damage.
        duration: seconds; up to the last frame looked at where the file does not say.
        incomplete: one sentence when frames are missing, as in a file that was cut off: nobody looked at those.
    """

    frames: tuple[Findings, ...]
    whole: Findings
    duration: float
    incomplete: str | None = None

    @property
    def source(self) -> str:
        """The video's path, as it was given."""
        return self.whole.source

    def nearest(self, time: float) -> Findings:
        """What was found in the frame nearest to a time, in seconds."""
        return min(self.frames, key=lambda frame: abs((frame.time or 0.0) - time))

    def as_json(self) -> dict[str, object]:
        """The line of the whole video: no `time`, which a frame's line has, but `frames`, `duration` and `strongest_time`.

        An incomplete video has its verdict and an `error`.
        """
        line = self.whole.as_json()
        strongest = line.pop("time", None)
        line |= {"frames": len(self.frames), "duration": round(self.duration, 3), "strongest_time": strongest}
        return line if self.incomplete is None else {**line, "error": self.incomplete}


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A source that could not be used; `reason` says in one sentence why, and what to do."""

    source: str
    reason: InputError

    def as_json(self) -> dict[str, object]:
        """A line in which no verdict is given."""
        return {"source": self.source, "anomalous": None, "confidence": None, "label": None, "error": str(self.reason)}


Result = Findings | VideoFindings | Refusal
