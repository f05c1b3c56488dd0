"""Datasets in buckets: on a real S3 server, and in folders that stand for buckets."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from uuid import uuid4

import pytest
from PIL import Image

from walkaround.buckets.buckets import Buckets
from walkaround.buckets.remote import Patience, S3Access
from walkaround.datasets.reading import read_dataset
from walkaround.datasets.sample import Dataset
from walkaround.errors import BucketError, DatasetError, UnavailableError

FOLDERS = ["car/normal/a.jpg", "car/normal/deep/er/b", "car/scratch/c.png", "car/scratch/notes.txt", "car/.hidden/d.jpg"]


@pytest.fixture(params=["folder", "s3"])
def buckets(request: pytest.FixtureRequest, tmp_path: Path) -> Buckets:
    """The bucket "photos", once as a folder and once at a server."""
    if request.param == "folder":
        (tmp_path / "photos").mkdir()
        return Buckets({"photos": tmp_path / "photos"})
    server: S3Access = request.getfixturevalue("s3_server")
    return Buckets({"photos": f"s3://datasets/{uuid4().hex}"}, s3=server)


@pytest.fixture
def picture(tmp_path: Path, draw_scene: Callable[[int], Image.Image]) -> Callable[[int], bytes]:
    """The bytes of a JPEG, different for every seed."""

    def make(seed: int) -> bytes:
        draw_scene(seed).save(tmp_path / "made.jpg")
        return (tmp_path / "made.jpg").read_bytes()

    return make


def rows(dataset: Dataset) -> list[tuple[str, str | None, str | None]]:
    return [(sample.path.name, sample.label, sample.split) for sample in dataset.samples]


def test_folders_in_a_bucket_are_classes(buckets: Buckets, picture: Callable[[int], bytes], tmp_path: Path) -> None:
    for number, key in enumerate(FOLDERS):
        buckets.write("photos", key, b"notes" if key.endswith(".txt") else picture(number))
    told: list[tuple[int, int]] = []
    dataset = read_dataset(
        "s3://photos/car/", buckets=buckets, cache=tmp_path, progress=lambda done, total: told.append((done, total))
    )
    assert rows(dataset) == [("a.jpg", "normal", None), ("b", "normal", None), ("c.png", "scratch", None)]
    assert dataset.samples[0].where == "s3://photos/car/normal/a.jpg"
    assert dataset.samples[0].path.read_bytes() == picture(0)
    assert dataset.origin == "s3://photos/car/"
    assert [problem.kind for problem in dataset.problems] == ["not-a-picture"]
    assert told == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("source", ["s3://photos", "s3://photos/", Path("s3://photos/")])
def test_a_whole_bucket_with_splits_is_a_dataset(buckets: Buckets, source: str | Path, tmp_path: Path) -> None:
    for key in ("set/train/normal/a.jpg", "set/train/anomaly/b.jpg", "set/test/normal/c.jpg"):
        buckets.write("photos", key, b"\xff\xd8\xff")
    assert rows(read_dataset(source, buckets=buckets, cache=tmp_path)) == [
        ("c.jpg", "normal", "test"),
        ("b.jpg", "anomaly", "train"),
        ("a.jpg", "normal", "train"),
    ]


def test_a_listing_in_a_bucket_names_pictures_beside_it_and_in_other_buckets(buckets: Buckets, tmp_path: Path) -> None:
    for key in ("car/x/a.jpg", "b.jpg"):
        buckets.write("photos", key, b"\xff\xd8\xff")
    images = ["x/a.jpg", "../b.jpg", "s3://photos/b.jpg", "../../b.jpg", "/etc/hostname", "gone.jpg", "s3://other/a.jpg"]
    lines = [json.dumps({"image": image, "label": str(number)}) for number, image in enumerate(images)]
    buckets.write("photos", "car/own.jsonl", "\n".join(lines).encode())
    for source in ("s3://photos/car/own.jsonl", "s3://photos/car"):
        dataset = read_dataset(source, buckets=buckets, cache=tmp_path)
        assert rows(dataset) == [("a.jpg", "0", None), ("b.jpg", "1", None), ("b.jpg", "2", None)]
        kinds = [(problem.kind, problem.message) for problem in dataset.problems]
        assert [kind for kind, _ in kinds] == ["bad-line", "bad-line", "missing-object", "missing-object"]
        assert kinds[0][1].startswith("own.jsonl, line 4: '../../b.jpg' leads out of the bucket 'photos'; correct it")
        assert "own.jsonl, line 6: There is no object 's3://photos/car/gone.jpg': put it there" in kinds[2][1]


def test_a_manifest_on_disk_names_pictures_in_a_bucket(
    buckets: Buckets, picture: Callable[[int], bytes], tmp_path: Path
) -> None:
    buckets.write("photos", "a b.jpg", picture(1))
    metadata = {"class-name": "normal", "type": "groundtruth/image-classification"}
    lines = [json.dumps({"source-ref": f"s3://photos/{key}", "l-metadata": metadata}) for key in ("a b.jpg", "gone.jpg")]
    (tmp_path / "m.manifest").write_text("\n".join(lines))
    dataset = read_dataset(tmp_path / "m.manifest", buckets=buckets, cache=tmp_path)
    [sample] = dataset.samples
    assert (sample.path.read_bytes(), sample.label, sample.where) == (picture(1), "normal", "m.manifest, line 1")
    assert [problem.kind for problem in dataset.problems] == ["missing-object"]


def test_copies_are_used_again(s3_server: S3Access, tmp_path: Path) -> None:
    buckets = Buckets({"photos": f"s3://datasets/{uuid4().hex}"}, s3=s3_server)
    for number in range(20):
        buckets.write("photos", f"normal/{number}.jpg", b"\xff\xd8\xff")
    first = read_dataset("s3://photos", buckets=buckets, cache=tmp_path)
    made = {sample.path: sample.path.stat().st_ino for sample in first.samples}
    again = read_dataset("s3://photos", buckets=buckets, cache=tmp_path)
    assert {sample.path: sample.path.stat().st_ino for sample in again.samples} == made
    assert len(made) == 20


@pytest.mark.parametrize("source", ["s3://photos/nothing/", "s3://photos/nothing.csv"])
def test_nothing_there_is_told(buckets: Buckets, source: str, tmp_path: Path) -> None:
    buckets.write("photos", "a.jpg", b"1")
    with pytest.raises(DatasetError, match="There is no dataset at 's3://photos/nothing"):
        read_dataset(source, buckets=buckets, cache=tmp_path)


def test_buckets_that_are_not_configured_or_not_possible_are_told(tmp_path: Path) -> None:
    with pytest.raises(BucketError, match="There is no bucket 'photos': whoever runs walkaround can map it"):
        read_dataset("s3://photos/car/", cache=tmp_path)
    with pytest.raises(BucketError, match="cannot be the name of a bucket"):
        read_dataset("s3://../car/", cache=tmp_path)
    with pytest.raises(BucketError, match=r"empty part, '\.' or '\.\.'"):
        read_dataset("s3://photos/../car/", buckets=Buckets({"photos": tmp_path}), cache=tmp_path)


def test_a_server_that_is_away_stops_the_reading(tmp_path: Path) -> None:
    (tmp_path / "own.jsonl").write_text("\n".join(f'{{"image": "s3://photos/{n}.jpg", "label": "a"}}' for n in range(50)))
    away = Buckets({}, s3=S3Access(endpoint="http://127.0.0.1:9"), patience=Patience(retries=0))
    with pytest.raises(UnavailableError, match="does not answer at the moment"):
        read_dataset(tmp_path / "own.jsonl", buckets=away, cache=tmp_path)


def test_what_lies_beside_a_manifest_is_not_asked_for_at_a_server(tmp_path: Path) -> None:
    (tmp_path / "fleet").mkdir()
    (tmp_path / "fleet" / "a.jpg").touch()
    (tmp_path / "own.jsonl").write_text('{"image": "s3://fleet/a.jpg", "label": "a"}')
    away = Buckets({}, s3=S3Access(endpoint="http://127.0.0.1:9"), patience=Patience(retries=0))
    assert [sample.path for sample in read_dataset(tmp_path / "own.jsonl", buckets=away, cache=tmp_path).samples] == [
        tmp_path / "fleet" / "a.jpg"
    ]


def test_the_command_line_checks_pictures_in_a_bucket(
    s3_server: S3Access,
    command: Callable[..., CompletedProcess[str]],
    picture: Callable[[int], bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WALKAROUND_S3_ACCESS_KEY", str(s3_server.access_key))
    monkeypatch.setenv("WALKAROUND_S3_SECRET_KEY", str(s3_server.secret_key))
    for number in range(6):
        Buckets({}, s3=s3_server).write("checked", f"cars/{'normal' if number % 2 else 'dent'}/{number}.jpg", picture(number))
    asked = ("--no-labels", "--s3-endpoint", s3_server.endpoint, "--cache", tmp_path)
    done = command("check", "s3://checked/cars/", *asked)
    assert "s3://checked/cars/: 3 dent, 3 normal; 0 unlabelled" in done.stderr, done.stderr
    assert command("check", "s3://unheard-of/cars/", *asked).returncode == 1


@pytest.mark.parametrize("source", ["s3://photos/set/", "s3://photos/set/data.yaml"])
def test_yolo_in_a_bucket_is_read(buckets: Buckets, picture: Callable[[int], bytes], tmp_path: Path, source: str) -> None:
    buckets.write("photos", "set/images/val/a.jpg", picture(0))
    buckets.write("photos", "set/labels/val/a.txt", b"0 0.5 0.5 0.5 0.5\n")
    buckets.write("photos", "set/data.yaml", b"names: [dent]\nval: images/val\n")
    [sample] = read_dataset(source, buckets=buckets, cache=tmp_path).samples
    assert (sample.path.read_bytes(), sample.split, sample.label) == (picture(0), "validation", "anomaly")
    assert [place.box for place in sample.places or ()] == [(60, 45, 180, 135)]


@pytest.mark.parametrize("source", ["s3://photos/set/", "s3://photos/set/instances_test.json"])
def test_coco_in_a_bucket_is_read(buckets: Buckets, picture: Callable[[int], bytes], tmp_path: Path, source: str) -> None:
    annotation = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}
    stored = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "annotations": [annotation],
        "categories": [{"id": 1, "name": "dent"}],
    }
    buckets.write("photos", "set/images/a.jpg", picture(0))
    buckets.write("photos", "set/instances_test.json", json.dumps(stored).encode())
    [sample] = read_dataset(source, buckets=buckets, cache=tmp_path).samples
    assert (sample.path.read_bytes(), sample.split) == (picture(0), "test")
    assert [place.box for place in sample.places or ()] == [(1, 2, 4, 6)]
