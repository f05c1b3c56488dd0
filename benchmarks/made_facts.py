"""Facts of pictures that nobody took, for tests of what is decided by them alone."""

from __future__ import annotations

from pathlib import Path

from walkaround.media.facts import PictureFacts


def made_facts(path: Path, number: int) -> PictureFacts:
    """Facts of an ordinary photo; another number is another file."""
    return PictureFacts(
        path=path,
        width=640,
        height=480,
        format="JPEG",
        pages=1,
        bytes=9,
        jpeg_quality=90,
        sharpness=0.1,
        detail=0.1,
        brightness=0.5,
        contrast=0.2,
        colourfulness=0.2,
        sha256=f"{number:064x}",
        dhash=0,
        thumbnail=bytes(256),
    )
