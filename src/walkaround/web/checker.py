"""The process that decodes uploaded pictures, so that a hostile one can cost the server nothing: one JSON line in, one out.

Started as `python -m walkaround.web.checker PARENT`; it ends when its input does.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from walkaround.errors import InputError
from walkaround.hosting.pool.answers import LEAST_SIDE, MOST_BYTES, MOST_SIDE, PICTURE_FORMATS
from walkaround.hosting.pool.parent import follow_parent
from walkaround.media.pictures import PictureLimits, read_picture

_ADDRESS_SPACE = 4 << 30


def check(path: Path, name: str) -> dict[str, object]:
    """Decode one picture; its format and size, or the reason why it cannot be used."""
    try:
        picture = read_picture(path, name=name, limits=PictureLimits(max_bytes=MOST_BYTES), formats=PICTURE_FORMATS)
    except InputError as problem:
        return {"reason": str(problem)}
    sides = (picture.width, picture.height)
    if min(sides) < LEAST_SIDE or max(sides) > MOST_SIDE:
        return {
            "reason": f"{name!r} is {sides[0]} x {sides[1]} pixels: each side must have {LEAST_SIDE} to {MOST_SIDE}; resize it."
        }
    return {"format": picture.format, "width": picture.width, "height": picture.height}


def main() -> None:
    """Answer until the input ends."""
    follow_parent(int(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    for line in sys.stdin:
        path, name = json.loads(line)
        try:
            answer = check(Path(path), name)
        except MemoryError:
            answer = {"reason": f"{name!r} needs more memory than a picture may: make it smaller."}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
