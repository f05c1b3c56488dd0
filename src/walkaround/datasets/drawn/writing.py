"""Write datasets of made-up cars: folders by class, COCO truth beside them, and planted faults for the data check."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from walkaround.damage.kinds import ANOMALY, DAMAGE_TYPES, NORMAL
from walkaround.datasets.drawn.car import DrawnCar, draw_car
from walkaround.datasets.runs import run_lengths
from walkaround.errors import DatasetError, writing

SIZES = ((640, 480), (480, 360), (560, 420), (480, 480), (600, 400), (400, 533))
COCO_NAME = "instances.json"


@dataclass(frozen=True, kw_only=True)
class PlantedFaults:
    """What was put wrong on purpose, as paths relative to the dataset's folder.

    Attributes:
        exact_duplicate, near_duplicate: (original, copy).
        wrong_label: a damaged car in the folder of whole ones.
        truncated: a JPEG that ends in the middle.
        tiny: a picture too small to show anything.
    """

    exact_duplicate: tuple[str, str]
    near_duplicate: tuple[str, str]
    wrong_label: str
    truncated: str
    tiny: str


@dataclass(frozen=True, kw_only=True, eq=False)
class _Drawn:
    name: str
    car: DrawnCar
    quality: int


def write_drawn_dataset(
    folder: Path, *, pictures: int, seed: int, kinds: bool = False, coco: bool = False, faults: bool = False
) -> PlantedFaults | None:
    """Write a dataset of made-up cars, half of them whole; view, size and JPEG quality do not depend on the label.

    The kinds of damage go round. With the two folders `normal` and `anomaly` every second damaged car is scratched as well.

    Args:
        folder: made if it is missing; pictures of the same names in it are replaced.
        pictures: how many to draw.
        seed: whole number from 0; the same seed writes the same pictures.
        kinds: one folder for every damage type beside `normal`, instead of the two folders `normal` and `anomaly`.
        coco: write `instances.json` beside, with the box and the mask (uncompressed RLE) of every damage.
        faults: plant one of each fault that a data check must find.

    Returns:
        The planted faults, or None without `faults`.

    Raises:
        DatasetError: for fewer than two pictures.
        StorageError: when the folder cannot be written.
    """
    if pictures < 2:
        raise DatasetError(
            f"Cannot draw a dataset of {pictures} pictures: it needs whole and damaged cars; ask for at least 2."
        )
    entries: list[_Drawn] = []
    for drawn in _drawings(pictures, seed, kinds=kinds):
        _save(folder / drawn.name, drawn.car, drawn.quality)
        if coco:
            entries.append(drawn)
    if coco:
        _write_text(folder / COCO_NAME, json.dumps(_coco(entries)))
    return _plant(folder, pictures, seed) if faults else None


def _drawings(pictures: int, seed: int, *, kinds: bool) -> Iterator[_Drawn]:
    """Whole and damaged cars in turn, the kinds going round, so that small datasets are balanced too."""
    rng = np.random.default_rng([seed, pictures])
    order = rng.permutation(len(DAMAGE_TYPES))
    for number in range(pictures):
        kind = DAMAGE_TYPES[order[number // 2 % len(DAMAGE_TYPES)]]
        whole = number % 2 == 0
        label = NORMAL if whole else kind if kinds else ANOMALY
        width, height = SIZES[rng.integers(len(SIZES))]
        quality = int(rng.integers(72, 96))
        more = ["scratch"] if not kinds and kind != "scratch" and rng.random() < 0.5 else []
        car = draw_car(
            _car_seed(seed, number),
            damage=[] if whole else [kind, *more],
            width=width,
            height=height,
            focus=kind if whole else None,
        )
        yield _Drawn(name=f"{label}/car_{number:04d}.jpg", car=car, quality=quality)


def _car_seed(seed: int, number: int) -> int:
    return seed * 1_000_003 + number


def _save(path: Path, car: DrawnCar, quality: int) -> None:
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(car.pixels).save(path, format="JPEG", quality=quality)


def _write_text(path: Path, text: str) -> None:
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _coco(entries: list[_Drawn]) -> dict[str, object]:
    """COCO instances (https://cocodataset.org/#format-data): ids from 1, boxes x y w h, masks as uncompressed RLE."""
    images = [
        {"id": number, "file_name": entry.name, "height": entry.car.pixels.shape[0], "width": entry.car.pixels.shape[1]}
        for number, entry in enumerate(entries, start=1)
    ]
    annotations: list[dict[str, object]] = []
    for number, entry in enumerate(entries, start=1):
        for kind, box, mask in zip(entry.car.kinds, entry.car.boxes.tolist(), entry.car.masks, strict=True):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": DAMAGE_TYPES.index(kind) + 1,
                    "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
                    "area": int(mask.sum()),
                    "segmentation": {"size": list(mask.shape), "counts": run_lengths(mask)},
                    "iscrowd": 0,
                }
            )
    categories = [{"id": number, "name": name} for number, name in enumerate(DAMAGE_TYPES, start=1)]
    return {"images": images, "annotations": annotations, "categories": categories}


def _plant(folder: Path, pictures: int, seed: int) -> PlantedFaults:
    """Add one picture for every fault."""
    originals = sorted(path for path in folder.glob("*/car_*.jpg"))
    rng = np.random.default_rng([seed, 99])
    first, second, cut = (originals[k] for k in rng.permutation(len(originals))[[0, 1, -1]])
    same, near = first.with_name("copy.jpg"), second.with_name("resaved.jpg")
    wrong, torn, tiny = (folder / NORMAL / name for name in ("wrong_label.jpg", "truncated.jpg", "tiny.jpg"))
    with writing(folder):
        same.write_bytes(first.read_bytes())
        with Image.open(second) as picture:
            picture.resize((picture.width * 9 // 10, picture.height * 9 // 10)).save(near, format="JPEG", quality=70)
        torn.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
        with Image.open(cut) as picture:
            picture.resize((40, 30)).save(tiny, format="JPEG")
    _save(wrong, draw_car(_car_seed(seed, pictures), damage=["smash"]), 90)
    relative = [path.relative_to(folder).as_posix() for path in (first, same, second, near, wrong, torn, tiny)]
    return PlantedFaults(
        exact_duplicate=(relative[0], relative[1]),
        near_duplicate=(relative[2], relative[3]),
        wrong_label=relative[4],
        truncated=relative[5],
        tiny=relative[6],
    )
