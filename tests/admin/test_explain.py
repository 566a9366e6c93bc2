from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

import pytest

from cgappliance.admin import accounts, profiles
from cgappliance.admin.desk import Desk
from cgappliance.admin.explain import Explanation, explain
from cgappliance.model import MailProtocol, ProfileRule, Reason, Tenant
from cgappliance.policy import windows
from cgappliance.policy.decide import RULES, decide
from tests.admin.test_accounts import lock

YUKI = "yuki@acme.example"
HERE = ip_address("203.0.113.9")
HOURS = ProfileRule(True, frozenset(MailProtocol), (), (windows.parse("mon-fri 09:00-18:00"),), "office hours")
POP3 = ProfileRule(False, frozenset({MailProtocol.POP3}))


def ask(desk: Desk, acme: Tenant, address: str = YUKI, **changes: Any) -> Explanation:
    return explain(desk, acme, address, **({"protocol": MailProtocol.IMAP, "ip": HERE} | changes))


def test_a_login_that_would_be_let_in_passes_every_rule_in_order(desk: Desk, acme: Tenant) -> None:
    accounts.create(desk, acme, YUKI, profile="office")
    told = ask(desk, acme, " Yuki@acme.example")
    assert [line.rule for line in told.lines] == ["list of accounts", *(rule.name for rule in RULES), "lock"]
    assert all(line.passed for line in told.lines)
    assert (told.decision, told.decided_by, told.client_sees) == (Reason.ACCEPTED, "", "")
    assert told.profile is acme.profiles["office"]


@pytest.mark.parametrize(
    ("protocol", "reply"),
    [(MailProtocol.IMAP, "NO [AUTHENTICATIONFAILED]"), (MailProtocol.POP3, "-ERR [AUTH]"), (MailProtocol.SMTP, "535 5.7.8")],
)
def test_the_first_rule_that_objects_decides_and_the_clients_words_are_told(
    desk: Desk, acme: Tenant, protocol: MailProtocol, reply: str
) -> None:
    accounts.create(desk, acme, YUKI, profile="office")
    told = ask(desk, acme, protocol=protocol, ip=ip_address("198.51.100.1"))
    assert (told.decision, told.decided_by) == (Reason.IP_NOT_ALLOWED, "remote address")
    assert told.client_sees == f"{reply} You are not allowed to access this server"


def test_a_disabled_account_is_told(desk: Desk, acme: Tenant) -> None:
    accounts.create(desk, acme, YUKI, profile="office", enabled=False)
    assert ask(desk, acme).decision is Reason.DISABLED


def test_a_lock_is_told_until_it_ends(desk: Desk, acme: Tenant) -> None:
    accounts.create(desk, acme, YUKI, profile="office")
    lock(desk)
    told = ask(desk, acme)
    assert (told.decision, told.decided_by) == (Reason.LOCKED, "lock")
    assert ask(desk, acme, at=desk.now() + timedelta(days=1)).decision is Reason.ACCEPTED


def test_an_address_that_is_no_account_has_the_default_profile_or_none(desk: Desk, acme: Tenant) -> None:
    assert ask(desk, acme).decision is Reason.NO_PROFILE
    told = ask(desk, replace(acme, default_profile="office"))
    assert told.decision is Reason.ACCEPTED
    assert "not in the list of accounts" in told.lines[0].sentence


def test_another_moment_can_be_asked_for(desk: Desk, acme: Tenant) -> None:
    profiles.create(desk, acme, "hours", [HOURS])
    accounts.create(desk, acme, YUKI, profile="hours")
    assert ask(desk, acme).decision is Reason.ACCEPTED
    sunday = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)
    assert ask(desk, acme, at=sunday).decision is Reason.TIME_NOT_ALLOWED


def test_the_rules_of_the_profile_are_told_one_by_one(desk: Desk, acme: Tenant) -> None:
    profiles.create(desk, acme, "hours", [POP3, HOURS])
    accounts.create(desk, acme, YUKI, profile="hours")
    denied, allowed = ask(desk, acme).rules
    assert (denied.number, denied.allow, denied.applies, denied.decides) == (1, False, False, False)
    assert denied.sentence == "protocol does not fit (pop3); address fits (from anywhere); time fits (at any time)"
    assert (allowed.number, allowed.allow, allowed.applies, allowed.decides) == (2, True, True, True)
    assert allowed.sentence.endswith("time fits (mon-fri 09:00-18:00); office hours")


def test_without_a_profile_there_are_no_rules_to_tell(desk: Desk, acme: Tenant) -> None:
    told = ask(desk, acme)
    assert (told.profile, told.rules) == (None, [])


@pytest.mark.parametrize("ip", ["203.0.113.9", "198.51.100.1", "2001:db8::1"])
@pytest.mark.parametrize("protocol", list(MailProtocol))
def test_an_explanation_never_differs_from_the_decision(desk: Desk, acme: Tenant, ip: str, protocol: MailProtocol) -> None:
    accounts.create(desk, acme, YUKI, profile="office")
    decided = decide(acme, acme.profiles["office"], YUKI, protocol, peer_ip=ip_address(ip), now=desk.now())
    assert ask(desk, acme, protocol=protocol, ip=ip_address(ip)).decision is decided
