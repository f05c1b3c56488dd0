"""Bodies that bring pictures: a picture itself, a form with many, or zip archives; never more than a part of it in memory."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from walkaround.errors import StorageError, ValidationError, writing
from walkaround.hosting.pool.answers import MOST_BYTES, PICTURE_TYPES
from walkaround.settings import Settings
from walkaround.web.archives import MAGIC, pictures_of, too_many_bytes, unpacked_bytes
from walkaround.web.rest.access import check_media_type
from walkaround.web.uploads import Upload

_MOST_FILES = 200  # each is an open file of the server while the form is read
_IN_MEMORY = 1_000_000
_LEAST_FREE = 500_000_000
_FORM_TYPE, _ARCHIVE_TYPES = "multipart/form-data", ("application/zip", "application/x-zip-compressed")
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FILES = {
    "type": "array",
    "items": _BINARY["schema"],
    "maxItems": _MOST_FILES,
    "description": "JPEG and PNG pictures, and zip archives of them.",
}
UPLOAD_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            _FORM_TYPE: {
                "schema": {
                    "type": "object",
                    "properties": {"files": _FILES},
                    "required": ["files"],
                }
            },
            **dict.fromkeys((*PICTURE_TYPES, "application/zip"), _BINARY),
        },
    }
}
"""OpenAPI's description of the bodies that an upload may have."""
PICTURE_BODY: dict[str, Any] = {"requestBody": {"required": True, "content": dict.fromkeys(PICTURE_TYPES, _BINARY)}}
"""OpenAPI's description of a picture as a body."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Sent:
    """One file of a request, on disk where it is large."""

    name: str
    content: BinaryIO


@asynccontextmanager
async def sent_files(
    request: Request, settings: Settings, *, name: str, also: Sequence[str] = ()
) -> AsyncIterator[Sequence[Sent]]:
    """The files of a request; they are gone afterwards.

    Args:
        request: whose body is a picture, an archive, or a form with `files`.
        settings: with the data folder, which needs some room.
        name: of a file that is sent alone.
        also: media types that a body may have besides.

    Raises:
        ValidationError: the body is none of these, or empty.
        StorageError: the disk is full, or nearly.
    """
    kind = check_media_type(request, _FORM_TYPE, *PICTURE_TYPES, *_ARCHIVE_TYPES, *also)
    _check_room(settings)
    work = settings.data / "work"
    with writing(work):
        work.mkdir(parents=True, exist_ok=True)
    if kind == _FORM_TYPE:
        async with _form_files(request, work) as files:
            yield files
        return
    with SpooledTemporaryFile(max_size=_IN_MEMORY, dir=str(work)) as file:
        with writing(work):
            async for part in request.stream():
                await run_in_threadpool(file.write, part)
        yield [Sent(name=name, content=cast("BinaryIO", file))]


@asynccontextmanager
async def _form_files(request: Request, work: Path) -> AsyncIterator[Sequence[Sent]]:
    try:
        with writing(work):  # there because it is `tempfile.tempdir` of a server; Starlette cannot be told a folder
            form = await request.form(max_files=_MOST_FILES, max_fields=10)
    except HTTPException as problem:  # Starlette's, for a form that is malformed or has too many parts
        raise ValidationError(f"The form cannot be read: {problem.detail}") from problem
    try:
        files = [one for one in form.getlist("files") if isinstance(one, UploadFile)]
        if not files:
            raise ValidationError("The form has no files: send each picture or archive as a part called files.")
        yield [Sent(name=one.filename or "picture", content=one.file) for one in files]
    finally:
        await form.close()


def uploads_in(files: Sequence[Sent], *, at_most: int, classes: bool = False) -> Iterator[Upload]:
    """The pictures of the files, those in archives too; an archive that cannot be taken refuses the whole request.

    Args:
        files: of one request.
        at_most: bytes that its archives may unpack to, together.
        classes: whether all folders of archives are classes.

    Raises:
        ValidationError: an archive is damaged, encrypted, a bomb, or names something outside of itself. Nothing was unpacked.
    """
    archives = [one for one in files if _is_archive(one)]
    total = sum(unpacked_bytes(one.content, at_most=at_most) for one in archives)
    if total > at_most:
        raise too_many_bytes(total, at_most)
    for one in files:
        if one in archives:
            yield from pictures_of(one.content, at_most=at_most, classes=classes)
            continue
        one.content.seek(0)
        yield Upload(name=one.name, content=one.content.read(MOST_BYTES + 1))


def _is_archive(one: Sent) -> bool:
    one.content.seek(0)
    return one.content.read(len(MAGIC[0])) in MAGIC


def _check_room(settings: Settings) -> None:
    with writing(settings.data):
        free = shutil.disk_usage(settings.data).free
    if free < _LEAST_FREE:
        raise StorageError(f"Cannot take pictures: the disk of {str(settings.data)!r} is nearly full; free some space first.")
