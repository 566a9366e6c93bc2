"""What breaks around the appliance, and that afterwards all is as before, without a restart.

Directories and Gmail that fail in all their ways have tests of their own (``test_directories``, ``test_gmail_refusals``); here are
the things below and beside: name service, disk, database, clock, and a directory that many want at the moment when it dies.
"""

import contextlib
import os
import shutil
import sqlite3
import ssl
import subprocess
import time
from pathlib import Path

import gevent
import pytest

from cgappliance.net.sessions import SWEEP_S
from cgappliance.testing.lab.postgresql import PostgreSQL
from cgappliance.testing.lab.process import wait_until
from cgappliance.testing.lab.slapd import Person, Slapd
from cgappliance.testing.lab.world import DOMAIN, TARO, YUKI, World
from tests.integration.conftest import at_once, workers
from tests.integration.talking import ACCEPTED, IMAP, MISCONFIGURED, POP3, PROTOCOLS, REFUSED, UNAVAILABLE, Conversation

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount file systems")
LIBFAKETIME = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)
BACK_S = 8.0  # how long it may take, when the fault is over, until the next login is accepted


@contextlib.contextmanager
def unharmed(world):
    """After the block: the same workers as before, no bug in the log, and all protocols let somebody in."""
    before, start = {worker.pid for worker in workers(world)}, len(world.appliance.process.log_text())
    yield
    assert {worker.pid for worker in workers(world)} == before
    assert "Traceback" not in world.appliance.process.log_text()[start:]


class Clients:
    """Opens conversations with a world; what is not closed is closed at the end."""

    def __init__(self, world):
        self._world = world
        self._trust = ssl.create_default_context(cafile=str(world.authority.ca_file))
        self._opened = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for conversation in self._opened:
            conversation.close()

    def come(self, protocol, source=None):
        self._opened.append(Conversation(protocol, self._world.ports.of(protocol), self._trust, source))
        return self._opened[-1]

    def try_once(self, protocol, person, source=None):
        """Return the answer to a login of a client that leaves at once."""
        client = self.come(protocol, source)
        answer = client.log_in_as(person)
        client.close()
        return answer

    def until_let_in(self, person=TARO, timeout_s=BACK_S):
        """Wait until somebody is let in over all protocols, and return how many seconds that took."""
        started = time.monotonic()
        for protocol in PROTOCOLS:
            while not (answer := self.try_once(protocol, person)).startswith(ACCEPTED[protocol]):
                assert time.monotonic() - started < timeout_s, answer
                gevent.sleep(0.2)
        return time.monotonic() - started


@pytest.fixture
def clients(world):
    with Clients(world) as clients:
        yield clients


# ---- a directory that many want

CROWD = tuple(Person(f"person{number}@{DOMAIN}", f"password {number} of many") for number in range(40))


@pytest.fixture
def two_directories(tmp_path_factory):
    """A world with two directories; time-outs and pools are the defaults, as operators have them."""
    folder = tmp_path_factory.mktemp("two")
    world = World(folder, people=(YUKI, TARO, *CROWD), remote_ips=())
    second = Slapd(folder / "second", people=world.people, authority=world.authority)
    auth = (
        f'servers = ["{world.slapd.ldaps_url}", "{second.ldaps_url}"]\nca_file = "{world.authority.ca_file}"\n'
        f'base_dn = "{world.slapd.base_dn}"\nbind_dn = "{world.slapd.bind_dn}"\n'
        f'bind_password_file = "{world.bind_password_file}"'
    )
    world.fresh = iter(CROWD)
    with second, world:
        world.appliance.tenant("acme", world.tenant_file(auth=auth))
        world.appliance.ask("reload")
        yield world


