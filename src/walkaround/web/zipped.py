"""A folder as a zip archive that is sent while it is made: no copy of it lies anywhere."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from fastapi.responses import StreamingResponse

_PIECE = 1 << 18


class _Sink:
    """What `zipfile` writes into, and what is taken out of it; it cannot seek, so sizes follow what they are of."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._place = 0

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        self._place += len(data)
        return len(data)

    def tell(self) -> int:
        return self._place

    def flush(self) -> None:
        """Nothing waits."""

    def taken(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken


def zipped(folder: Path, *, name: str) -> StreamingResponse:
    """The answer to a request for a folder.

    Args:
        folder: whose files are sent, those in folders below it too; links are not followed.
        name: of the archive, without its ending, and of the one folder in it.
    """
    disposition = f"attachment; filename*=UTF-8''{quote(name)}.zip"
    headers = {"Content-Disposition": disposition, "Cache-Control": "no-store"}
    return StreamingResponse(zip_parts(folder, name=name), media_type="application/zip", headers=headers)


def zip_parts(folder: Path, *, name: str) -> Iterator[bytes]:
    """The archive of a folder, part by part; the files are stored as they are, since models hardly shrink."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload] # writing, flush and tell are all it needs
        for path in sorted(folder.rglob("*")):
            if path.is_symlink() or not path.is_file():
                continue
            inside = f"{name}/{path.relative_to(folder).as_posix()}"
            entry = zipfile.ZipInfo.from_file(path, inside, strict_timestamps=False)
            with (
                path.open("rb") as file,
                archive.open(entry, "w", force_zip64=entry.file_size > zipfile.ZIP64_LIMIT // 2) as into,
            ):
                while piece := file.read(_PIECE):
                    into.write(piece)
                    yield sink.taken()
            yield sink.taken()
    yield sink.taken()
