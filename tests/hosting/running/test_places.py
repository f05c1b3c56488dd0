"""Models that find boxes and masks, hosted: what they find comes out of their workers and of a component archive as it is."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from made_models import BOX_PART, MASK_PART, made_package, picture_with
from walkaround.aws.lookoutvision import detection_document
from walkaround.damage.findings import Findings
from walkaround.hosting.operations.trials.trial_verdicts import list_trial_pictures
from walkaround.hosting.operations.trials.trials import start_trial
from walkaround.hosting.owner import Owner
from walkaround.hosting.pool.answers import decode, encode
from walkaround.hosting.pool.worker import look
from walkaround.inspection.detector import Detector

OWNER = Owner("000000000000", "us-east-1")
SPOT = (64, 48, 128, 96)


def file(*spots: tuple[int, int, int, int], **given: Any) -> bytes:
    content = io.BytesIO()
    Image.fromarray(picture_with(*spots, **given)).save(content, "PNG")
    return content.getvalue()


def alike(first: Findings, second: Findings) -> bool:
    assert first.masks is not None
    assert second.masks is not None
    same = np.array_equal(first.masks.labels, second.masks.labels) and first.masks.names == second.masks.names
    return same and first.as_json() == second.as_json()


@pytest.fixture(scope="module")
def places_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with all parts."""
    return made_package(tmp_path_factory.mktemp("made") / "all", damage=0.8, boxes=BOX_PART, masks=MASK_PART).path


def test_boxes_and_masks_come_through_the_socket_as_they_are(places_package: Path) -> None:
    found = look(Detector(places_package), file(SPOT))
    assert found.boxes
    again = decode(encode(found))
    assert alike(again, found)
    assert again.boxes == found.boxes
    assert again.masks is not None
    assert again.masks.colours == {"scratch": "#E69F00", "dent": "#0072B2"}


def test_a_hosted_model_answers_what_the_old_service_did(running: Any, places_package: Path) -> None:
    running.put_model(places_package)
    running("start_model", project_name="cars", model_version="1", min_inference_units=1)
    running.wait("host")
    found = running.detect(file(SPOT))
    assert alike(found, look(Detector(places_package), file(SPOT)))
    told = detection_document(found)["DetectAnomalyResult"]
    assert [one["Name"] for one in told["Anomalies"]] == ["background", "scratch"]
    background, scratch = (one["PixelAnomaly"] for one in told["Anomalies"])
    assert (background["Color"], scratch["Color"]) == ("#FFFFFF", "#E69F00")
    assert scratch["TotalPercentageArea"] == pytest.approx(64 * 48 / (256 * 192), abs=0.02)
    assert background["TotalPercentageArea"] + scratch["TotalPercentageArea"] == pytest.approx(1)
    mask = Image.open(io.BytesIO(told["AnomalyMask"])).convert("RGB")
    assert mask.size == (256, 192)
    assert [mask.getpixel(at) for at in ((96, 72), (20, 20))] == [(0xE6, 0x9F, 0x00), (255, 255, 255)]
    nothing = detection_document(running.detect(file()))["DetectAnomalyResult"]
    assert [one["Name"] for one in nothing["Anomalies"]] == ["background"]


def test_a_trial_keeps_what_was_found_with_its_place(running: Any, places_package: Path) -> None:
    running.put_model(places_package)
    running.buckets.write("photos", "new/a.png", file(SPOT))
    with running.database.transaction() as session:
        start_trial(
            session, OWNER, project_name="cars", model_version="1", trial_name="first", source_refs=["s3://photos/new/a.png"]
        )
    running.jobs.wake()
    running.wait("trial")
    with running.database.reading() as session:
        (told,) = list_trial_pictures(session, OWNER, project_name="cars", trial_name="first")["Pictures"]
    expected = look(Detector(places_package), file(SPOT)).as_json()
    assert {name: told["Findings"][name] for name in ("boxes", "areas")} == {
        name: expected[name] for name in ("boxes", "areas")
    }
    assert told["Findings"]["masks"]["names"] == ["scratch", "dent"]


GREENGRASS = {
    "S3OutputLocation": {"Bucket": "photos", "Prefix": "edge/"},
    "ComponentName": "Car.damage",
    "TargetPlatform": {"Os": "LINUX", "Arch": "X86_64"},
}
TILED = {"boxes": replace(BOX_PART, overlap=0.2)}


@pytest.mark.parametrize(
    "parts",
    [
        {"damage": 0.8, "boxes": BOX_PART, "masks": MASK_PART},
        {"boxes": BOX_PART, "masks": MASK_PART},
        {"boxes": BOX_PART, "kind": 1, "score": 0.2},
        {"damage": 0.2, "masks": MASK_PART},
        {"damage": 0.2, **TILED},
        {"boxes": replace(BOX_PART, classes=("wheel", "dent"))},
    ],
    ids=["all", "places", "unsure", "masks", "tiles", "wheel"],
)
def test_the_runner_of_an_archive_finds_the_same(running: Any, tmp_path: Path, parts: dict[str, Any]) -> None:
    package = made_package(tmp_path / "made", **parts).path
    running.put_model(package)
    running(
        "start_model_packaging_job",
        project_name="cars",
        model_version="1",
        configuration={"Greengrass": GREENGRASS},
        job_name="pack",
    )
    assert running.wait("package").state == "done"
    with zipfile.ZipFile(io.BytesIO(running.buckets.read("photos", "edge/Car.damage-1.0.0.zip", at_most=10**8))) as files:
        files.extractall(tmp_path / "component")
    spots = [[SPOT], [], [(20, 20, 30, 30), (700, 500, 760, 540)]]
    sizes = [(256, 192), (100, 80), (900, 700)]
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path, some, (width, height) in zip(paths, spots, sizes, strict=True):
        path.write_bytes(file(*some, width=width, height=height))
    command: list[str | Path] = [sys.executable, "-I", tmp_path / "component" / "runner.py", "--mask", *paths]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    detector = Detector(package)
    for path, line in zip(paths, ran.stdout.splitlines(), strict=True):
        told, found = json.loads(line), look(detector, path.read_bytes())
        assert (told["IsAnomalous"], told["Label"]) == (found.anomalous, found.label)
        assert told["Damage"] == pytest.approx(found.damage, abs=1e-5)
        boxes = None if found.boxes is None else [(box.label, pytest.approx(box.score, abs=1e-5)) for box in found.boxes]
        assert (None if "Boxes" not in told else [(box["Label"], box["Score"]) for box in told["Boxes"]]) == boxes
        edges = [edge for box in found.boxes or () for edge in box.box]
        assert [edge for box in told.get("Boxes", ()) for edge in box["Box"]] == pytest.approx(edges, abs=0.1)
        expected = detection_document(found)["DetectAnomalyResult"]
        assert told.get("Anomalies") == expected.get("Anomalies")
        assert base64.b64decode(told.get("AnomalyMask", "")) == expected.get("AnomalyMask", b"")
