"""Buckets over REST: which there are; one with more in it than a request may look through is refused soon, with what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from walkaround.settings import Settings

MOST = 8


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a server with one bucket, whose requests look through few objects."""
    bucket = tmp_path / "bucket"
    for number in range(MOST):
        (bucket / "full").mkdir(parents=True, exist_ok=True)
        (bucket / "full" / f"{number}.txt").touch()
    (bucket / "full" / "car.jpg").touch()
    (bucket / "small").mkdir()
    (bucket / "small" / "car.jpg").touch()
    return Settings(data=tmp_path / "data", keyless=True, objects_walked=MOST, buckets={"photos": str(bucket)})


@pytest.mark.parametrize("prefix", ["", "full/", "full/c"])
def test_a_bucket_with_too_many_objects_is_neither_imported_nor_tried(talk: Any, prefix: str) -> None:
    async def conversation(client: Any, _: Any) -> None:
        await client.post("/api/v1/projects", json={"name": "abc"})
        await client.post("/api/v1/projects/abc/datasets", json={"kind": "train"})
        for path, more in (("datasets/train/imports", {}), ("trials", {"name": "t"})):
            answer = await client.post(f"/api/v1/projects/abc/{path}", json={"bucket": "photos", "prefix": prefix, **more})
            assert answer.status_code == 400
            assert answer.json()["detail"] == (
                f"There are more than 8 objects where 's3://photos{prefix and '/'}{prefix}' is, the most that are looked"
                " through here: give the prefix of a folder with fewer, or have the setting objects_walked raised."
            )

    talk(conversation)


def test_a_folder_beside_them_is_imported(talk: Any) -> None:
    async def conversation(client: Any, _: Any) -> None:
        await client.post("/api/v1/projects", json={"name": "abc"})
        await client.post("/api/v1/projects/abc/datasets", json={"kind": "train"})
        sent = {"bucket": "photos", "prefix": "small/"}
        answer = await client.post("/api/v1/projects/abc/datasets/train/imports", json=sent)
        assert (answer.status_code, answer.json()["new"]) == (202, 1)

    talk(conversation)


def test_the_buckets_of_the_server_are_listed_without_those_of_uploads(talk: Any, settings: Settings) -> None:
    for name in ("claims", "walkaround-000000000000"):
        (settings.data / "buckets" / name).mkdir(parents=True)

    async def conversation(client: Any, _: Any) -> None:
        answer = await client.get("/api/v1/buckets")
        assert answer.json() == {"buckets": ["claims", "photos"], "others": False}

    talk(conversation)
