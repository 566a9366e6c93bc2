from __future__ import annotations

from ipaddress import ip_network

import pytest

from cgappliance.model import MailProtocol, Network, ProfileRule
from cgappliance.policy import windows
from cgappliance.store import changes, profiles
from cgappliance.store.engine import Store
from cgappliance.store.errors import RecordConflict, RecordMissing
from tests.store.people import ALLOW_ALL, NOW, add_profile

RULE = ProfileRule(
    True,
    frozenset({MailProtocol.IMAP, MailProtocol.SMTP}),
    (Network(ip_network("203.0.113.0/24"), "本社"), Network(ip_network("2001:db8::/32"))),
    (windows.parse("mon-fri 09:00-18:00"),),
    "office hours",
)
DENY = ProfileRule(False, frozenset({MailProtocol.POP3}))


def test_rules_come_back_in_order_and_as_they_were(store: Store) -> None:
    add_profile(store, "office", DENY, RULE)
    with store.read() as connection:
        found = profiles.get(connection, "acme", "office")
    assert found.profile.rules == (DENY, RULE)
    assert (found.profile.mail_access, found.profile.read_only, found.version) == (RULE.protocols, False, 1)


def test_a_name_is_taken_once_a_tenant(store: Store) -> None:
    add_profile(store)
    add_profile(store, tenant="other")
    with pytest.raises(RecordConflict, match="acme has a profile 'office' already"):
        add_profile(store)


def test_a_missing_profile_is_named(store: Store) -> None:
    with store.read() as connection, pytest.raises(RecordMissing, match="no profile 'nowhere'"):
        profiles.get(connection, "acme", "nowhere")


def test_rules_are_replaced_unless_somebody_was_faster(store: Store) -> None:
    before = add_profile(store)
    with changes.change(store) as transaction:
        after = profiles.replace(transaction, before, [DENY], by="other", now=NOW)
    assert (after.profile.rules, after.version, after.changed_by) == ((DENY,), 2, "other")
    with pytest.raises(RecordConflict, match="meanwhile"), changes.change(store) as transaction:
        profiles.replace(transaction, before, [ALLOW_ALL], by="test", now=NOW)


def test_a_removed_profile_is_gone(store: Store) -> None:
    before = add_profile(store)
    with changes.change(store) as transaction:
        profiles.remove(transaction, before)
    with store.read() as connection:
        assert profiles.of_tenant(connection, "acme") == []


def test_lists(store: Store) -> None:
    for name, tenant in (("b", "acme"), ("a", "acme"), ("c", "other")):
        add_profile(store, name, tenant=tenant)
    with store.read() as connection:
        assert [stored.name for stored in profiles.of_tenant(connection, "acme")] == ["a", "b"]
        assert [stored.name for stored in profiles.everything(connection)] == ["b", "a", "c"]
