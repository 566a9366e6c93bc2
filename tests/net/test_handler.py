import contextlib
import io
import ipaddress
import sys
from dataclasses import replace

import gevent
import pytest
from gevent import GreenletExit

from cgappliance import log
from cgappliance.errors import Dismissed, LoginFailed
from cgappliance.model import AuthAnswer, Grant, GrantMechanism, Profile, Reason
from cgappliance.net.handler import Timeouts, Uses, Waiting, _fenced, _PluginBroke
from cgappliance.secret import Secret
from cgappliance.session.ports import Standing
from cgappliance.testing.lab.process import wait_until

from .stage import ADDRESS, LOGIN, Stage, read_until, tenant

UNAVAILABLE = b"a1 NO [UNAVAILABLE]"


@pytest.fixture
def stage(tls_pair, server_context, client_context):
    stage = Stage(tls_pair, server_context, client_context)
    yield stage
    stage.close()


@pytest.fixture
def logged():
    stream = io.StringIO()
    log.configure("debug", stream=stream)
    yield stream.getvalue
    log.configure(stream=sys.__stderr__)


def gone(client):
    return client.recv(100) == b""


# ---- a login, and the session behind it


def test_login_becomes_a_session_that_relays(stage):
    client, serving, told = stage.log_in()
    assert told == b"a1 OK welcome\r\n"
    client.sendall(b"a2 NOOP\r\n")
    assert read_until(client, b"\r\n") == b"echo a2 NOOP\r\n"
    assert serving.get(timeout=5) is None  # no greenlet is left of it
    assert [session.record.address for session in stage.house.sessions] == [ADDRESS]


def test_what_was_sent_behind_the_login_goes_to_gmail(stage):
    client, _serving, _told = stage.log_in(LOGIN + b"a2 SELECT INBOX\r\n")
    assert read_until(client, b"echo a2 SELECT INBOX\r\n")


def test_session_that_ends_is_recorded_and_its_place_free(stage):
    client, _serving, _told = stage.log_in()
    client.close()
    wait_until(lambda: stage.recorder.ends, "recorded", 5)
    [record] = stage.recorder.logins
    assert stage.recorder.ends == [(record.session, "closed")]
    assert len(stage.house.sessions) == 0
    assert not stage.house.places.full()
    assert stage.house.places._counts.total("sessions") == 0


def test_record_says_who_how_and_how_long(stage):
    stage.log_in()
    [record] = stage.recorder.logins
    assert (record.tenant, record.local_port, record.address, record.identity) == ("acme", 10993, ADDRESS, "cn=yuki")
    assert (record.tls_version, record.upstream_mechanism) == ("TLSv1.3", "XOAUTH2")
    assert set(record.phases_ms) == {"tls", "policy", "directory", "token", "upstream"}


def test_guard_is_told_of_which_settings_an_answer_is(stage):
    stage.log_in()
    stage.log_in(handler=stage.make_handler(fingerprint="second"))
    assert stage.guard.versions == ["first", "second"]


# ---- refused


def test_wrong_password_never_dials(stage):
    _client, _serving, told = stage.log_in(f"a1 LOGIN {ADDRESS} wrong\r\n".encode())
    assert told.startswith(b"a1 NO [AUTHENTICATIONFAILED]")
    assert stage.recorder.reasons() == [Reason.WRONG_PASSWORD]
    assert stage.gmail.dialled == 0


def test_policy_is_asked_before_the_directory(stage):
    stage.standing = Standing(None)
    _client, _serving, told = stage.log_in()
    assert told.startswith(b"a1 NO [AUTHENTICATIONFAILED]")
    assert (stage.recorder.reasons(), stage.backend.asked) == ([Reason.NO_PROFILE], 0)


def test_account_without_a_seat_never_dials(stage):
    stage.admission = Reason.NO_SEAT
    stage.log_in()
    assert stage.recorder.reasons() == [Reason.NO_SEAT]
    assert stage.gmail.dialled == 0


def test_session_beyond_the_accounts_limit_is_told_so_and_the_place_comes_back(stage):
    stage.handler = stage.make_handler()
    clients = [stage.log_in()[0] for _ in range(12)]
    _client, _serving, told = stage.log_in()
    assert told.startswith(b"a1 NO [LIMIT]")
    clients[0].close()
    wait_until(lambda: len(stage.house.sessions) == 11, "one has left", 5)
    assert stage.log_in()[2].startswith(b"a1 OK")


def test_refused_client_may_try_again(stage):
    client, _serving, _told = stage.log_in(f"a1 LOGIN {ADDRESS} wrong\r\n".encode())
    client.sendall(LOGIN)
    assert read_until(client, b"\r\n").startswith(b"a1 OK")


# ---- plugins and Gmail that fail


