"""Accounts and directory entries that differ in what a test is about."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

from cgappliance.administration import DirectoryEntry
from cgappliance.store.accounts import Account, DisabledBy, GoogleState, ProfileSource
from tests.admin.conftest import NOW

_numbers = itertools.count(1)


def account(name: str, **changes: Any) -> Account:
    """Return an enabled account of acme with the identity "id of <name>"."""
    number = next(_numbers)
    made = Account(
        id=number,
        uid=f"uid{number}",
        tenant="acme",
        address=f"{name}@acme.example",
        identity=f"id of {name}",
        profile="",
        profile_source=ProfileSource.ADMIN,
        enabled=True,
        disabled_by=DisabledBy.NOBODY,
        google_id="",
        google_state=GoogleState.UNKNOWN,
        reset_due=False,
        version=1,
        created_at=NOW,
        changed_at=NOW,
        changed_by="test",
    )
    return replace(made, **changes)


def entry(name: str, **changes: Any) -> DirectoryEntry:
    """Return the directory's entry of somebody, with the identity "id of <name>"."""
    return replace(DirectoryEntry(f"id of {name}", f"{name}@acme.example", name.title(), "Sato"), **changes)