@pytest.mark.parametrize("outage", ["killed", "stalled"])
def test_the_second_directory_takes_over_within_two_seconds_and_the_first_comes_back(two_directories, outage):
    world = two_directories
    with Clients(world) as clients, unharmed(world):

        def seconds(person):
            started = time.monotonic()
            assert clients.try_once(IMAP, person, f"127.0.5.{CROWD.index(person) + 1}").startswith(ACCEPTED[IMAP])
            return time.monotonic() - started

        seconds(next(world.fresh))
        world.slapd.process.kill() if outage == "killed" else world.slapd.process.stall()
        try:
            crowd = at_once(seconds, [next(world.fresh) for _ in range(12)])
            later = [seconds(next(world.fresh)) for _ in range(3)]
        finally:
            asked = world.slapd.count("SRCH")
            world.slapd.start() if outage == "killed" else world.slapd.process.resume()
        assert seconds(next(world.fresh)) < 2
        gevent.sleep(0.5)  # what a stalled server had in its queues it does now
        met_by = world.slapd.count("SRCH") - asked
    print(
        f"directory {outage}: 12 at once took {max(crowd):.2f} s at most, later ones {max(later):.2f} s; {met_by} came back at once"
    )
    assert max(crowd) < 2
    assert max(later) < 0.5  # nobody waits any more for what is known to be down
    assert met_by <= 12  # it is not met by more than those who had asked before


# ---- names


@needs_root
def test_a_name_service_that_fails_is_an_outage_until_it_works_again(tmp_path_factory):
    folder = tmp_path_factory.mktemp("names")
    hosts, resolv = folder / "hosts", folder / "resolv.conf"
    hosts.write_text("127.0.0.1 elsewhere\n")
    resolv.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")  # nobody listens there
    world = World(folder / "world", remote_ips=())
    mounts = f'mount --bind {hosts} /etc/hosts && mount --bind {resolv} /etc/resolv.conf && exec "$@"'
    world.appliance.process.argv[:0] = ["unshare", "--mount", "--propagation", "private", "sh", "-c", mounts, "sh"]
    with world, Clients(world) as clients:
        auth = world.tenant_file().partition("[auth]\n")[2].partition("\n\n")[0].replace("localhost", "127.0.0.1")
        world.appliance.tenant("acme", world.tenant_file(auth=auth))
        world.appliance.ask("reload")
        with unharmed(world):
            answers = [clients.try_once(protocol, TARO) for protocol in PROTOCOLS]
            assert answers == [UNAVAILABLE[protocol] for protocol in PROTOCOLS]
            hosts.write_text("127.0.0.1 localhost\n")
            clients.until_let_in()


# ---- the disk


@needs_root
def test_a_full_disk_stops_no_session_and_spoils_nothing(tmp_path_factory):
    folder = tmp_path_factory.mktemp("disk")
    world = World(folder, remote_ips=())
    with small_disk(folder / "mnt") as disk:
        text = world.appliance.config.read_text()
        world.appliance.config.write_text(text.replace(f"{folder}/appliance/cgappliance.db", f"{disk}/cgappliance.db"))
        with world, Clients(world) as clients:
            inside = clients.come(IMAP)
            inside.log_in_as(YUKI)
            with unharmed(world):
                filler = fill(disk)
                log_in_until_it_is_an_outage(clients)
                assert inside.ask(b"a1 NOOP").startswith(b"OK")
                assert clients.come(POP3).log_in(YUKI.address, "wrong") in (REFUSED[POP3], UNAVAILABLE[POP3])
                filler.unlink()
                print(f"after a full disk all protocols let in again after {clients.until_let_in():.1f} s")
                assert inside.ask(b"a1 NOOP").startswith(b"OK")
            errors = world.appliance.log_lines("store.unavailable")
            assert errors
            assert "full" in errors[0]
            inside.close()
            wait_until(lambda: not world.appliance.ask("sessions"), "sessions ended", 5)
            accepted = [line for line in world.appliance.log_lines("login") if "outcome=accepted" in line]
        with contextlib.closing(sqlite3.connect(disk / "cgappliance.db")) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            kept = database.execute("SELECT count(*) FROM history WHERE outcome = 'accepted'").fetchone()[0]
            assert kept == len(accepted)  # no accepted login is missing
            assert database.execute("SELECT count(*) FROM history WHERE state = 'open'").fetchone() == (0,)