def hang():
    gevent.sleep(60)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda: 1 / 0, Reason.BACKEND_FAILED),
        (lambda: "yes", Reason.BACKEND_FAILED),
        (lambda: sys.exit(1), Reason.BACKEND_FAILED),
        (hang, Reason.DIRECTORY_TIMEOUT),
        (lambda: AuthAnswer(Reason.DIRECTORY_UNAVAILABLE), Reason.DIRECTORY_UNAVAILABLE),
    ],
)
def test_backend_that_fails_is_an_outage(stage, answer, reason):
    stage.backend.answer = answer
    assert stage.log_in()[2].startswith(UNAVAILABLE)
    assert stage.recorder.reasons() == [reason]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda: 1 / 0, Reason.PROVIDER_FAILED),
        (lambda: None, Reason.PROVIDER_FAILED),
        (hang, Reason.TOKEN_UNAVAILABLE),
    ],
)
def test_provider_that_fails_is_an_outage(stage, answer, reason):
    stage.provider.answer = answer
    assert stage.log_in()[2].startswith(UNAVAILABLE)
    assert stage.recorder.reasons() == [reason]


def test_gmail_that_says_nothing_is_an_outage_in_time(stage):
    stage.gmail.greeting = b""
    stage.handler = stage.make_handler(Timeouts(upstream_s=0.1))
    assert stage.log_in()[2].startswith(UNAVAILABLE)
    assert stage.recorder.reasons() == [Reason.UPSTREAM_TIMEOUT]


def test_gmail_that_is_no_imap_server_is_an_outage(stage):
    stage.gmail.greeting = b"220 smtp\r\n"
    assert stage.log_in()[2].startswith(UNAVAILABLE)
    assert stage.recorder.reasons() == [Reason.UPSTREAM_PROTOCOL]


def test_token_that_is_refused_is_asked_for_twice(stage):
    stage.gmail.answer = b"A1 NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)\r\n"
    assert stage.log_in()[2].startswith(UNAVAILABLE)
    assert stage.gmail.dialled == 2


def test_login_that_cannot_be_recorded_is_an_outage_and_leaves_nothing(stage):
    stage.recorder.failure = Reason.STORE_UNAVAILABLE
    client, serving, told = stage.log_in()
    assert told.startswith(UNAVAILABLE)
    client.close()
    serving.join(5)
    assert stage.recorder.reasons() == [Reason.STORE_UNAVAILABLE]
    assert stage.recorder.ends == []
    assert stage.house.places._counts.total("sessions") == 0


def test_client_that_is_gone_before_it_hears_ok_gets_its_row_closed(stage):
    client, serving = stage.connect()
    read_until(client, b"\r\n")

    def vanish():
        serving.args[0].close()  # the socket, under the handler's hands: what it then writes fails
        return Grant(GrantMechanism.XOAUTH2, ADDRESS, Secret("token"))

    stage.provider.answer = vanish
    client.sendall(LOGIN)
    serving.join(5)
    [record] = stage.recorder.logins
    assert stage.recorder.ends == [(record.session, "client_lost")]
    assert stage.house.places._counts.total("sessions") == 0


# ---- who waits, and who is sent away


def test_silent_client_is_sent_away_in_time(stage):
    client, _serving = stage.connect(stage.make_handler(Timeouts(command_s=0.05)))
    assert b"* BYE Waited too long" in read_until(client, b"connection\r\n")
    assert gone(client)


def test_clients_that_wait_are_dismissed_with_a_bye(stage):
    client, _serving = stage.connect()
    read_until(client, b"\r\n")
    stage.handler.waiting.dismiss()
    assert b"* BYE The service is restarting" in read_until(client, b"again\r\n")


def test_client_whose_login_fails_while_others_are_dismissed_goes_too(stage):
    def dismiss():
        stage.handler.waiting.dismiss()
        return AuthAnswer(Reason.WRONG_PASSWORD)

    stage.backend.answer = dismiss
    client, _serving, told = stage.log_in()
    assert told.startswith(b"a1 NO")
    assert b"* BYE" in told + read_until(client, b"again\r\n")


def test_login_under_way_while_the_tenant_goes_is_let_in_and_ended(stage):
    def dismiss():
        stage.handler.waiting.dismiss()
        return AuthAnswer(Reason.ACCEPTED)

    stage.backend.answer = dismiss
    client, _serving, told = stage.log_in()
    assert b"a1 OK welcome\r\n* BYE" in told + read_until(client, b"again\r\n")
    assert len(stage.house.sessions) == 0


def test_login_under_way_while_its_profile_is_taken_away_is_ended(stage):
    def take_away():
        stage.standing = Standing(None)
        return AuthAnswer(Reason.ACCEPTED)

    stage.backend.answer = take_away
    client, _serving, told = stage.log_in()
    assert b"* BYE" in told + read_until(client, b"again\r\n")


