"""Hashing is meant to take a tenth of a second; these tests do not need it to."""

import argon2
import pytest
from cgappliance_local import users

FAST = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def fast_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """New hashes are cheap; hashes say themselves what they cost to verify, so logins are cheap too."""
    monkeypatch.setattr(users, "_hasher", FAST)
    monkeypatch.setattr(users, "NOBODYS_HASH", FAST.hash(""))
