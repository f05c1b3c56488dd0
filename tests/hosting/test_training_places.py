"""What was drawn reaches the training as places, and what cannot be used fails with the picture's own name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from walkaround.damage.places import MaskFile, Place
from walkaround.datasets.sample import Dataset, Sample
from walkaround.datasets.survey import survey
from walkaround.errors import MissingExtraError, TrainingError
from walkaround.hosting.jobs.training.evaluation_files import Entry
from walkaround.hosting.jobs.training.training_places import drawn_on, with_places
from walkaround.hosting.operations.training.training_options import require_pytorch

DENT = (35, 164, 54)
CLASS = {"type": "groundtruth/image-classification", "human-annotated": "yes"}


def entry(name: str, label: str, *, mask: str | None = None, box: bool = False) -> Entry:
    members: dict[str, Any] = {"source-ref": f"s3://photos/{name}", "x": 1, "x-metadata": {**CLASS, "class-name": label}}
    if mask:
        colours = {"0": {"class-name": "dent", "hex-color": "#23A436"}, "1": {"class-name": "rust", "hex-color": "#0000FF"}}
        members |= {
            "m-ref": mask,
            "m-ref-metadata": {"internal-color-map": colours, "type": "groundtruth/semantic-segmentation"},
        }
    if box:
        members["b"] = {"annotations": [{"class_id": 0, "left": 1, "top": 2, "width": 3, "height": 4}]}
        members["b-metadata"] = {"type": "groundtruth/object-detection", "class-map": {"0": "scratch"}}
    return Entry(ref=members["source-ref"], label=label, line=json.dumps(members), split="train")


def pictures(folder: Path, *names: str) -> Any:
    rng = np.random.default_rng(1)
    for name in names:
        pixels = np.kron(rng.integers(0, 255, (6, 8, 3), dtype=np.uint8), np.ones((8, 8, 1), np.uint8))
        Image.fromarray(pixels).save(folder / name)
    samples = tuple(Sample(path=folder / name, label="anomaly") for name in names)
    return survey(Dataset(origin=folder, samples=samples))


def draw_mask(path: Path, *, size: tuple[int, int] = (64, 48)) -> Path:
    image = Image.new("RGB", size, (0, 0, 0))
    image.paste(DENT, (0, 0, size[0] // 2, size[1]))
    image.save(path, "PNG")
    return path


def joined(folder: Path, entries: Sequence[Entry], masks: dict[str, Path]) -> list[Sample]:
    names = [one.ref.rpartition("/")[2] for one in entries]
    looked = pictures(folder, *names)
    lines = {folder / name: drawn_on(entries).lines[number] for number, name in enumerate(names)}

    def fetch(refs: Sequence[str]) -> dict[int, Path]:
        return {number: masks[ref] for number, ref in enumerate(refs) if ref in masks}

    return list(with_places(looked, lines, fetch).samples)


def test_masks_and_boxes_become_places(tmp_path: Path) -> None:
    mask = draw_mask(tmp_path / "mask.png")
    entries = [
        entry("a.png", "anomaly", mask="s3://masks/a.png"),
        entry("b.png", "anomaly", box=True),
        entry("c.png", "normal"),
        entry("d.png", "anomaly"),
    ]
    samples = joined(tmp_path, entries, {"s3://masks/a.png": mask})
    assert [sample.places for sample in samples] == [
        (Place(label="dent", box=None, outline=MaskFile(path=mask, colour="#23a436")),),
        (Place(label="scratch", box=(1.0, 2.0, 4.0, 6.0)),),
        (),
        None,
    ]


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (None, r"s3://photos/a\.png: its mask 's3://masks/a\.png' is missing"),
        ((48, 64), r"s3://photos/a\.png: its mask 's3://masks/a\.png' is 48 x 64 pixels, and the picture 64 x 48"),
        ((0, 0), r"s3://photos/a\.png: its mask 's3://masks/a\.png' cannot be read"),
    ],
)
def test_a_mask_that_does_not_fit_ends_the_training(tmp_path: Path, size: tuple[int, int] | None, said: str) -> None:
    mask = tmp_path / "mask.png"
    if size == (0, 0):
        mask.write_bytes(b"no picture")
    elif size is not None:
        draw_mask(mask, size=size)
    with pytest.raises(TrainingError, match=said):
        joined(
            tmp_path, [entry("a.png", "anomaly", mask="s3://masks/a.png")], {} if size is None else {"s3://masks/a.png": mask}
        )


def test_without_pytorch_it_is_said_what_to_install() -> None:
    require_pytorch(drawn_on([entry("a.png", "anomaly")]), installed=False)
    require_pytorch(drawn_on([entry("a.png", "anomaly", box=True)]), installed=True)
    for one, what in (
        (entry("a.png", "anomaly", mask="s3://masks/a.png"), "masks"),
        (entry("a.png", "anomaly", box=True), "boxes"),
    ):
        with pytest.raises(MissingExtraError, match=rf"learns from {what} needs PyTorch.*pip install 'walkaround\[train\]'"):
            require_pytorch(drawn_on([one]), installed=False)
