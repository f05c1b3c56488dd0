"""The process that takes frames out of videos: in comes a JSON line with a video, where the JPEG goes, a time and a side.

Started as `python -m walkaround.web.frame_child PARENT`; it ends when its input does.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path

from PIL import Image

from walkaround.errors import InputError
from walkaround.hosting.pool.parent import follow_parent
from walkaround.media.containers import LONG_VIDEO_LIMITS
from walkaround.media.seeking import frames_at

_ADDRESS_SPACE = 6 << 30
_QUALITY = 88
_NICE = 3  # hosted models answer first


def take(source: Path, target: Path, time: float, side: int, *, name: str) -> dict[str, object]:
    """Write the frame that is shown at a time as an upright JPEG of at most `side` pixels; when it began, or why there is none.

    Args:
        source: the video.
        target: where the JPEG goes.
        time: in seconds from the first frame; behind the end, there is no frame.
        side: pixels of the longer side at most.
        name: what the video is called.
    """
    try:
        frame = next(frames_at(source, [time], limits=LONG_VIDEO_LIMITS), None)
    except InputError as problem:
        return {"reason": str(problem).replace(repr(str(source)), repr(name))}
    if frame is None:
        return {"reason": f"The video {name!r} has no frame at {time:g} s: it ends before."}
    image = Image.fromarray(frame.pixels)
    scale = min(1.0, side / max(image.size))
    if scale < 1:
        image = image.resize(
            (max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.BICUBIC
        )
    image.save(target, "JPEG", quality=_QUALITY)
    return {"time": frame.time}


def main() -> None:
    """Answer until the input ends."""
    follow_parent(int(sys.argv[1]))
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    for line in sys.stdin:
        source, target, time, side, name = json.loads(line)
        try:
            answer = take(Path(source), Path(target), time, side, name=name)
        except MemoryError:
            answer = {"reason": f"{name!r} needs more memory than a video may: make its frames smaller."}
        except OSError as problem:
            answer = {"full": f"Cannot keep a frame: {problem.strerror or problem}; free some space and try again."}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
