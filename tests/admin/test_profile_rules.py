from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from cgappliance.admin.profile_rules import NETWORKS_MAX, RULES_MAX, checked_name, parse_rules
from cgappliance.model import MailProtocol, Network, ProfileRule
from cgappliance.policy import windows
from cgappliance.store.errors import RecordInvalid
from cgappliance.store.profiles import rule_to_json

FULL = {
    "allow": False,
    "protocols": ["imap", "smtp"],
    "networks": ["203.0.113.0/24", {"network": "::ffff:192.0.2.7", "remark": " HQ "}, "2001:db8::/32"],
    "windows": ["mon-fri 09:00-18:00"],
    "remark": "office hours",
}


def problems(*rules: Any) -> list[str]:
    with pytest.raises(RecordInvalid) as caught:
        parse_rules(list(rules))
    return str(caught.value).splitlines()


def test_rules_are_read_in_order_and_normalised() -> None:
    assert parse_rules([{"protocols": ["pop3"]}, FULL]) == (
        ProfileRule(True, frozenset({MailProtocol.POP3})),
        ProfileRule(
            False,
            frozenset({MailProtocol.IMAP, MailProtocol.SMTP}),
            (
                Network(ip_network("203.0.113.0/24")),
                Network(ip_network("192.0.2.7/32"), "HQ"),
                Network(ip_network("2001:db8::/32")),
            ),
            (windows.parse("mon-fri 09:00-18:00"),),
            "office hours",
        ),
    )


def test_what_the_store_writes_is_read_back() -> None:
    (rule,) = parse_rules([FULL])
    assert parse_rules([rule_to_json(rule)]) == (rule,)


def test_the_address_of_the_manual_is_refused_with_the_reason() -> None:
    (told,) = problems({"protocols": ["imap"], "networks": ["123.456.78.90"]})
    assert told.startswith("rules[0].networks[0]: '123.456.78.90' is not an address: octet 456")


def test_every_mistake_is_told_at_its_place() -> None:
    assert problems(
        {"protocols": ["imap", "nntp"], "networks": ["203.0.113.5/24", "192.0.2.1", "192.0.2.1/32"], "windows": ["montag 9-5"]},
        {"allow": "yes", "protocols": [], "remark": "a\nb", "colour": 1},
        "allow all",
    ) == [
        "rules[0].protocols[1]: 'nntp' is no protocol (write imap, pop3, smtp)",
        "rules[0].networks[0]: '203.0.113.5/24' has host bits set (write 203.0.113.0/24 for the whole network or 203.0.113.5/32 "
        "for one address)",
        "rules[0].networks[2]: 192.0.2.1/32 is in the list already (leave one of the two out)",
        "rules[0].windows[0]: 'montag' is no day of the week (write mon, tue, wed, thu, fri, sat, sun, or daily)",
        "rules[1].colour: there is no such key (a rule has allow, protocols, networks, windows, remark)",
        "rules[1].allow: 'yes' is neither true nor false (write true or false)",
        "rules[1].protocols: the rule is for no protocol (name at least one of imap, pop3, smtp)",
        "rules[1].remark: this is no remark (write at most 100 printable characters)",
        'rules[2]: this is no rule (write an object, as in {"allow": true, "protocols": ["imap"]})',
    ]


@pytest.mark.parametrize("data", [None, "imap", {}, [], [{"protocols": ["imap"]}] * (RULES_MAX + 1)])
def test_what_is_no_list_of_rules_is_refused(data: Any) -> None:
    with pytest.raises(RecordInvalid, match="these are no rules"):
        parse_rules(data)


@pytest.mark.parametrize(
    ("key", "value"), [("protocols", "imap"), ("networks", "192.0.2.1"), ("windows", {}), ("networks", [7]), ("windows", [None])]
)
def test_what_is_of_another_type_is_refused(key: str, value: Any) -> None:
    assert problems({"protocols": ["imap"], key: value})[0].startswith(f"rules[0].{key}")


def test_as_many_networks_as_are_promised_fit_and_not_more() -> None:
    networks = [f"10.{number // 256}.{number % 256}.0/24" for number in range(NETWORKS_MAX + 1)]
    assert len(parse_rules([{"protocols": ["imap"], "networks": networks[:-1]}])[0].networks) == NETWORKS_MAX >= 128
    assert "too long" in problems({"protocols": ["imap"], "networks": networks})[0]


@pytest.mark.parametrize("name", ["office", "本社", "a b", "x" * 64])
def test_names(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize("name", ["", " office", "a\nb", "x" * 65])
def test_what_cannot_name_a_profile_is_refused(name: str) -> None:
    with pytest.raises(RecordInvalid, match="cannot name a profile"):
        checked_name(name)
