"""The plan: what is listed, how it is cut, what it belongs to."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal
from uuid import uuid4

import pytest

pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'walkaround[bulk]'")

from slow_inputs import old_s3
from walkaround.errors import BucketError, InputError
from walkaround.pipeline.bulk.places import Place, Reach, Store, place_of
from walkaround.pipeline.bulk.plan import PLAN, Plan, done_key, find_plan, make_plan, missing_shards, read_shard


def stores(source: Path, target: Path) -> tuple[Store, Store]:
    """Two folders as places."""
    places = place_of(str(source), name="input-folder"), place_of(str(target), name="output-folder")
    for place in (source, target):
        place.mkdir(parents=True, exist_ok=True)
    buckets = Reach(places={}).buckets(*places)
    return Store(buckets, places[0]), Store(buckets, places[1])


def planned(source: Path, target: Path, *, shard_size: int = 2) -> tuple[Plan, list[list[str]]]:
    """A plan, and the keys of its shards."""
    inputs, outputs = stores(source, target)
    plan = make_plan(inputs, outputs, package="one", shard_size=shard_size)
    return plan, [[item.key for item in read_shard(outputs, plan, shard)] for shard in range(plan.shards)]


def fill(folder: Path, *names: str) -> None:
    """Files of one byte."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"1")


def test_a_plan_has_every_object_once_and_knows_how_much_there_is(tmp_path: Path) -> None:
    fill(tmp_path / "in", "c.jpg", "a/1.png", "a/ü 2.webp", "b", "d.mp4")
    plan, shards = planned(tmp_path / "in", tmp_path / "out")
    assert shards == [["a/1.png", "a/ü 2.webp"], ["b", "c.jpg"], ["d.mp4"]]
    assert (plan.shards, plan.objects, plan.bytes, plan.passed_over) == (3, 5, 5, 0)
    assert [plan.size_of(shard) for shard in range(3)] == [2, 2, 1]
    assert missing_shards(stores(tmp_path / "in", tmp_path / "out")[1], plan) == [0, 1, 2]


@pytest.mark.parametrize(
    "name", ["labels.csv", "a.json", "x.jsonl", "m.manifest", "notes.PDF", ".hidden.jpg", ".git/a.jpg", "a.zip"]
)
def test_what_its_name_shows_to_be_no_picture_is_passed_over(name: str, tmp_path: Path) -> None:
    fill(tmp_path / "in", name, "car.jpg")
    plan, shards = planned(tmp_path / "in", tmp_path / "out")
    assert (shards, plan.passed_over) == ([["car.jpg"]], 1)


@pytest.mark.parametrize("name", ["a", "a.jpg", "a.HEIC", "a.webp", "a.bin", "a.mkv", "a.3gp", "20240101", "a.unknown"])
def test_what_may_be_a_picture_is_not(name: str, tmp_path: Path) -> None:
    fill(tmp_path / "in", name)
    assert planned(tmp_path / "in", tmp_path / "out")[1] == [[name]]


def test_results_inside_of_the_input_are_not_inspected(tmp_path: Path) -> None:
    fill(tmp_path, "car.jpg", "results/part-00000.parquet", "results/odd.jpg")
    assert planned(tmp_path, tmp_path / "results")[1] == [["car.jpg"]]


def test_links_and_odd_names_are_named_in_the_plan(tmp_path: Path) -> None:
    fill(tmp_path, "outside.jpg", "in/car.jpg", "in/sub/car.jpg")
    (tmp_path / "in" / "out.jpg").symlink_to(tmp_path / "outside.jpg")
    (tmp_path / "in" / "lost.jpg").symlink_to(tmp_path / "nothing")
    (tmp_path / "in" / "sub" / "loop").symlink_to(tmp_path / "in")
    os.mkfifo(tmp_path / "in" / "pipe.jpg")
    fill(tmp_path / "in", "odd\nname.jpg")
    plan, shards = planned(tmp_path / "in", tmp_path / "out", shard_size=5)
    assert shards == [["car.jpg", "sub/car.jpg"]]
    assert plan.unreadable.startswith("5 names are passed over: ")
    fill(tmp_path / "other", "car.jpg", "odd\nname.jpg")
    told = "1 name is passed over: 'odd\\nname.jpg' is a name that has control characters."
    assert planned(tmp_path / "other", tmp_path / "out 2")[0].unreadable == told


def test_nothing_to_inspect_is_told(tmp_path: Path) -> None:
    fill(tmp_path / "in", "labels.csv")
    with pytest.raises(InputError, match=r"There are no pictures or videos below .*, only others \(1\)"):
        planned(tmp_path / "in", tmp_path / "out")


def test_a_plan_is_found_again_by_the_same_input_and_package_alone(tmp_path: Path) -> None:
    fill(tmp_path / "in", "car.jpg")
    plan, _ = planned(tmp_path / "in", tmp_path / "out")
    source, target = stores(tmp_path / "in", tmp_path / "out")
    assert find_plan(target, source=source.place, package="one") == plan
    with pytest.raises(InputError, match=r"holds results of another package \(one, this one is two\)"):
        find_plan(target, source=source.place, package="two")
    with pytest.raises(InputError, match="give this input an output of its own"):
        find_plan(target, source=place_of(str(tmp_path), name="input-folder"), package="one")
    for other in (b"{}", b"[]", b"no JSON", json.dumps({**asdict(plan), "format": 2}).encode()):
        target.write(PLAN, other)
        with pytest.raises(InputError, match="a plan that this version cannot read"):
            find_plan(target, source=source.place, package="one")


