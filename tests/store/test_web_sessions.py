from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from cgappliance.secret import Secret
from cgappliance.store import backup, web_sessions
from cgappliance.store.engine import Store
from cgappliance.store.web_sessions import Lifetime, NewSession, Site, Source, WebSession
from tests.store.people import NOW

LIFETIME = Lifetime(timedelta(minutes=30), timedelta(hours=10))
SECOND = timedelta(seconds=1)
HANA = NewSession("acme", Site.ADMIN, "hana", Source.LOCAL, "auditor", ipaddress.ip_address("192.0.2.1"))


def begin(store: Store, new: NewSession = HANA, at: datetime = NOW) -> Secret:
    with store.write() as connection:
        return web_sessions.begin(connection, new, at)


def find(store: Store, token: Secret, at: datetime = NOW) -> WebSession | None:
    with store.read() as connection:
        return web_sessions.find(connection, token, LIFETIME, at)


def test_a_session_is_found_by_its_token_and_by_no_other(store: Store) -> None:
    found = find(store, begin(store))
    assert found is not None
    assert (found.subject, found.site, found.role) == ("hana", Site.ADMIN, "auditor")
    assert find(store, Secret("guessed")) is None


def test_the_database_does_not_hold_the_token(store: Store) -> None:
    token = begin(store).reveal()
    with store.read() as connection:
        assert token not in str(connection.execute(text("SELECT * FROM web_sessions")).all())


@pytest.mark.parametrize(("offset", "alive"), [(-SECOND, True), (timedelta(), False), (SECOND, False)])
def test_a_session_that_nobody_uses_ends(store: Store, offset: timedelta, alive: bool) -> None:
    token = begin(store)
    assert (find(store, token, NOW + LIFETIME.idle + offset) is not None) is alive


@pytest.mark.parametrize(("offset", "alive"), [(-SECOND, True), (timedelta(), False), (SECOND, False)])
def test_a_session_that_is_used_all_the_time_ends_too(store: Store, offset: timedelta, alive: bool) -> None:
    token = begin(store)
    session = find(store, token)
    assert session is not None
    with store.write() as connection:
        web_sessions.touch(connection, session, NOW + LIFETIME.absolute - SECOND)
    assert (find(store, token, NOW + LIFETIME.absolute + offset) is not None) is alive


def test_ending_somebodys_sessions_spares_those_of_others(store: Store) -> None:
    first, second = begin(store), begin(store)
    other = begin(store, NewSession("globex", Site.ADMIN, "hana", Source.LOCAL, "auditor", HANA.remote_ip))
    with store.write() as connection:
        assert web_sessions.end_of(connection, "acme", Site.ADMIN, "hana") == 2
    assert [find(store, token) is not None for token in (first, second, other)] == [False, False, True]


def test_notices_wait_for_the_next_page_and_are_bounded(store: Store) -> None:
    token = begin(store)
    session = find(store, token)
    assert session is not None
    with store.write() as connection:
        web_sessions.set_notices(connection, session, [{"text": str(number)} for number in range(20)])
    after = find(store, token)
    assert after is not None
    assert [notice["text"] for notice in after.notices] == [str(number) for number in range(12, 20)]


def test_the_sweep_removes_what_is_over(store: Store) -> None:
    old, young = begin(store), begin(store, at=NOW + LIFETIME.idle)
    with store.write() as connection:
        assert web_sessions.sweep(connection, LIFETIME, NOW + LIFETIME.idle) == 1
    assert find(store, old) is None
    assert find(store, young, NOW + LIFETIME.idle) is not None


def test_a_backup_does_not_keep_logins() -> None:
    assert "web_sessions" not in {table.name for table in backup.tables()}
