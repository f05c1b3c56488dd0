"""Access keys: what is shown once, what is kept, and what is refused."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from walkaround.errors import InputError
from walkaround.store.access import AccessKey
from walkaround.store.database import Database
from walkaround.store.keys import KeyRing, bearer_digest, list_keys, revoke_key


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'walkaround.sqlite'}")
    database.migrate()
    yield database
    database.close()


def test_a_key_has_the_form_that_clients_of_aws_expect(database: Database, tmp_path: Path) -> None:
    with database.transaction() as session:
        key = KeyRing(tmp_path).make(session, account="000000000000", role="manage")
    assert (len(key.key_id), key.key_id[:4], len(key.secret)) == (20, "WALK", 40)
    assert key.key_id.isalnum()
    assert key.secret.isalnum()


def test_neither_secret_nor_token_is_on_the_disk_in_clear(database: Database, tmp_path: Path) -> None:
    with database.transaction() as session:
        key = KeyRing(tmp_path).make(session, account="000000000000", role="manage")
    database.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert key.key_id.encode() in kept
    assert key.secret.encode() not in kept
    assert key.bearer.encode() not in kept


def test_a_key_is_found_again_by_a_later_process(database: Database, tmp_path: Path) -> None:
    with database.transaction() as session:
        key = KeyRing(tmp_path).make(session, account="123456789012", role="detect", note="the gate")
    with database.reading() as session:
        found = KeyRing(tmp_path).find(session, key.key_id)
        [usable] = KeyRing(tmp_path).usable(session)
    assert found is not None
    assert usable == found
    assert usable.bearer_digest == bearer_digest(key.bearer)
    assert (found.secret, found.account, found.role, found.note) == (key.secret.encode(), "123456789012", "detect", "the gate")
    assert key.secret not in repr(found)


def test_what_is_no_key_is_not_found(database: Database, tmp_path: Path) -> None:
    with database.reading() as session:
        assert KeyRing(tmp_path).find(session, "WALKNOTHING") is None
    assert bearer_digest("walkaround_\udcff") != bearer_digest("walkaround_")  # bytes that are no text have a digest too


def test_a_revoked_key_is_listed_and_not_usable(database: Database, tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    with database.transaction() as session:
        key = ring.make(session, account="000000000000", role="read")
        kept = ring.make(session, account="000000000000", role="read")
    with database.transaction() as session:
        revoke_key(session, key.key_id)
    with database.reading() as session:
        assert [one.key_id for one in ring.usable(session)] == [kept.key_id]
        assert {one.id: one.revoked is not None for one in list_keys(session)} == {key.key_id: True, kept.key_id: False}


def test_the_time_of_a_revocation_stays(database: Database, tmp_path: Path) -> None:
    moments = []
    with database.transaction() as session:
        key = KeyRing(tmp_path).make(session, account="000000000000", role="read")
    for _ in range(2):
        with database.transaction() as session:
            revoke_key(session, key.key_id)
            moments.append(list_keys(session)[0].revoked)
    assert moments[0] == moments[1]


def test_revoking_what_is_no_key_is_refused(database: Database) -> None:
    with database.transaction() as session, pytest.raises(InputError, match=r"no access key 'WALKX'.*keys list"):
        revoke_key(session, "WALKX")


@pytest.mark.parametrize(
    ("account", "role", "note", "said"),
    [
        ("1", "read", "", "'1' is no account: give 12 digits"),
        ("00000000000a", "read", "", "is no account"),
        ("000000000000", "root", "", "'root' is no role: give one of read, detect, manage, admin"),
        ("000000000000", "read", "two\nlines", "A note is one line"),
        ("000000000000", "read", "x" * 201, "at most 200 characters"),
    ],
)
def test_a_key_that_cannot_be_is_refused(
    database: Database, tmp_path: Path, account: str, role: str, note: str, said: str
) -> None:
    with database.transaction() as session, pytest.raises(InputError, match=said):
        KeyRing(tmp_path).make(session, account=account, role=role, note=note)


def test_the_secret_of_the_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    KeyRing(tmp_path / "new")
    assert stat.S_IMODE((tmp_path / "new" / "secret.key").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["secret.key"]


def test_processes_that_start_at_once_agree_on_one_secret(tmp_path: Path) -> None:
    program = "import sys, pathlib, walkaround.store.keys as keys; print(keys.KeyRing(pathlib.Path(sys.argv[1])).mark('x'))"
    processes = [subprocess.Popen([sys.executable, "-c", program, tmp_path], stdout=subprocess.PIPE) for _ in range(3)]
    assert len({process.communicate(timeout=60)[0] for process in processes}) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]


def test_another_secret_is_told_from_the_right_one(database: Database, tmp_path: Path) -> None:
    with database.transaction() as session:
        key = KeyRing(tmp_path).make(session, account="000000000000", role="read")
    (tmp_path / "secret.key").unlink()
    with (
        database.reading() as session,
        pytest.raises(InputError, match=rf"{key.key_id} was encrypted under another secret.key"),
    ):
        KeyRing(tmp_path).find(session, key.key_id)


def test_a_key_of_another_secret_is_passed_over_and_logged_once(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ring = KeyRing(tmp_path)
    with database.transaction() as session:
        own, strange = (ring.make(session, account="000000000000", role="read") for _ in range(2))
        session.flush()
        session.get_one(AccessKey, strange.key_id).secret = bytes(60)
    with database.reading() as session:
        assert [[key.key_id for key in ring.usable(session)] for _ in range(2)] == [[own.key_id]] * 2
    assert [strange.key_id in one.getMessage() for one in caplog.records] == [True]


def test_no_key_is_made_beside_keys_of_another_secret_until_they_are_revoked(database: Database, tmp_path: Path) -> None:
    with database.transaction() as session:
        key = KeyRing(tmp_path).make(session, account="000000000000", role="read")
    elsewhere = KeyRing(tmp_path / "elsewhere")
    with database.transaction() as session:
        with pytest.raises(InputError, match=r"None of the access keys .*elsewhere/secret.key.* give its data folder"):
            elsewhere.make(session, account="000000000000", role="read")
        revoke_key(session, key.key_id)
        assert elsewhere.make(session, account="000000000000", role="read")


def test_a_damaged_secret_is_told(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_bytes(b"short")
    with pytest.raises(InputError, match="holds 5 bytes, not 32"):
        KeyRing(tmp_path)


def test_a_secret_moved_to_another_key_does_not_open(database: Database, tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    with database.transaction() as session:
        one, other = (ring.make(session, account="000000000000", role="read") for _ in range(2))
        session.flush()
        rows = {row.id: row for row in list_keys(session)}
        rows[one.key_id].secret = rows[other.key_id].secret
        with pytest.raises(InputError, match="another secret"):
            ring.find(session, one.key_id)


def test_the_digest_of_a_token_is_its_sha256() -> None:
    assert bearer_digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
