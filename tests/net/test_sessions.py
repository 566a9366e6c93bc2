import pytest

from cgappliance.model import MailProtocol, Peer, Reason
from cgappliance.net import sessions as module
from cgappliance.net.relay import End
from cgappliance.net.sessions import Sessions
from cgappliance.session.record import LoginRecord

IDLE = {MailProtocol.IMAP: 2100.0, MailProtocol.POP3: 660.0, MailProtocol.SMTP: 660.0}


class FakeRelay:
    def __init__(self):
        self.idle, self.moved, self.ends = 0.0, (0, 0), []

    def idle_s(self, now):
        return self.idle

    def bytes_moved(self):
        return self.moved

    def end(self, why, detail="", last_words=b""):
        self.ends.append((why, last_words))


class FakeCounter:
    def __init__(self):
        self.counted = []

    def add(self, *labels, amount):
        self.counted.append((labels[-1], amount))


def record(number, protocol=MailProtocol.IMAP, tenant="acme"):
    return LoginRecord(
        session=f"s{number}",
        tenant=tenant,
        protocol=protocol,
        local_port=10993,
        peer=Peer.of("192.0.2.7", 50000),
        tls_version="TLSv1.3",
        client="",
        login="yuki@acme.example",
        address="yuki@acme.example",
        reason=Reason.ACCEPTED,
    )


@pytest.fixture
def sessions():
    sessions = Sessions(IDLE)
    yield sessions
    sessions.stop()


def test_session_is_listed_from_its_start_to_its_end(sessions):
    one = record(1)
    sessions.add(one, FakeRelay())
    assert [session.record for session in sessions] == [one]
    sessions.remove(one)
    assert len(sessions) == 0


def test_end_that_comes_twice_is_no_error(sessions):
    sessions.remove(record(1))


@pytest.mark.parametrize("protocol", MailProtocol)
def test_session_that_was_idle_for_too_long_ends(sessions, protocol):
    busy, idle = FakeRelay(), FakeRelay()
    busy.idle, idle.idle = IDLE[protocol], IDLE[protocol] + 0.001
    sessions.add(record(1, protocol), busy)
    sessions.add(record(2, protocol), idle)
    sessions.sweep()
    assert busy.ends == []
    assert idle.ends == [(End.IDLE, b"")]


def test_chosen_sessions_end_with_their_last_words(sessions):
    relays = [FakeRelay() for _ in range(3)]
    for number, relay in enumerate(relays):
        sessions.add(record(number, tenant="acme" if number else "other"), relay)
    ended = sessions.end_where(lambda session: session.record.tenant == "acme", End.KICKED, "why", lambda session: b"* BYE\r\n")
    assert ended == 2
    assert [relay.ends for relay in relays] == [[], [(End.KICKED, b"* BYE\r\n")], [(End.KICKED, b"* BYE\r\n")]]


def test_session_that_ends_while_others_are_ended_does_no_harm(sessions):
    one, other = record(1), record(2)

    class EndsAtOnce(FakeRelay):
        def end(self, why, detail="", last_words=b""):
            sessions.remove(one)
            sessions.remove(other)

    sessions.add(one, EndsAtOnce())
    sessions.add(other, EndsAtOnce())
    assert sessions.end_where(lambda session: True, End.KICKED, "", lambda session: b"") == 2
    assert len(sessions) == 0


def test_relayed_bytes_are_counted_once(sessions, monkeypatch):
    counter = FakeCounter()
    monkeypatch.setattr(module.metrics, "RELAYED_BYTES", counter)
    relay = FakeRelay()
    sessions.add(record(1), relay)
    for moved in ((10, 100), (10, 150)):
        relay.moved = moved
        sessions.sweep()
    relay.moved = (11, 150)
    sessions.remove(record(1))
    assert counter.counted == [("up", 10), ("down", 100), ("down", 50), ("up", 1)]
