"""Workers that hang, die, die again and again; a supervisor that stands still or is killed; and many logins."""

import os
import signal
import socket
import ssl
import time
from pathlib import Path

import gevent
import psutil
import pytest

from cgappliance.testing.lab.process import wait_until
from cgappliance.testing.lab.world import TARO, YUKI, World
from tests.integration.conftest import SPARE, at_once, descriptors, fields_of, greenlets
from tests.integration.talking import ACCEPTED, IMAP, PROTOCOLS, Conversation

HANG_S = 2.0
NOTICED_S = HANG_S + 3.0  # one look a second, on a busy machine
LOGINS, SOAK_LOGINS = 2_000, 100_000
AT_ONCE = 8


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Two workers; the lab's clients all come from one address."""
    limits = {"worker_hang_s": HANG_S, "sessions_per_account": 1000, "connections_per_address": 1000}
    with World(tmp_path_factory.mktemp("processes"), workers=2, limits=limits, remote_ips=()) as world:
        yield world


@pytest.fixture(autouse=True)
def two_workers(world):
    """Each test finds two workers at work, however the one before has left them."""
    wait_until(lambda: not world.appliance.ask("sessions"), "sessions ended", 5)
    yield
    wait_until(lambda: len(pids(world)) == 2 and world.appliance.ask("greenlets"), "two workers", 15)


def pids(world):
    found = [entry["pid"] for entry in world.appliance.ask("status")["workers"]]
    return [pid for pid in found if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]


def one_session_on_each(world, talk):
    """Return a conversation for each worker's process id, logged in; several come at once, or one worker would take them all."""
    found = {}
    while len(found) < 2:
        clients = at_once(lambda _: talk(IMAP), range(6))
        at_once(lambda client: client.log_in_as(YUKI), clients)
        port_of = {client.sock.getsockname()[1]: client for client in clients}
        for pid in pids(world):
            for entry in psutil.Process(pid).net_connections("tcp"):
                if entry.raddr and entry.raddr.port in port_of:
                    found.setdefault(pid, port_of[entry.raddr.port])
        for client in clients:
            if client not in found.values():
                client.close()
    return found


def events(world, name, since=0):
    return world.appliance.log_lines(name)[since:]


def test_a_worker_that_is_killed_is_replaced_within_a_second(world):
    starts, deaths = len(events(world, "worker.started")), len(events(world, "worker.died"))
    victim = pids(world)[0]
    killed_at = time.monotonic()
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(events(world, "tenant.added")) > starts, "a worker that serves", 5)
    took_s = time.monotonic() - killed_at
    print(f"a worker that serves is there {took_s:.2f} s after kill -9")
    assert took_s < 1
    assert "status=SIGKILL" in events(world, "worker.died", deaths)[0]


def test_a_worker_that_hangs_is_replaced_and_nobody_else_notices(world, talk):
    stopped, other = pids(world)
    found = one_session_on_each(world, talk)
    lost, kept = found[stopped], found[other]
    hangs = len(events(world, "worker.hangs"))
    os.kill(stopped, signal.SIGSTOP)
    stopped_at = time.monotonic()
    slowest = 0.0
    while psutil.pid_exists(stopped) and time.monotonic() - stopped_at < NOTICED_S + 5:
        started = time.monotonic()
        client = talk(IMAP)
        assert client.log_in_as(TARO).startswith(ACCEPTED[IMAP])
        client.close()
        slowest = max(slowest, time.monotonic() - started)
        gevent.sleep(0.05)
    took_s = time.monotonic() - stopped_at
    print(f"a hanging worker is replaced after {took_s:.1f} s; the slowest login beside it took {slowest:.2f} s")
    assert took_s < NOTICED_S
    assert len(events(world, "worker.hangs")) == hangs + 1
    assert kept.ask(b"a1 NOOP").startswith(b"OK")
    assert lost.rest() == b""


