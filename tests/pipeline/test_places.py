"""What is found with its place goes through the pipeline: kept in the row, told in the document, a column of every table."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from made_models import BOX_PART, MASK_PART, made_package, picture_with
from walkaround.buckets.names import Fetched, ObjectInfo
from walkaround.hosting.operations.results.results import kinds_of
from walkaround.inspection.detector import Detector
from walkaround.inspection.masks import MASKS, told_line, unpacked
from walkaround.pipeline.bulk.places import place_of
from walkaround.pipeline.bulk.rows import Listed, json_lines, parquet, row_at
from walkaround.pipeline.sights import look_at_picture
from walkaround.pipeline.sinks.delivered import Delivered, document_bytes, result_document
from walkaround.pipeline.sinks.drawing_child import findings_from
from walkaround.pipeline.sinks.dynamodb import items_of

SPOT = (64, 48, 128, 96)
Found = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    """A model with all parts."""
    return Detector(made_package(tmp_path_factory.mktemp("made") / "all", damage=0.8, boxes=BOX_PART, masks=MASK_PART))


def fetched(*spots: tuple[int, int, int, int]) -> Fetched:
    content = io.BytesIO()
    Image.fromarray(picture_with(*spots)).save(content, "PNG")
    info = ObjectInfo(key="a.png", size=len(content.getvalue()), etag="e", modified=datetime.now(UTC))
    return Fetched(info=info, content=content.getvalue())


def delivered(findings: dict[str, Any]) -> Delivered:
    moment = datetime(2026, 5, 4, tzinfo=UTC)
    return Delivered(
        identity="a",
        watch="yard",
        source="s3://photos/a.png",
        bucket="photos",
        key="a.png",
        happened=moment,
        project="cars",
        model_version=1,
        findings=findings,
        created=moment,
    )


def test_a_row_keeps_the_boxes_the_areas_and_the_mask(detector: Detector) -> None:
    findings = dict(look_at_picture(detector, fetched(SPOT), "a.png").findings)
    [box] = findings["boxes"]
    assert box == {"label": "scratch", "score": 0.9, "box": pytest.approx(list(SPOT), abs=5)}
    assert list(findings["areas"]) == ["scratch"]
    assert unpacked(findings[MASKS]).labels.shape == (32, 32)
    assert kinds_of(findings) == ["scratch"]
    assert json.loads(json.dumps(findings)) == findings


def test_the_document_tells_of_places_and_not_of_cells(detector: Detector) -> None:
    given = delivered(dict(look_at_picture(detector, fetched(SPOT), "a.png", heat=True).findings))
    document = json.loads(document_bytes(result_document(given)))
    assert {"boxes", "areas"} <= set(document["findings"])
    assert not {"masks", "heat_map"} & set(document["findings"])
    anomalies = document["DetectAnomalyResult"]["Anomalies"]
    assert [one["Name"] for one in anomalies] == ["background", "scratch"]
    assert "AnomalyMask" not in document["DetectAnomalyResult"]


def test_what_is_drawn_has_the_boxes_and_masks_again(detector: Detector, tmp_path: Path) -> None:
    findings = dict(look_at_picture(detector, fetched(SPOT), "a.png").findings)
    again = findings_from(findings, tmp_path / "a.png", time=None)
    assert again.as_json() == {**told_line(findings), "source": str(tmp_path / "a.png")}


def test_an_item_of_dynamodb_has_them_as_json(detector: Detector) -> None:
    (item,) = items_of(delivered(dict(look_at_picture(detector, fetched(SPOT), "a.png").findings)))
    assert [box["label"] for box in json.loads(item["Boxes"]["S"])] == ["scratch"]
    assert list(json.loads(item["Areas"]["S"])) == ["scratch"]
    (nothing,) = items_of(delivered({"anomalous": False, "confidence": 0.9}))
    assert set(nothing) == {"RequestID", "Date", "DetectAnomalyResult", "Confidence", "Image"}


def test_a_row_of_the_fleet_has_them_too(detector: Detector) -> None:
    found = detector.inspect(picture_with(SPOT), source="a.png")
    row = row_at(place_of("s3://photos", name="any"), Listed(key="a.png", size=1, etag="e"), found)
    assert row["boxes"] == found.as_json()["boxes"]
    assert json.loads(json_lines([row]))["areas"] == found.as_json()["areas"]
    assert parquet([row])


@pytest.mark.parametrize(
    ("findings", "kinds"),
    [
        ({}, []),
        ({"boxes": [], "areas": {}}, []),
        ({"boxes": [{"label": "dent"}, {"label": "scratch"}, {"label": "dent"}], "areas": {"rust": 0.1, "dent": 0.05}}, None),
    ],
)
def test_kinds_are_told_once_each(findings: dict[str, Any], kinds: list[str] | None) -> None:
    assert kinds_of(findings) == (["dent", "scratch", "rust"] if kinds is None else kinds)
