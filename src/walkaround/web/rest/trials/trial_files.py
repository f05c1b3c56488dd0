"""What is uploaded to a trial: pictures and archives as everywhere, and videos, which wait in a folder for the job."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from walkaround.errors import writing
from walkaround.hosting.operations.trials.trials import NewVideo
from walkaround.media.containers import VIDEO_LIMITS
from walkaround.media.sniff import content_kind
from walkaround.web.rest.access import Visit
from walkaround.web.rest.bodies import UPLOAD_BODY, Sent, uploads_in
from walkaround.web.uploads import Kept, NothingUsableError, Refused, told_name

VIDEO_TYPES = ("video/mp4", "video/quicktime", "video/webm", "video/x-matroska", "video/x-msvideo", "video/mpeg", "video/3gpp")
"""Media types of a video that is sent alone."""
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
TRIAL_BODY: dict[str, Any] = {
    "requestBody": {
        **UPLOAD_BODY["requestBody"],
        "content": {**UPLOAD_BODY["requestBody"]["content"], **dict.fromkeys(VIDEO_TYPES, _BINARY)},
    }
}
"""OpenAPI's description of the bodies that an upload to a trial may have."""
_HEAD_BYTES = 512


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """What of an upload can be used, and what not."""

    pictures: Sequence[Kept]
    videos: Sequence[NewVideo]
    refused: Sequence[Refused]


def keep_files(visit: Visit, files: Sequence[Sent], *, at_most: int) -> Arrived:
    """Check and keep pictures, and put videos aside; at least one of the files is good.

    Args:
        visit: of whom.
        files: of one request.
        at_most: frames that are chosen of each video at most.

    Raises:
        NothingUsableError: none is.
        StorageError: the disk is full.
    """
    clips = [one for one in files if _is_video(one)]
    videos: list[NewVideo] = []
    refused: list[Refused] = []
    try:
        for clip in clips:
            size = clip.content.seek(0, 2)
            if size > VIDEO_LIMITS.max_bytes:
                reason = (
                    f"{told_name(clip.name)!r} has {size:,} bytes, more than {VIDEO_LIMITS.max_bytes:,}: cut it into parts."
                )
                refused.append(Refused(name=told_name(clip.name), reason=reason))
                continue
            videos.append(_put_aside(visit, clip, at_most=at_most))
        uploads = uploads_in([one for one in files if one not in clips], at_most=visit.service.settings.max_upload)
        found = list(visit.service.pictures.keep(visit.owner.account, uploads))
    except BaseException:
        forget_files(visit, [one.file for one in videos])
        raise
    pictures = [one for one in found if isinstance(one, Kept)]
    refused += [one for one in found if isinstance(one, Refused)]
    if not pictures and not videos:
        raise NothingUsableError(refused)
    return Arrived(pictures=pictures, videos=videos, refused=refused)


def forget_files(visit: Visit, files: Sequence[str]) -> None:
    """Delete videos that nobody waits for; one that is read at the moment is read to its end."""
    for file in files:
        with suppress(OSError):
            (visit.service.settings.data / file).unlink(missing_ok=True)


def _is_video(one: Sent) -> bool:
    one.content.seek(0)
    head = one.content.read(_HEAD_BYTES)
    one.content.seek(0)
    return content_kind(head) == "video"


def _put_aside(visit: Visit, clip: Sent, *, at_most: int) -> NewVideo:
    data = visit.service.settings.data
    file = Path("work", "videos", secrets.token_hex(16))
    path = data / file
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        clip.content.seek(0)
        try:
            with path.open("xb") as copy:
                shutil.copyfileobj(clip.content, copy, 1 << 20)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    return NewVideo(name=told_name(clip.name), file=str(file), at_most=at_most)
