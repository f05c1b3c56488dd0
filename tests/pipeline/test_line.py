"""The line: what has arrived is looked at once, whatever it is and whatever happens to whoever looks."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from served import wait_for
from slow_inputs import stalling_s3, write_slow_video
from walkaround.buckets.buckets import Buckets, buckets_of
from walkaround.buckets.remote import Patience
from walkaround.datasets.drawn.clips import write_drawn_video
from walkaround.hosting.operations.models.imported import import_package
from walkaround.hosting.owner import Owner
from walkaround.pipeline import arrivals
from walkaround.pipeline.arrivals import ObjectCreated
from walkaround.pipeline.letters import count_letters, dead_letters, replay
from walkaround.pipeline.line import Line
from walkaround.pipeline.noticing import notice
from walkaround.pipeline.presence import Contact, Owners
from walkaround.pipeline.spec import WatchSpec
from walkaround.pipeline.watches import put_watch, spec_of
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.pipeline import Arrival, Delivery, Total, Watch
from walkaround.store.results import Result
from walkaround.store.tables import Model, now
from walkaround.training.train import Trained

OWNER = Owner(account="000000000000", region="us-east-1")


@dataclass
class House:
    """A database with a watch on a bucket, and lines on it."""

    database: Database
    settings: Settings
    buckets: Buckets
    bucket: Path
    lines: list[tuple[Line, Owners]] = field(default_factory=list)

    def put(self, *sources: Path) -> None:
        """Put copies of files there, and tell of them."""
        for source in sources:
            shutil.copyfile(source, self.bucket / source.name)
        self.tell(*[source.name for source in sources])

    def tell(self, *keys: str, etag: str | None = None) -> None:
        with self.database.transaction() as session:
            watch = session.scalars(select(Watch)).one()
            notice(session, watch, spec_of(watch), [ObjectCreated(bucket="photos", key=key, etag=etag) for key in keys])

    def line(self) -> Line:
        """Another process' line, as far as the database can tell."""
        owners = Owners(self.database, self.buckets, self.settings)
        made = Line(self.database, self.buckets, self.settings, owners=owners)
        self.lines.append((made, owners))
        made.start()
        return made

    def done(self, seconds: float = 180) -> None:
        """Wait until nothing is to be looked at any more."""
        wait_for(lambda: self.count(Arrival, Arrival.state.in_(("due", "running"))) == 0 or None, what="all", seconds=seconds)

    def count(self, table: Any, *conditions: Any) -> int:
        with self.database.reading() as session:
            return session.scalar(select(func.count()).select_from(table).where(*conditions)) or 0

    def errors(self) -> dict[str, str]:
        with self.database.reading() as session:
            dead = session.execute(select(Arrival.key, Arrival.error).where(Arrival.state == "dead"))
            return {key: error or "" for key, error in dead}

    def close(self) -> None:
        for line, owners in self.lines:
            line.stop()
            owners.leave()


@pytest.fixture
def house(database_url: str, trained: Trained, tmp_path: Path) -> Iterator[House]:
    bucket = tmp_path / "photos"
    bucket.mkdir()
    places = {"photos": str(bucket), "frames": str(tmp_path / "frames")}
    settings = Settings(data=tmp_path / "data", buckets=places)
    database = Database(database_url)
    spec = {"name": "incoming", "source": "events", "rules": [{"model": "cars/1"}]}
    spec["sinks"] = [{"kind": "bucket", "bucket": "results"}]
    with database.transaction() as session:
        import_package(session, OWNER, project_name="cars", package=trained.package, settings=settings)
        put_watch(session, OWNER, WatchSpec.model_validate(spec), origin="rest")
    made = House(database=database, settings=settings, buckets=buckets_of(settings), bucket=bucket)
    yield made
    made.close()
    database.close()


@pytest.fixture
def pictures(drawn: Path) -> list[Path]:
    return sorted((drawn / "test").glob("*/*"))


def test_every_arrival_gets_one_result_with_what_has_to_be_delivered_and_counted(house: House, pictures: list[Path]) -> None:
    house.put(*pictures)
    house.tell(*[path.name for path in pictures])
    house.line()
    house.line()
    house.done()
    with house.database.reading() as session:
        rows = session.execute(select(Result.source, Result.anomalous)).all()
        assert session.scalar(select(func.sum(Total.pictures))) == len(pictures)
    assert sorted(source for source, _ in rows) == sorted(f"s3://photos/{path.name}" for path in pictures)
    assert len({verdict for _, verdict in rows}) == 2
    assert house.count(Delivery) == len(pictures)


def test_a_process_without_the_package_leaves_pictures_to_those_that_have_it(
    house: House, pictures: list[Path], tmp_path: Path
) -> None:
    whole, house.settings = house.settings, house.settings.model_copy(update={"data": tmp_path / "elsewhere"})
    house.put(pictures[0])
    house.tell(pictures[0].name)
    with house.database.transaction() as session:
        session.execute(update(Arrival).values(attempts=9))
    house.line()
    wait_for(lambda: house.count(Arrival, Arrival.attempts > 9) or None, what="one attempt more", seconds=60)
    assert house.errors() == {}
    house.settings = whole
    with house.database.transaction() as session:
        session.execute(update(Arrival).values(due=now()))
    house.line()
    house.done()
    assert house.count(Result) == 1


