"""What every part of a training is given, whatever it trains: where it keeps things, how long it may take, and who is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from walkaround.training.fitting import Progress, silent

if TYPE_CHECKING:
    from walkaround.training.gradient.team import Team
    from walkaround.training.monitor import Monitor


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """The surroundings of a training with gradients.

    Attributes:
        folder: of checkpoints, `<name>.pt`, and of decoded pictures; the same command finds the same folder again.
        key: fingerprint of the pictures, their labels and the recipe: a checkpoint of another key is not gone on from.
        threads: that compute, and that read pictures beside them.
        deadline: on the clock of `time.monotonic`, when the best so far is taken; None: never.
        progress: told what is being done and how far it is.
        monitor: told everything else; None: nobody is.
        team: the other processes that train the same; None: none.
        device: "cpu", "cuda" or another of PyTorch's; None: a GPU where there is one.
    """

    folder: Path
    key: str = ""
    threads: int = 2
    deadline: float | None = None
    progress: Progress = silent
    monitor: Monitor | None = None
    team: Team | None = None
    device: str | None = None
