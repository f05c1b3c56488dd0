"""The state of a training on disk: what `kill -9` leaves is always a whole one, and going on from it is exact."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch

from walkaround.errors import StorageError, writing

FORMAT = 1
"""Rises when checkpoints change in a way that other versions cannot read."""


@dataclass(kw_only=True, eq=False)
class State:
    """Where a training stands.

    Attributes:
        key: what is trained on what; a checkpoint of another key is not gone on from.
        step: steps done.
        epoch, batch: the next batch to learn from is number `batch` of epoch `epoch`.
        done: share of the run that is over, 0 to 1.
        begun: what `done` was when the epoch began.
        averaged: steps that the average is taken over.
        seconds: spent in training so far, over all processes that had a part in it.
        losses: sums of the losses since the epoch began.
        history: what each validation found.
        best: the averaged weights with the best score; None before the first validation.
        best_score, best_loss, best_epoch: of those.
        ended: why training is over; empty while it is not.
        network, average, optimiser, scaler: their `state_dict`s.
        random: states of torch's generators, of the CPU and then of each GPU.
    """

    key: str
    step: int = 0
    epoch: int = 0
    batch: int = 0
    done: float = 0.0
    begun: float = 0.0
    averaged: int = 0
    seconds: float = 0.0
    losses: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, Any] | None = None
    best_score: float | None = None
    best_loss: float = 0.0
    best_epoch: int | None = None
    ended: str = ""
    network: dict[str, Any] = field(default_factory=dict)
    average: dict[str, Any] = field(default_factory=dict)
    optimiser: dict[str, Any] = field(default_factory=dict)
    scaler: dict[str, Any] = field(default_factory=dict)
    random: list[torch.Tensor] = field(default_factory=list)


def write_checkpoint(path: Path, state: State) -> None:
    """Write a checkpoint; the one before it is replaced in one step.

    Raises:
        StorageError: the disk refuses.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    stored = {one.name: getattr(state, one.name) for one in fields(state)}
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                try:
                    torch.save({"format": FORMAT, **stored}, file)
                except RuntimeError as problem:  # torch's writer turns a full disk into one
                    raise StorageError(
                        f"Cannot write {str(path)!r} ({problem}); free some space and run the command again."
                    ) from problem
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
    finally:
        with suppress(OSError):  # there is none, for whatever reason: the first one was told
            part.unlink()


def read_checkpoint(path: Path, key: str) -> State | None:
    """The state to go on from; None where there is none, or one of another training, version or a broken one."""
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        return None
    except Exception:  # noqa: BLE001 - whatever is wrong with a file that no write of ours left, training begins anew
        return None
    if not isinstance(stored, dict) or stored.pop("format", None) != FORMAT or stored.get("key") != key:
        return None
    return State(**stored)
