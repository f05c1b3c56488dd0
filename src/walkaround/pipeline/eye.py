"""The process of the line that looks: it alone decodes what strangers send. See `apart`.

python -m walkaround.pipeline.eye PARENT THREADS
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from walkaround.buckets.buckets import Buckets, buckets_of
from walkaround.inspection.detector import Detector
from walkaround.pipeline.answering import Begin, serve
from walkaround.pipeline.sights import ChosenModel, PictureLook, Sight, VideoLook, look_at_picture, look_at_video
from walkaround.settings import Settings

_MODELS_KEPT = 4


class Eye:
    """Looks with the models that it is asked to look with, the last used few kept open. Thread-safe."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is loaded yet."""
        self._buckets: Buckets = buckets_of(settings)
        self._kept: OrderedDict[Path, Detector] = OrderedDict()
        self._lock = threading.Lock()

    def look(self, question: PictureLook | VideoLook, begin: Begin) -> Sight:
        """What is in a picture or a video.

        Raises:
            PackageError: the package is missing or damaged.
            PictureError, VideoError: it cannot be read.
            BucketError, UnavailableError: captured frames cannot be written where they shall go.
        """
        detector = self._detector(question.model)
        begin()
        if isinstance(question, PictureLook):
            return look_at_picture(detector, question.found, question.name, heat=question.heat)
        return look_at_video(
            detector, question.path, question.name, frames=question.frames, key=question.key, buckets=self._buckets
        )

    def _detector(self, model: ChosenModel) -> Detector:
        with self._lock:  # loading takes a fraction of a second, and nobody else wants another one
            kept = self._kept.get(model.package)
            if kept is None:
                kept = self._kept[model.package] = Detector(model.package)
                if len(self._kept) > _MODELS_KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(model.package)
        return kept if model.threshold is None else kept.at_threshold(model.threshold)


if __name__ == "__main__":
    serve(lambda settings: Eye(settings).look)
