"""Logins at the look-alike, to find out whether a credential is good."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from cgappliance.admin.trial import TrialFailed, try_grant, try_password
from cgappliance.model import Grant, GrantMechanism, HostPort, MailProtocol, Tenant, Upstream
from cgappliance.secret import Secret
from cgappliance.testing.gmail import GmailLookAlike
from cgappliance.testing.gmail.switches import Fault, FaultKind, Refusal, Stage
from cgappliance.testing.gmail.tokens import MAIL_SCOPE
from cgappliance.testing.lab.certificates import Authority
from tests.policy.factories import tenant

YUKI = "yuki@acme.example"
PASSWORD = Secret("qwertyuiopasdfgh")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("trial-ca"))


@pytest.fixture
def gmail(authority: Authority) -> Iterator[GmailLookAlike]:
    """With yuki, who has an app password."""
    with GmailLookAlike(authority.issue(file="gmail")) as gmail:
        account = gmail.state.directory.add(YUKI)
        gmail.state.directory.add_app_password(account, "cgappliance", PASSWORD.reveal())
        yield gmail


@pytest.fixture
def acme(gmail: GmailLookAlike, authority: Authority) -> Tenant:
    server = HostPort("localhost", gmail.ports["smtps"])
    return tenant(upstream=Upstream({MailProtocol.SMTP: server}, authority.ca_file))


def token(gmail: GmailLookAlike, address: str = YUKI) -> Grant:
    value = gmail.state.tokens.issue(gmail.state.directory.get(address).id, [MAIL_SCOPE], 60).value
    return Grant(GrantMechanism.XOAUTH2, address, Secret(value))


def test_good_password_is_good(acme: Tenant) -> None:
    assert try_password(acme, YUKI, PASSWORD) == ""


def test_good_token_is_good(acme: Tenant, gmail: GmailLookAlike) -> None:
    assert try_grant(acme, token(gmail)) == ""


def test_wrong_password_is_told_in_the_servers_words(acme: Tenant) -> None:
    said = try_password(acme, YUKI, Secret("zzzzzzzzzzzzzzzz"))
    assert said.startswith("535 5.7.8 Username and Password not accepted")
    assert said.isprintable()


def test_refused_token_brings_the_refusal_and_not_the_challenge(acme: Tenant) -> None:
    said = try_grant(acme, Grant(GrantMechanism.XOAUTH2, YUKI, Secret("ya29.wrong")))
    assert said.startswith("535 5.7.8 Username and Password not accepted")


@pytest.mark.parametrize(("refusal", "code"), [(Refusal.APP_PASSWORD_REQUIRED, "534"), (Refusal.WEB_LOGIN, "534")])
def test_what_google_wants_besides_is_told(acme: Tenant, gmail: GmailLookAlike, refusal: Refusal, code: str) -> None:
    gmail.state.servers[MailProtocol.SMTP].refuse_next = [refusal]
    assert try_password(acme, YUKI, PASSWORD).startswith(code)


def test_it_does_not_depend_on_pop_and_imap(acme: Tenant, gmail: GmailLookAlike) -> None:
    account = gmail.state.directory.get(YUKI)
    account.imap_settings["enabled"], account.pop_settings["accessWindow"] = False, "disabled"
    assert try_password(acme, YUKI, PASSWORD) == ""


@pytest.mark.parametrize("refusal", [Refusal.UNAVAILABLE, Refusal.TOO_FAST])
def test_server_that_cannot_answer_now_says_nothing_of_the_password(acme: Tenant, gmail: GmailLookAlike, refusal: Refusal) -> None:
    gmail.state.servers[MailProtocol.SMTP].refuse_next = [refusal]
    with pytest.raises(TrialFailed):
        try_password(acme, YUKI, PASSWORD)


@pytest.mark.parametrize("kind", [FaultKind.DROP, FaultKind.RESET, FaultKind.BYE])
@pytest.mark.parametrize("stage", [Stage.GREETING, Stage.GREETED, Stage.LOGIN])
def test_connection_that_breaks_says_nothing_of_the_password(
    acme: Tenant, gmail: GmailLookAlike, kind: FaultKind, stage: Stage
) -> None:
    gmail.state.servers[MailProtocol.SMTP].faults = [Fault(kind, stage)]
    with pytest.raises(TrialFailed, match="localhost:"):
        try_password(acme, YUKI, PASSWORD)


def test_nobody_there_is_told(acme: Tenant) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    nowhere = replace(acme, upstream=replace(acme.upstream, servers={MailProtocol.SMTP: HostPort("localhost", port)}))
    with pytest.raises(TrialFailed):
        try_password(nowhere, YUKI, PASSWORD)


def test_certificate_that_is_not_trusted_is_told(acme: Tenant, tmp_path_factory: pytest.TempPathFactory) -> None:
    stranger = Authority(tmp_path_factory.mktemp("stranger")).ca_file
    with pytest.raises(TrialFailed, match="certificate not accepted"):
        try_password(replace(acme, upstream=replace(acme.upstream, ca_file=stranger)), YUKI, PASSWORD)


def test_password_is_in_no_message(acme: Tenant, gmail: GmailLookAlike) -> None:
    gmail.state.servers[MailProtocol.SMTP].faults = [Fault(FaultKind.GARBAGE, Stage.LOGIN)]
    with pytest.raises(TrialFailed) as failed:
        try_password(acme, YUKI, PASSWORD)
    assert PASSWORD.reveal() not in str(failed.value)
