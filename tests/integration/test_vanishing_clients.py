"""Clients that vanish at any moment leave nothing behind: no session, no connection to Gmail, no open row in the history."""

import contextlib
import os
import socket
import sqlite3
import ssl
import struct

import pytest

from cgappliance.testing.lab.process import wait_until
from cgappliance.testing.lab.slapd import Person
from cgappliance.testing.lab.world import DOMAIN, TARO, YUKI, World

from .seen import outcomes, questions, verbs
from .talking import ACCEPTED, IMAP, POP3, PROTOCOLS, SMTP, WAY

pytestmark = pytest.mark.usefixtures("tidy", "as_before")

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
PEOPLE = tuple(Person(f"person{number}@{DOMAIN}", f"password {number} of many") for number in range(24))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with World(tmp_path_factory.mktemp("world"), people=(YUKI, TARO, *PEOPLE)) as world:
        world.next_person = iter(PEOPLE)
        yield world


@pytest.fixture
def person(world):
    return next(world.next_person)


def leave(client, how):
    """Close the connection: in order, without TLS's goodbye, or with a reset."""
    if how == "order":
        client.sock.settimeout(0.0)  # send close_notify, do not wait for the server's
        with contextlib.suppress(ssl.SSLError, OSError):
            client.sock.unwrap()
        client.sock.close()
    elif how == "reset":
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        client.sock.close()
    else:
        client.sock.shutdown(socket.SHUT_RDWR)
        client.sock.close()


HOW = ("order", "abruptly", "reset")


def open_rows(world):
    with contextlib.closing(sqlite3.connect(world.appliance.config.with_name("cgappliance.db"))) as database:
        return database.execute("SELECT account, protocol FROM history WHERE state = 'open'").fetchall()


def say_login(client, person):
    """Send everything of a login and read nothing of its answer."""
    *first, last = WAY[client.protocol].messages(person.address.encode(), person.password.encode())
    for message in first:
        client.ask(message)
    client.say(last)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_before_the_login(talk, protocol, how):
    leave(talk(protocol), how)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_while_the_directory_thinks(world, talk, person, protocol, how):
    with world.slapd.stalled():
        client = talk(protocol)
        say_login(client, person)
        world.appliance.ask("greenlets")  # the worker has turned its loop, and so seen the login, when it has answered
        leave(client, how)
    wait_until(lambda: f"login={person.address}" in world.appliance.process.log_text(), "the login was recorded", 5)
    wait_until(lambda: not open_rows(world), "no open row in the history", 5)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_while_the_token_is_fetched(world, talk, person, protocol, how):
    world.gmail.control.switch("token", delay_s=0.4)
    client, asked = talk(protocol), questions(world.slapd)
    try:
        say_login(client, person)
        wait_until(lambda: questions(world.slapd) > asked + 1, "the directory was asked")
        leave(client, how)
        wait_until(lambda: f"login={person.address}" in world.appliance.process.log_text(), "the login was recorded", 5)
    finally:
        world.gmail.control.switch("token", delay_s=0.0)
    wait_until(lambda: not open_rows(world), "no open row in the history", 5)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_in_a_session(world, talk, protocol, how):
    world.gmail.control.clear_records()
    client = talk(protocol)
    assert client.log_in_as(TARO).startswith(ACCEPTED[protocol])
    leave(client, how)
    wait_until(lambda: all(record["closed"] for record in world.gmail.control.connections()), "Gmail sees the end", 5)
    assert outcomes(world.gmail.control) == ["ok"]
    assert verbs(world.gmail.control) == []  # no QUIT, no LOGOUT is made up: POP3's would delete mail
    wait_until(lambda: not open_rows(world), "no open row in the history", 5)


def test_pop3_client_that_vanishes_after_a_fetch_finds_the_message_again(world, talk, person):
    world.gmail.control.deliver(person.address, b"Subject: once more\r\n\r\nbody\r\n")
    for _ in range(2):
        client = talk(POP3)
        client.log_in_as(person)
        client.say(b"RETR 1")
        assert b"Subject: once more" in client.expect(b"\r\n.\r\n")
        leave(client, "abruptly")
        wait_until(lambda: not world.appliance.ask("sessions"), "the session ended", 5)


def test_smtp_client_that_vanishes_in_the_middle_of_a_message_sends_nothing(world, talk, person):
    world.gmail.control.clear_records()
    client = talk(SMTP)
    client.log_in_as(person)
    for line in (b"MAIL FROM:<" + person.address.encode() + b">", b"RCPT TO:<yuki@acme.example>", b"DATA"):
        client.ask(line)
    client.send(b"Subject: half\r\n\r\nhalf a mess")
    leave(client, "reset")
    wait_until(lambda: all(record["closed"] for record in world.gmail.control.connections()), "Gmail sees the end", 5)
    assert world.gmail.control.envelopes() == []


def test_client_that_half_closes_still_gets_its_answer(talk, person):
    client = talk(IMAP)
    client.log_in_as(person)
    client.say(b"a1 SELECT INBOX\r\na2 LOGOUT")
    with socket.socket(fileno=os.dup(client.sock.fileno())) as below_tls:  # Python's TLS sockets forget their TLS at a shutdown
        below_tls.shutdown(socket.SHUT_WR)
    assert b"a2 OK" in client.rest()