def test_what_was_in_work_when_a_process_died_is_looked_at_once_by_the_next(house: House, pictures: list[Path]) -> None:
    house.put(*pictures[:3])
    with house.database.transaction() as session:
        arrivals.claim(session, owner="dead", watch_ids=[1], most=3)
        session.execute(update(Arrival).values(leased_until=Arrival.created))
    house.line()
    house.done()
    assert house.count(Result) == 3
    assert house.count(Arrival, Arrival.deaths == 1) == 3


def test_after_an_outage_others_get_time_to_renew_what_they_hold(house: House, pictures: list[Path]) -> None:
    house.put(pictures[0])
    with house.database.transaction() as session:
        arrivals.claim(session, owner="another", watch_ids=[1], most=1)
        session.execute(update(Arrival).values(leased_until=Arrival.created))
    owners = Owners(house.database, house.buckets, house.settings)
    line = Line(house.database, house.buckets, house.settings, owners=owners)
    house.lines.append((line, owners))
    line._contact._made -= 30  # as if the database had not answered for so long
    line.start()
    time.sleep(3)
    assert house.count(Arrival, Arrival.leased_by == "another", Arrival.deaths == 0) == 1


def test_leases_are_judged_again_when_a_lease_has_gone_by_since_an_outage() -> None:
    contact = Contact(0.4)
    assert contact.sure()
    time.sleep(0.3)
    assert not contact.sure()
    contact.made()
    assert not contact.sure(), "others may be slower to come back"
    for _ in range(5):
        time.sleep(0.1)
        contact.made()
    assert contact.sure()


def test_what_another_process_has_ended_meanwhile_is_not_written_again(house: House, pictures: list[Path]) -> None:
    house.put(pictures[0])
    line = house.line()
    house.done()
    with house.database.transaction() as session:  # as if this line had lost it, and were still looking
        session.execute(update(Arrival).values(state="due"))
    line.wake()
    house.done()
    wait_for(lambda: not line.busy or None, what="the line", seconds=20)
    assert house.count(Result) == 1


def test_what_cannot_be_looked_at_is_a_dead_letter_that_says_why_and_the_rest_goes_on(
    house: House, pictures: list[Path], tmp_path: Path
) -> None:
    (house.bucket / "empty.jpg").touch()
    (house.bucket / "text.jpg").write_text("no picture")
    (house.bucket / "cut.jpg").write_bytes(pictures[0].read_bytes()[:900])
    house.tell("empty.jpg", "text.jpg", "cut.jpg")
    shutil.copyfile(pictures[0], house.bucket / "changed.jpg")
    house.tell("changed.jpg", etag="other")
    house.put(pictures[1])
    house.line()
    house.done()
    reasons = {
        "empty.jpg": "is empty",
        "text.jpg": "neither a picture nor a video",
        "cut.jpg": "cut",
        "changed.jpg": "replaced",
    }
    errors = house.errors()
    assert errors.keys() == reasons.keys()
    assert all(reasons[key] in error for key, error in errors.items()), errors
    assert house.count(Result) == 1


def test_an_object_that_is_gone_is_tried_some_times_and_then_a_dead_letter_that_can_be_replayed(
    house: House, pictures: list[Path]
) -> None:
    house.tell(pictures[0].name)
    house.line()
    house.done()
    with house.database.transaction() as session:
        watch = session.scalars(select(Watch)).one()
        (letter,) = dead_letters(session, watch)
        assert "There is no object" in letter.reason
        assert letter.times == 4
        shutil.copyfile(pictures[0], house.bucket / pictures[0].name)
        assert replay(session, watch, kind="arrival", numbers=[letter.number]).replayed == 1
    house.done()
    with house.database.reading() as session:
        assert count_letters(session, watch) == {"arrival": 0, "delivery": 0, "event": 0}
    assert house.count(Result) == 1


def test_what_kills_every_process_ends_as_a_dead_letter(house: House, pictures: list[Path]) -> None:
    house.put(pictures[0])
    with house.database.transaction() as session:
        session.execute(update(Arrival).values(deaths=3))
    house.line()
    house.done()
    assert "3 processes ended" in house.errors()[pictures[0].name]


def test_a_model_that_was_deleted_is_said_to_be_missing(house: House, pictures: list[Path]) -> None:
    house.put(pictures[0])
    with house.database.transaction() as session:
        session.execute(update(Model).values(package=None))
        session.execute(update(Arrival).values(attempts=3))
    house.line()
    house.done()
    assert "not there any more" in house.errors()[pictures[0].name]


def test_a_video_gets_one_row_with_its_frames(house: House, tmp_path: Path) -> None:
    write_drawn_video(tmp_path / "walk.mp4", seed=2)
    house.put(tmp_path / "walk.mp4")
    house.line()
    house.done()
    with house.database.reading() as session:
        (result,) = session.scalars(select(Result)).all()
    assert result.source == "s3://photos/walk.mp4"
    assert result.findings["frames"] == len(result.findings["frames_found"]) > 3
    assert {frame["source"] for frame in result.findings["frames_found"]} == {"s3://photos/walk.mp4"}


