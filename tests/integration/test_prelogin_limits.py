"""What a stranger may cost: each limit before login has its proper reply, and no memory grows with what is sent."""

import contextlib
import socket
import ssl
import time

import pytest

from cgappliance.testing.lab.world import DOMAIN, TARO, World

from .conftest import at_once, workers
from .talking import ACCEPTED, CRLF, IMAP, POP3, PROTOCOLS, SMTP, plain

pytestmark = pytest.mark.usefixtures("tidy", "as_before")

HANDSHAKE_S, COMMAND_S, LOGIN_S = 0.5, 0.6, 1.5
FLOOD_BYTES = 32 * 1024 * 1024
GROWTH_BYTES = 8 * 1024 * 1024  # a quarter of the flood: an allocator's own play stays below it


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    limits = {
        "tls_handshake_timeout_s": HANDSHAKE_S,
        "command_timeout_s": COMMAND_S,
        "login_timeout_s": LOGIN_S,
        "refusal_delay_s": 0.05,
    }
    with World(tmp_path_factory.mktemp("world"), limits=limits) as world:
        yield world


@pytest.fixture
def memory(world):
    """After the test: the worker has not grown by what was sent to it."""
    before = sum(worker.memory_info().rss for worker in workers(world))
    yield
    assert sum(worker.memory_info().rss for worker in workers(world)) - before < GROWTH_BYTES


