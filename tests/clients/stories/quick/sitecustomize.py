"""Shorten the pauses of the package `lookoutvision`, which waits up to a minute between two looks at a status.

For the time of a test only, and only in the process of that client: Python imports this by itself when the folder is on
PYTHONPATH. The package is unchanged otherwise; on AWS its pauses were short beside trainings of an hour.
"""

import time
from collections.abc import Callable


def quicker(pause: Callable[[float], None], *, longest: float) -> Callable[[float], None]:
    """The same pause, never longer than `longest` seconds."""
    return lambda seconds: pause(min(seconds, longest))


time.sleep = quicker(time.sleep, longest=0.3)  # type: ignore[assignment] # it also takes what counts as a number
