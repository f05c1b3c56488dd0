"""Users: passwords, roles, the last administrator, sessions, and tries to sign in that are counted."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from walkaround.errors import ConflictError, InputError, NotFoundError
from walkaround.store.access import SignedIn, SignInTries
from walkaround.store.attempts import begin_try, counts_of, succeeded
from walkaround.store.database import Database
from walkaround.store.keys import KeyRing, list_keys
from walkaround.store.passwords import check_password, digest_of, fits, is_dated
from walkaround.store.sessions import begin_session, csrf_of, end_session, find_session, session_digest, use_session
from walkaround.store.tables import now
from walkaround.store.users import (
    find_user,
    has_users,
    key_id_of,
    make_first_user,
    make_user,
    remove_user,
    set_password,
    set_role,
)

ACCOUNT = "000000000000"
WEEK = timedelta(days=7)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    yield made
    made.close()


@pytest.fixture
def people(database: Database) -> Database:
    """Two administrators, ann and bob, and cat, who manages; their passwords are none."""
    with database.transaction() as session:
        for name, role in (("ann", "admin"), ("bob", "admin"), ("cat", "manage")):
            make_user(session, name=name, digest="-", role=role, account=ACCOUNT)
    return database


def test_a_password_fits_its_own_digest_and_no_other() -> None:
    digest = digest_of("schöne Straße 7")
    assert digest.startswith("scrypt$32768$8$3$")
    assert digest_of("schöne Straße 7") != digest
    assert fits("schöne Straße 7", digest)  # the same letters, composed otherwise
    assert not fits("schone Strasse 7", digest)
    assert not fits("schöne Straße 7", None)


def test_a_name_that_nobody_has_costs_as_much_as_a_wrong_password(monkeypatch: pytest.MonkeyPatch) -> None:
    digest, scrypt, costs = digest_of("correct horse battery"), hashlib.scrypt, []

    def counted(password: bytes, **cost: Any) -> bytes:
        costs.append({name: value for name, value in cost.items() if name != "salt"})
        return scrypt(password, **cost)

    monkeypatch.setattr(hashlib, "scrypt", counted)
    assert not fits("wrong horse battery", digest)
    assert not fits("wrong horse battery", None)
    known, unknown = costs
    assert known == unknown


def test_a_digest_of_another_cost_still_fits_and_is_dated() -> None:
    assert not is_dated(digest_of("correct horse battery"))
    weak = "scrypt$1024$8$1$c2FsdHNhbHRzYWx0c2E=$" + "A" * 43 + "="
    assert is_dated(weak)
    assert not fits("correct horse battery", weak)


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("short", "10 to 200 characters, and this one has 5"),
        ("x" * 201, "and this one has 201"),
        ("aaaaaaaaaaaa", "a few letters"),
        ("ann@example.org1", "the user's name"),
        ("ann123ann123", "the user's name or a few letters"),
    ],
)
def test_a_password_that_is_guessed_at_once_is_refused(password: str, said: str) -> None:
    name = "ann123" if password.startswith("ann123") else "ann@example.org"
    with pytest.raises(InputError, match=said):
        check_password(password, name=name)


def test_a_password_of_a_few_words_is_good() -> None:
    check_password("a few words", name="ann")
    check_password("пароль длинный", name="ann")


def test_names_are_alike_in_large_and_small_letters(people: Database) -> None:
    with people.transaction() as session:
        assert find_user(session, "Ann").name == "ann"
        with pytest.raises(ConflictError, match="There is a user 'ann' already"):
            make_user(session, name="ANN", digest="-", role="read", account=ACCOUNT)


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "-ann", "ann\n", "änn", "../ann"])
def test_what_cannot_be_a_name_is_refused(database: Database, name: str) -> None:
    with database.transaction() as session, pytest.raises(InputError, match="cannot be the name of a user"):
        make_user(session, name=name, digest="-", role="read", account=ACCOUNT)


def test_a_user_of_another_account_is_not_found(people: Database) -> None:
    with people.reading() as session, pytest.raises(NotFoundError, match="no user 'ann'"):
        find_user(session, "ann", "111111111111")


def test_of_two_first_users_at_once_there_is_one(database: Database) -> None:
    made: list[str] = []

    def make(name: str) -> None:
        try:
            with database.transaction() as session:
                make_first_user(session, name=name, digest="-", account=ACCOUNT)
                made.append(name)
        except ConflictError:
            pass

    threads = [threading.Thread(target=make, args=(name,)) for name in ("ann", "bob", "cat")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    with database.reading() as session:
        assert has_users(session)
        assert find_user(session, made[0]).role == "admin"


def test_the_last_administrator_stays(people: Database) -> None:
    with people.transaction() as session:
        remove_user(session, find_user(session, "bob"))
        for act in (
            lambda: remove_user(session, find_user(session, "ann")),
            lambda: set_role(session, find_user(session, "ann"), "manage"),
        ):
            with pytest.raises(ConflictError, match="'ann' is the last administrator: make another one first"):
                act()
        set_role(session, find_user(session, "cat"), "admin")
        set_role(session, find_user(session, "ann"), "read")


def test_keys_do_not_outlive_what_their_maker_may(people: Database, tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    with people.transaction() as session:
        made = {
            role: ring.make(session, account=ACCOUNT, role=role, made_by=key_id_of("bob")).key_id for role in ("read", "manage")
        }
        other = ring.make(session, account=ACCOUNT, role="manage", made_by=key_id_of("ann")).key_id
        session.flush()
        set_role(session, find_user(session, "bob"), "detect")

        def usable() -> set[str]:
            session.expire_all()
            return {key.id for key in list_keys(session) if key.revoked is None}

        assert usable() == {made["read"], other}
        assert remove_user(session, find_user(session, "bob")) == 1
        assert usable() == {other}


def test_of_a_session_the_cookie_itself_is_not_kept(people: Database) -> None:
    with people.transaction() as session:
        token = begin_session(session, find_user(session, "cat"), longest=WEEK)
    with people.reading() as session:
        seat = find_session(session, token)
        assert seat is not None
        assert (seat.name, seat.role, seat.account) == ("cat", "manage", ACCOUNT)
        assert find_session(session, token + "x") is None
        assert list(session.scalars(select(SignedIn.digest))) == [session_digest(token)]
    assert token not in (session_digest(token), csrf_of(token))
    assert csrf_of(token) != csrf_of(token + "x")


def test_a_session_ends_idle_or_old_whichever_is_sooner(people: Database) -> None:
    idle, longest = timedelta(hours=8), timedelta(hours=10)
    with people.transaction() as session:
        token = begin_session(session, find_user(session, "cat"), longest=longest)
        digest = session_digest(token)
        session.execute(update(SignedIn).values(created=now() - timedelta(hours=9), seen=now() - timedelta(hours=7)))
        session.expire_all()
        seat = find_session(session, token)
        assert seat is not None
        assert timedelta(minutes=59) < seat.ends(idle=idle, longest=longest) - now() <= timedelta(hours=1)
        use_session(session, digest)
        session.expire_all()
        seat = find_session(session, token)
        assert seat is not None
        assert seat.ends(idle=idle, longest=longest) == seat.created + longest


def test_sessions_end_at_sign_out_with_a_new_password_and_with_their_user(people: Database) -> None:
    with people.transaction() as session:
        tokens = {
            name: [begin_session(session, find_user(session, name), longest=WEEK) for _ in range(2)]
            for name in ("ann", "bob", "cat")
        }
        end_session(session, session_digest(tokens["ann"][0]))
        set_password(session, find_user(session, "bob"), "other")
        remove_user(session, find_user(session, "cat"))
        alive = [name for name, some in tokens.items() for token in some if find_session(session, token)]
    assert alive == ["ann"]


def test_old_sessions_are_forgotten_when_one_begins(people: Database) -> None:
    with people.transaction() as session:
        begin_session(session, find_user(session, "ann"), longest=WEEK)
        session.execute(update(SignedIn).values(created=now() - timedelta(days=8)))
        begin_session(session, find_user(session, "bob"), longest=WEEK)
        assert session.scalar(select(func.count()).select_from(SignedIn)) == 1


def tries(database: Database, name: str, address: str, *, device: str | None = None, times: int = 1) -> int:
    """How many of so many tries may go on."""
    allowed = 0
    for _ in range(times):
        with database.transaction() as session:
            allowed += begin_try(session, counts_of(name, address, device=device)) is None
    return allowed


def test_ten_failures_from_one_place_in_one_name_have_to_wait(database: Database) -> None:
    assert tries(database, "ann", "192.0.2.1", times=12) == 10
    with database.transaction() as session:
        wait = begin_try(session, counts_of("ann", "192.0.2.1", device=None))
    assert wait is not None
    assert timedelta(minutes=9) < wait <= timedelta(minutes=10)
    assert tries(database, "bob", "192.0.2.1") == 1
    assert tries(database, "ann", "192.0.2.2") == 1


def test_a_place_that_tries_many_names_has_to_wait(database: Database) -> None:
    assert sum(tries(database, f"name{number}", "192.0.2.1") for number in range(70)) == 60
    assert tries(database, "ann", "192.0.2.2") == 1


def test_a_name_that_is_tried_from_everywhere_is_not_locked_for_its_own_browser(database: Database) -> None:
    assert sum(tries(database, "ann", f"192.0.2.{number}", times=2) for number in range(60)) == 100
    assert tries(database, "ann", "198.51.100.1") == 0
    assert tries(database, "ann", "198.51.100.1", device="known") == 1


def test_addresses_of_one_ipv6_network_count_together(database: Database) -> None:
    allowed = [tries(database, "ann", f"2001:db8:1:2::{number:x}") for number in range(12)]
    assert sum(allowed) == 10
    assert tries(database, "ann", "2001:db8:1:3::1") == 1


def test_what_succeeds_is_no_failure(database: Database) -> None:
    counts = counts_of("ann", "192.0.2.1", device=None)
    for _ in range(70):
        with database.transaction() as session:
            assert begin_try(session, counts) is None
        with database.transaction() as session:
            succeeded(session, counts)


def test_failures_are_forgotten_in_time(database: Database) -> None:
    tries(database, "ann", "192.0.2.1", times=10)
    with database.transaction() as session:
        session.execute(update(SignInTries).values(until=now() - timedelta(seconds=1)))
    assert tries(database, "ann", "192.0.2.1", times=11) == 10
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(SignInTries)) == 3


def test_many_tries_at_once_are_as_few_as_in_a_row(database: Database) -> None:
    allowed: list[int] = []
    threads = [threading.Thread(target=lambda: allowed.append(tries(database, "ann", "192.0.2.1"))) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(allowed) == 10
