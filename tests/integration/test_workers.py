"""Several processes: they share the load, and the death of one is nobody else's."""

import os
import signal
import socket
import threading
import time

import gevent
import pytest

from cgappliance.testing.lab.process import wait_until
from cgappliance.testing.lab.world import TARO, YUKI, World

from .conftest import at_once, workers
from .talking import IMAP, POP3, PROTOCOLS, SMTP

pytestmark = pytest.mark.usefixtures("tidy")

CLIENTS = 24


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with World(tmp_path_factory.mktemp("world"), workers=2, limits={"refusal_delay_s": 0.1, "sessions_per_account": 50}) as world:
        yield world


def pids(world):
    return {worker.pid for worker in workers(world)}


def sessions(world):
    """Return how many live sessions each worker has, by process id."""
    counts = dict.fromkeys(pids(world), 0)
    for row in world.appliance.ask("sessions"):
        counts[row["worker"]] += 1
    return counts


@pytest.fixture
def clients(world, talk):
    """Return sessions, spread over both workers."""
    opened = at_once(lambda number: talk(PROTOCOLS[number % 3]), range(CLIENTS))
    at_once(lambda client: client.log_in_as(YUKI if client.protocol is IMAP else TARO), opened)
    return opened


def is_alive(client):
    try:
        return client.ask({IMAP: b"a1 NOOP", POP3: b"NOOP", SMTP: b"NOOP"}[client.protocol]).startswith((b"OK", b"+OK", b"250"))
    except (AssertionError, OSError):
        return False


def test_two_workers_share_the_load(world, clients):
    assert all(is_alive(client) for client in clients)
    counts = sessions(world)
    assert sum(counts.values()) == CLIENTS
    assert len(counts) == 2
    assert min(counts.values()) >= CLIENTS // 3


def test_clients_that_come_one_by_one_fall_on_both_workers(world, talk):
    for _ in range(CLIENTS // 2):
        talk(IMAP).log_in_as(YUKI)
    counts = sessions(world)
    assert sum(counts.values()) == CLIENTS // 2
    assert min(counts.values()) >= CLIENTS // 6


def test_worker_that_is_stopped_keeps_no_client_waiting(world, talk):
    stopped, _ = pids(world)
    os.kill(stopped, signal.SIGSTOP)
    try:
        for _ in range(CLIENTS):  # it has no logins under way: each would be left to it
            talk(POP3)
    finally:
        os.kill(stopped, signal.SIGCONT)


def test_command_line_sees_the_sessions_of_all_workers(world, clients):
    rows = world.appliance.json("session", "list")
    assert len(rows) == CLIENTS
    assert {row["worker"] for row in rows} == pids(world)
    assert len({row["session"] for row in rows}) == CLIENTS  # "session kick --session" ends one, not one of each worker


def test_kick_reaches_the_sessions_of_all_workers(world, clients):
    assert world.appliance.ask("kick", account=YUKI.address) == sum(client.protocol is IMAP for client in clients)
    assert [is_alive(client) for client in clients] == [client.protocol is not IMAP for client in clients]


def test_killed_worker_takes_its_own_sessions_along_and_no_other(world, clients):
    victim, survivor = sorted(pids(world))
    before = sessions(world)
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(pids(world) - {victim}) == 2, "a new worker", 5)
    assert sum(is_alive(client) for client in clients) == before[survivor]
    assert survivor in pids(world)
    assert any(f"pid={victim}" in line and "status=SIGKILL" in line for line in world.appliance.log_lines("worker.died"))


def test_no_connection_is_refused_while_a_worker_is_replaced(world, talk):
    failures, stop = [], threading.Event()

    def connect_for_ever():
        while not stop.is_set():
            try:
                socket.create_connection(("127.0.0.1", world.ports.imaps), timeout=5).close()
            except OSError as error:
                failures.append(error)
            gevent.sleep(0.002)

    jobs = [gevent.spawn(connect_for_ever) for _ in range(4)]
    for victim in pids(world):
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda gone=victim: gone not in pids(world) and len(pids(world)) == 2, "a new worker", 5)
    assert talk(IMAP).log_in_as(TARO).startswith(b"OK")
    stop.set()
    gevent.joinall(jobs, timeout=5)
    assert failures == []


def test_clients_that_come_while_no_worker_lives_are_served_by_the_next(world, talk):
    before = pids(world)
    for victim in before:
        os.kill(victim, signal.SIGKILL)
    started = time.monotonic()
    told = at_once(lambda _: talk(IMAP).log_in_as(TARO)[:2], range(4))
    assert told == [b"OK"] * 4
    assert time.monotonic() - started < 5
    wait_until(lambda: len(pids(world) - before) == 2, "both new workers", 5)


def test_wrong_password_seen_by_one_worker_is_known_to_the_other(world, talk):
    binds = 'BIND dn="uid=taro,ou=people,dc=lab,dc=test" method=128'
    before = world.slapd.count(binds)
    told = at_once(lambda _: talk(IMAP).log_in(TARO.address, "the old password")[:4], range(8))
    assert set(told) == {b"NO ["}
    assert world.slapd.count(binds) == before + 1
