from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgappliance.model import MailProtocol, Network, Profile, ProfileRule, Reason
from cgappliance.policy import rules
from cgappliance.policy.decide import decide
from cgappliance.policy.windows import parse

from .factories import profile, tenant

NOON = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)  # Tuesday noon in Tokyo
LOCAL = NOON.astimezone(ZoneInfo("Asia/Tokyo"))
HERE = ip_address("203.0.113.9")
IMAP, POP3 = frozenset({MailProtocol.IMAP}), frozenset({MailProtocol.POP3})

PROTOCOLS = st.sampled_from([IMAP, POP3, IMAP | POP3])
NETWORKS = st.sampled_from([(), (Network(ip_network("203.0.113.0/24")),), (Network(ip_network("10.0.0.0/8")),)])
WINDOWS = st.sampled_from([(), (parse("tue 09:00-18:00"),), (parse("sun 09:00-18:00"),)])
RULES = st.lists(st.builds(ProfileRule, st.booleans(), PROTOCOLS, NETWORKS, WINDOWS), min_size=1, max_size=5)


def ruled(*ordered: ProfileRule) -> Profile:
    allowed = frozenset[MailProtocol]().union(*(rule.protocols for rule in ordered if rule.allow))
    return Profile("ruled", allowed, rules=ordered)


def matches(made: Profile) -> tuple[rules.Match, ...]:
    return rules.matches(made, MailProtocol.IMAP, HERE, LOCAL)


def test_a_profile_without_rules_is_one_rule_that_allows() -> None:
    office = profile("203.0.113.0/24")
    assert rules.ordered_rules(office) == (ProfileRule(True, office.mail_access, office.remote_ips),)


@pytest.mark.parametrize(
    ("rule", "applies"),
    [
        (ProfileRule(True, IMAP), True),
        (ProfileRule(True, POP3), False),
        (ProfileRule(True, IMAP, (Network(ip_network("203.0.113.0/24")),)), True),
        (ProfileRule(True, IMAP, (Network(ip_network("10.0.0.0/8")),)), False),
        (ProfileRule(True, IMAP, (), (parse("tue 09:00-18:00"),)), True),
        (ProfileRule(True, IMAP, (), (parse("wed 09:00-18:00"),)), False),
    ],
)
def test_a_rule_applies_when_all_its_conditions_hold(rule: ProfileRule, applies: bool) -> None:
    assert matches(ruled(rule))[0].applies is applies


def test_the_first_rule_that_applies_decides() -> None:
    found = matches(ruled(ProfileRule(True, POP3), ProfileRule(False, IMAP), ProfileRule(True, IMAP)))
    assert rules.deciding(found) is found[1]
    assert rules.denied_by(found) is found[1]


def test_a_match_tells_which_network_and_window_held() -> None:
    here, now = Network(ip_network("203.0.113.0/24"), "office"), parse("tue 09:00-18:00")
    (match,) = matches(ruled(ProfileRule(True, IMAP, (here,), (now,))))
    assert (match.number, match.network, match.window) == (1, here, now)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (ProfileRule(False, IMAP), Reason.PROTOCOL_OFF),
        (ProfileRule(False, IMAP, (Network(ip_network("203.0.113.0/24")),)), Reason.IP_NOT_ALLOWED),
        (ProfileRule(False, IMAP, (Network(ip_network("203.0.113.0/24")),), (parse("tue 09:00-18:00"),)), Reason.TIME_NOT_ALLOWED),
    ],
)
def test_a_denying_rule_is_named_after_its_narrowest_condition(rule: ProfileRule, reason: Reason) -> None:
    assert rules.denial_reason(rule) is reason


@given(RULES)
def test_a_login_is_accepted_exactly_when_the_first_rule_that_applies_allows(ordered: list[ProfileRule]) -> None:
    made = ruled(*ordered)
    first = rules.deciding(matches(made))
    decision = decide(tenant(), made, "taro@acme.example", MailProtocol.IMAP, peer_ip=HERE, now=NOON)
    assert (decision is Reason.ACCEPTED) is (first is not None and first.rule.allow)
