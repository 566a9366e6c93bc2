from cgappliance.model import AuthAnswer, Grant, GrantMechanism, Profile, Reason
from cgappliance.net.surroundings import Timeouts
from cgappliance.secret import Secret
from cgappliance.session.ports import Standing
from cgappliance.testing.lab.process import wait_until

from .stage import ADDRESS, LOGIN, read_until

UNAVAILABLE = b"a1 NO [UNAVAILABLE]"


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


# ---- Gmail, and the history, that fail


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


def dismiss_during_login(stage, reason):
    """Dismiss those who wait while the directory is asked; it then answers with ``reason``."""

    def answer():
        stage.handler.waiting.dismiss()
        return AuthAnswer(reason)

    stage.backend.answer = answer


def test_client_whose_login_fails_while_others_are_dismissed_goes_too(stage):
    dismiss_during_login(stage, Reason.WRONG_PASSWORD)
    client, _serving, told = stage.log_in()
    assert told.startswith(b"a1 NO")
    assert b"* BYE" in told + read_until(client, b"again\r\n")


def test_login_under_way_while_the_tenant_goes_is_let_in_and_ended(stage):
    dismiss_during_login(stage, Reason.ACCEPTED)
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