def test_a_worker_holds_nothing_of_the_supervisors(world):
    """One that was forked later could: the supervisor has opened more by then."""
    victim = pids(world)[0]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: victim not in pids(world) and len(pids(world)) == 2, "a new worker", 10)
    control = str(world.appliance.config.parent / "run" / "control.sock")
    holders = {entry.pid for entry in psutil.net_connections("unix") if entry.laddr == control and entry.pid}
    assert holders == {world.appliance.ask("status")["pid"]}
    links = [str(entry.readlink()) for pid in pids(world) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    assert [link for link in links if "inotify" in link] == []
    assert sum("eventpoll" in link for link in links) <= 2 * len(pids(world))  # its own, and that of its threads


def test_a_worker_that_dies_at_once_again_is_started_ever_more_slowly(world):
    start = len(events(world, "worker.died"))
    began = time.monotonic()
    killed = set()
    while time.monotonic() - began < 2.5:
        for pid in set(pids(world)) - killed:
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
        gevent.sleep(0.01)
    delays = [float(fields_of(line)["restart_in_s"]) for line in events(world, "worker.died", start)]
    assert delays == sorted(delays)
    assert delays[-1] >= 0.8
    assert len(delays) < 12  # two workers in two seconds and a half: no tight loop
    wait_until(lambda: len(pids(world)) == 2, "two workers again", 15)
    wait_until(lambda: can_log_in(world), "logins again", 15)


def can_log_in(world):
    trust = ssl.create_default_context(cafile=str(world.authority.ca_file))
    try:
        client = Conversation(IMAP, world.ports.imaps, trust)
    except OSError:
        return False
    answer = client.log_in_as(TARO)
    client.close()
    return answer.startswith(ACCEPTED[IMAP])


def test_a_supervisor_that_stood_still_does_not_take_its_workers_for_hung(world, talk):
    client = talk(IMAP)
    client.log_in_as(YUKI)
    before, supervisor = pids(world), world.appliance.ask("status")["pid"]
    os.kill(supervisor, signal.SIGSTOP)
    gevent.sleep(HANG_S + 2)
    os.kill(supervisor, signal.SIGCONT)
    gevent.sleep(2)
    assert pids(world) == before
    assert client.ask(b"a1 NOOP").startswith(b"OK")


# ---- many logins


def measure(world):
    """Return what the workers hold: resident KiB, descriptors (those of pools to the directory left out), greenlets."""
    processes = [psutil.Process(pid) for pid in pids(world)]
    memory_kib = sum(process.memory_info().rss for process in processes) // 1024
    return memory_kib, descriptors(world), sum(greenlets(world).values())


def log_in_many(world, number):
    """Log in and out so often, with the protocols in turn, several at a time."""
    trust = ssl.create_default_context(cafile=str(world.authority.ca_file))

    def series(share):
        for turn in range(share):
            protocol = PROTOCOLS[turn % 3]
            client = Conversation(protocol, world.ports.of(protocol), trust)
            assert client.log_in_as(YUKI if turn % 2 else TARO).startswith(ACCEPTED[protocol])
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, 0, 0, 0, 0, 0, 0, 0]))
            client.close()

    at_once(series, [number // AT_ONCE] * AT_ONCE)


@pytest.mark.parametrize("logins", [LOGINS, pytest.param(SOAK_LOGINS, marks=pytest.mark.soak)])
def test_many_logins_leave_nothing_behind(world, logins):
    log_in_many(world, 1000)  # pools, caches, threads and the allocator's arenas take what they want
    wait_until(lambda: not world.appliance.ask("sessions"), "sessions ended", 10)
    before = measure(world)
    started = time.monotonic()
    log_in_many(world, logins)
    rate = logins / (time.monotonic() - started)
    wait_until(lambda: not world.appliance.ask("sessions"), "sessions ended", 10)
    after = measure(world)
    names = ("KiB", "descriptors", "greenlets")
    grown = {name: b - a for name, a, b in zip(names, before, after, strict=True)}
    print(f"{logins} logins ({rate:.0f}/s): grown by {grown}")
    assert grown["KiB"] < 6 * 1024
    assert grown["descriptors"] <= SPARE
    assert grown["greenlets"] <= 2


# ---- the end


def test_when_the_supervisor_is_killed_workers_end_and_the_next_start_works(tmp_path_factory, world):
    fresh = World(tmp_path_factory.mktemp("orphans"), workers=2, remote_ips=())
    with fresh:
        children = pids(fresh)
        os.kill(fresh.appliance.ask("status")["pid"], signal.SIGKILL)
        wait_until(lambda: not any(psutil.pid_exists(pid) for pid in children), "workers ended", 10)
        fresh.appliance.process.kill()
        fresh.appliance.start()
        assert can_log_in(fresh)
