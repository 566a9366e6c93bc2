"""The control API and its client: what a test does in-process, over HTTP."""

import json
from collections.abc import Iterator

import pytest
import requests

from cgappliance.testing.gmail import Refusal
from cgappliance.testing.gmail.client import ControlFailed, GmailControl


@pytest.fixture
def control(lab) -> Iterator[GmailControl]:
    control = GmailControl(f"http://127.0.0.1:{lab.gmail.ports['control']}")
    yield control
    control.close()


def test_state_shows_clock_ports_and_accounts(lab, control: GmailControl):
    state = control.state()

    assert state["ports"] == lab.gmail.ports
    assert abs(state["now"] - lab.state.clock.now()) < 5
    assert [account["address"] for account in state["accounts"]] == [lab.address]


def test_accounts_are_made_changed_and_removed(lab, control: GmailControl):
    control.add_account("taro@acme.example", app_passwords=["abcd efgh"], switches={"imap_off": "domain"})
    control.change_account("taro@acme.example", suspended=True)
    account = lab.state.directory.get("taro@acme.example")
    assert (account.suspended, account.switches.imap_off, account.app_passwords[0].password) == (True, "domain", "abcdefgh")

    control.remove_account("taro@acme.example")

    assert lab.state.directory.find("taro@acme.example") is None


def test_messages_go_in_and_come_out_byte_for_byte(lab, control: GmailControl):
    raw = bytes(range(256))

    control.deliver(lab.address, raw, folder="[Gmail]/Spam")

    assert control.messages(lab.address, "[Gmail]/Spam") == [raw]
    assert control.messages(lab.address) == [lab.message]


def test_clock_is_moved(lab, control: GmailControl):
    before = lab.state.clock.now()

    control.advance(3600)

    assert lab.state.clock.now() - before >= 3600


def test_servers_are_switched(lab, control: GmailControl):
    control.switch("imap", refuse_next=["unavailable"])
    control.switch("token", delay_s=1.5)

    assert lab.state.servers["imap"].refuse_next == [Refusal.UNAVAILABLE]
    assert lab.state.token_endpoint.delay_s == 1.5


def test_tokens_are_revoked(lab, control: GmailControl):
    token = lab.token()

    control.revoke_tokens(lab.address)

    assert lab.state.tokens.check(token) is None


def test_sessions_are_ended(lab, control: GmailControl):
    talk = lab.imap_talk_in()

    control.end_sessions("bye")

    assert talk.line().startswith("* BYE")


def test_connections_tell_bytes_before_login_and_logins(lab, control: GmailControl):
    lab.talk("imaps").ask("A1 LOGIN nobody@acme.example x")

    record = control.connections()[0]

    assert record["before_login"] == b"A1 LOGIN nobody@acme.example x\r\n"
    assert record["logins"][0]["outcome"] == "bad_credentials"


def test_envelopes_and_requests_are_told_and_forgotten(lab, control: GmailControl):
    lab.smtp_in().sendmail(lab.address, [lab.address], lab.message)
    requests.post(lab.gmail.token_uri, timeout=5)
    assert control.envelopes()[0]["data"] == lab.message
    assert control.requests()[0]["outcome"] == "invalid_request"

    control.clear_records()

    assert (control.envelopes(), control.requests(), control.connections()) == ([], [], [])


def test_service_accounts_are_made_and_changed(lab, control: GmailControl):
    email = json.loads(control.add_service_account("second"))["client_email"]
    assert lab.state.service_accounts[email].granted

    control.change_service_account(email, granted=[], key_deleted=True)

    assert lab.state.service_accounts[email].granted == set()
    assert lab.state.service_accounts[email].key_deleted


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (lambda control: control.change_account("nobody@acme.example"), "no account 'nobody@acme.example'"),
        (lambda control: control.change_account("yuki@acme.example", switches={"x": 1}), "x: no such switch (known: "),
        (lambda control: control.change_account("yuki@acme.example", colour="red"), "colour: no such field"),
        (lambda control: control.switch("ftp"), "ftp"),
        (lambda control: control.end_sessions("gently"), "gently"),
        (lambda control: control.deliver("yuki@acme.example", b"", folder="none"), "none"),
        (lambda control: control._ask("POST", "/clock", b"[]"), "must be a JSON object"),
    ],
)
def test_mistakes_are_said(control: GmailControl, order, words: str):
    with pytest.raises(ControlFailed) as failed:
        order(control)

    assert words in str(failed.value)
