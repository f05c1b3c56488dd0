"""Whose bucket it is: those that hold what accounts upload are of one account each; all others are everybody's."""

from __future__ import annotations

import re

from walkaround.errors import AccessDeniedError
from walkaround.hosting.owner import Owner

_MANAGED = re.compile(r"walkaround-([0-9]{12})")


def require_own_bucket(owner: Owner, bucket: str) -> None:
    """Check that a bucket is not the one that holds what another account uploads.

    Raises:
        AccessDeniedError: it is; the message is the same whether the bucket exists or not.
    """
    managed = _MANAGED.fullmatch(bucket)
    if managed is not None and managed[1] != owner.account:
        raise AccessDeniedError(
            f"Account {owner.account} may not use the bucket {bucket!r}, which is set aside for uploads of another account: "
            "name another bucket."
        )
