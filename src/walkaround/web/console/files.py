"""The console's files over HTTP: one page for every address below /console, and what it loads, by names that change with it.

The files are named by a digest of them all, so that a browser keeps them for good, and never mixes those of two versions.
Whoever changes a file sees it at the next load of the page; nothing is built.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

router = APIRouter(include_in_schema=False)

CONSOLE = "/console"
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
"""What a page of the console may load and run: its own files. No inline script or style, no eval, no other server."""

_STATIC = Path(__file__).parent / "static"
_INDEX, _MAIN = "index.html", "main.js"
_IMPORT = re.compile(r"""^(?:import|export)\b[^;]*?["'](\.[^"']+)["'];""", re.MULTILINE)
_LEAST_BYTES = 600  # of a file that is worth packing
_DIGEST_DIGITS = 16
_FOR_GOOD = "public, max-age=31536000, immutable"
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass(frozen=True, kw_only=True)
class File:
    """One file as it is sent; `packed` by gzip where that is worth it."""

    content: bytes
    packed: bytes | None
    media_type: str


@dataclass(frozen=True, kw_only=True)
class Edition:
    """All files at one time.

    Attributes:
        stamps: path, time of change and size of each, by which a change is noticed.
        digest: of all of them.
        files: by path below the folder.
        page: the page that loads them.
    """

    stamps: tuple[tuple[str, int, int], ...]
    digest: str
    files: Mapping[str, File]
    page: bytes

    @classmethod
    def of(cls, folder: Path) -> Edition:
        """Read the folder."""
        files = {name: _file(folder / name) for name in _names(folder)}
        digest = hashlib.sha256()
        for name, file in files.items():
            digest.update(f"{name}\0{len(file.content)}\0".encode() + file.content)
        name = digest.hexdigest()[:_DIGEST_DIGITS]
        page = files[_INDEX].content.replace(b"{preload}", _preload(files)).replace(b"{edition}", name.encode())
        return cls(stamps=_stamps(folder), digest=name, files=files, page=page)

    def current(self, folder: Path) -> Edition:
        """This one, or a newer one where a file was changed since."""
        return self if self.stamps == _stamps(folder) else Edition.of(folder)


class ConsoleFiles:
    """The files, read when the first page is asked for."""

    def __init__(self, folder: Path = _STATIC) -> None:
        self._folder = folder
        self._edition: Edition | None = None

    def page(self) -> bytes:
        """The one page of the console, which loads the files of the present edition."""
        self._edition = Edition.of(self._folder) if self._edition is None else self._edition.current(self._folder)
        return self._edition.page

    def file(self, digest: str, path: str) -> tuple[File, bool] | None:
        """A file, and whether it is of the edition that was asked for; None where there is no such file."""
        edition = self._edition or Edition.of(self._folder)
        self._edition = edition
        found = edition.files.get(path)
        return None if found is None else (found, digest == edition.digest)


_files = ConsoleFiles()


@router.get("/")
async def entrance() -> RedirectResponse:
    """Lead whoever opens the server's address to the console."""
    return RedirectResponse(f"{CONSOLE}/")


@router.get(f"{CONSOLE}/static/{{digest}}/{{path:path}}")
async def static_file(request: Request, digest: str, path: str) -> Response:
    """Send one file; a page that was loaded before an update still gets the newer one, which it does not keep."""
    found = _files.file(digest, path)
    if found is None:
        return Response("There is no such file.", status_code=404, media_type="text/plain", headers=_HEADERS)
    file, present = found
    headers = {**_HEADERS, "cache-control": _FOR_GOOD if present else "no-store", "vary": "accept-encoding"}
    if file.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(file.packed, media_type=file.media_type, headers={**headers, "content-encoding": "gzip"})
    return Response(file.content, media_type=file.media_type, headers=headers)


@router.get(CONSOLE)
@router.get(f"{CONSOLE}/{{path:path}}")
async def page() -> Response:
    """Send the page; which view of it is shown, its own script reads from the address."""
    return Response(_files.page(), media_type="text/html", headers={**_HEADERS, "cache-control": "no-cache"})


def _preload(files: Mapping[str, File]) -> bytes:
    """Links to what the first module imports, and what that imports, so that the browser asks for all of it at once."""
    found: dict[str, None] = {}
    waiting = [_MAIN]
    while waiting:
        name = waiting.pop()
        if name in files and name not in found:
            found[name] = None
            wanted = _IMPORT.findall(files[name].content.decode())
            waiting += [posixpath.normpath(posixpath.join(posixpath.dirname(name), one)) for one in wanted]
    return "\n    ".join(f'<link rel="modulepreload" href="{CONSOLE}/static/{{edition}}/{name}" />' for name in found).encode()


def _names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _stamps(folder: Path) -> tuple[tuple[str, int, int], ...]:
    stats = [(name, (folder / name).stat()) for name in _names(folder)]
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)


def _file(path: Path) -> File:
    content = path.read_bytes()
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    packed = gzip.compress(content, mtime=0) if len(content) >= _LEAST_BYTES else None
    return File(content=content, packed=packed, media_type="text/javascript" if path.suffix == ".js" else media_type)