def test_captured_frames_are_written_beside_and_named_as_mediaconvert_names_them(house: House, tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    with house.database.transaction() as session:
        watch = session.scalars(select(Watch)).one()
        frames = {"kind": "captured", "every": 1, "at_most": 3, "bucket": "frames", "prefix": "video_inputs/"}
        put_watch(session, OWNER, WatchSpec.model_validate({**watch.spec, "frames": frames}), origin="rest")
    write_drawn_video(tmp_path / "walk.mp4", seed=2)
    house.put(tmp_path / "walk.mp4")
    house.line()
    house.done()
    written = sorted(path.name for path in (tmp_path / "frames" / "video_inputs").iterdir())
    assert written == [f"walkjpg.{number:07d}.jpg" for number in range(3)]
    with house.database.reading() as session:
        (result,) = session.scalars(select(Result)).all()
    assert [frame["time"] for frame in result.findings["frames_found"]] == pytest.approx([0, 1, 2], abs=0.2)


def test_a_video_that_takes_too_long_is_a_dead_letter_and_the_rest_goes_on(
    house: House, pictures: list[Path], tmp_path: Path
) -> None:
    house.settings = house.settings.model_copy(update={"video_seconds": 0.2})
    write_slow_video(tmp_path / "slow.mp4")
    write_slow_video(tmp_path / "slower.mp4")
    house.put(tmp_path / "slow.mp4", tmp_path / "slower.mp4", *pictures[:3])
    house.line()
    house.done()
    errors = house.errors()
    assert errors.keys() == {"slow.mp4", "slower.mp4"}
    sentence = (
        "'s3://photos/slow.mp4' was worked on for more than 0.2 s, and given up: look at the file, or allow more with the"
    )
    assert errors["slow.mp4"].startswith(sentence)
    assert house.count(Result) == 3


def test_an_object_whose_body_stalls_is_a_dead_letter_and_the_rest_goes_on(house: House, pictures: list[Path]) -> None:
    content = {name: pictures[0].read_bytes() for name in ("a.jpg", "stalls.jpg", "z.jpg")}
    with stalling_s3(content, stalls="stalls.jpg") as s3:
        house.buckets = Buckets({}, s3=s3, patience=Patience(silence=0.5, retries=0))
        house.tell(*content)
        house.line()
        house.done()
        errors = house.errors()
        assert errors.keys() == {"stalls.jpg"}
        assert "'stalls.jpg' does not come, while its bucket answers" in errors["stalls.jpg"]
        assert house.count(Result) == 2


def test_an_object_whose_body_trickles_is_a_dead_letter_and_the_rest_goes_on(house: House, pictures: list[Path]) -> None:
    content = {name: pictures[0].read_bytes() for name in ("a.jpg", "trickles.jpg", "z.jpg")}
    house.settings = house.settings.model_copy(update={"picture_seconds": 5})
    with stalling_s3(content, stalls="trickles.jpg", trickles=0.3) as s3:
        house.buckets = Buckets({}, s3=s3)
        house.tell(*content)
        house.line()
        house.done(seconds=120)
        errors = house.errors()
        assert errors.keys() == {"trickles.jpg"}
        assert (
            "had not come whole after 5 s: look at its server, or allow more with the setting picture_seconds"
            in (errors["trickles.jpg"])
        )
        assert house.count(Result) == 2


def test_stopping_ends_what_takes_long_and_leaves_it_to_the_next_process(house: House, tmp_path: Path) -> None:
    write_slow_video(tmp_path / "slow.mp4", seconds=600)
    house.put(tmp_path / "slow.mp4")
    line = house.line()
    wait_for(lambda: line._videos.pid, what="the video's process", seconds=60)
    pid = line._videos.pid
    line.stop(timeout=0.5)
    assert line.cut_off
    assert not line.looking
    assert not Path("/proc", str(pid)).exists()
    assert house.count(Arrival, Arrival.state == "due", Arrival.deaths == 0, Arrival.attempts == 0) == 1


def test_while_the_bucket_is_away_nothing_is_lost(house: House, pictures: list[Path], tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    house.put(*pictures[:2])
    house.bucket.rename(moved)
    house.line()
    wait_for(lambda: house.count(Arrival, Arrival.attempts > 0) == 2 or None, what="two attempts", seconds=30)
    moved.rename(house.bucket)
    house.done()
    assert house.count(Result) == 2


def test_a_line_that_is_stopped_leaves_what_it_holds_to_the_next_at_once(house: House, pictures: list[Path]) -> None:
    house.put(*pictures)
    first = house.line()
    time.sleep(0.3)
    first.stop()
    assert house.count(Arrival, Arrival.state.in_(("running", "dead"))) == 0
    assert house.count(Arrival, Arrival.state == "done") == house.count(Result)
    house.line()
    house.done()
    assert house.count(Result) == len(pictures)
