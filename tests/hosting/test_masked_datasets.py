"""Datasets with masks: accepted as real manifests have them, refused with line and file, and counted by anomaly label."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from walkaround.errors import ConflictError

OUTPUT = {"S3Location": {"Bucket": "photos", "Prefix": ""}}
COLOURS = {"dent": (35, 164, 54), "scratch": (200, 10, 90)}
Put = Callable[..., None]


def mask(*labels: str, size: tuple[int, int] = (64, 48), stray: bool = False) -> bytes:
    """A palette PNG on black, as the tools of the old service wrote it; edges are soft by transparency alone."""
    indices = np.zeros(size[::-1], np.uint8)
    for number, label in enumerate(labels, start=1):
        indices[:, number * 8 : number * 8 + 6] = list(COLOURS).index(label) + 1
    image = Image.frombytes("P", size, indices.tobytes())
    colours = [(0, 0, 0), *([(1, 2, 3)] * 2 if stray else COLOURS.values())]
    image.putpalette(b"".join(bytes(colour) for colour in colours))
    file = io.BytesIO()
    image.save(file, "PNG", transparency=bytes([0, 120, 255]))
    return file.getvalue()


def line(key: str, label: str | None = "anomaly", *, mask_key: str | None = None, bucket: str = "photos") -> str:
    members: dict[str, Any] = {"source-ref": f"s3://photos/{key}"}
    if label:
        kind = {"class-name": label, "type": "groundtruth/image-classification", "human-annotated": "yes"}
        members |= {"anomaly-label": 1, "anomaly-label-metadata": kind}
    if mask_key:
        names = {
            str(number): {"class-name": name, "hex-color": "#{:02X}{:02X}{:02X}".format(*colour)}
            for number, (name, colour) in enumerate(COLOURS.items())
        }
        about = {"internal-color-map": names, "type": "groundtruth/semantic-segmentation", "human-annotated": "yes"}
        members |= {"anomaly-mask-ref": f"s3://{bucket}/{mask_key}", "anomaly-mask-ref-metadata": about}
    return json.dumps(members)


@pytest.fixture
def photos(settings: Any) -> Path:
    """The bucket `photos`, with masks of a dent, a scratch, both, and nothing."""
    folder: Path = settings.data / "buckets" / "photos"
    (folder / "masks").mkdir(parents=True)
    for name, labels in {"dent": ["dent"], "scratch": ["scratch"], "both": ["dent", "scratch"], "nothing": []}.items():
        (folder / "masks" / f"{name}.png").write_bytes(mask(*labels))
    return folder


@pytest.fixture
def create(service: Any, photos: Path) -> Callable[..., Any]:
    """Make a dataset of lines in the project `cars`, and tell of it."""
    service("create_project", project_name="cars")

    def run(*lines: str, kind: str = "train") -> Any:
        source = {"GroundTruthManifest": {"S3Object": {"Bucket": "photos", "Key": "m"}}}
        service("create_dataset", project_name="cars", dataset_type=kind, dataset_source=source)
        service.create(*service.jobs()[-1], content="\n".join(lines).encode())
        return service.dataset(kind)

    return run


def test_lines_with_masks_are_accepted_counted_and_listed_as_they_were(service: Any, create: Callable[..., Any]) -> None:
    lines = [
        line("n.jpg", "normal"),
        line("a.jpg", mask_key="masks/dent.png"),
        line("b.jpg", mask_key="masks/both.png"),
        line("c.jpg", "normal", mask_key="masks/nothing.png"),
        line("d.jpg", None, mask_key="masks/scratch.png"),
    ]
    told = create(*lines)
    assert told["Status"] == "CREATE_COMPLETE", told["StatusMessage"]
    assert told["ImageStats"] == {"Total": 5, "Labeled": 4, "Normal": 2, "Anomaly": 2}
    listed = service("list_dataset_entries", project_name="cars", dataset_type="train")
    assert listed["DatasetEntries"] == lines


def test_a_dummy_mask_need_not_be_there(create: Callable[..., Any]) -> None:
    members = json.loads(line("n.jpg", "normal", mask_key="nowhere.png"))
    members["anomaly-mask-ref-metadata"]["internal-color-map"] = {"0": {"class-name": "BACKGROUND", "hex-color": "#ffffff"}}
    assert create(json.dumps(members))["Status"] == "CREATE_COMPLETE"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, r"line 2: its mask 's3://photos/masks/x.png' is missing \(.*no object.*\)"),
        (b"no picture", "line 2: its mask 's3://photos/masks/x.png' cannot be read .*; save it as PNG"),
        (b"", "line 2: its mask .* cannot be read"),
        ("jpeg", "line 2: its mask .* cannot be read .*; save it as PNG"),
        (mask("dent")[:-40], "line 2: its mask .* cannot be read"),
        (
            mask("dent", stray=True),
            "line 2: its mask .* has the colour #010203, and its internal-color-map names #23a436, #c80a5a",
        ),
    ],
)
def test_a_mask_that_cannot_be_used_is_named_with_line_and_file(
    create: Callable[..., Any], photos: Path, content: bytes | str | None, said: str
) -> None:
    if content == "jpeg":
        file = io.BytesIO()
        Image.new("RGB", (64, 48)).save(file, "JPEG")
        content = file.getvalue()
    if isinstance(content, bytes):
        (photos / "masks" / "x.png").write_bytes(content)
    told = create(line("n.jpg", "normal"), line("a.jpg", mask_key="masks/x.png"))
    assert told["Status"] == "CREATE_FAILED"
    assert told["StatusMessage"].startswith("The manifest cannot be used. Masks cannot be used: ")
    assert re.search(said, told["StatusMessage"]), told["StatusMessage"]
    assert told["ImageStats"]["Total"] == 0


def test_damage_on_a_normal_picture_is_a_contradiction(create: Callable[..., Any]) -> None:
    told = create(line("a.jpg", "normal", mask_key="masks/dent.png"))
    assert (
        "line 1: it calls the picture normal, and its mask 's3://photos/masks/dent.png' shows 'dent'" in told["StatusMessage"]
    )


def test_masks_of_another_account_are_not_looked_at(create: Callable[..., Any], photos: Path) -> None:
    other = photos.parent / "walkaround-111111111111"
    other.mkdir()
    (other / "m.png").write_bytes(mask("dent"))
    told = create(line("a.jpg", mask_key="m.png", bucket=other.name))
    assert told["Status"] == "CREATE_FAILED"
    assert "may not use the bucket" in told["StatusMessage"]


def test_a_change_with_a_broken_mask_changes_nothing(service: Any, create: Callable[..., Any]) -> None:
    create(line("a.jpg", mask_key="masks/dent.png"))
    service.update(line("a.jpg", None), line("b.jpg", mask_key="nowhere.png"))
    told = service.dataset()
    assert told["Status"] == "UPDATE_FAILED_ROLLBACK_COMPLETE"
    assert "line 2: its mask 's3://photos/nowhere.png' is missing" in told["StatusMessage"]
    assert told["ImageStats"]["Anomaly"] == 1


def fill(create: Callable[..., Any], kind: str = "train", *, dent: int, scratch: int, both: int = 0) -> Any:
    """A dataset with 20 normal pictures and these damaged ones."""
    counts = {"dent": dent, "scratch": scratch, "both": both}
    lines = [line(f"{kind}{n}.jpg", "normal") for n in range(20)]
    lines += [
        line(f"{kind}-{name}{n}.jpg", mask_key=f"masks/{name}.png") for name, count in counts.items() for n in range(count)
    ]
    return create(*lines, kind=kind)


def test_a_label_needs_twenty_pictures_that_show_nothing_else(service: Any, create: Callable[..., Any]) -> None:
    fill(create, dent=20, scratch=19, both=10)
    with pytest.raises(ConflictError, match=r"train dataset .* too few pictures show .*: 'scratch' by 19\. .* at least 20"):
        service("create_model", project_name="cars", output_config=OUTPUT)
    service.update(line("more.jpg", mask_key="masks/scratch.png"))
    assert service("create_model", project_name="cars", output_config=OUTPUT)["ModelMetadata"]["Status"] == "TRAINING"


def test_in_two_datasets_a_label_needs_ten_in_each(service: Any, create: Callable[..., Any]) -> None:
    fill(create, dent=10, scratch=10)
    fill(create, "test", dent=10, scratch=9)
    with pytest.raises(ConflictError, match=r"test dataset .*: 'scratch' by 9\. .* at least 10"):
        service("create_model", project_name="cars", output_config=OUTPUT)


def test_a_project_has_a_hundred_labels_at_most(create: Callable[..., Any], photos: Path) -> None:
    def many(name: str, *, first: int, count: int) -> str:
        labels = Image.frombytes("RGB", (count, 1), b"".join(bytes([9, 9, first + n]) for n in range(count)))
        labels.resize((64, 48), Image.Resampling.NEAREST).save(photos / "masks" / f"{name}.png")
        members = json.loads(line(f"{name}.jpg", mask_key=f"masks/{name}.png"))
        names = {str(n): {"class-name": f"l{first + n}", "hex-color": f"#0909{first + n:02x}"} for n in range(count)}
        members["anomaly-mask-ref-metadata"]["internal-color-map"] = names
        return json.dumps(members)

    hundred = [many(f"m{n}", first=20 * n, count=20) for n in range(5)]
    assert create(*hundred)["Status"] == "CREATE_COMPLETE"
    told = create(many("other", first=200, count=1), kind="test")
    assert "The project would have 101 anomaly labels, and 100 are allowed" in told["StatusMessage"]


def test_a_mask_shows_twenty_labels_at_most(create: Callable[..., Any], photos: Path) -> None:
    strips = Image.frombytes("RGB", (21, 1), b"".join(bytes([9, 9, n]) for n in range(21)))
    strips.resize((63, 48), Image.Resampling.NEAREST).save(photos / "masks" / "many.png")
    members = json.loads(line("a.jpg", mask_key="masks/many.png"))
    names = {str(n): {"class-name": f"l{n}", "hex-color": f"#0909{n:02x}"} for n in range(21)}
    members["anomaly-mask-ref-metadata"]["internal-color-map"] = names
    assert "shows 21 anomaly labels, and 20 are allowed" in create(json.dumps(members))["StatusMessage"]


def boxed(key: str) -> str:
    boxes = {"annotations": [{"class_id": 0, "left": 1, "top": 2, "width": 3, "height": 4}]}
    about = {"class-map": {"0": "dent"}, "type": "groundtruth/object-detection", "human-annotated": "yes"}
    return json.dumps({"source-ref": f"s3://photos/{key}", "job": boxes, "job-metadata": about})


def test_twenty_pictures_with_boxes_are_enough_without_normal_ones(service: Any, create: Callable[..., Any]) -> None:
    told = create(*(boxed(f"{n}.jpg") for n in range(19)))
    assert told["ImageStats"] == {"Total": 19, "Labeled": 19, "Normal": 0, "Anomaly": 19}
    with pytest.raises(ConflictError, match="needs at least 20 and 10"):
        service("create_model", project_name="cars", output_config=OUTPUT)
    service.update(boxed("last.jpg"))
    assert service("create_model", project_name="cars", output_config=OUTPUT)["ModelMetadata"]["Status"] == "TRAINING"
