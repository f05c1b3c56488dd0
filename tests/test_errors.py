"""The family of errors, and what the operating system's refusals become."""

from __future__ import annotations

import errno
import inspect
import os
import pickle
from pathlib import Path

import pytest

from walkaround import errors
from walkaround.errors import (
    InputError,
    NotFoundError,
    PictureError,
    QuotaError,
    StorageError,
    UnavailableError,
    ValidationError,
    WalkaroundError,
    writing,
)

FAMILY = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", FAMILY)
def test_one_root_catches_all(kind: type[Exception]) -> None:
    assert issubclass(kind, WalkaroundError)
    assert kind.__doc__


@pytest.mark.parametrize(
    "error",
    [
        PictureError("what was wrong"),
        ValidationError("what was wrong"),
        UnavailableError("what was wrong", retry_after=7),
        NotFoundError("what was wrong", resource_id="cars", resource_type="PROJECT"),
        QuotaError("what was wrong", quota_code="projects_per_account", resource_id="cars", resource_type="PROJECT"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_reaches_another_process_with_all_that_it_says(error: WalkaroundError) -> None:
    arrived = pickle.loads(pickle.dumps(error))  # noqa: S301 - written here
    assert (type(arrived), str(arrived), vars(arrived)) == (type(error), "what was wrong", vars(error))


def test_a_bad_picture_is_bad_input_and_a_full_disk_is_not() -> None:
    assert issubclass(PictureError, InputError)
    assert not issubclass(StorageError, InputError)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, "the disk is full; free some space"),
        (errno.EDQUOT, "the disk quota is used up"),
        (errno.EROFS, "the disk is read-only; choose a folder on another disk"),
        (errno.EACCES, "permission was denied; choose a folder that you may write to"),
        (errno.EIO, f"{os.strerror(errno.EIO)}; check the path and try again"),
    ],
)
def test_refusals_become_one_sentence_with_a_way_out(number: int, reason: str) -> None:
    with pytest.raises(StorageError) as refused, writing("out.json"):
        raise OSError(number, os.strerror(number))
    assert str(refused.value).startswith(f"Cannot write 'out.json': {reason}")
    assert isinstance(refused.value.__cause__, OSError)


def test_real_refusals(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, reason in [
        (tmp_path / "file" / "below", "a part of the path is a file"),
        (tmp_path, "it is a folder"),
        (tmp_path / ("x" * 300), "the name is too long"),
    ]:
        with pytest.raises(StorageError, match=reason), writing(path):
            path.write_text("x")


def test_other_errors_pass_unchanged() -> None:
    with pytest.raises(ValueError, match="mine"), writing("out.json"):
        raise ValueError("mine")