def test_profile_that_changes_to_one_that_still_permits_leaves_the_session(stage):
    def change():
        stage.standing = Standing(Profile("other", stage.standing.profile.mail_access))
        return AuthAnswer(Reason.ACCEPTED)

    stage.backend.answer = change
    client, _serving, _told = stage.log_in()
    client.sendall(b"a2 NOOP\r\n")
    assert read_until(client, b"\r\n") == b"echo a2 NOOP\r\n"


# ---- reload


def test_client_from_before_several_reloads_logs_in_by_the_newest_file(stage):
    client, _serving = stage.connect()
    read_until(client, b"\r\n")
    for version in ("second", "third"):
        newer = stage.make_handler(fingerprint=version)
        stage.handler.replace_by(newer)
        stage.handler, _older = newer, stage.handler
    client.sendall(LOGIN)
    assert read_until(client, b"\r\n").startswith(b"a1 OK")
    assert stage.guard.versions == ["third"]


def test_client_from_before_several_reloads_is_dismissed_with_the_newest_handler(stage):
    client, _serving = stage.connect()
    read_until(client, b"\r\n")
    for version in ("second", "third"):
        newer = stage.make_handler(fingerprint=version)
        stage.handler.replace_by(newer)
        stage.handler = newer
    stage.handler.waiting.dismiss()
    assert b"* BYE" in read_until(client, b"again\r\n")


def test_replaced_handlers_are_not_kept(stage):
    for number in range(5):
        newer = stage.make_handler(fingerprint=str(number))
        stage.handler.replace_by(newer)
        stage.handler = newer
    gevent.sleep(0)
    assert len(stage.handler._replaced) <= 1


# ---- load balancers


def behind_a_balancer(stage, network):
    listen = replace(tenant().listen, proxy_protocol_from=(ipaddress.ip_network(network),))
    return stage.make_handler(listen=listen)


def test_header_of_a_load_balancer_names_the_client(stage):
    handler = behind_a_balancer(stage, "127.0.0.0/8")
    stage.log_in(handler=handler, before_tls=b"PROXY TCP4 203.0.113.7 192.0.2.1 40000 10993\r\n")
    assert str(stage.recorder.logins[0].peer) == "203.0.113.7:40000"


def test_nobody_else_may_come_to_a_listener_of_load_balancers(stage, logged):
    with pytest.raises(OSError, match=r"EOF|reset"):
        stage.connect(behind_a_balancer(stage, "192.0.2.0/24"))
    wait_until(lambda: "not one of the load balancers" in logged(), "logged", 5)


# ---- small parts


def test_uses_are_over_when_the_last_one_has_left():
    uses = Uses()
    uses.enter()
    uses.enter()
    uses.leave()
    assert not uses.none.is_set()
    uses.leave()
    assert uses.none.is_set()


def test_waiting_room_that_was_closed_takes_nobody():
    waiting = Waiting()
    waiting.dismiss()
    with pytest.raises(Dismissed), waiting.here():
        pass


def test_client_that_left_an_older_room_is_not_dismissed_with_the_newest():
    """It is in the middle of a login by then: an exception out of nowhere would be its end."""
    rooms = [Waiting() for _ in range(3)]
    inside, leave, left = gevent.event.Event(), gevent.event.Event(), gevent.event.Event()

    def client():
        with rooms[0].here():
            inside.set()
            leave.wait()
        left.set()
        gevent.sleep(0.05)
        return "logged in"

    job = gevent.spawn(client)
    inside.wait(5)
    rooms[1].adopt(rooms[0])
    rooms[2].adopt(rooms[1])
    leave.set()
    left.wait(5)
    rooms[2].dismiss()
    assert job.get(timeout=5) == "logged in"


@pytest.mark.parametrize("error", [ValueError("secret"), SystemExit(3), KeyboardInterrupt(), GreenletExit(), RecursionError()])
def test_fence_tells_the_kind_and_place_of_an_error_and_not_its_words(error):
    def broken():
        raise error

    with pytest.raises(_PluginBroke, match=rf"{type(error).__name__} at .*test_handler\.py:\d+") as broke:
        _fenced(1.0, broken, str)
    assert "secret" not in str(broke.value)
    assert broke.value.__cause__ is None


def test_fence_lets_a_refusal_through():
    def refuse():
        raise LoginFailed(Reason.DELEGATION_MISSING)

    with pytest.raises(LoginFailed):
        _fenced(1.0, refuse, str)


def test_fence_checks_what_comes_back():
    assert _fenced(1.0, lambda: "text", str) == "text"
    with pytest.raises(_PluginBroke, match="returned int, not str"):
        _fenced(1.0, lambda: 5, str)


def test_fence_ends_what_catches_every_exception():
    def stubborn():
        while True:
            with contextlib.suppress(Exception):
                gevent.sleep(60)

    with pytest.raises(gevent.Timeout):
        _fenced(0.05, stubborn, str)
