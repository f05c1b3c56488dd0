"""A bucket at Azure or Google through the service: manifests, pictures, output of trainings, a component, a watch, refusals."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from azure_server import AzureServer
from google_server import GoogleServer
from served import Served, wait_for
from walkaround.buckets.buckets import Buckets
from walkaround.hosting.operations.models.imported import import_package
from walkaround.hosting.owner import Owner
from walkaround.settings import Settings
from walkaround.store.opening import database_of
from walkaround.training.train import Trained

STORY = Path(__file__).parent / "stories" / "story.mjs"
OWNER = Owner(account="000000000000", region="us-east-1")


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """A part of a bucket elsewhere, filled with all pictures and manifests; its scheme, and how a program finds it."""

    scheme: str
    buckets: Buckets
    variables: dict[str, str]


@pytest.fixture(params=["az", "gs"])
def cloud(request: pytest.FixtureRequest, bucket: Path, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """The bucket `car-photos` at each of the two."""
    if request.param == "az":
        azure: AzureServer = request.getfixturevalue("azure_server")
        variables, name = azure.variables, f"test-{uuid4().hex}"
        azure.make_container(name)
    else:
        google: GoogleServer = request.getfixturevalue("google_server")
        variables, name = google.variables, "open-photos"
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    places = {bucket.name: f"{request.param}://{name}/{uuid4().hex}", "missing": f"{request.param}://not-there"}
    buckets = Buckets(places)
    for path in sorted(path for path in bucket.rglob("*") if path.is_file()):
        buckets.write(bucket.name, path.relative_to(bucket).as_posix(), path.read_bytes())
    mapped = ",".join(f"{name}={place}" for name, place in places.items())
    return Cloud(scheme=request.param, buckets=buckets, variables={**variables, "WALKAROUND_BUCKETS": mapped})


@pytest.fixture
def served(cloud: Cloud, tmp_path: Path) -> Iterator[Served]:
    """A server with that bucket."""
    server = Served(folder=tmp_path / "served", variables=cloud.variables)
    server.start()
    yield server
    assert server.stop() == 0, server.log.read_text()[-4000:]


def api(served: Served) -> httpx.Client:
    headers = {"Authorization": f"Bearer {served.key.bearer}"}
    return httpx.Client(base_url=f"{served.url}/api/v1", headers=headers, timeout=60, trust_env=False)


def test_the_whole_life_of_a_project(
    run: Callable[..., dict[str, Any]], served: Served, javascript: Path, cars: Path, bucket: Path, cloud: Cloud
) -> None:
    seen = run(served, shutil.which("node"), STORY, javascript, "cars-cloud", bucket.name, cars)
    assert seen["train"] == {"Total": 40, "Labeled": 40, "Normal": 20, "Anomaly": 20}
    assert seen["accuracy"] >= 0.75
    written = {one.key.removeprefix("js/cars-cloud/") for one in cloud.buckets.list(bucket.name, "js/cars-cloud/")}
    assert written == {"EvaluationManifest-cars-cloud-1.json", "EvaluationResult-cars-cloud-1.json"}
    manifest = cloud.buckets.read(bucket.name, "js/cars-cloud/EvaluationManifest-cars-cloud-1.json", at_most=1_000_000)
    assert manifest.count(f"s3://{bucket.name}/cars/".encode()) == 20
    assert list(cloud.buckets.list(bucket.name, "js-components/cars-cloud/")), "the packaging wrote a component"


def test_what_arrives_is_looked_at(served: Served, trained: Trained, cloud: Cloud, bucket: Path) -> None:
    settings = Settings(data=served.data)
    database = database_of(settings)
    with database.transaction() as session:
        import_package(session, OWNER, project_name="watched", package=trained.package, settings=settings)
    database.close()
    with api(served) as caller:
        spec = {"name": "lot", "source": f"{cloud.scheme}://{bucket.name}/cars/anomaly/", "rules": [{"model": "watched/1"}]}
        caller.put("/watches/lot", json={**spec, "poll_seconds": 1}).raise_for_status()

        def sources() -> set[str]:
            rows = caller.get("/projects/watched/results").raise_for_status().json()["results"]
            return {row["source"] for row in rows}

        wait_for(lambda: len(sources()) == 30, what="results of all pictures", seconds=300, pause=0.5)
        picture = next((bucket / "cars" / "normal").iterdir()).read_bytes()
        cloud.buckets.write(bucket.name, "cars/anomaly/new car.jpg", picture)
        new = f"s3://{bucket.name}/cars/anomaly/new car.jpg"
        wait_for(lambda: new in sources(), what="the result of the new picture", seconds=120, pause=0.5)


def test_a_bucket_that_is_not_there_is_told_to_who_asks(served: Served, cloud: Cloud) -> None:
    with api(served) as caller:
        caller.post("/projects", json={"name": "cars"}).raise_for_status()
        asked = {"kind": "train", "manifest": {"bucket": "missing", "key": "train.manifest"}}
        caller.post("/projects/cars/datasets", json=asked).raise_for_status()
        found = wait_for(
            lambda: next((one for one in told(caller) if "CREATE_FAILED" in str(one)), None), what="the end", seconds=60
        )
        assert "There is no bucket 'missing' at its server" in str(found)


def told(caller: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = caller.get("/projects/cars/datasets").raise_for_status().json()
    return found
