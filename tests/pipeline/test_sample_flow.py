"""The flow of AWS's sample on real pictures and videos: bucket, frames, second bucket, detection, JSON, DynamoDB, dashboard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from moto.server import ThreadedMotoServer
from pydantic import SecretStr
from sqlalchemy import func, select

from served import wait_for
from walkaround.buckets.buckets import buckets_of
from walkaround.buckets.remote import S3Access
from walkaround.hosting.operations.models.imported import import_package
from walkaround.hosting.owner import Owner
from walkaround.pipeline.dashboard import dashboard
from walkaround.pipeline.pipeline import Pipeline
from walkaround.pipeline.spec import WatchSpec
from walkaround.pipeline.watches import put_watch
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.pipeline import Arrival, Delivery
from walkaround.store.results import Result
from walkaround.training.train import Trained

DATA = Path(__file__).parents[3] / "shared" / "data"
OWNER = Owner(account="000000000000", region="us-east-1")
TABLE = "lookout_for_vision_summary"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="needs real pictures and videos: ../shared/data")


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The sample's table, on a stand-in that the pipeline finds by AWS's own variables."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    variables = {"AWS_ENDPOINT_URL_DYNAMODB": f"http://{host}:{port}", "AWS_REGION": "us-east-1"}
    variables |= {"AWS_ACCESS_KEY_ID": "moto", "AWS_SECRET_ACCESS_KEY": "moto", "AWS_DEFAULT_REGION": "us-east-1"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("dynamodb")
    for name in client.list_tables()["TableNames"]:  # the stand-in keeps them as long as its process lives
        client.delete_table(TableName=name)
    client.create_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": "RequestID", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "RequestID", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield client
    server.stop()


def test_videos_become_frames_and_frames_and_pictures_become_items(
    s3_server: S3Access, dynamodb: Any, database_url: str, trained: Trained, tmp_path: Path
) -> None:
    first, second, out = (f"{name}-{uuid4().hex[:12]}" for name in ("videos", "pictures", "results"))
    settings = Settings(
        data=tmp_path / "data",
        s3_endpoint=s3_server.endpoint,
        s3_region=s3_server.region,
        s3_access_key=s3_server.access_key,
        s3_secret_key=SecretStr(s3_server.secret_key or ""),
    )
    buckets, database = buckets_of(settings), Database(database_url)
    videos = sorted((DATA / "videos").glob("*.mp4"))
    pictures = [
        *sorted((DATA / "car-damage" / "anomaly").iterdir())[:4],
        *sorted((DATA / "car-damage" / "normal").iterdir())[:4],
    ]
    for bucket in (first, second, out):
        buckets.write(bucket, "begin.txt", b"a bucket is made by writing into it")
    capture = {"kind": "captured", "every": 5, "at_most": 4, "bucket": second}
    sinks = [{"kind": "bucket", "bucket": out}, {"kind": "dynamodb", "table": TABLE}]
    model = [{"prefix": prefix, "model": "cars/1"} for prefix in ("image_inputs/", "video_inputs/")]
    specs: list[dict[str, Any]] = [
        {"name": "videos", "source": f"s3://{first}/video_inputs/", "rules": [model[1]], "frames": capture},
        {"name": "pictures", "source": f"s3://{second}/", "rules": model, "sinks": sinks},
    ]
    with database.transaction() as session:
        import_package(session, OWNER, project_name="cars", package=trained.package, settings=settings)
        for spec in specs:
            put_watch(session, OWNER, WatchSpec.model_validate({**spec, "poll_seconds": 0.5}), origin="rest")
    pipeline = Pipeline(database, buckets, settings)
    pipeline.start()
    for path in videos:
        buckets.write(first, f"video_inputs/{path.name}", path.read_bytes())
    for number, path in enumerate(pictures):
        buckets.write(second, f"image_inputs/car {number}{path.suffix.lower()}", path.read_bytes())

    def settled() -> bool:
        with database.reading() as session:
            rows = session.scalar(select(func.count()).select_from(Result)) or 0
            waiting = session.scalar(select(func.count()).where(Arrival.state != "done")) or 0
            waiting += session.scalar(select(func.count()).select_from(Delivery)) or 0
        frames = sum(1 for one in buckets.list(second, "video_inputs/"))
        return frames >= len(videos) and rows == len(videos) + len(pictures) + frames and waiting == 0

    wait_for(lambda: settled() or None, what="every row and every delivery", seconds=180, pause=0.5)
    pipeline.stop()
    frames = [one.key for one in buckets.list(second, "video_inputs/")]
    assert sorted(frames)[0] == f"video_inputs/{videos[0].stem}jpg.0000000.jpg"
    assert len(frames) == sum(min(4, 1 + int(seconds // 5)) for seconds in (9.2, 24.0))
    looked_at = [*frames, *(one.key for one in buckets.list(second, "image_inputs/"))]
    assert {one.key for one in buckets.list(out)} - {"begin.txt"} == {f"{key}.json" for key in looked_at}
    items = dynamodb.scan(TableName=TABLE)["Items"]
    assert sorted(item["Image"]["S"] for item in items) == sorted(key.rpartition("/")[2] for key in looked_at)
    assert {name for item in items for name in item} == {"RequestID", "Date", "DetectAnomalyResult", "Confidence", "Image"}
    answers = {item["Image"]["S"]: item["DetectAnomalyResult"]["S"] for item in items}
    document = json.loads(buckets.read(out, f"{frames[0]}.json", at_most=1_000_000))
    assert answers[frames[0].rpartition("/")[2]] == str(document["DetectAnomalyResult"]["IsAnomalous"])
    with database.reading() as session:
        shown = dashboard(session, OWNER, frame="1d")
    assert shown.overall.whole.pictures == len(videos) + len(looked_at)
    database.close()
