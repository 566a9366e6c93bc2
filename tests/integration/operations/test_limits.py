"""How much the appliance lets in: of an address, of strangers, of an account, of a tenant, in all; over two workers."""

import contextlib
import itertools
import socket
import ssl
import subprocess
import time

import pytest

from cgappliance.testing.lab.process import wait_until
from cgappliance.testing.lab.world import TARO, YUKI, World
from tests.integration.conftest import at_once
from tests.integration.talking import ACCEPTED, IMAP, LIMITED, POP3, PROTOCOLS, SMTP, Conversation

PER_ADDRESS, BEFORE_LOGIN, PER_ACCOUNT, PER_TENANT, AT_ALL = 5, 60, 4, 10, 12
LIMITS = {
    "connections_per_address": PER_ADDRESS,
    "connections_before_login": BEFORE_LOGIN,
    "sessions_per_account": PER_ACCOUNT,
    "sessions_per_tenant": PER_TENANT,
    "sessions": AT_ALL,
}
LOGIN_S = 2.0  # a real client is in within this time, whatever strangers do
NOTHING_S = 0.4  # how long nothing may come before we believe that nothing comes


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    people = tuple(type(YUKI)(f"person{number}@acme.example", f"a password {number}") for number in range(6))
    with World(tmp_path_factory.mktemp("limits"), people=(YUKI, TARO, *people), limits=LIMITS, workers=2, remote_ips=()) as world:
        yield world


@pytest.fixture(autouse=True)
def empty(world):
    """Before each test nobody is there: places are given back when a session's end is noticed."""
    wait_until(lambda: not world.appliance.ask("sessions"), "sessions ended", 5)


@pytest.fixture
def strangers(world):
    """Return a function that opens connections, says nothing, and returns the sockets."""
    with contextlib.ExitStack() as opened:

        def open_from(addresses):
            found = [
                opened.enter_context(socket.create_connection(("127.0.0.1", world.ports.imaps), 5, (address, 0)))
                for address in addresses
            ]
            for sock in found:
                sock.setblocking(False)
            return found

        yield open_from


def trusting(world):
    return ssl.create_default_context(cafile=str(world.authority.ca_file))


def is_open(sock):
    try:
        return sock.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionResetError:
        return False


def how_many_are_open(socks):
    return sum(map(is_open, socks))


def many_addresses(number):
    """Return so many addresses of this machine, each of which stays below the limit of one."""
    return itertools.islice((f"127.0.{third}.{fourth}" for third in range(1, 250) for fourth in range(1, 250)), number)


# ---- before login


def test_one_address_has_a_few_connections_and_others_are_not_concerned(world, strangers, talk, log):
    socks = strangers(["127.0.0.9"] * (PER_ADDRESS + 3))
    wait_until(lambda: how_many_are_open(socks) == PER_ADDRESS, "the rest closed", 2)
    assert talk(IMAP).log_in_as(TARO).startswith(ACCEPTED[IMAP])
    assert {entry["limit"] for entry in log("limit.reached")} == {"connections_per_address"}


def test_an_address_that_has_logged_in_may_come_again(world, strangers, talk):
    for person in world.people[2:6]:
        assert talk(IMAP, source="127.0.0.8").log_in_as(person).startswith(ACCEPTED[IMAP])
    assert how_many_are_open(strangers(["127.0.0.8"] * PER_ADDRESS)) == PER_ADDRESS


