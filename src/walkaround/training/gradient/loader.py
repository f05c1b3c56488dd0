"""Batches of pictures, made on background threads while the network computes; what each holds is decided by numbers alone.

The same seed, epoch and position give the same picture, whatever the threads do: a training can go on inside an epoch.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from walkaround.training.gradient.augment import Augmentation, augmented, framed
from walkaround.training.gradient.batches import Batch
from walkaround.training.gradient.decoded import Decoded, Scene
from walkaround.training.gradient.mirror import suited
from walkaround.training.gradient.team import Alone, Team

_AHEAD = 2  # batches made before they are asked for, besides those that threads are at


class Loader:
    """The pictures of a training, batch after batch."""

    def __init__(
        self,
        decoded: Decoded,
        *,
        batch: int,
        augmentation: Augmentation | None = None,
        seed: int = 0,
        labels: Sequence[str] = (),
        often: Sequence[float] | None = None,
        threads: int = 2,
        team: Team | None = None,
    ) -> None:
        """Nothing is read yet.

        Args:
            decoded: the pictures.
            batch: pictures in a batch, over all processes of the team.
            augmentation: None: every picture as it is, in order, once; for validation. Otherwise each epoch has an order of its
                own, and all batches are full.
            seed: with epoch and position it decides order and disturbances.
            labels: class names of whole pictures, in the order of `Batch.labels`.
            often: how often each picture comes in an epoch on average, where there is an augmentation; once each where None.
            threads: that make batches in the background.
            team: the processes that share every batch; all of them see all pictures where `augmentation` is None.
        """
        self.decoded = decoded
        self.augmentation = None if augmentation is None else suited(augmentation, decoded.classes)
        self.seed = seed
        self._labels = {name: number for number, name in enumerate(labels)}
        self._often = None if often is None or augmentation is None else np.asarray(often, dtype=np.float64)
        self.threads = max(1, threads)
        self._team = team or Alone()
        self.batch = max(self._team.size, min(batch, len(decoded)))

    def __len__(self) -> int:
        """Batches of an epoch."""
        pictures = len(self.decoded) if self._often is None else round(self._often.sum())
        return -(-pictures // self.batch)

    def __iter__(self) -> Iterator[Batch]:
        return self.epoch(0)

    def epoch(self, number: int, *, first: int = 0, done: float = 0.0) -> Generator[Batch]:
        """The batches of one epoch from batch `first` on; `done` is the share of the run that is over."""
        mosaics = self.augmentation is not None and done < self.augmentation.mosaic_until
        order = self._order(number)
        waiting: deque[Future[Batch]] = deque()
        pool = ThreadPoolExecutor(self.threads, thread_name_prefix="loader")
        try:
            for start in range(first * self.batch, len(order), self.batch):
                positions = range(start, min(start + self.batch, len(order)))
                waiting.append(pool.submit(self._made, number, order, self._share(positions), mosaics=mosaics))
                if len(waiting) >= self.threads + _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _order(self, epoch: int) -> NDArray[np.int64]:
        if self.augmentation is None:
            return np.arange(len(self.decoded))
        rng = np.random.default_rng((self.seed, epoch))
        drawn = np.arange(len(self.decoded))
        if self._often is not None:
            drawn = np.repeat(drawn, np.floor(self._often + rng.random(len(drawn))).astype(np.int64))
        order = rng.permutation(drawn)
        return np.resize(order, len(self) * self.batch)  # the last batch is filled up from the beginning

    def _share(self, positions: range) -> range:
        """The positions of this process."""
        if self.augmentation is None:
            return positions
        return positions[self._team.rank :: self._team.size]

    def _made(self, epoch: int, order: NDArray[np.int64], positions: range, *, mosaics: bool) -> Batch:
        indices = [int(order[position]) for position in positions]
        scenes = [
            self._scene(index, np.random.default_rng((self.seed, epoch, position)), mosaics=mosaics)
            for index, position in zip(indices, positions, strict=True)
        ]
        return batch_of(scenes, labels=[self._label(index) for index in indices], indices=indices)

    def _scene(self, index: int, rng: np.random.Generator, *, mosaics: bool) -> Scene:
        side = self.decoded.side
        if self.augmentation is None:
            return framed(self.decoded.scene(index), (0.0, 0.0, 1.0, 1.0), (side, side))
        others = len(self.decoded) if mosaics else 0
        return augmented(self.decoded.scene, index, side=side, settings=self.augmentation, rng=rng, others=others)

    def _label(self, index: int) -> int:
        return self._labels.get(self.decoded.pictures[index].sample.label or "", -1)


def batch_of(scenes: list[Scene], *, labels: list[int], indices: list[int]) -> Batch:
    """Scenes of one size as a batch."""

    def tensors(arrays: list[NDArray[np.float32]] | list[NDArray[np.int64]]) -> tuple[Tensor, ...]:
        return tuple(torch.from_numpy(array) for array in arrays)

    masks = [scene.mask for scene in scenes if scene.mask is not None]
    return Batch(
        pixels=torch.from_numpy(np.stack([scene.pixels.transpose(2, 0, 1) for scene in scenes])),
        boxes=tensors([scene.boxes for scene in scenes]),
        classes=tensors([scene.classes for scene in scenes]),
        ignored=tensors([scene.ignored for scene in scenes]),
        masks=torch.from_numpy(np.stack(masks)) if masks else None,
        labels=torch.tensor(labels, dtype=torch.int64),
        indices=tuple(indices),
    )
