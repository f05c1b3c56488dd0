"""What a model sees in single pictures, to be shown: worked out when it is asked for first, and kept on disk."""

from __future__ import annotations

import hashlib
import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from walkaround.buckets.buckets import Buckets
from walkaround.buckets.names import split_address
from walkaround.damage.findings import Findings
from walkaround.errors import BucketError, NotFoundError, PackageError, PictureError, ValidationError, writing
from walkaround.hosting.operations.models.measured import MeasuredModel
from walkaround.hosting.pool.answers import MOST_BYTES, decode, encode, named
from walkaround.hosting.pool.viewer import Viewer
from walkaround.inspection.outputs import replacing

_MOST_KEPT = 4_000
"""Files of some 5 kB; when there are more, the quarter goes that was longest not asked for."""
_LOOKED_AFTER = 200
"""Files after whose writing they are counted."""


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """What a model sees in a picture, and a text that is the same as long as that is."""

    findings: Findings
    etag: str


class Views:
    """Views of pictures. Thread-safe; every call may wait for a worker."""

    def __init__(self, data: Path, buckets: Buckets) -> None:
        """Nothing is started."""
        self._data, self._buckets = data, buckets
        self._folder = data / "cache" / "views"
        self._viewer = Viewer()
        self._lock = threading.Lock()
        self._written = 0

    def of(self, model: MeasuredModel, ref: str) -> View:
        """What a model sees in a picture, at the threshold that counts for it.

        Raises:
            NotFoundError: the picture or the model is gone.
            ValidationError: the picture cannot be used.
            ThrottledError: too many wait.
            UnavailableError: the bucket or the worker does not answer.
            StorageError: the disk refuses.
        """
        try:
            content = self._buckets.read(*split_address(ref), at_most=MOST_BYTES)
        except BucketError as problem:
            raise NotFoundError(f"The picture cannot be read. {problem}", resource_id=ref, resource_type="DATASET") from problem
        what = f"{model.id}\0{model.package}\0{model.adopted!r}\0{hashlib.sha256(content).hexdigest()}"
        etag = hashlib.sha256(what.encode()).hexdigest()[:40]
        path = self._folder / etag[:2] / f"{etag[2:]}.json"
        with suppress(OSError, ValueError, KeyError, TypeError):  # not there, or broken: then it is worked out again
            kept = decode(path.read_bytes())
            os.utime(path)
            return View(findings=kept, etag=etag)
        found = self._seen(model, ref, content)
        with replacing(path) as file, writing(path):
            file.write(encode(found))
        self._look_after()
        return View(findings=found, etag=etag)

    def close(self) -> None:
        """End what was started."""
        self._viewer.close()

    def _seen(self, model: MeasuredModel, ref: str, content: bytes) -> Findings:
        try:
            return self._viewer.look(self._data / (model.package or ""), content, threshold=model.adopted)
        except PictureError as problem:
            raise ValidationError(named(str(problem), ref.rpartition("/")[2])) from problem
        except PackageError as problem:
            told = f"{model.project}/{model.version}"
            raise NotFoundError(str(problem), resource_id=told, resource_type="MODEL") from problem

    def _look_after(self) -> None:
        """Now and then, remove what was longest not asked for."""
        with self._lock:
            self._written += 1
            if self._written % _LOOKED_AFTER:
                return
            files = []
            for path in self._folder.glob("*/*.json"):
                with suppress(OSError):  # removed meanwhile
                    files.append((path.stat().st_mtime, path))
            if len(files) > _MOST_KEPT:
                for _, path in sorted(files)[: len(files) - _MOST_KEPT * 3 // 4]:
                    path.unlink(missing_ok=True)
