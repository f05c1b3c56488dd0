"""The process that decodes the pictures and videos of trials, so that a hostile one can cost the server nothing.

Started as `python -m walkaround.hosting.jobs.looking.trial_child PARENT`; it ends when its input does. One JSON line in, one
out: of a picture what it is like, of a video the frames that were chosen, written as JPEGs; or the reason why there is nothing.
"""

from __future__ import annotations

import base64
import json
import resource
import sys
from pathlib import Path
from typing import Any

from PIL import Image

from walkaround.errors import InputError
from walkaround.hosting.pool.answers import LEAST_SIDE, MOST_BYTES, PICTURE_FORMATS
from walkaround.hosting.pool.parent import follow_parent
from walkaround.inspection.frames import choose_frames
from walkaround.media.facts import PictureFacts, picture_facts
from walkaround.media.pictures import PictureLimits

_ADDRESS_SPACE = 12 << 30  # mostly reserved and never used, by the threads of a video's decoder
_FRAME_SIDE, _QUALITY = 1080, 90
_SOFT = 0.33
"""Fine detail of blurred and of enlarged pictures is below: of 80 car photos none was, of the same photos blurred by a 300th of
their size 27 of 30."""
_DARK, _BRIGHT, _FLAT, _SMALL = 0.15, 0.9, 0.07, 240
"""Mean and standard deviation of luma, and pixels a side: outside of what 99 of 100 car photos have."""


def look(path: Path) -> dict[str, Any]:
    """What a picture is like: a thumbnail to know it again by, and what of it may mislead a model or a person."""
    try:
        facts = picture_facts(path, limits=PictureLimits(max_bytes=MOST_BYTES))
    except InputError as problem:
        return {"reason": str(problem)}
    if facts.format not in PICTURE_FORMATS:
        return {"reason": f"It is a {facts.format}."}
    measured = {name: round(float(getattr(facts, name)), 4) for name in ("sharpness", "detail", "brightness", "contrast")}
    return {"thumbnail": base64.b64encode(facts.thumbnail).decode("ascii"), "quality": {"hints": hints_of(facts), **measured}}


def hints_of(facts: PictureFacts) -> list[str]:
    """What makes a picture hard to judge: blurred, dark, bright, flat or small."""
    return [
        hint
        for hint, there in (
            ("blurred", facts.detail < _SOFT),
            ("dark", facts.brightness < _DARK),
            ("bright", facts.brightness > _BRIGHT),
            ("flat", facts.contrast < _FLAT),
            ("small", min(facts.width, facts.height) < _SMALL),
        )
        if there
    ]


def choose(path: Path, *, name: str, at_most: int, folder: Path) -> dict[str, Any]:
    """Choose the frames of a video as inspection does, and write them into a folder."""
    missing: list[str] = []
    try:
        frames = choose_frames(path, at_most=at_most, side=_FRAME_SIDE, incomplete=missing.append)
    except InputError as problem:
        return {"reason": str(problem).replace(repr(str(path)), repr(name))}
    if min(frames[0].pixels.shape[:2]) < LEAST_SIDE:
        return {"reason": f"{name!r} has frames of less than {LEAST_SIDE} pixels a side: record it in a higher resolution."}
    told = []
    for number, frame in enumerate(frames):
        file = folder / f"{number}.jpg"
        Image.fromarray(frame.pixels).save(file, "JPEG", quality=_QUALITY)
        told.append({"file": str(file), "time": round(frame.time, 3)})
    return {"frames": told, "incomplete": missing[0].replace(repr(str(path)), repr(name)) if missing else None}


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """What is told of a picture or a video."""
    try:
        if "picture" in question:
            return look(Path(question["picture"]))
        video = Path(question["video"])
        return choose(video, name=question["name"], at_most=question["at_most"], folder=Path(question["folder"]))
    except MemoryError:
        return {"reason": "It needs more memory to decode than it may: make it smaller."}


def main() -> None:
    """Answer until the input ends."""
    follow_parent(int(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