def test_silent_strangers_give_way_to_newcomers(world, strangers, talk):
    socks = strangers(many_addresses(3 * BEFORE_LOGIN))
    wait_until(lambda: how_many_are_open(socks) <= BEFORE_LOGIN, "the oldest closed", 5)
    started = time.monotonic()
    assert talk(POP3).log_in_as(TARO).startswith(ACCEPTED[POP3])
    assert time.monotonic() - started < LOGIN_S
    assert how_many_are_open(socks[-BEFORE_LOGIN // 2 :]) > 0  # the youngest of them are still there


# ---- sessions


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_one_session_more_than_an_account_may_have_is_refused_in_the_protocols_words(talk, log, protocol):
    clients = [talk(one) for one in (IMAP, POP3, SMTP, IMAP)]
    assert all(client.log_in_as(YUKI).startswith(ACCEPTED[client.protocol]) for client in clients)
    assert talk(protocol).log_in_as(YUKI) == LIMITED[protocol]
    assert talk(protocol).log_in_as(TARO).startswith(ACCEPTED[protocol])
    assert [entry["reason"] for entry in log() if entry["login"] == YUKI.address][-1] == "connection_limit"


def test_who_does_not_know_the_password_does_not_learn_how_many_sessions_there_are(talk):
    clients = [talk(IMAP) for _ in range(PER_ACCOUNT)]
    assert all(client.log_in_as(YUKI).startswith(ACCEPTED[IMAP]) for client in clients)
    assert talk(IMAP).log_in(YUKI.address, "wrong").startswith(b"NO [AUTHENTICATIONFAILED]")


def test_two_workers_together_never_let_in_too_many(world, talk):
    addresses = many_addresses(100)

    def come(address):
        return talk(IMAP, source=address).log_in_as(YUKI)

    answers = at_once(come, itertools.islice(addresses, 10))
    # two that reached for the last place at the same moment may both have been refused
    answers += [come(next(addresses)) for _ in range(PER_ACCOUNT)]
    assert sum(answer.startswith(ACCEPTED[IMAP]) for answer in answers) == PER_ACCOUNT
    assert come(next(addresses)) == LIMITED[IMAP]


def test_a_session_that_ends_makes_room(world, talk):
    clients = [talk(IMAP) for _ in range(PER_ACCOUNT)]
    assert all(client.log_in_as(YUKI).startswith(ACCEPTED[IMAP]) for client in clients)
    clients[0].close()
    wait_until(lambda: len(world.appliance.ask("sessions")) == PER_ACCOUNT - 1, "the session ended", 5)
    assert talk(IMAP).log_in_as(YUKI).startswith(ACCEPTED[IMAP])


def test_a_tenant_may_have_less_than_the_appliance(world, talk):
    who = [person for person in world.people[2:] for _ in range(2)][: PER_TENANT + 1]
    answers = [talk(IMAP).log_in_as(person) for person in who]
    assert [answer.startswith(ACCEPTED[IMAP]) for answer in answers] == [True] * PER_TENANT + [False]
    assert answers[-1] == LIMITED[IMAP]


def test_the_tenants_file_can_say_otherwise(world, talk):
    changed = world.tenant_file(limits="sessions = 3\nsessions_per_account = 1")
    world.appliance.tenant("acme", changed)
    world.appliance.ask("reload")
    try:
        answers = [talk(IMAP).log_in_as(person) for person in (YUKI, YUKI, *world.people[2:5])]
        assert [answer[:2] for answer in answers] == [b"OK", b"NO", b"OK", b"OK", b"NO"]
    finally:
        world.appliance.tenant("acme", world.tenant_file())
        world.appliance.ask("reload")


def test_when_the_appliance_is_full_clients_wait_instead_of_being_refused(world, talk, trust, log):
    world.appliance.tenant("acme", world.tenant_file(limits=f"sessions = {AT_ALL + 1}"))
    world.appliance.ask("reload")
    try:
        who = [person for person in world.people[2:] for _ in range(2)]
        assert all(talk(IMAP).log_in_as(person).startswith(ACCEPTED[IMAP]) for person in who)
        with socket.create_connection(("127.0.0.1", world.ports.imaps), NOTHING_S) as waiting, pytest.raises(TimeoutError):
            trust.wrap_socket(waiting, server_hostname="localhost")
        assert world.appliance.ask("kick", account=who[0].address) == 2
        assert talk(IMAP).log_in_as(TARO).startswith(ACCEPTED[IMAP])
        assert {entry["limit"] for entry in log("limit.reached")} <= {"sessions"}
    finally:
        world.appliance.tenant("acme", world.tenant_file())
        world.appliance.ask("reload")


def test_the_kernel_looks_for_peers_that_have_vanished_on_both_sides(world, talk):
    client = talk(IMAP)
    assert client.log_in_as(TARO).startswith(ACCEPTED[IMAP])
    ours, gmail = world.ports.imaps, world.gmail.ports["imaps"]

    def watched(condition):
        shown = subprocess.run(["ss", "-tnoH", "state", "established", condition], capture_output=True, text=True, check=True)
        lines = shown.stdout.splitlines()
        return lines and all("timer:(keepalive," in line for line in lines)

    for condition in (f"sport = :{ours}", f"dport = :{gmail}"):
        wait_until(lambda condition=condition: watched(condition), "all that was sent is acknowledged", 5)


# ---- the machine's own limits


@pytest.fixture(scope="module")
def narrow(tmp_path_factory):
    """A world whose worker may open 200 descriptors only."""
    world = World(tmp_path_factory.mktemp("narrow"), remote_ips=())
    world.appliance.process.argv[:0] = ["prlimit", "--nofile=200:200", "--"]
    with world:
        yield world


def test_when_descriptors_run_out_nobody_who_is_in_is_hurt_and_newcomers_still_get_in(narrow):
    with contextlib.ExitStack() as opened:

        def converse():
            conversation = Conversation(IMAP, narrow.ports.imaps, trusting(narrow))
            opened.callback(conversation.close)
            return conversation

        inside = converse()
        assert inside.log_in_as(TARO).startswith(ACCEPTED[IMAP])
        for address in many_addresses(400):
            opened.enter_context(socket.create_connection(("127.0.0.1", narrow.ports.imaps), 5, (address, 0)))
        started = time.monotonic()
        assert converse().log_in_as(YUKI).startswith(ACCEPTED[IMAP])
        assert time.monotonic() - started < LOGIN_S
        assert inside.ask(b"a1 NOOP").startswith(b"OK")
    text = narrow.appliance.process.log_text()
    assert "limit=descriptors" in text
    assert "Too many open files" not in text
    assert "Traceback" not in text


# ---- slow loris, full size


@pytest.mark.soak
def test_five_thousand_silent_connections_do_not_keep_a_mail_client_out(tmp_path_factory):
    with World(tmp_path_factory.mktemp("loris"), workers=2, remote_ips=()) as world, contextlib.ExitStack() as opened:
        for address in many_addresses(5000):
            opened.enter_context(socket.create_connection(("127.0.0.1", world.ports.imaps), 5, (address, 0)))
        took = []
        for protocol in PROTOCOLS * 3:
            started = time.monotonic()
            conversation = Conversation(protocol, world.ports.of(protocol), trusting(world))
            opened.callback(conversation.close)
            assert conversation.log_in_as(TARO).startswith(ACCEPTED[protocol])
            took.append(time.monotonic() - started)
        print(f"logins beside 5,000 silent connections took {max(took):.2f} s at most")
        assert max(took) < LOGIN_S
