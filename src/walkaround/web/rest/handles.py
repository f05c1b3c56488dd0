"""Handles of jobs: a number that nobody can guess for another's job, and that is good after what it was about is deleted."""

from __future__ import annotations

import re

from walkaround.errors import NotFoundError
from walkaround.hosting.owner import Owner
from walkaround.store.keys import KeyRing

_HANDLE = re.compile(r"([1-9][0-9]{0,17})-[0-9a-f]{16}", re.ASCII)


def job_handle(ring: KeyRing, owner: Owner, job: int) -> str:
    """The handle under which the owner of a job can ask for it."""
    return f"{job}-{ring.mark(f'job {owner.account} {owner.region} {job}')}"


def job_of(ring: KeyRing, owner: Owner, handle: str) -> int:
    """The number of the job that an owner has a handle of.

    Raises:
        NotFoundError: it is no handle of a job of this owner.
    """
    found = _HANDLE.fullmatch(handle)
    if found is None or not ring.is_marked(handle, job_handle(ring, owner, int(found[1]))):
        raise NotFoundError(
            f"There is no job {handle[:60]!r}: its address is in the answer to the request that began it.",
            resource_id=handle[:60],
            resource_type="PROJECT",
        )
    return int(found[1])
