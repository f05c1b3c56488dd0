"""The database: migrations, transactions, readers beside writers, and what is said when it is away."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import column, delete, insert, select, table, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from postgres_server import PostgresServer
from walkaround import store
from walkaround.errors import InputError, StorageError, UnavailableError
from walkaround.hosting.operations.datasets.entry_listing import EntryFilter, list_dataset_entries
from walkaround.hosting.operations.datasets.substrings import is_indexed, matches, sought
from walkaround.hosting.owner import Owner
from walkaround.store.database import Database
from walkaround.store.migrate import config_for
from walkaround.store.results import Result, ResultReview
from walkaround.store.tables import Dataset, Entry, Job, Project, Table


@pytest.fixture
def database(empty_database_url: str) -> Iterator[Database]:
    made = Database(empty_database_url)
    made.migrate()
    yield made
    made.close()


def add_project(database: Database, name: str) -> None:
    with database.transaction() as session:
        session.add(Project(account="000000000000", region="us-east-1", name=name))


def names(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(Project.name).order_by(Project.name)))


def test_the_migrations_make_the_tables_that_the_models_describe(database: Database) -> None:
    def ours(item: Any, name: str | None, kind: str, *_: object) -> bool:
        return not (kind in ("table", "index") and str(name).startswith("entries_search"))

    for module in iter_modules(store.__path__):
        import_module(f"{store.__name__}.{module.name}")  # whichever of them describe tables
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours})
        assert compare_metadata(context, Table.metadata) == []


def test_a_database_of_the_first_version_keeps_its_jobs(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    with database.engine.begin() as connection:
        command.upgrade(config_for(connection), "0001")
        moment = datetime(2026, 1, 2, tzinfo=UTC).replace(tzinfo=None)
        row = {"id": 7, "kind": "host", "subject": 3, "state": "due", "attempts": 2, "due": moment, "created": moment}
        before = table("jobs", *map(column, [*row, "cancelled"]))
        connection.execute(insert(before).values(**row, cancelled=False))
    database.migrate()
    with database.reading() as session:
        job = session.get_one(Job, 7)
        assert (job.attempts, job.deaths, job.due) == (2, 0, datetime(2026, 1, 2, tzinfo=UTC))
    database.close()


def put_entries(database: Database, *names: str) -> None:
    with database.transaction() as session:
        session.add(Project(id=1, account="000000000000", region="us-east-1", name="cars"))
        session.flush()
        session.add(Dataset(id=1, project_id=1, kind="train", status="CREATE_COMPLETE"))
        session.flush()
        session.add_all(Entry(dataset_id=1, source_ref=f"s3://photos/{name}", line="{}") for name in names)


def found_by(database: Database, part: str) -> list[int]:
    with database.reading() as session:
        high = session.scalars(select(Entry.id).order_by(Entry.id.desc())).first() or 0
        phrase = sought(session, part, dataset=1, low=0, high=high).phrase
        return list(session.scalars(matches(phrase, low=0, high=high)))


def test_entries_of_before_are_in_the_index_of_substrings(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'walkaround.sqlite'}")
    with database.engine.begin() as connection:
        command.upgrade(config_for(connection), "0013")
    put_entries(database, "front.jpg", "rear.jpg", "roof.jpg")
    database.migrate()
    assert found_by(database, "rear") == [2]
    with database.transaction() as session:
        session.get_one(Entry, 3).name = "From above"
        session.delete(session.get_one(Entry, 2))
    assert found_by(database, "above") == [3]
    assert found_by(database, "rear") == []
    with database.engine.connect() as connection:
        connection.execute(text("INSERT INTO entries_search(entries_search) VALUES ('integrity-check')"))
    database.close()


def test_entries_of_before_are_as_they_were_and_their_numbers_do_not_come_again(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'walkaround.sqlite'}")
    with database.engine.begin() as connection:
        command.upgrade(config_for(connection), "0016")
    put_entries(database, "front.jpg", "rear.jpg")
    columns = "id, dataset_id, source_ref, label, line, name, places, state, labelled_by, review, created"
    everything = text(f"SELECT {columns} FROM entries")  # noqa: S608 - our own names
    with database.transaction() as session:
        one = session.get_one(Entry, 2)
        one.label, one.name, one.places, one.state = "anomaly", "Rear", {"boxes": ["dent"]}, "accepted"
        one.labelled_by, one.review = "ann", {"verdict": "accepted"}
    with database.reading() as session:
        before = session.execute(everything).all()
    database.migrate()
    with database.reading() as session:
        assert session.execute(everything).all() == before
    for number in (3, 4):
        with database.transaction() as session:
            entry = Entry(dataset_id=1, source_ref="s3://photos/roof.jpg", line="{}")
            session.add(entry)
            session.flush()
            assert entry.id == number
            session.delete(entry)
    assert found_by(database, "rear") == [2]
    database.close()


def test_results_and_projects_of_before_are_as_they_were_and_their_numbers_do_not_come_again(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'walkaround.sqlite'}")
    with database.engine.begin() as connection:
        command.upgrade(config_for(connection), "0018")
    told = {"model_version": 1, "anomalous": True, "confidence": 0.9, "label": "dent", "findings": {"damage": 0.9}}
    with database.transaction() as session:
        session.add(Project(id=1, account="000000000000", region="us-east-1", name="cars", classes={"classes": []}))
        session.add(Project(id=2, account="000000000000", region="us-east-1", name="vans", last_version=3))
        session.flush()
        session.add(Result(id=1, project_id=1, source="a.jpg", arrival_id=4, watch_id=5, **told))
        session.add(Result(id=2, project_id=2, source="b.jpg", verdict="normal", picture="s3://pictures/b", **told))
        session.flush()
        session.add(ResultReview(result_id=2, label="normal", reviewer="anna"))
    everything = [text("SELECT * FROM projects"), text("SELECT * FROM results"), text("SELECT * FROM result_reviews")]
    indexes = text("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'results' ORDER BY name")
    with database.reading() as session:
        before = [session.execute(one).all() for one in (*everything, indexes)]
    database.migrate()
    with database.reading() as session:
        assert [session.execute(one).all() for one in (*everything, indexes)] == before
        assert session.execute(text("PRAGMA foreign_key_check")).all() == []
    with database.transaction() as session:
        session.execute(delete(ResultReview))
        session.execute(delete(Result))
        session.execute(delete(Project))
    with database.transaction() as session:
        project = Project(account="000000000000", region="us-east-1", name="cars")
        session.add(project)
        session.flush()
        result = Result(project_id=project.id, source="c.jpg", **told)
        session.add(result)
        session.flush()
        assert (project.id, result.id) == (3, 3)
    with pytest.raises(IntegrityError), database.transaction() as session:
        session.add(ResultReview(result_id=2, label="normal", reviewer="anna"))  # references are looked at again
    database.close()


def test_a_user_who_may_not_create_an_extension_is_told_and_served(
    postgres_server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    url = postgres_server.new_database()
    name = url.rpartition("/")[2]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS limited")
        connection.execute("CREATE ROLE limited LOGIN")
        connection.execute("GRANT CREATE ON SCHEMA public TO limited")
    database = Database(f"postgresql://limited@127.0.0.1:{postgres_server.port}/{name}")
    database.migrate()
    told = [record.getMessage() for record in caplog.records if "CREATE EXTENSION pg_trgm" in record.getMessage()]
    assert len(told) == 1, caplog.text
    assert "permission denied" in told[0]
    put_entries(database, "front.jpg", "rear.jpg")
    with database.reading() as session:
        assert not is_indexed(session)
        owner = Owner("000000000000", "us-east-1")
        wanted = EntryFilter(contains="rear")
        found = list_dataset_entries(session, owner, project_name="cars", dataset_type="train", wanted=wanted)
        assert found["DatasetEntries"] == ["{}"]
    database.close()


def test_the_number_of_a_job_that_was_forgotten_does_not_come_again(database: Database) -> None:
    for number in (1, 2):
        with database.transaction() as session:
            job = Job(kind="host", subject=1)
            session.add(job)
            session.flush()
            assert job.id == number
            session.delete(job)


def test_migrating_again_changes_nothing(database: Database) -> None:
    add_project(database, "cars")
    database.migrate()
    assert names(database) == ["cars"]


def test_two_servers_that_start_at_once_migrate_once(empty_database_url: str) -> None:
    databases = [Database(empty_database_url) for _ in range(3)]
    threads = [threading.Thread(target=database.migrate) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    add_project(databases[0], "cars")
    assert names(databases[2]) == ["cars"]
    for database in databases:
        database.close()


def test_a_file_that_several_make_at_once_is_locked_for_none(tmp_path: Path) -> None:
    """SQLite answers "locked" at once, whatever its timeout, in about one of ten of these rounds."""
    for number in range(40):
        databases = [Database(f"sqlite:///{tmp_path / str(number)}.sqlite") for _ in range(6)]
        together = threading.Barrier(len(databases))

        def open_one(database: Database, together: threading.Barrier = together) -> str:
            together.wait()
            with database.engine.connect() as connection:
                return str(connection.exec_driver_sql("PRAGMA journal_mode").scalar())

        with ThreadPoolExecutor(len(databases)) as pool:
            assert list(pool.map(open_one, databases)) == ["wal"] * len(databases)
        for database in databases:
            database.close()


def test_a_database_of_a_newer_version_is_refused(database: Database) -> None:
    with database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(InputError, match="newer walkaround"):
        database.migrate()


def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    def fail() -> None:
        with database.transaction() as session:
            session.add(Project(account="000000000000", region="us-east-1", name="cars"))
            session.flush()
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        fail()
    assert names(database) == []


def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    add_project(database, "cars")
    with database.transaction() as session:
        session.add(Project(account="000000000000", region="us-east-1", name="vans"))
        session.flush()
        assert names(database) == ["cars"]
    assert names(database) == ["cars", "vans"]


def test_a_reader_cannot_write(database: Database) -> None:
    with database.reading() as session:
        session.add(Project(account="000000000000", region="us-east-1", name="cars"))
        with pytest.raises(DBAPIError, match=r"(?i)read-?only"):
            session.flush()
        session.rollback()
    assert names(database) == []


def test_many_writers_queue(database: Database) -> None:
    threads = [threading.Thread(target=add_project, args=(database, f"cars{number:02}")) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names(database)) == 24


def test_a_database_that_goes_away_is_found_again(postgres_server: Any) -> None:
    database = Database(postgres_server.new_database())
    database.migrate()
    add_project(database, "cars")
    postgres_server.stop()
    try:
        for _ in range(2):
            with pytest.raises(UnavailableError, match="does not answer") as caught:
                add_project(database, "vans")
            assert caught.value.retry_after > 0
            with pytest.raises(UnavailableError):
                names(database)
    finally:
        postgres_server.start()
    assert names(database) == ["cars"]
    add_project(database, "vans")
    assert names(database) == ["cars", "vans"]
    database.close()


def test_a_database_that_goes_away_within_a_transaction_keeps_nothing_of_it(postgres_server: Any) -> None:
    database = Database(postgres_server.new_database())
    database.migrate()

    def crash() -> None:
        with database.transaction() as session:
            session.add(Project(account="000000000000", region="us-east-1", name="cars"))
            session.flush()
            postgres_server.stop()
            postgres_server.start()

    with pytest.raises(UnavailableError):
        crash()
    assert names(database) == []
    database.close()


def test_a_file_that_another_program_holds_is_told_as_busy(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'a.sqlite'}?timeout=0.1")
    database.migrate()
    other = Database(f"sqlite:///{tmp_path / 'a.sqlite'}")
    with other.transaction() as session:
        session.execute(text("SELECT 1"))
        with pytest.raises(UnavailableError, match="busy"):
            add_project(database, "cars")
    add_project(database, "cars")
    assert names(other) == ["cars"]


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'a.sqlite'}")
    database.migrate()

    def fill() -> None:
        with database.transaction() as session:
            session.execute(text(f"PRAGMA max_page_count = {session.scalar(text('PRAGMA page_count'))}"))
            rows = [{"account": "0", "region": "r", "name": f"cars{number}", "last_version": 0} for number in range(2_000)]
            session.execute(insert(Project), rows)

    with pytest.raises(UnavailableError, match="full"):
        fill()
    assert names(database) == []


def test_the_folder_of_a_file_is_made(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'new' / 'folder' / 'a.sqlite'}")
    database.migrate()
    assert names(database) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"):
        Database(f"sqlite:///{tmp_path / 'file' / 'a.sqlite'}").migrate()


@pytest.mark.parametrize("url", ["mysql://host/name", "no url", "sqlite://", "sqlite:///:memory:"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(InputError, match="database"):
        Database(url)