@pytest.mark.parametrize("place", ["folder", "s3"])
def test_of_two_runs_that_begin_together_both_work_on_one_plan(
    tmp_path: Path, request: pytest.FixtureRequest, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    fill(tmp_path / "in", "a.jpg", "b.jpg", "c.jpg")
    source, target = stores(tmp_path / "in", tmp_path / "out")
    if place == "s3":
        address = place_of(f"s3://test-{uuid4().hex}/out", name="output-folder")
        target = Store(Reach(places={}, s3=request.getfixturevalue("s3_server")).buckets(address), address)
        target.write("made", b"")
    made: list[Plan] = []

    def other(done: int) -> None:
        """While the first is listing, another run plans, and begins."""
        if not made:
            made.append(make_plan(source, target, package="one", shard_size=3))

    plan = make_plan(source, target, package="one", shard_size=1, progress=other)
    assert [plan] == made
    assert find_plan(target, source=source.place, package="one") == plan
    assert [item.key for item in read_shard(target, plan, 0)] == ["a.jpg", "b.jpg", "c.jpg"]
    shards = [found.key for found in target.list("_walkaround/plan-")]
    assert [key.endswith(f"plan-{plan.identity}/00000.parquet") for key in shards] == [True], "the other's are taken away"
    assert "Another run has begun with" in caplog.text


def test_a_run_that_begins_together_with_another_of_another_package_stops(tmp_path: Path) -> None:
    fill(tmp_path / "in", "a.jpg", "b.jpg")
    source, target = stores(tmp_path / "in", tmp_path / "out")
    made: list[Plan] = []

    def other(done: int) -> None:
        if not made:
            made.append(make_plan(source, target, package="two", shard_size=3))

    with pytest.raises(InputError, match=r"holds results of another package \(two, this one is one\)"):
        make_plan(source, target, package="one", shard_size=1, progress=other)
    assert find_plan(target, source=source.place, package="two") == made[0]


def test_where_a_disk_has_no_hard_links_that_is_told(caplog: pytest.LogCaptureFixture, tmp_path: Path, fat_disk: Path) -> None:
    fill(tmp_path / "in", "a.jpg")
    source, target = stores(tmp_path / "in", fat_disk)
    plan = make_plan(source, target, package="one", shard_size=1)
    assert find_plan(target, source=source.place, package="one") == plan
    assert [item.key for item in read_shard(target, plan, 0)] == ["a.jpg"]
    assert "has no hard links" in caplog.text
    assert f"Begin no second run with {str(fat_disk)!r} now" in caplog.text


@pytest.mark.parametrize(
    ("conditions", "told"), [("refused", "has no conditional writes"), ("ignored", "takes every conditional write for a plain")]
)
def test_where_a_server_has_no_conditional_writes_that_is_told(
    caplog: pytest.LogCaptureFixture, tmp_path: Path, conditions: Literal["refused", "ignored"], told: str
) -> None:
    fill(tmp_path / "in", "a.jpg", "b.jpg")
    source, _ = stores(tmp_path / "in", tmp_path / "out")
    kept: dict[str, bytes] = {}
    with old_s3(kept, conditions=conditions) as s3:
        address = place_of("s3://photos/out", name="output-folder")
        target = Store(Reach(places={}, s3=s3).buckets(address), address)
        made: list[Plan] = []

        def other(done: int) -> None:
            """While the first is listing, another run plans, and begins."""
            if not made:
                made.append(make_plan(source, target, package="one", shard_size=2))

        assert [make_plan(source, target, package="one", shard_size=1, progress=other)] == made, "no second plan replaces it"
        assert find_plan(target, source=source.place, package="one") == made[0]
        assert [item.key for item in read_shard(target, made[0], 0)] == ["a.jpg", "b.jpg"]
    assert told in caplog.text
    assert "Begin no second run with 's3://photos/out' now" in caplog.text


def test_markers_of_another_plan_do_not_count(tmp_path: Path) -> None:
    fill(tmp_path / "in", "a.jpg", "b.jpg", "c.jpg")
    _, target = stores(tmp_path / "in", tmp_path / "out")
    first, _ = planned(tmp_path / "in", tmp_path / "out")
    target.write(done_key(first, 1), b"{}")
    assert missing_shards(target, first) == [0]
    target.remove(PLAN)
    second, _ = planned(tmp_path / "in", tmp_path / "out")
    assert missing_shards(target, second) == [0, 1]


@pytest.mark.parametrize(
    ("address", "shown", "source"),
    [
        ("s3://cars", "s3://cars", "s3://cars/a.jpg"),
        ("s3://cars/", "s3://cars", "s3://cars/a.jpg"),
        ("s3://cars/2024", "s3://cars/2024", "s3://cars/a.jpg"),
        ("s3://cars/2024/", "s3://cars/2024", "s3://cars/a.jpg"),
        ("/photos", "/photos", "/photos/a.jpg"),
    ],
)
def test_a_place_is_what_the_user_means(address: str, shown: str, source: str) -> None:
    place = place_of(address, name="input-folder")
    assert (place.address, place.source("a.jpg")) == (shown, source)
    assert place.prefix in ("", "2024/")


def test_an_address_of_another_kind_is_refused() -> None:
    with pytest.raises(BucketError, match="is not s3://BUCKET/KEY"):
        place_of("https://cars.example.com/a", name="input-folder")


def test_keys_are_not_shown() -> None:
    from walkaround.buckets.remote import S3Access
    from walkaround.pipeline.bulk.inspection import Equipment
    from walkaround.pipeline.limits import limits_of
    from walkaround.settings import Settings

    hidden = "hidden!"
    reach = Reach(places={}, s3=replace(S3Access(), secret_key=hidden, session_token=hidden))
    place = Place(address="s3://cars", bucket="cars")
    packed = Equipment(model=b"", card=b"", reach=reach, source=place, target=place, threads=1, limits=limits_of(Settings()))
    assert hidden not in f"{reach!r} {packed!r}"
