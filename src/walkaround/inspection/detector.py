"""A package becomes something to call: pictures in, findings out, in order, with all cores busy and bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from copy import copy
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from walkaround.damage.findings import Findings
from walkaround.errors import InputError, PackageError, PictureError
from walkaround.media.pictures import read_picture
from walkaround.models.names import HEAT, PROBABILITIES
from walkaround.models.network import Network, cores
from walkaround.models.package import Package, read_package
from walkaround.models.preparation import network_pixels

In = TypeVar("In")
Out = TypeVar("Out")

_READ_AHEAD = 4  # pictures in flight for each thread: enough to hide a slow one, few enough to bound memory


class Detector:
    """A model that is ready to answer. Thread-safe."""

    def __init__(self, package: Package | Path | str, *, threads: int | None = None) -> None:
        """Load a package.

        Args:
            package: an opened package, or its folder.
            threads: pictures worked on at the same time; as many as there are cores when not given.

        Raises:
            PackageError: the package is missing or damaged.
        """
        self.package = package if isinstance(package, Package) else read_package(package)
        self.card = self.package.card
        self.threshold = self.card.threshold
        self.threads = threads or cores()
        self._network = Network(self.package.model)
        self._damaged = np.array([name not in self.card.normal for name in self.card.classes])
        if not len(self._damaged):
            raise PackageError(f"The package {str(self.package.path)!r} names no classes; train it again.")

    def at_threshold(self, threshold: float) -> Detector:
        """The same model with another threshold on the probability of damage, 0 to 1.

        Raises:
            InputError: the threshold is no probability.
        """
        if not 0 <= threshold <= 1:
            raise InputError(f"{threshold} is no threshold: it is a probability of damage; give a number from 0 to 1.")
        other = copy(self)
        other.threshold = threshold
        return other

    def inspect(self, pixels: NDArray[np.uint8], *, source: str, heat: bool = False) -> Findings:
        """What is in one picture, uint8 [h, w, 3], RGB, upright; `source` names it in the findings."""
        height, width = pixels.shape[:2]
        return self._findings(pixels, source=source, size=(width, height), heat=heat)

    def read(self, path: Path, *, heat: bool = False) -> Findings | PictureError:
        """What is in a picture file, or why it cannot be read."""
        try:
            picture = read_picture(path, side=self.card.side)
        except PictureError as problem:
            return problem
        return self._findings(picture.pixels, source=str(path), size=(picture.width, picture.height), heat=heat)

    def predict(self, paths: Sequence[Path], *, heat: bool = False) -> Iterator[Findings | PictureError]:
        """The answer for every path, in order; several are worked on at the same time."""
        return in_order(lambda path: self.read(path, heat=heat), paths, threads=self.threads)

    def _findings(self, pixels: NDArray[np.uint8], *, source: str, size: tuple[int, int], heat: bool) -> Findings:
        batch = network_pixels(pixels, self.card.side)[None]
        probabilities, *heats = self._network.run(batch, [PROBABILITIES, HEAT] if heat else [PROBABILITIES])
        return findings_of(
            probabilities[0],
            classes=self.card.classes,
            damaged=self._damaged,
            threshold=self.threshold,
            source=source,
            size=size,
            heat_map=heats[0][0] if heat else None,
        )


def findings_of(
    probabilities: NDArray[np.floating[Any]],
    *,
    classes: Sequence[str],
    damaged: NDArray[np.bool_],
    threshold: float,
    source: str,
    size: tuple[int, int],
    heat_map: NDArray[np.float32] | None = None,
) -> Findings:
    """Verdict, label and confidence from one row of probabilities, float [classes].

    Args:
        probabilities: of the classes; they add up to 1.
        classes: their names.
        damaged: bool [classes], which of them are damage.
        threshold: probability of damage from which the verdict is "anomalous".
        source: name of the picture.
        size: width and height of the upright original, in pixels.
        heat_map: passed on.
    """
    damage = float(probabilities[damaged].sum())
    anomalous = damage >= threshold
    agreeing = np.flatnonzero(damaged == anomalous)
    best = int(agreeing[probabilities[agreeing].argmax()]) if len(agreeing) else int(probabilities.argmax())
    return Findings(
        source=source,
        anomalous=anomalous,
        confidence=min(1.0, damage if anomalous else 1.0 - damage),
        label=classes[best],
        damage=min(1.0, damage),
        probabilities={name: float(value) for name, value in zip(classes, probabilities, strict=True)},
        width=size[0],
        height=size[1],
        heat_map=heat_map,
    )


def in_order(work: Callable[[In], Out], items: Iterable[In], *, threads: int) -> Iterator[Out]:
    """`work` of every item, in their order, on several threads; only a few items are ever in flight."""
    pool = ThreadPoolExecutor(threads)
    waiting: deque[Future[Out]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= _READ_AHEAD * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:  # of a generator left half-way, maybe on a thread of the pool, which would wait for itself
        pool.shutdown(wait=False, cancel_futures=True)
