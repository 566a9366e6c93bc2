"""Whatever Gmail or its token endpoint says or does wrong becomes the right words for the client, and nothing is broken afterwards.

It is never a wrong password: the client's own was right, and asking for another would lock people out.
"""

import itertools

import pytest

from cgappliance.testing.lab.process import free_port
from cgappliance.testing.lab.slapd import Person
from cgappliance.testing.lab.world import DOMAIN, TARO, YUKI, World

from .conftest import at_once, changed
from .seen import outcomes, touched
from .talking import ACCEPTED, IMAP, LIMITED, MISCONFIGURED, POP3, PROTOCOLS, SMTP, THROTTLED, UNAVAILABLE

pytestmark = pytest.mark.usefixtures("tidy", "as_before")

UPSTREAM_S = TOKEN_S = 0.7
#: who gets a token in one test has it, or its refusal, in the next: each test takes somebody new
PEOPLE = tuple(Person(f"person{number}@{DOMAIN}", f"password {number} of many") for number in range(150))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    limits = {"upstream_timeout_s": UPSTREAM_S, "token_timeout_s": TOKEN_S, "refusal_delay_s": 0.05, "health_interval_s": 86_400.0}
    with World(tmp_path_factory.mktemp("world"), people=(YUKI, TARO, *PEOPLE), limits=limits) as world:
        world.next_person = iter(PEOPLE)
        yield world


@pytest.fixture
def person(world):
    return next(world.next_person)


@pytest.fixture
def gmail(world):
    """Orders to the look-alike, with nothing recorded; after the test it does what it is asked again."""
    control = world.gmail.control
    control.clear_records()
    yield control
    for protocol in PROTOCOLS:
        control.switch(protocol.value, refuse_next=[], faults=[])
    control.switch("token", fail_next=[], delay_s=0.0, clock_offset_s=0.0)


# ---- Gmail's refusals

#: switch -> protocol -> (what the client hears, the reason in the log)
REFUSALS = {
    "app_password_required": dict.fromkeys(PROTOCOLS, (UNAVAILABLE, "app_password_required")),
    "web_login": dict.fromkeys(PROTOCOLS, (UNAVAILABLE, "web_login_required")),
    "off_for_user": {IMAP: (MISCONFIGURED, "imap_off"), POP3: (MISCONFIGURED, "pop_off")},
    "off_for_domain": {IMAP: (MISCONFIGURED, "imap_off"), POP3: (MISCONFIGURED, "pop_off")},
    "too_many_connections": {
        IMAP: (LIMITED, "upstream_limit"),
        POP3: (LIMITED, "upstream_limit"),
        SMTP: (UNAVAILABLE, "upstream_temporary"),
    },
    "unavailable": dict.fromkeys(PROTOCOLS, (UNAVAILABLE, "upstream_temporary")),
    "overquota": {
        IMAP: (UNAVAILABLE, "upstream_overquota"),
        POP3: (UNAVAILABLE, "upstream_overquota"),
        SMTP: (UNAVAILABLE, "upstream_temporary"),
    },
    "in_use": {
        IMAP: (UNAVAILABLE, "upstream_temporary"),
        POP3: (LIMITED, "upstream_limit"),
        SMTP: (UNAVAILABLE, "upstream_temporary"),
    },
    "too_fast": dict.fromkeys(PROTOCOLS, (THROTTLED, "upstream_throttled")),
}
EACH_REFUSAL = [(name, protocol) for name, per_protocol in REFUSALS.items() for protocol in per_protocol]


@pytest.mark.parametrize(("refusal", "protocol"), EACH_REFUSAL)
def test_refusal_of_gmail_reaches_the_client_as_what_it_is(gmail, talk, log, person, refusal, protocol):
    words, reason = REFUSALS[refusal][protocol]
    gmail.switch(protocol.value, refuse_next=[refusal])
    assert talk(protocol).log_in_as(person) == words[protocol]
    assert [entry["reason"] for entry in log()] == [reason]
    assert outcomes(gmail) == [refusal]
    assert talk(protocol).log_in_as(person).startswith(ACCEPTED[protocol])


@pytest.mark.parametrize("protocol", [IMAP, POP3])
def test_client_may_try_again_on_its_connection_and_then_be_let_in(gmail, talk, person, protocol):
    gmail.switch(protocol.value, refuse_next=["unavailable"])
    client = talk(protocol)
    assert client.log_in_as(person) == UNAVAILABLE[protocol]
    assert client.log_in_as(person).startswith(ACCEPTED[protocol])


def test_imap_connections_beyond_gmails_limit_hear_so(gmail, talk, person):
    gmail.change_account(person.address, switches={"connection_limit": 1})
    assert talk(IMAP).log_in_as(person).startswith(b"OK")
    assert talk(IMAP).log_in_as(person) == LIMITED[IMAP]


