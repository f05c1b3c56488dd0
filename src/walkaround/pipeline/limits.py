"""How long pictures and videos of strangers may take: to come from their bucket, and to be worked on."""

from __future__ import annotations

from dataclasses import dataclass

from walkaround.media.pictures import PICTURE_LIMITS
from walkaround.settings import Limit, Settings


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long a picture and a video may take, and which settings say so."""

    picture: Limit
    video: Limit

    def of_size(self, size: int) -> Limit:
        """For what is not known yet but for its bytes: what is too large for a picture may be a video."""
        return self.picture if size <= PICTURE_LIMITS.max_bytes else self.video


def limits_of(settings: Settings) -> Limits:
    """Those of an operator."""
    return Limits(
        picture=Limit(seconds=settings.picture_seconds, setting="picture_seconds"),
        video=Limit(seconds=settings.video_seconds, setting="video_seconds"),
    )