def flood(client, piece=b"x" * 65536):
    """Send as much as the server lets us, up to FLOOD_BYTES."""
    with contextlib.suppress(OSError):
        for _ in range(FLOOD_BYTES // len(piece)):
            client.send(piece)


# ---- lines and literals


def test_imap_line_of_8192_octets_is_read_and_a_longer_one_ends_the_connection(talk):
    client = talk(IMAP)
    fits = b"a1 NOOP" + b" " * (8192 - 9)
    assert client.ask(fits) == b"OK NOOP completed"
    client.say(fits + b" ")
    assert client.rest() == b"* BAD Command line too long\r\n* BYE Closing the connection\r\n"


@pytest.mark.usefixtures("memory")
def test_endless_imap_line_ends_the_connection(talk):
    client = talk(IMAP)
    client.send(b"a1 LOGIN " + b"x" * 8192)
    assert client.rest() == b"* BAD Command line too long\r\n* BYE Closing the connection\r\n"


@pytest.mark.usefixtures("memory")
@pytest.mark.parametrize(("protocol", "told"), [(POP3, b"-ERR Line too long"), (SMTP, b"500 5.5.2 Line too long")])
def test_endless_line_is_dropped_as_it_comes(talk, protocol, told):
    client = talk(protocol)
    client.send(b"X" * 12288)
    assert client.line() == told
    flood(client)
    client.send(b"\r\nNOOP\r\n")  # the line's end: what follows is a command again
    assert client.line() in (b"250 2.0.0 OK", b"-ERR Log in first")


@pytest.mark.parametrize(("protocol", "most"), [(POP3, 512), (SMTP, 1024)])
def test_line_of_the_longest_kind_is_read_and_a_longer_one_refused(talk, protocol, most):
    client = talk(protocol)
    words = {POP3: b"-ERR Line too long", SMTP: b"500 5.5.2 Line too long"}
    command = {POP3: b"USER ", SMTP: b"EHLO "}[protocol]
    assert client.ask(command + b"x" * (most - 2 - len(command))) != words[protocol]
    assert client.ask(command + b"x" * (most - 1 - len(command))) == words[protocol]
    assert client.log_in_as(TARO).startswith(ACCEPTED[protocol])


@pytest.mark.parametrize("announced", [b"{1025}", b"{4097}", b"{1000000000}", b"{99999999999999999999}"])
def test_imap_literal_that_is_too_large_is_not_asked_for(talk, announced):
    client = talk(IMAP)
    assert client.ask(b"a1 LOGIN " + announced).startswith(b"BAD")
    assert client.log_in_as(TARO).startswith(b"OK")


def test_imap_literal_of_1024_octets_is_asked_for(talk):
    client = talk(IMAP)
    assert client.ask(b"a1 LOGIN {1024}") == b"+ Ready for literal data"
    assert client.ask(b"x" * 1024 + b" secret").startswith(b"NO [AUTHENTICATIONFAILED]")


def test_imap_literal_that_comes_unasked_is_drained(talk):
    client = talk(IMAP)
    client.send(b"a1 LOGIN {4096+}\r\n" + b"\r\na2 LOGOUT\r\n".ljust(4096, b"x") + b" secret\r\na3 NOOP\r\n")
    assert client.answer().startswith(b"BAD")
    assert client.line() == b"a3 OK NOOP completed"


@pytest.mark.usefixtures("memory")
@pytest.mark.parametrize("announced", [b"{4097+}", b"{1000000000+}", b"{99999999999999999999+}"])
def test_imap_literal_too_large_to_be_drained_ends_the_connection(talk, announced):
    client = talk(IMAP)
    client.say(b"a1 LOGIN " + announced)
    assert client.rest() == b"a1 BAD Literal too large\r\n* BYE Closing the connection\r\n"


@pytest.mark.usefixtures("memory")
def test_imap_id_with_many_literals_is_bounded(talk):
    client = talk(IMAP)
    client.send(b"a1 ID (" + b"".join(b'"k%d" {1024+}\r\n%s ' % (number, b"v" * 1024) for number in range(40)) + b")\r\n")
    assert client.answer().startswith(b"BAD")


@pytest.mark.usefixtures("memory")
def test_smtp_chunk_before_login_is_dropped_whatever_its_size(talk):
    client = talk(SMTP)
    client.say(b"BDAT 9999999999 LAST")
    assert client.answer() == b"530 5.7.0 Authentication required"
    flood(client, b"MAIL FROM:<x@y.example>\r\n" * 1000)
    client.sock.setblocking(False)
    with pytest.raises((BlockingIOError, ssl.SSLWantReadError)):  # nothing was taken for a command
        client.sock.recv(1)


# ---- SASL answers


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_sasl_answer_of_12288_octets_is_read_and_a_longer_one_refused(talk, protocol):
    start = {IMAP: [b"a1 AUTHENTICATE PLAIN"], POP3: [b"AUTH PLAIN"], SMTP: [b"EHLO client.example", b"AUTH PLAIN"]}
    fits = plain(TARO.address.encode(), b"x" * 9180)
    fits += b"=" * (-len(fits) % 4)
    assert 12200 < len(fits) <= 12286
    told = []
    for answer in (fits, b"A" * 12288):
        client = talk(protocol)
        for line in start[protocol]:
            client.ask(line)
        told.append(client.ask(answer)[:3])
    assert told == [{IMAP: b"NO ", POP3: b"-ER", SMTP: b"535"}[protocol], {IMAP: b"BAD", POP3: b"-ER", SMTP: b"500"}[protocol]]


@pytest.mark.usefixtures("memory")
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_endless_sasl_answer_is_not_kept(talk, protocol):
    start = {IMAP: [b"a1 AUTHENTICATE PLAIN"], POP3: [b"AUTH PLAIN"], SMTP: [b"EHLO client.example", b"AUTH PLAIN"]}
    client = talk(protocol)
    for line in start[protocol]:
        client.ask(line)
    client.send(b"A" * 12288)
    assert client.line()[:7] == {IMAP: b"a1 BAD ", POP3: b"-ERR Au", SMTP: b"500 5.5"}[protocol]
    flood(client, b"A" * 65536)


# ---- how many commands


@pytest.mark.parametrize(
    ("protocol", "command", "last"),
    [
        (IMAP, b"a1 NOOP", b"* BYE Too many commands before login\r\n"),
        (POP3, b"CAPA", b""),
        (SMTP, b"NOOP", b"421 4.7.0 Too many commands before login, closing the connection\r\n"),
    ],
)
def test_twenty_commands_and_no_more(talk, protocol, command, last):
    client = talk(protocol)
    client.send((command + CRLF) * 21)
    told = client.rest()
    done = {IMAP: b"a1 OK", POP3: b"\r\n.\r\n", SMTP: b"250 2.0.0"}[protocol]
    assert told.count(done) == 20
    assert told.endswith(last)


@pytest.mark.parametrize(
    ("protocol", "last"),
    [
        (IMAP, b"* BYE Too many invalid commands\r\n"),
        (POP3, b"-ERR Too many unknown commands\r\n"),
        (SMTP, b"421 4.7.0 Too many errors, closing the connection\r\n"),
    ],
)
def test_five_bad_commands_and_no_more(talk, protocol, last):
    client = talk(protocol)
    client.send(b"GET / HTTP/1.1\r\nHost: x\r\n" * 10)
    assert client.rest().endswith(last)


# ---- how much time


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_client_that_says_nothing_is_sent_away(talk, protocol):
    client = talk(protocol)
    started = time.monotonic()
    assert (
        client.rest()
        == {
            IMAP: b"* BYE Waited too long for a login, closing the connection\r\n",
            POP3: b"",
            SMTP: b"421 4.4.2 Waited too long for a login, closing the connection\r\n",
        }[protocol]
    )
    assert COMMAND_S * 0.9 < time.monotonic() - started < LOGIN_S


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_client_that_drips_its_login_is_sent_away(talk, protocol):
    client = talk(protocol)
    client.sock.settimeout(COMMAND_S / 3)
    started = time.monotonic()
    with contextlib.suppress(OSError):
        while time.monotonic() - started < 4 * LOGIN_S:
            client.send(b"a")
            with contextlib.suppress(TimeoutError):
                if not client.sock.recv(1):
                    break
    assert LOGIN_S * 0.9 < time.monotonic() - started < 2 * LOGIN_S


def test_client_that_does_not_shake_hands_is_dropped(world):
    with socket.create_connection(("127.0.0.1", world.ports.imaps), timeout=5) as silent:
        started = time.monotonic()
        assert silent.recv(1) == b""
        assert HANDSHAKE_S * 0.9 < time.monotonic() - started < 4 * HANDSHAKE_S


def test_client_that_drips_its_client_hello_is_dropped(world):
    hello = client_hello()
    with socket.create_connection(("127.0.0.1", world.ports.imaps), timeout=HANDSHAKE_S / 10) as slow:
        started = time.monotonic()
        with contextlib.suppress(OSError):
            for number in range(len(hello)):
                slow.send(hello[number : number + 1])
                with contextlib.suppress(TimeoutError):
                    if not slow.recv(1):
                        break
    assert time.monotonic() - started < 4 * HANDSHAKE_S


def client_hello():
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


@pytest.mark.usefixtures("memory")
def test_bytes_that_are_no_tls_are_dropped(world):
    def send(start):
        with socket.create_connection(("127.0.0.1", world.ports.imaps), timeout=5) as client, contextlib.suppress(OSError):
            client.sendall(start * 4096)
            while client.recv(65536):
                pass
        return True

    assert all(at_once(send, [b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\xff\xff", b"\x16\x03\x01\x40\x00", b"\0" * 16, b"\xff" * 16]))


def test_many_idle_strangers_from_everywhere_do_not_keep_others_out(world, talk):
    with contextlib.ExitStack() as idle:
        for number in range(200):
            source = (f"127.0.{number % 20 + 1}.1", 0)
            idle.enter_context(socket.create_connection(("127.0.0.1", world.ports.imaps), timeout=5, source_address=source))
        assert talk(IMAP).log_in_as(TARO).startswith(b"OK")


def test_answers_that_nobody_reads_are_few(talk):
    client = talk(POP3)
    client.send(b"CAPA\r\n" * 20 + f"USER nobody@{DOMAIN}\r\n".encode())
    assert talk(POP3).log_in_as(TARO).startswith(b"+OK")
    assert client.rest().count(b"+OK") == 20
