"""How a training is done: the few numbers behind the one button, all with defaults that were measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import platformdirs


def default_cache() -> Path:
    """Where features are kept between trainings."""
    return Path(platformdirs.user_cache_dir("walkaround"))


class Part(StrEnum):
    """What a package can find: whether there is damage, boxes around it, the pixels that it covers."""

    VERDICT = "verdict"
    BOXES = "boxes"
    MASKS = "masks"


class Quality(StrEnum):
    """What is done for the verdict: heads on the network as it is shipped, or fine-tuning of it as well."""

    FAST = "fast"
    BEST = "best"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Settings of a training.

    Attributes:
        seed: of the split, the folds and the choice of patches; the same seed and pictures give the same package.
        minutes: time budget, counted from the start; None: none. When it would not suffice, disturbed views are left out
            first, then candidates; every picture is read once and the first candidate is trained, however short the time.
        views: how many views each training picture is learnt from: itself and views - 1 disturbances of it.
        folds: of the cross-validation on the training pictures.
        test_share: share of the pictures kept back to measure on when no test pictures are given.
        normal: further class names that mean a whole car.
        threads: pictures read at the same time; None takes all cores.
        cache: folder of the features, and of what is kept to go on from after an interruption.
        ray: Ray cluster that boxes and masks are trained on: HOST:PORT, "auto", or "local" for one of this machine's own; None:
            none. All of its machines have to see the pictures and `cache` under the same paths.
        workers: processes on it that train together; None: as many as it has room for.
        rename: "OLD=NEW", class names to change before anything else; see `walkaround.datasets.renaming`.
        skip_bad_labels: leave out boxes and masks that cannot be used, in place of refusing the dataset.
        quality: "best" also fine-tunes the network of a classifier, and takes what does better on pictures kept back.
        only: the parts to train; empty: all that the labels allow.
        boxes_size: of the network that finds boxes, a name in `walkaround.models.gradient.sizes.SIZES`.
        weights: a checkpoint of such a network to begin with.
        multi_label: a picture may show several damage types, even where none is labelled with more than one; what several
            lines, folders or drawn places say of a picture adds up. See `walkaround.datasets.gathering`.
    """

    seed: int = 0
    minutes: float | None = None
    views: int = 3
    folds: int = 5
    test_share: float = 0.2
    normal: tuple[str, ...] = ()
    threads: int | None = None
    cache: Path = field(default_factory=default_cache)
    ray: str | None = None
    workers: int | None = None
    rename: tuple[str, ...] = ()
    skip_bad_labels: bool = False
    quality: Quality = Quality.FAST
    only: tuple[Part, ...] = ()
    boxes_size: str = "lite0"
    weights: Path | None = None
    multi_label: bool = False

    def wants(self, part: str) -> bool:
        """Whether a part is to be trained where the labels allow it."""
        return not self.only or part in self.only
