"""The optional dependencies of bulk inspection, asked for before anything is begun."""

from __future__ import annotations

import os
from importlib.util import find_spec

from walkaround.errors import MissingExtraError


def need_extra() -> None:
    """Return if Ray and Arrow are installed; Ray is told, before it is loaded, to send nobody its statistics.

    Raises:
        MissingExtraError: one of them is not.
    """
    for module, name in (("ray", "Ray"), ("pyarrow", "Apache Arrow")):
        if find_spec(module) is None:
            raise MissingExtraError(f"Bulk inspection needs {name}, which is not installed: pip install 'walkaround[bulk]'.")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"  # what Ray will do anyway, and warns of until it does
