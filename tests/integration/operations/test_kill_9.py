"""Workers and the whole appliance are killed at random moments while clients log in: who heard OK stands in the history."""

import contextlib
import itertools
import json
import os
import random
import signal
import ssl
import time

import gevent
import psutil
import pytest

from cgappliance.testing.lab.postgresql import PostgreSQL
from cgappliance.testing.lab.world import TARO, YUKI, World
from tests.integration.conftest import at_once, workers
from tests.integration.talking import ACCEPTED, IMAP, Conversation

LOGINS = 1000  #: that were answered with OK
SOAK_LOGINS = 20_000
CLIENTS = 8
LOGIN_S = 0.5  #: for each of the logins, kills and starts included; a machine that does nothing else needs a hundredth
KILLS = 8  #: spread over the logins, whatever a machine makes of them in a second
EVERY = 4  #: so many kills, one is that of the supervisor, which takes everything along
SEED = 20261124


@pytest.fixture(scope="module")
def postgresql():
    with PostgreSQL() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request, tmp_path_factory):
    """A world with two workers, over each kind of store."""
    folder = tmp_path_factory.mktemp("kill")
    world = World(folder, workers=2, remote_ips=(), limits={"sessions_per_account": 50})
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql").create_database()
        text = world.appliance.config.read_text()
        world.appliance.config.write_text(text.replace(f"sqlite:///{folder}/appliance/cgappliance.db", url))
    with world:
        yield world


def log_in_named(world, trust, number):
    """Log in with an IMAP ID of its own, and tell whether the answer was OK. Nobody may be there to answer."""
    with contextlib.suppress(OSError, AssertionError):
        client = Conversation(IMAP, world.ports.imaps, trust)
        with contextlib.closing(client):
            client.ask(b'a1 ID ("name" "client%d")' % number)
            return client.log_in_as((YUKI, TARO)[number % 2]).startswith(ACCEPTED[IMAP])
    return False


def log_in_often(world, logins, heard):
    """Let clients log in until so many have heard OK, and add their numbers to ``heard``; give up when nobody answers any more."""
    trust = ssl.create_default_context(cafile=str(world.authority.ca_file))
    numbers = itertools.count()
    until = time.monotonic() + logins * LOGIN_S

    def client(_):
        while len(heard) < logins and time.monotonic() < until:
            number = next(numbers)
            if log_in_named(world, trust, number):
                heard.add(number)
            else:
                gevent.sleep(0.02)

    at_once(client, range(CLIENTS))


def kill_at_random(world, kills, heard, logins):
    """Kill a worker, or now and then the supervisor, which is started again as a service manager would; until killed itself."""
    chance = random.Random(SEED)
    for part in range(KILLS):
        at = (part + chance.random()) * logins / KILLS
        while len(heard) < at:
            gevent.sleep(0.001)
        if len(kills) % EVERY == EVERY - 1:
            kills.append("supervisor")
            world.appliance.process.kill()
            world.appliance.start()
        else:
            living = workers(world)
            if living:
                kills.append("worker")
                with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                    os.kill(chance.choice(living).pid, signal.SIGKILL)


@pytest.mark.parametrize("logins", [LOGINS, pytest.param(SOAK_LOGINS, marks=pytest.mark.soak)])
def test_no_login_that_a_client_heard_of_is_missing_from_the_history(world, logins):
    kills, heard = [], set()
    killer = gevent.spawn(kill_at_random, world, kills, heard, logins)
    try:
        log_in_often(world, logins, heard)
    finally:
        killer.kill()
    world.appliance.process.kill()
    world.appliance.start()
    rows = map(json.loads, world.appliance.command("history", "export", "--format", "jsonl").stdout.splitlines())
    kept = {row["client"] for row in rows if row["outcome"] == "accepted"}
    print(
        f"{len(heard)} logins heard OK, {len(kept)} stand in the history, {kills.count('worker')} workers and "
        f"{kills.count('supervisor')} supervisors were killed"
    )
    assert len(heard) >= logins
    assert {f"client{number}" for number in heard} - kept == set()
    assert {"worker", "supervisor"} <= set(kills)
