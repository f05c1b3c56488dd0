"""A package becomes something to call: pictures in, findings out, in order, with all cores busy and bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from walkaround.damage.colours import colours_of
from walkaround.damage.findings import Findings
from walkaround.errors import InputError, PackageError, PictureError
from walkaround.inspection.places import TOLD, Candidates, box_evidence, found_masks, mask_evidence, score_limits, told_boxes
from walkaround.inspection.tiles import reading_side, search
from walkaround.media.pictures import read_picture
from walkaround.models.names import BOX_PIXELS, HEAT, MASK_PIXELS, MASKS, PIXELS, PROBABILITIES
from walkaround.models.network import Network, cores
from walkaround.models.package import Card, Package, read_package
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
        self._damaged = np.array([name not in self.card.normal for name in self.card.classes])
        if not len(self._damaged) or (self.card.task == "places" and len(self._damaged) != 2):
            raise PackageError(f"The package {str(self.package.path)!r} names no classes; train it again.")
        self._network = Network(self.package.model, parts=inputs_of(self.card))
        self._least_sure = TOLD

    @property
    def frame_side(self) -> int:
        """How many pixels on the shorter side the largest part of the model needs of a picture."""
        sides = [part.side for part in (self.card.boxes, self.card.masks) if part is not None]
        return max(sides if self.card.task == "places" else [self.card.side, *sides])

    @property
    def side(self) -> int:
        """As `frame_side`, and what a large picture needs to be searched in tiles, where the model does that."""
        return max(self.frame_side, 0 if self.card.boxes is None else reading_side(self.card.boxes))

    @property
    def colours(self) -> dict[str, str]:
        """A colour, "#RRGGBB", for each class of boxes and masks; those of the masks' training labels go first."""
        boxes, masks = self.card.boxes, self.card.masks
        own = {} if masks is None else dict(zip(masks.classes, masks.colours, strict=True))
        return {**colours_of([*own, *(() if boxes is None else boxes.classes)]), **own}

    @property
    def box_thresholds(self) -> dict[str, float]:
        """The score from which a box is told, by the name of its class; empty for a model that finds no boxes."""
        part = self.card.boxes
        limits = [] if part is None else score_limits(part, self._least_sure).tolist()
        return {} if part is None else dict(zip(part.classes, limits, strict=True))

    def at_threshold(self, threshold: float) -> Detector:
        """The same model with another threshold on the probability of damage, 0 to 1.

        Of a model that goes by what it finds, boxes are told from this sureness on too.

        Raises:
            InputError: the threshold is no probability.
        """
        if not 0 <= threshold <= 1:
            raise InputError(f"{threshold} is no threshold: it is a probability of damage; give a number from 0 to 1.")
        other = copy(self)
        other.threshold = threshold
        if self.card.task == "places":
            other._least_sure = threshold
        return other

    def with_every_box(self) -> Detector:
        """The same model, which tells of every box that it thinks of, however unsure: what average precision is measured on."""
        other = copy(self)
        other._least_sure = 0.0
        return other

    def inspect(
        self,
        pixels: NDArray[np.uint8],
        *,
        source: str,
        heat: bool = False,
        places: bool = True,
        size: tuple[int, int] | None = None,
    ) -> Findings:
        """What is in one picture.

        Args:
            pixels: uint8 [h, w, 3], RGB, upright, maybe reduced, but not below `frame_side`.
            source: names the picture in the findings.
            heat: whether the findings get a heat map, where the model has one.
            places: whether they get boxes and masks, where the model finds such; a verdict alone is quicker.
            size: width and height of the upright original, in pixels; those of `pixels` unless given.
        """
        by_places = self.card.task == "places"
        boxes, masks = (self._boxes(pixels), self._masks(pixels)) if places or by_places else (None, None)
        heats: list[NDArray[np.float32]] = []
        if by_places:
            probabilities = self._evidence(boxes, masks)
        else:
            batch = network_pixels(pixels, self.card.side)[None]
            (probabilities,), *heats = self._network.run(batch, [PROBABILITIES, HEAT] if heat else [PROBABILITIES])
        findings = findings_of(
            probabilities,
            classes=self.card.classes,
            damaged=self._damaged,
            threshold=self.threshold,
            source=source,
            size=size or (pixels.shape[1], pixels.shape[0]),
            heat_map=heats[0][0] if heats else None,
            kind_thresholds=self.card.kind_thresholds,
        )
        return self._with_places(findings, boxes, masks) if places else findings

    def read(self, path: Path, *, heat: bool = False, places: bool = True) -> Findings | PictureError:
        """What is in a picture file, or why it cannot be read; see `inspect`."""
        try:
            picture = read_picture(path, side=self.side)
        except PictureError as problem:
            return problem
        size = (picture.width, picture.height)
        return self.inspect(picture.pixels, source=str(path), heat=heat, places=places, size=size)

    def predict(self, paths: Sequence[Path], *, heat: bool = False, places: bool = True) -> Iterator[Findings | PictureError]:
        """The answer for every path, in order; several are worked on at the same time."""
        return in_order(lambda path: self.read(path, heat=heat, places=places), paths, threads=self.threads)

    def _boxes(self, pixels: NDArray[np.uint8]) -> Candidates | None:
        return None if self.card.boxes is None else search(self._network, pixels, self.card.boxes)

    def _masks(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        """float32 [1 + classes, rows, columns], the probability of each in each cell."""
        if self.card.masks is None:
            return None
        batch = network_pixels(pixels, self.card.masks.side)[None]
        (masks,) = self._network.run(batch, [MASKS], part=MASK_PIXELS)
        return np.asarray(masks[0], dtype=np.float32)

    def _with_places(self, findings: Findings, boxes: Candidates | None, masks: NDArray[np.float32] | None) -> Findings:
        found, part = None, self.card.boxes
        if boxes is not None and part is not None:
            size, limits = (findings.width, findings.height), score_limits(part, self._least_sure)
            found = told_boxes(boxes, part, size=size, limits=limits)
        shown = None if masks is None or self.card.masks is None else found_masks(masks, self.card.masks)
        return replace(findings, boxes=found, masks=shown)

    def _evidence(self, boxes: Candidates | None, masks: NDArray[np.float32] | None) -> NDArray[np.float64]:
        """Probabilities of the two classes, float64 [2], by what was found."""
        by_boxes = 0.0 if boxes is None or self.card.boxes is None else box_evidence(boxes, self.card.boxes)
        by_masks = 0.0 if masks is None or self.card.masks is None else mask_evidence(masks, self.card.masks)
        damage = max(by_boxes, by_masks)
        return np.where(self._damaged, damage, 1 - damage)


def inputs_of(card: Card) -> tuple[str, ...]:
    """The inputs of the parts that a package with this card has."""
    there = (
        (PIXELS, card.task != "places"),
        (BOX_PIXELS, card.boxes is not None),
        (MASK_PIXELS, card.masks is not None),
    )
    return tuple(name for name, present in there if present)


def findings_of(
    probabilities: NDArray[np.floating[Any]],
    *,
    classes: Sequence[str],
    damaged: NDArray[np.bool_],
    threshold: float,
    source: str,
    size: tuple[int, int],
    heat_map: NDArray[np.float32] | None = None,
    kind_thresholds: Mapping[str, float] | None = None,
) -> Findings:
    """Verdict, label and confidence from one row of probabilities, float [classes].

    Args:
        probabilities: of the classes; they add up to 1, but not those of a multi-label model.
        classes: their names.
        damaged: bool [classes], which of them are damage.
        threshold: probability of damage from which the verdict is "anomalous".
        source: name of the picture.
        size: width and height of the upright original, in pixels.
        heat_map: passed on.
        kind_thresholds: of a multi-label model, for each damage type the probability from which it is told.
    """
    damage = float(probabilities[damaged].sum() if kind_thresholds is None else 1.0 - probabilities[~damaged].sum())
    anomalous = damage >= threshold
    agreeing = np.flatnonzero(damaged == anomalous)
    best = int(agreeing[probabilities[agreeing].argmax()]) if len(agreeing) else int(probabilities.argmax())
    named = {name: float(value) for name, value in zip(classes, probabilities, strict=True)}
    kinds = None if kind_thresholds is None else told_kinds(named, kind_thresholds, anomalous=anomalous)
    return Findings(
        source=source,
        anomalous=anomalous,
        confidence=min(1.0, damage if anomalous else 1.0 - damage),
        label=next(iter(kinds or ()), classes[best]),
        damage=min(1.0, damage),
        probabilities=named,
        kinds=kinds,
        width=size[0],
        height=size[1],
        heat_map=heat_map,
    )


def told_kinds(probabilities: Mapping[str, float], thresholds: Mapping[str, float], *, anomalous: bool) -> dict[str, float]:
    """The damage types whose probability reaches their threshold, the surest first; none on a car that counts as whole."""
    told = [name for name, threshold in thresholds.items() if anomalous and probabilities[name] >= threshold]
    return {name: probabilities[name] for name in sorted(told, key=lambda name: -probabilities[name])}


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
