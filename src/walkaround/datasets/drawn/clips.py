"""Videos of made-up cars: a hand-held camera pans over one car after another, and the truth says which were damaged when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from walkaround.damage.kinds import DAMAGE_TYPES
from walkaround.datasets.drawn.car import draw_car
from walkaround.media.videos import Frame, write_video

_SPARE = 1.3


@dataclass(frozen=True, kw_only=True)
class DrawnScene:
    """One car of a video: shown from `start` until before `end`, in seconds; `kinds` is empty for a whole car."""

    start: float
    end: float
    damaged: bool
    kinds: tuple[str, ...]


def write_drawn_video(
    path: Path, *, seed: int, scenes: int = 6, seconds: float = 3.0, frame_rate: float = 15.0
) -> tuple[DrawnScene, ...]:
    """Write a video that pans over `scenes` cars, whole and damaged in turn, `seconds` each; 640x480 H.264.

    Every damage stays in the picture for the whole of its scene.

    Returns:
        The truth, in order of time.

    Raises:
        StorageError: when the file cannot be written.
    """
    rng = np.random.default_rng([seed, scenes])
    kinds = [DAMAGE_TYPES[k % len(DAMAGE_TYPES)] for k in rng.permutation(len(DAMAGE_TYPES))]
    frames = round(seconds * frame_rate)
    truth = []
    for number in range(scenes):
        damage = (kinds[number // 2 % len(kinds)],) if number % 2 else ()
        span = (number * frames / frame_rate, (number + 1) * frames / frame_rate)
        truth.append(DrawnScene(start=span[0], end=span[1], damaged=bool(damage), kinds=damage))
    write_video(path, _pan(truth, frames, seed, frame_rate), frame_rate=frame_rate)
    return tuple(truth)


def _pan(truth: Sequence[DrawnScene], frames: int, seed: int, frame_rate: float) -> Iterator[Frame]:
    """Cut a window out of a larger still, moving and shaking a little, around the damage where there is one."""
    width, height = 640, 480
    rng = np.random.default_rng([seed, 7])
    for number, scene in enumerate(truth):
        car = draw_car(
            seed * 1_000_003 + 500_000 + number, damage=scene.kinds, width=round(width * _SPARE), height=round(height * _SPARE)
        )
        still = Image.fromarray(car.pixels)
        free = np.array([still.width - width, still.height - height], dtype=np.float64)
        ends = rng.uniform(0, 1, (2, 2)) * free
        if len(car.boxes):
            low, high = car.boxes[0, 2:] - [width, height], car.boxes[0, :2]
            ends = np.clip(ends, np.minimum(np.maximum(low, 0), free), np.maximum(np.minimum(high, free), 0))
        shake = np.cumsum(rng.normal(0, 0.5, (frames, 2)), axis=0)
        for k in range(frames):
            x, y = np.clip(ends[0] + (ends[1] - ends[0]) * k / max(frames - 1, 1) + shake[k] - shake.mean(axis=0), 0, free)
            window = still.transform((width, height), Image.Transform.AFFINE, (1, 0, x, 0, 1, y), Image.Resampling.BILINEAR)
            yield Frame(time=(number * frames + k) / frame_rate, pixels=np.asarray(window))
