"""Accounts and profiles for tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from cgappliance.model import MailProtocol, Profile, ProfileRule
from cgappliance.store import accounts, changes, profiles
from cgappliance.store.accounts import Account, NewAccount
from cgappliance.store.engine import Store
from cgappliance.store.profiles import StoredProfile

NOW = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
ALLOW_ALL = ProfileRule(True, frozenset(MailProtocol))


def add_account(store: Store, address: str = "yuki@acme.example", tenant: str = "acme", **values: Any) -> Account:
    with changes.change(store) as transaction:
        return accounts.add(transaction, NewAccount(tenant, address, **values), by="test", now=NOW)


def change_account(store: Store, account: Account, **values: Any) -> Account:
    with changes.change(store) as transaction:
        return accounts.change(transaction, account, by="test", now=NOW, **values)


def add_profile(store: Store, name: str = "office", *rules: ProfileRule, tenant: str = "acme") -> StoredProfile:
    with changes.change(store) as transaction:
        return profiles.add(transaction, tenant, made_profile(name, rules or (ALLOW_ALL,)), by="test", now=NOW)


def made_profile(name: str, rules: Sequence[ProfileRule]) -> Profile:
    return profiles.make_profile(name, rules)
