import itertools
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from cgappliance.model import MailProtocol, Network, Outcome, Profile, ProfileRule, Reason
from cgappliance.policy import windows
from cgappliance.policy.decide import RULES, decide, steps

from .factories import credentials, profile, tenant

NOON = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)  # noon in Tokyo
HERE = ip_address("203.0.113.9")
OFFICE = profile("203.0.113.0/24")

ALL = frozenset(MailProtocol)
HERE_ONLY = (Network(ip_network("203.0.113.9/32")),)
SUNDAY = windows.parse("sun 00:00-24:00")


def ruled(*rules: ProfileRule) -> Profile:
    return Profile("ruled", ALL, rules=rules)


#: What to take away from a login that is accepted, and the reason that must follow.
DENIALS: dict[str, tuple[dict[str, Any], Reason]] = {
    "bad login name": ({"login": credentials("", defect=Reason.BAD_LOGIN_NAME)}, Reason.BAD_LOGIN_NAME),
    "control characters": ({"login": credentials("", defect=Reason.BAD_CHARACTERS)}, Reason.BAD_CHARACTERS),
    "empty password": ({"login": credentials(defect=Reason.EMPTY_PASSWORD)}, Reason.EMPTY_PASSWORD),
    "acting for somebody else": ({"login": credentials(defect=Reason.OTHER_IDENTITY)}, Reason.OTHER_IDENTITY),
    "own token": ({"login": credentials(defect=Reason.CLIENT_TOKEN)}, Reason.CLIENT_TOKEN),
    "other domain": ({"login": credentials("taro@other.example")}, Reason.UNKNOWN_DOMAIN),
    "subdomain": ({"login": credentials("taro@mail.acme.example")}, Reason.UNKNOWN_DOMAIN),
    "not begun": ({"tenant": tenant(starts_on=date(2026, 11, 25))}, Reason.OUTSIDE_SERVICE_PERIOD),
    "ended": ({"tenant": tenant(ends_on=date(2026, 11, 23))}, Reason.OUTSIDE_SERVICE_PERIOD),
    "switched off": ({"enabled": False}, Reason.DISABLED),
    "no profile": ({"profile": None}, Reason.NO_PROFILE),
    "no protocol": ({"profile": profile(access=frozenset())}, Reason.PROTOCOL_OFF),
    "address": ({"peer_ip": ip_address("203.0.114.9")}, Reason.IP_NOT_ALLOWED),
    "address family": ({"peer_ip": ip_address("2001:db8::9")}, Reason.IP_NOT_ALLOWED),
    "mapped address": ({"peer_ip": ip_address("::ffff:203.0.114.9")}, Reason.IP_NOT_ALLOWED),
    "hours": ({"profile": ruled(ProfileRule(True, ALL, OFFICE.remote_ips, (SUNDAY,)))}, Reason.TIME_NOT_ALLOWED),
    "denied first": (
        {"profile": ruled(ProfileRule(False, ALL, HERE_ONLY), ProfileRule(True, ALL, OFFICE.remote_ips))},
        Reason.IP_NOT_ALLOWED,
    ),
}


def ask(**changes: Any) -> Reason:
    arguments: dict[str, Any] = {
        "tenant": tenant(),
        "profile": OFFICE,
        "login": credentials(),
        "protocol": MailProtocol.IMAP,
        "peer_ip": HERE,
        "now": NOON,
    }
    return decide(**(arguments | changes))


@pytest.mark.parametrize("protocol", list(MailProtocol))
def test_everything_allowed_is_accepted(protocol: MailProtocol):
    assert ask(protocol=protocol) is Reason.ACCEPTED


@pytest.mark.parametrize(("flag", "protocol"), list(itertools.product(DENIALS, MailProtocol)))
def test_each_deny_flag_refuses_each_protocol(flag: str, protocol: MailProtocol):
    changes, reason = DENIALS[flag]
    assert ask(protocol=protocol, **changes) is reason
    assert reason.outcome is Outcome.REFUSED


@pytest.mark.parametrize(("off", "asked"), list(itertools.product(MailProtocol, MailProtocol)))
def test_a_protocol_switched_off_refuses_that_protocol_alone(off: MailProtocol, asked: MailProtocol):
    office = profile("203.0.113.0/24", access=frozenset(MailProtocol) - {off})
    assert ask(profile=office, protocol=asked) is (Reason.PROTOCOL_OFF if asked is off else Reason.ACCEPTED)


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(DENIALS, 2)))
def test_of_two_objections_the_earlier_rule_decides(first: str, second: str):
    both = DENIALS[second][0] | DENIALS[first][0]
    if both.keys() != DENIALS[first][0].keys() | DENIALS[second][0].keys() or len(both) < 2:
        both = DENIALS[first][0]  # the same thing taken away twice: nothing to order
    assert ask(**both) is DENIALS[first][1]


def test_mapped_address_inside_the_network_is_accepted():
    assert ask(peer_ip=ip_address("::ffff:203.0.113.9")) is Reason.ACCEPTED


@pytest.mark.parametrize(
    ("moment", "reason"),
    [
        (datetime(2026, 3, 31, 14, 59, 59, tzinfo=UTC), Reason.OUTSIDE_SERVICE_PERIOD),  # 23:59:59 in Tokyo
        (datetime(2026, 3, 31, 15, 0, 0, tzinfo=UTC), Reason.ACCEPTED),  # midnight in Tokyo, 31 March in UTC
        (datetime(2027, 3, 31, 14, 59, 59, tzinfo=UTC), Reason.ACCEPTED),
        (datetime(2027, 3, 31, 15, 0, 0, tzinfo=UTC), Reason.OUTSIDE_SERVICE_PERIOD),
    ],
)
def test_service_period_is_inclusive_in_the_tenants_time_zone(moment: datetime, reason: Reason):
    acme = tenant(starts_on=date(2026, 4, 1), ends_on=date(2027, 3, 31))
    assert ask(tenant=acme, now=moment) is reason