def test_pop3_session_beside_another_hears_that_the_mailbox_is_in_use(gmail, talk, person):
    gmail.change_account(person.address, switches={"pop_lock": True})
    assert talk(POP3).log_in_as(person).startswith(b"+OK")
    assert talk(POP3).log_in_as(person) == LIMITED[POP3]


def test_pop_that_is_off_only_at_the_first_command_is_told_by_gmail_itself(gmail, talk, person):
    gmail.change_account(person.address, switches={"pop_off": "user", "pop_off_at": "stat"})
    client = talk(POP3)
    assert client.log_in_as(person).startswith(b"+OK")
    assert client.ask(b"STAT").startswith(b"-ERR [SYS/PERM] Your account is not enabled for POP access.")


# ---- a token that Gmail refuses: one forced refresh, one more try


def token_requests(gmail, person):
    """Return how the requests for somebody's tokens ended; the appliance tries the endpoint for nobody besides."""
    return [request["outcome"] for request in gmail.requests() if request["subject"] == person.address]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_token_revoked_while_kept_is_replaced_and_the_client_notices_nothing(gmail, talk, person, protocol):
    assert talk(protocol).log_in_as(person).startswith(ACCEPTED[protocol])
    gmail.revoke_tokens(person.address)
    assert talk(protocol).log_in_as(person).startswith(ACCEPTED[protocol])
    assert outcomes(gmail) == ["ok", "bad_credentials", "ok"]
    assert token_requests(gmail, person) == ["ok", "ok"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_token_refused_again_is_tried_no_third_time(gmail, talk, log, person, protocol):
    gmail.switch(protocol.value, refuse_next=["bad_credentials"] * 5)
    assert talk(protocol).log_in_as(person) == UNAVAILABLE[protocol]
    assert outcomes(gmail) == ["bad_credentials"] * 2
    assert len(token_requests(gmail, person)) == 2
    assert [entry["reason"] for entry in log()] == ["credential_refused"]


def test_account_whose_tokens_are_always_refused_does_not_flood_the_token_endpoint(gmail, talk, person):
    gmail.switch("imap", refuse_next=["bad_credentials"] * 20)
    for _ in range(4):
        assert talk(IMAP).log_in_as(person) == UNAVAILABLE[IMAP]
    assert len(token_requests(gmail, person)) == 2


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_suspended_account_is_no_wrong_password(gmail, talk, log, person, protocol):
    gmail.change_account(person.address, suspended=True)
    assert talk(protocol).log_in_as(person) == MISCONFIGURED[protocol]
    assert [entry["reason"] for entry in log()] == ["google_user_unknown"]


# ---- the token endpoint

TOKEN_ERRORS = {
    "internal_failure": (UNAVAILABLE, "token_unavailable"),
    "temporarily_unavailable": (UNAVAILABLE, "token_unavailable"),
    "rate_limited": (UNAVAILABLE, "token_unavailable"),
    "garbage": (UNAVAILABLE, "token_unavailable"),
    "unauthorized_client": (MISCONFIGURED, "delegation_missing"),
    "access_denied": (MISCONFIGURED, "delegation_missing"),
    "invalid_scope": (MISCONFIGURED, "delegation_missing"),
    "admin_policy_enforced": (MISCONFIGURED, "delegation_missing"),
    "user_unknown": (MISCONFIGURED, "google_user_unknown"),
    "user_suspended": (MISCONFIGURED, "google_user_unknown"),
    "signature": (MISCONFIGURED, "service_account_invalid"),
    "clock": (MISCONFIGURED, "service_account_invalid"),
    "account_deleted": (MISCONFIGURED, "service_account_invalid"),
    "disabled_client": (MISCONFIGURED, "service_account_invalid"),
}


@pytest.mark.parametrize(("error", "protocol"), list(zip(TOKEN_ERRORS, itertools.cycle(PROTOCOLS), strict=False)))
def test_error_of_the_token_endpoint_reaches_the_client_as_what_it_is(gmail, talk, log, person, error, protocol):
    words, reason = TOKEN_ERRORS[error]
    gmail.switch("token", fail_next=[error])
    assert talk(protocol).log_in_as(person) == words[protocol]
    assert [entry["reason"] for entry in log()] == [reason]
    assert touched(gmail) == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_slow_token_endpoint_is_an_outage_in_time(gmail, talk, log, person, protocol):
    gmail.switch("token", delay_s=5.0)
    assert talk(protocol).log_in_as(person) == UNAVAILABLE[protocol]
    [entry] = log()
    assert entry["reason"] == "token_unavailable"
    assert TOKEN_S * 1000 * 0.9 < float(entry["ms"]) < TOKEN_S * 1000 * 3


def test_missing_delegation_names_client_and_scope_for_the_administrator(gmail, talk, log, person):
    gmail.switch("token", fail_next=["unauthorized_client"])
    talk(IMAP).log_in_as(person)
    assert "scope https://mail.google.com/" in log()[0]["detail"]
    assert "client id" in log()[0]["detail"]


def test_token_endpoint_that_is_down(world, gmail, talk, log, person):
    key = world.gmail.service_account_file
    elsewhere = key.with_name("closed.json")
    elsewhere.touch(mode=0o600)
    elsewhere.write_text(key.read_text().replace(f":{world.gmail.ports['http']}/", f":{free_port()}/"))
    with changed(world, google=f'service_account_file = "{elsewhere}"'):
        assert talk(IMAP).log_in_as(person) == UNAVAILABLE[IMAP]
    assert [entry["reason"] for entry in log()] == ["token_unavailable"]


# ---- connections that go wrong

STAGES = ("accept", "greeting", "login")
KINDS = ("silent", "drop", "reset", "garbage", "endless_line", "bye")
FAULTS = [(stage, kind) for stage in STAGES for kind in KINDS if stage != "accept" or kind in ("silent", "drop", "reset")]


@pytest.mark.parametrize(("stage", "kind"), FAULTS)
def test_broken_connection_is_an_outage_and_the_next_login_works(gmail, talk, log, person, stage, kind):
    for protocol in PROTOCOLS:
        gmail.switch(protocol.value, faults=[{"kind": kind, "stage": stage, "times": 1}])
    told = at_once(lambda protocol: talk(protocol).log_in_as(person), PROTOCOLS)
    assert dict(zip(PROTOCOLS, told, strict=True)) == UNAVAILABLE
    assert all(entry["reason"].startswith("upstream_") and float(entry["ms"]) < UPSTREAM_S * 1000 * 3 for entry in log())
    assert all(talk(protocol).log_in_as(person).startswith(ACCEPTED[protocol]) for protocol in PROTOCOLS)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_gmail_that_drips_its_bytes_is_understood(gmail, talk, person, protocol):
    gmail.switch(protocol.value, faults=[{"kind": "drip", "stage": "greeting", "times": 1, "drip_s": 0.0001}])
    assert talk(protocol).log_in_as(person).startswith(ACCEPTED[protocol])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_gmail_that_cannot_be_reached(world, talk, log, person, protocol):
    with changed(world, upstream=f'{protocol.value}s = "127.0.0.1:{free_port()}"\nca_file = "{world.authority.ca_file}"'):
        assert talk(protocol).log_in_as(person) == UNAVAILABLE[protocol]
    assert [entry["reason"] for entry in log()] == ["upstream_unavailable"]


def test_gmail_whose_name_is_unknown(world, talk, log, person):
    with changed(world, upstream=f'imaps = "imap.gmail.invalid:993"\nca_file = "{world.authority.ca_file}"'):
        assert talk(IMAP).log_in_as(person) == UNAVAILABLE[IMAP]
    assert log()[0]["reason"] in ("upstream_unavailable", "upstream_timeout")


# ---- what happens to a session is Gmail's to say

FAREWELLS = {
    IMAP: b"* BYE Session expired, please login again.\r\n",
    POP3: b"-ERR [SYS/TEMP] Session expired, please login again.\r\n",
    SMTP: b"421 4.7.0 Connection expired, try reconnecting - gsmtp\r\n",
}


def test_sessions_end_with_their_token_and_clients_hear_gmails_words(gmail, talk, person):
    clients = {protocol: talk(protocol) for protocol in PROTOCOLS}
    assert all(client.log_in_as(person).startswith(ACCEPTED[protocol]) for protocol, client in clients.items())
    gmail.advance(3600)
    assert all(client.rest().endswith(FAREWELLS[protocol]) for protocol, client in clients.items())
    # the kept tokens are dead at Gmail, and alive by our clock, which nobody has moved: the forced refresh makes up for it
    assert all(talk(protocol).log_in_as(person).startswith(ACCEPTED[protocol]) for protocol in PROTOCOLS)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kind", ["bye", "drop", "reset"])
def test_session_that_gmail_ends_is_ended_for_the_client(gmail, talk, person, protocol, kind):
    client = talk(protocol)
    assert client.log_in_as(person).startswith(ACCEPTED[protocol])
    gmail.end_sessions(kind)
    told = client.rest()
    assert bool(told.strip()) is (kind == "bye")


def test_download_beyond_gmails_limit_ends_with_gmails_words(world, gmail, talk, person):
    gmail.change_account(person.address, switches={"overquota_after_bytes": 50_000})
    gmail.deliver(person.address, b"Subject: big\r\n\r\n" + b"x" * 76 + b"\r\n" * 50_000)
    client = talk(IMAP)
    client.log_in_as(person)
    client.ask(b"a1 SELECT INBOX")
    client.say(b"a1 FETCH 1 BODY[]")
    assert b"* BYE [OVERQUOTA]" in client.rest()
