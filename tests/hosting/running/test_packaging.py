"""A component archive: what is in it, and that its runner gives the detector's verdicts without walkaround."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from walkaround.hosting.pool.worker import look
from walkaround.inspection.detector import Detector

GREENGRASS = {
    "S3OutputLocation": {"Bucket": "photos", "Prefix": "edge/"},
    "ComponentName": "Car.damage",
    "TargetPlatform": {"Os": "LINUX", "Arch": "X86_64"},
}


@pytest.fixture
def unpacked(running: Any, package: Path, tmp_path: Path) -> Path:
    """The archive that a packaging job made, unpacked."""
    running.put_model(package)
    configuration = {"Greengrass": GREENGRASS}
    running("start_model_packaging_job", project_name="cars", model_version="1", configuration=configuration, job_name="pack")
    running.wait("package")
    told = running("describe_model_packaging_job", project_name="cars", job_name="pack")["ModelPackagingDescription"]
    assert told["Status"] == "SUCCEEDED", told["StatusMessage"]
    assert told["ModelPackagingOutputDetails"]["Greengrass"]["ComponentVersion"] == "1.0.0"
    archive = running.buckets.read("photos", "edge/Car.damage-1.0.0.zip", at_most=10**8)
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        files.extractall(tmp_path / "component")
    recipe = json.loads(running.buckets.read("photos", "edge/Car.damage-1.0.0.json", at_most=10**5))
    assert recipe["Manifests"][0]["Artifacts"][0]["Uri"] == "s3://photos/edge/Car.damage-1.0.0.zip"
    assert recipe["Manifests"][0]["Platform"] == {"os": "linux", "architecture": "amd64"}
    return tmp_path / "component"


def odd_pictures(car: bytes, folder: Path) -> list[Path]:
    """The same car large, turned by EXIF, transparent, in grey of 8 and 16 bit, and with a palette."""
    folder.mkdir()
    image = Image.open(io.BytesIO(car))
    turned, clear = Image.Exif(), image.convert("RGBA")
    turned[0x0112] = 6
    clear.putalpha(Image.linear_gradient("L").resize(image.size))
    deep = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    image.resize((2050, 1531)).save(folder / "large.jpg", exif=turned)
    image.resize((1503, 1001)).save(folder / "large.png", exif=turned)
    clear.save(folder / "clear.png")
    image.convert("L").save(folder / "grey.jpg")
    deep.save(folder / "deep.png")
    image.convert("P").save(folder / "palette.png")
    return sorted(folder.iterdir())


def test_the_runner_gives_the_detectors_verdicts(unpacked: Path, package: Path, pictures: list[bytes], tmp_path: Path) -> None:
    paths = odd_pictures(pictures[0], tmp_path / "odd")
    for number, picture in enumerate(pictures[:6]):
        paths.append(tmp_path / f"{number}.jpg")
        paths[-1].write_bytes(picture)
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"nothing")
    code = (
        "import runpy, sys; sys.modules['walkaround'] = None;"  # whoever imports it, fails
        "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    command = [sys.executable, "-I", "-c", code, str(unpacked / "runner.py"), *map(str, [*paths, bad])]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    *told, refused = [json.loads(line) for line in ran.stdout.splitlines()]
    detector = Detector(package)
    for path, one in zip(paths, told, strict=True):
        found = look(detector, path.read_bytes())
        assert (one["IsAnomalous"], one["Label"]) == (found.anomalous, found.label), path.name
        assert one["Damage"] == pytest.approx(found.damage, abs=1e-5), path.name
        assert one["Confidence"] == pytest.approx(found.confidence, abs=1e-5), path.name
    assert "no JPEG or PNG" in refused["Message"]


def test_a_package_that_is_damaged_is_not_packed(running: Any, package: Path) -> None:
    running.put_model(package)
    (running.settings.data / "models/cars-1/model.onnx").write_bytes(b"half")
    running("start_model_packaging_job", project_name="cars", model_version="1", configuration={"Greengrass": GREENGRASS})
    assert running.wait("package").state == "failed"
    (job,) = running("list_model_packaging_jobs", project_name="cars")["ModelPackagingJobs"]
    assert job["Status"] == "FAILED"
    assert "altered" in job["StatusMessage"]
