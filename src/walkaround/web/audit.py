"""Who let whom in: lines of the log about users, keys and sign-ins, for whoever looks afterwards. Never a secret."""

from __future__ import annotations

import logging

_logger = logging.getLogger(__name__)


def tell(what: str, **about: str | None) -> None:
    """Log a deed with who did it and to whom, such as by="user:ann", user="bob"."""
    _logger.info(what, extra={"fields": {name: value for name, value in about.items() if value is not None}})
