from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import gevent
import pytest
from sqlalchemy import insert, select

from cgappliance.model import MailProtocol, Outcome, Peer, Reason
from cgappliance.store import history
from cgappliance.store.engine import Store
from cgappliance.store.errors import StoreUnavailable
from cgappliance.store.history import Filter, Login, State
from cgappliance.store.history_writer import HistoryWriter
from cgappliance.store.schema import account_logins, accounts
from cgappliance.testing.lab.process import clean_environment
from tests.store.records import END, record

NOW = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
ROOT = Path(__file__).parents[2]
ACKNOWLEDGED_MIN = 1000


@pytest.fixture
def writer(store: Store) -> Iterator[HistoryWriter]:
    writer = HistoryWriter(store, node="n1", incarnation="i1", now=lambda: NOW)
    writer.start()
    yield writer
    writer.stop(5)


def rows(store: Store, where: Filter | None = None) -> list[Login]:
    return list(history.walk(store, where or Filter()))


def add_account(store: Store, address: str) -> None:
    texts = dict.fromkeys(("identity", "profile", "profile_source", "disabled_by", "google_id", "google_state", "changed_by"), "")
    values = {"uid": address, "tenant": "acme", "address": address, "enabled": True, "reset_due": False, "version": 1}
    with store.write() as connection:
        connection.execute(insert(accounts).values(**texts, **values, created_at=NOW, changed_at=NOW))


def test_an_accepted_login_is_there_when_the_call_returns(store: Store, writer: HistoryWriter) -> None:
    writer.login(record())
    (row,) = rows(store)
    assert (row.account, row.outcome, row.state, row.duration_ms) == ("yuki@acme.example", Outcome.ACCEPTED, State.OPEN, None)
    assert (row.protocol, row.local_port, str(row.remote_ip), row.tls_version) == (MailProtocol.IMAP, 10993, "192.0.2.7", "TLSv1.3")
    assert row.phases_ms == {"directory": 3.2}


def test_the_time_of_a_row_is_when_the_attempt_began(store: Store, writer: HistoryWriter) -> None:
    writer.login(record(total_ms=1500.0))
    assert rows(store)[0].at == NOW - timedelta(seconds=1.5)


def test_the_end_of_a_session_completes_its_row(store: Store, writer: HistoryWriter) -> None:
    writer.login(record())
    writer.ended(record(), END)
    writer.stop(5)
    (row,) = rows(store)
    assert (row.state, row.duration_ms, row.bytes_up, row.bytes_down, row.ended_by) == (State.CLOSED, 61500, 1234, 56789, "closed")


def test_a_refused_attempt_follows_with_its_reason_and_what_was_typed(store: Store, writer: HistoryWriter) -> None:
    writer.login(record(reason=Reason.BAD_LOGIN_NAME, address="", login="yuki", detail="no domain"))
    writer.stop(5)
    (row,) = rows(store)
    assert (row.account, row.outcome, row.reason, row.state) == ("yuki", Outcome.REFUSED, "bad_login_name", State.CLOSED)
    assert (row.duration_ms, row.sentence) == (1500, Reason.BAD_LOGIN_NAME.sentence)


def test_the_end_of_a_session_leaves_the_refused_attempts_before_it_alone(store: Store, writer: HistoryWriter) -> None:
    writer.login(record(reason=Reason.WRONG_PASSWORD))
    writer.login(record())
    writer.ended(record(), END)
    writer.stop(5)
    assert {row.reason: row.duration_ms for row in rows(store)} == {"wrong_password": 1500, "accepted": 61500}


def test_text_that_a_database_or_terminal_would_choke_on_is_cleaned(store: Store, writer: HistoryWriter) -> None:
    writer.login(record(client="a\0b\x1b[2J\ud800", detail="x" * 9999))
    (row,) = rows(store)
    assert row.client == "a\ufffdb\ufffd[2J\ufffd"
    assert len(row.detail) == 500


def test_an_accepted_login_that_cannot_be_written_is_an_outage(store: Store) -> None:
    writer = HistoryWriter(store, node="n1", incarnation="i1")
    writer.stop(0)
    with pytest.raises(StoreUnavailable):
        writer.login(record())


def test_the_last_success_and_failure_of_an_account_are_kept_per_protocol(store: Store, writer: HistoryWriter) -> None:
    add_account(store, "yuki@acme.example")
    writer.login(record(reason=Reason.WRONG_PASSWORD, peer=Peer.of("198.51.100.9", 1)))
    writer.login(record())
    writer.stop(5)
    with store.read() as connection:
        (row,) = connection.execute(select(account_logins)).all()
    assert (row.protocol, str(row.success_ip), str(row.failure_ip)) == ("imap", "192.0.2.7", "198.51.100.9")
    assert (row.failure_reason, row.success_at) == ("wrong_password", NOW - timedelta(seconds=1.5))


def test_addresses_that_are_no_accounts_leave_no_last_login(store: Store, writer: HistoryWriter) -> None:
    writer.login(record(address="nobody@acme.example"))
    with store.read() as connection:
        assert connection.execute(select(account_logins)).all() == []


def test_many_logins_at_once_are_all_there(store: Store, writer: HistoryWriter) -> None:
    greenlets = [gevent.spawn(writer.login, record(session=f"s-{number}")) for number in range(300)]
    gevent.joinall(greenlets, timeout=30, raise_error=True)
    assert len(rows(store)) == 300


def acknowledged_until_killed(url: str, life: int, rng: random.Random) -> set[str]:
    """Let a process log clients in, kill it at a random moment, and return the sessions that it had acknowledged by then."""
    command = [sys.executable, "-m", "tests.store.crashing_writer", url, str(life)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=clean_environment(), cwd=ROOT, text=True) as process:
        assert process.stdout is not None
        ready = process.stdout.readline()
        timer = threading.Timer(rng.uniform(0.01, 0.2), process.kill)
        timer.start()
        lines = process.stdout.read().split("\n")  # the end of the file is the death of the process
        timer.join()
    assert ready == "ready\n"
    return set(lines[:-1])  # the last line may be cut


@pytest.mark.integration
def test_no_acknowledged_login_is_missing_after_kill_9(store: Store) -> None:
    rng, acknowledged, life = random.Random(), set[str](), 0
    while len(acknowledged) < ACKNOWLEDGED_MIN:
        life += 1
        acknowledged |= acknowledged_until_killed(store.url.render_as_string(hide_password=False), life, rng)
    assert acknowledged - {row.session for row in rows(store)} == set()
    assert history.close_lost(store, "n1", alive=()) > 0
    assert rows(store, Filter(state=State.OPEN)) == []
