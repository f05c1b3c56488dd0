"""The process that makes thumbnails: in comes a JSON line with the path of a picture, where the thumbnail goes, and its side.

Started as `python -m walkaround.web.thumbnail_child PARENT`; it ends when its input does.
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
from walkaround.media.pictures import read_picture
from walkaround.media.sizes import picture_size

_ADDRESS_SPACE = 4 << 30
_LARGE = 1024
_QUALITY, _QUALITY_OF_LARGE = 78, 90
_NICE = 3  # hosted models answer first


def shrink(source: Path, target: Path, side: int, *, name: str) -> dict[str, object]:
    """Write a picture as an upright JPEG whose longer side has `side` pixels at most; its size, or why it cannot be shown."""
    try:
        size = picture_size(source)
        longer, shorter = max(size.width, size.height), min(size.width, size.height)
        needed = None if longer <= side else max(1, -(-shorter * side // longer))
        picture = read_picture(source, name=name, side=needed)
    except InputError as problem:
        return {"reason": str(problem).replace(repr(str(source)), repr(name))}
    scale = min(1.0, side / max(picture.width, picture.height))
    width, height = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    image = Image.fromarray(picture.pixels)
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    image.save(target, "JPEG", quality=_QUALITY if side < _LARGE else _QUALITY_OF_LARGE)
    return {"width": width, "height": height}


def main() -> None:
    """Answer until the input ends."""
    follow_parent(int(sys.argv[1]))
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    for line in sys.stdin:
        source, target, side, name = json.loads(line)
        try:
            answer = shrink(Path(source), Path(target), side, name=name)
        except MemoryError:
            answer = {"reason": f"{name!r} needs more memory than a picture may: make it smaller."}
        except OSError as problem:
            answer = {"full": f"Cannot keep a thumbnail: {problem.strerror or problem}; free some space and try again."}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