@contextlib.contextmanager
def small_disk(folder):
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(disk):
    file = disk / "filler"
    with contextlib.suppress(OSError), file.open("wb", buffering=0) as writer:
        while True:
            writer.write(bytes(4096))
    assert shutil.disk_usage(disk).free == 0
    return file


def log_in_until_it_is_an_outage(clients, tries=50):
    """What is left of the database's own files may take a few logins more."""
    answers = []
    while not answers or answers[-1] != UNAVAILABLE[IMAP]:
        answers.append(clients.try_once(IMAP, TARO))
        assert len(answers) <= tries, answers[-3:]


# ---- the database


@pytest.fixture(scope="module")
def database():
    with PostgreSQL() as server:
        yield server


@pytest.fixture(scope="module")
def world(tmp_path_factory, database):
    """A world whose store is a real PostgreSQL."""
    folder = tmp_path_factory.mktemp("database")
    world = World(folder, workers=2, remote_ips=())
    text = world.appliance.config.read_text()
    world.appliance.config.write_text(text.replace(f"sqlite:///{folder}/appliance/cgappliance.db", database.create_database()))
    with world:
        yield world


@pytest.mark.parametrize("seconds", [3, pytest.param(60, marks=pytest.mark.soak)])
def test_a_database_that_is_gone_stops_no_session_and_no_worker(world, database, clients, seconds):
    inside = [clients.come(protocol) for protocol in PROTOCOLS]
    assert all(client.log_in_as(YUKI).startswith(ACCEPTED[client.protocol]) for client in inside)
    with unharmed(world):
        ended = inside.pop()
        database.process.stop()
        try:
            answers = [clients.try_once(protocol, TARO) for protocol in PROTOCOLS]
            ended.close()  # its end is to be written when the database is there again
            gevent.sleep(seconds)
            assert answers == [UNAVAILABLE[protocol] for protocol in PROTOCOLS]
            assert [client.ask({IMAP: b"a1 NOOP", POP3: b"NOOP"}[client.protocol])[:2] for client in inside] == [b"OK", b"+O"]
        finally:
            database.process.start()
        print(f"after {seconds} s without a database all protocols let in again after {clients.until_let_in():.1f} s")

    def open_rows():
        return world.appliance.json("history", "list", "--account", YUKI.address, "--state", "open")["rows"]

    wait_until(lambda: len(open_rows()) == len(inside), "the end of the third session is in the history", BACK_S)


def test_a_database_that_is_restarted_costs_nobody_a_login(world, database, clients):
    with unharmed(world):
        database.process.stop()
        database.process.start()
        assert [clients.try_once(protocol, TARO)[:2] for protocol in PROTOCOLS] == [b"OK", b"+O", b"23"]


# ---- the clock


@pytest.mark.skipif(LIBFAKETIME is None, reason="libfaketime not installed (apt install faketime)")
@pytest.mark.parametrize("wait_s", [0.3, pytest.param(SWEEP_S + 1, marks=pytest.mark.soak)])
def test_a_clock_that_jumps_ends_no_session_and_all_is_well_when_it_is_right_again(tmp_path_factory, wait_s):
    folder = tmp_path_factory.mktemp("clock")
    offset = folder / "offset"
    offset.write_text("+0")
    world = World(folder / "world", remote_ips=())
    world.appliance.process.environment |= {
        "LD_PRELOAD": str(LIBFAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with world, Clients(world) as clients, unharmed(world):
        inside = clients.come(IMAP)
        inside.log_in_as(YUKI)
        for jump in ("-1d", "+400d", "+1d"):
            offset.write_text(jump)
            answer = clients.try_once(IMAP, TARO)
            assert answer.startswith((ACCEPTED[IMAP], UNAVAILABLE[IMAP], MISCONFIGURED[IMAP])), jump  # Google looks at the clock
            assert clients.come(POP3).log_in(YUKI.address, f"wrong {jump}") == REFUSED[POP3]
            gevent.sleep(wait_s)  # idle sessions are looked for every ten seconds
            assert inside.ask(b"a1 NOOP").startswith(b"OK"), jump
        offset.write_text("+0")
        clients.until_let_in(YUKI)
        assert inside.ask(b"a1 NOOP").startswith(b"OK")
