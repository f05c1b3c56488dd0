"""Whose bucket it is: what accounts upload is of one account each, watched folders are nobody's, all others everybody's."""

from __future__ import annotations

import re

from walkaround.buckets.names import is_folder_bucket
from walkaround.errors import AccessDeniedError
from walkaround.hosting.owner import Owner

_MANAGED = re.compile(r"walkaround-([0-9]{12})")


def managed_bucket(account: str) -> str:
    """The bucket below the data folder that holds what an account uploads."""
    return f"walkaround-{account}"


def holds_uploads(bucket: str) -> bool:
    """Whether a bucket is set aside for what some account uploads."""
    return _MANAGED.fullmatch(bucket) is not None


def require_own_bucket(owner: Owner, bucket: str) -> None:
    """Check that a bucket is neither a watched folder nor the one that holds what another account uploads.

    Raises:
        AccessDeniedError: it is one of them; the message is the same whether the bucket exists or not.
    """
    if is_folder_bucket(bucket):
        raise AccessDeniedError(f"The bucket {bucket!r} is a folder that only its watch reads: name another bucket.")
    managed = _MANAGED.fullmatch(bucket)
    if managed is not None and managed[1] != owner.account:
        raise AccessDeniedError(
            f"Account {owner.account} may not use the bucket {bucket!r}, which is set aside for uploads of another account: "
            "name another bucket."
        )