@pytest.mark.parametrize("bounds", [{"starts_on": date(2020, 1, 1)}, {"ends_on": date(2030, 1, 1)}, {}])
def test_service_period_may_be_open_at_either_end(bounds: dict[str, date]):
    assert ask(tenant=tenant(**bounds)) is Reason.ACCEPTED


def test_a_moment_without_time_zone_is_a_bug_of_the_caller():
    with pytest.raises(ValueError, match="no time zone"):
        ask(now=NOON.replace(tzinfo=None))


def test_the_callers_time_zone_does_not_matter():
    acme = tenant(ends_on=date(2026, 11, 24))
    far_west = NOON.astimezone(tz=datetime.now(UTC).astimezone().tzinfo) + timedelta(hours=11, minutes=59)
    assert ask(tenant=acme, now=far_west) is Reason.ACCEPTED


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("taro@acme.example", Reason.ACCEPTED),
        (" Taro@ACME.Example ", Reason.ACCEPTED),
        ("taro", Reason.BAD_LOGIN_NAME),
        ("@acme.example", Reason.BAD_LOGIN_NAME),
        ("taro@", Reason.BAD_LOGIN_NAME),
        ("taro@other.example", Reason.UNKNOWN_DOMAIN),
    ],
)
def test_an_address_alone_is_judged_like_a_login(address: str, reason: Reason):
    assert ask(login=address) is reason


def walk(**changes: Any) -> list[tuple[str, bool, Reason, str]]:
    arguments: dict[str, Any] = {
        "tenant": tenant(),
        "profile": OFFICE,
        "login": "taro@acme.example",
        "protocol": MailProtocol.IMAP,
        "peer_ip": HERE,
        "now": NOON,
    }
    return [(step.rule, step.passed, step.reason, step.sentence) for step in steps(**(arguments | changes))]


def test_steps_tell_every_rule_with_its_facts():
    assert walk() == [
        ("login name", True, Reason.ACCEPTED, "the login name is 'taro@acme.example'"),
        ("domain", True, Reason.ACCEPTED, "acme.example; the tenant has acme.example"),
        ("service period", True, Reason.ACCEPTED, "today is 2026-11-24 (Asia/Tokyo); the period is open to open"),
        ("account", True, Reason.ACCEPTED, "the account is switched on"),
        ("profile", True, Reason.ACCEPTED, "profile 'office'"),
        ("protocol", True, Reason.ACCEPTED, "imap; allowed: imap, pop3, smtp"),
        ("remote address", True, Reason.ACCEPTED, "203.0.113.9 is in 203.0.113.0/24"),
        ("time", True, Reason.ACCEPTED, "tue 12:00 (Asia/Tokyo); allowed: at any time"),
        ("order of rules", True, Reason.ACCEPTED, "rule 1 of 1 is the first that applies, and allows"),
    ]


def test_steps_go_on_behind_an_objection_so_that_all_can_be_mended_at_once():
    told = walk(profile=profile("10.0.0.0/8", access=frozenset({MailProtocol.POP3})))
    assert [(rule, reason) for rule, passed, reason, _ in told if not passed] == [
        ("protocol", Reason.PROTOCOL_OFF),
        ("remote address", Reason.IP_NOT_ALLOWED),
    ]
    assert told[6][3].endswith("203.0.113.9 is in none of 1 networks")


@pytest.mark.parametrize("flag", list(DENIALS))
def test_the_first_step_that_fails_is_the_decision(flag: str):
    changes, _ = DENIALS[flag]
    failed = [reason for _, passed, reason, _ in walk(**changes) if not passed]
    assert failed[0] is ask(**changes)


def test_steps_for_an_account_without_profile_or_name_say_so():
    sentences = [sentence for *_, sentence in walk(profile=None, login=credentials("", defect=Reason.BAD_CHARACTERS))]
    assert sentences[0].endswith("there is no usable login name")
    assert sentences[4].endswith("neither its own nor a default")
    assert sentences[5].endswith("imap; allowed: none")


def test_steps_name_the_remark_of_the_network_that_matched():
    network = Network(OFFICE.remote_ips[0].network, "head office")
    assert walk(profile=Profile("office", frozenset(MailProtocol), (network,)))[6][3].endswith("(head office)")


def test_steps_say_when_any_address_is_allowed():
    assert walk(profile=profile())[6][3] == "203.0.113.9; allowed: from anywhere"


def test_steps_tell_of_the_rules_for_this_protocol():
    branches = ruled(
        ProfileRule(True, frozenset({MailProtocol.IMAP}), HERE_ONLY), ProfileRule(True, frozenset({MailProtocol.POP3}))
    )
    told = {rule: sentence for rule, _, _, sentence in walk(profile=branches, peer_ip=ip_address("192.0.2.1"))}
    assert told["remote address"].endswith("192.0.2.1 is in none of 1 networks")
    assert told["order of rules"] == "none of 2 rules of the profile applies"


def test_steps_name_the_rule_that_denies():
    denying = ruled(ProfileRule(False, ALL, HERE_ONLY, remark="kiosk"), ProfileRule(True, ALL))
    assert walk(profile=denying)[-1][3].endswith("rule 1 of 2 (kiosk) is the first that applies, and denies")


def test_rules_have_names_of_their_own():
    assert len({rule.name for rule in RULES}) == len(RULES)
