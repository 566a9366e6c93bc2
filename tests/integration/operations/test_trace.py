"""What can be switched in the log of the running appliance: its level, and the trace of one account."""

import pytest

from cgappliance.testing.lab.world import TARO, YUKI, World
from tests.integration.conftest import secrets_in
from tests.integration.talking import ACCEPTED, IMAP, POP3, PROTOCOLS, SMTP, WAYS

SUBJECT = "Meeting-about-nothing-in-particular"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with World(tmp_path_factory.mktemp("trace"), workers=2) as world:
        yield world


@pytest.fixture
def traced(world):
    """Trace yuki during the test."""
    world.appliance.ask("trace", address=YUKI.address, minutes=5)
    yield
    world.appliance.ask("trace", address=YUKI.address, minutes=0)


def dialogue(entries):
    return [(entry["side"], entry["line"].rpartition(" (")[0]) for entry in entries]


def test_a_login_is_told_from_the_first_word_on_both_sides(traced, talk, log):
    client = talk(IMAP)
    client.ask(b"a1 CAPABILITY")
    assert client.log_in_as(YUKI).startswith(ACCEPTED[IMAP])
    client.ask(b"a1 SELECT INBOX")
    told = dialogue(log("trace"))
    assert told[:3] == [("appliance", "* OK [CAPABILITY]"), ("client", "#1 CAPABILITY"), ("appliance", "* CAPABILITY")]
    assert ("client", "#2 LOGIN") in told
    assert ("appliance to gmail", "#1 AUTHENTICATE XOAUTH2") in told
    assert ("client", "#3 SELECT") in told
    assert told[-1] == ("gmail", "#3 OK [READ-WRITE]")


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_no_way_to_log_in_shows_the_password(world, traced, talk, log, way):
    start = len(world.appliance.process.log_text())
    assert talk(way.protocol).log_in(YUKI.address, YUKI.password, way).startswith(ACCEPTED[way.protocol])
    assert log("trace")
    assert secrets_in(world.appliance.process.log_text()[start:], world) == []


def test_a_mail_that_is_sent_is_counted_and_not_shown(world, traced, talk, log):
    start = len(world.appliance.process.log_text())
    client = talk(SMTP)
    client.log_in_as(YUKI)
    for line in (b"MAIL FROM:<%s>" % YUKI.address.encode(), b"RCPT TO:<%s>" % TARO.address.encode(), b"DATA"):
        client.ask(line)
    client.ask(b"Subject: " + SUBJECT.encode() + b"\r\n\r\nQUIT\r\nPASS word\r\n.")
    told = dialogue(log("trace"))[-8:]
    assert [line for side, line in told if side == "client"] == ["MAIL", "RCPT", "DATA", "content"]
    assert [line for side, line in told if side == "gmail"] == ["250 2.1.0", "250 2.1.5", "354", "250 2.0.0"]
    assert SUBJECT not in world.appliance.process.log_text()[start:]


def test_a_mail_that_is_read_is_counted_and_not_shown(world, traced, talk, log):
    start = len(world.appliance.process.log_text())
    client = talk(POP3)
    client.log_in_as(YUKI)
    client.say(b"RETR 1")
    client.expect(b"\r\n.\r\n")
    assert dialogue(log("trace"))[-3:] == [("client", "RETR"), ("gmail", "+OK"), ("gmail", "content")]
    assert "lies at Gmail" not in world.appliance.process.log_text()[start:]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_others_are_not_traced(traced, talk, log, protocol):
    client = talk(protocol)
    assert client.log_in_as(TARO).startswith(ACCEPTED[protocol])
    client.ask({IMAP: b"a1 NOOP", POP3: b"NOOP", SMTP: b"NOOP"}[protocol])
    assert log("trace") == []


def test_a_session_that_is_open_already_is_traced_too_and_no_longer_than_wanted(world, talk, log):
    client = talk(IMAP)
    client.log_in_as(YUKI)
    world.appliance.command("log", "trace", YUKI.address.upper())
    client.ask(b"a1 NOOP")
    world.appliance.command("log", "trace", YUKI.address, "--minutes", "0")
    client.ask(b"a1 CHECK")
    assert dialogue(log("trace")) == [("client", "#1 NOOP"), ("gmail", "#1 OK")]


def test_a_refused_login_is_told_too(traced, talk, log):
    talk(IMAP).log_in(YUKI.address, "wrong")
    assert dialogue(log("trace"))[-2:] == [("client", "#1 LOGIN"), ("appliance", "#1 NO [AUTHENTICATIONFAILED]")]


def test_minutes_are_bounded(world):
    done = world.appliance.command("log", "trace", YUKI.address, "--minutes", "100000", check=False)
    assert done.returncode == 1
    assert "0 to 120" in done.stderr


def test_the_level_can_be_changed_and_changed_back(world, talk, log):
    world.appliance.command("log", "level", "warning")
    talk(IMAP).log_in_as(TARO)
    silent = log()
    world.appliance.command("log", "level", "debug")
    talk(IMAP).log_in_as(TARO)
    assert (len(silent), len(log())) == (0, 1)
