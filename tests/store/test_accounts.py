from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert

from cgappliance.model import MailProtocol, Peer, Reason
from cgappliance.store import accounts, changes
from cgappliance.store.accounts import DisabledBy, Filter, GoogleState, ProfileSource
from cgappliance.store.engine import Store
from cgappliance.store.errors import RecordConflict, RecordMissing
from cgappliance.store.history_writer import HistoryWriter
from cgappliance.store.schema import lockouts
from tests.store.people import NOW, add_account, change_account
from tests.store.records import record


def addresses(store: Store, where: Filter | None = None, tenant: str = "acme") -> list[str]:
    with store.read() as connection:
        return [account.address for account in accounts.walk(connection, tenant, where)]


def test_an_account_comes_back_as_it_was_added(store: Store) -> None:
    added = add_account(store, identity="cn=yuki", profile="office", google_id="1", google_state=GoogleState.PRESENT)
    with store.read() as connection:
        assert accounts.get(connection, "acme", " Yuki@ACME.example ") == added
    assert (added.version, added.profile_source, added.enabled, added.created_at) == (1, ProfileSource.ADMIN, True, NOW)


def test_accounts_of_one_address_live_in_several_tenants_but_not_twice_in_one(store: Store) -> None:
    first, other = add_account(store), add_account(store, tenant="other")
    assert first.uid != other.uid
    with pytest.raises(RecordConflict, match=r"acme has an account yuki@acme\.example already"):
        add_account(store)


def test_a_missing_account_is_named(store: Store) -> None:
    with store.read() as connection:
        assert accounts.find(connection, "acme", "nobody@acme.example") is None
        with pytest.raises(RecordMissing, match=r"no account 'nobody@acme\.example'"):
            accounts.get(connection, "acme", "nobody@acme.example")


def test_a_change_counts_the_version_and_says_who(store: Store) -> None:
    changed = change_account(store, add_account(store), enabled=False, disabled_by=DisabledBy.ADMIN)
    assert (changed.version, changed.enabled, changed.disabled_by, changed.changed_by) == (2, False, DisabledBy.ADMIN, "test")


def test_two_who_change_what_they_read_at_the_same_time_do_not_overwrite_each_other(store: Store) -> None:
    account = add_account(store)
    change_account(store, account, profile="office")
    with pytest.raises(RecordConflict, match="meanwhile"):
        change_account(store, account, enabled=False)


def test_a_renamed_account_stays_itself(store: Store) -> None:
    account = add_account(store)
    renamed = change_account(store, account, address="new@acme.example")
    assert (renamed.id, renamed.uid) == (account.id, account.uid)
    assert addresses(store) == ["new@acme.example"]


def test_a_taken_address_cannot_be_renamed_to(store: Store) -> None:
    account, _ = add_account(store), add_account(store, "ken@acme.example")
    with pytest.raises(RecordConflict, match=r"ken@acme\.example already"):
        change_account(store, account, address="ken@acme.example")


def test_a_rename_tells_of_both_addresses(store: Store) -> None:
    heard: list[str] = []
    account = add_account(store)
    store.listeners.append(lambda found: heard.extend(change.key for change in found or ()))
    change_account(store, account, address="new@acme.example")
    assert heard == ["new@acme.example", "yuki@acme.example"]


def test_a_removed_account_is_gone_with_its_last_logins(store: Store) -> None:
    account = add_account(store)
    writer = HistoryWriter(store, node="n1", incarnation="i1")
    writer.start()
    writer.login(record())
    writer.stop(5)
    with changes.change(store) as transaction:
        accounts.remove(transaction, account)
    with store.read() as connection:
        assert accounts.last_logins(connection, [account.id]) == {account.id: []}
    assert addresses(store) == []


def test_filters_find_accounts_by_address(store: Store) -> None:
    for address, values in {"a_b@x": {"profile": "office"}, "ab@x": {"enabled": False}, "c@x": {}}.items():
        add_account(store, address, **values)
    with store.write() as connection:
        locked = {"tenant": "acme", "address": "c@x", "binds": [], "locked_until": NOW + timedelta(seconds=1), "touched_at": NOW}
        connection.execute(insert(lockouts).values(**locked))
    assert addresses(store) == ["a_b@x", "ab@x", "c@x"]
    assert addresses(store, Filter(search="A_B")) == ["a_b@x"]  # an underscore is no wildcard
    assert addresses(store, Filter(profile="")) == ["ab@x", "c@x"]
    assert addresses(store, Filter(enabled=False)) == ["ab@x"]
    assert addresses(store, Filter(locked_at=NOW)) == ["c@x"]
    assert addresses(store, Filter(locked_at=NOW + timedelta(seconds=1))) == []


def test_walking_crosses_pages(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "PAGE_MAX", 2)
    for number in range(5):
        add_account(store, f"u{number}@x", tenant=f"t{number % 2}")
    assert addresses(store, tenant="t0") == ["u0@x", "u2@x", "u4@x"]
    with store.read() as connection:
        assert [account.address for account in accounts.everything(connection)] == [f"u{number}@x" for number in range(5)]


def test_some_accounts_are_found_at_once_however_many_are_asked_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "ADDRESSES_MAX", 2)
    for number in range(5):
        add_account(store, f"u{number}@x")
    with store.read() as connection:
        found = accounts.some(connection, "acme", [f"u{number}@x" for number in range(7)])
    assert list(found) == [f"u{number}@x" for number in range(5)]


def test_counts(store: Store) -> None:
    for address, values in {"a@x": {"profile": "office"}, "b@x": {"profile": "office", "enabled": False}, "c@x": {}}.items():
        add_account(store, address, **values)
    with store.read() as connection:
        assert accounts.count(connection, "acme") == 3
        assert accounts.count(connection, "acme", profiles=["office", ""], enabled=True) == 2
        assert accounts.count_by_profile(connection, "acme") == {"office": 2, "": 1}


def test_a_profile_is_given_to_many_at_once(store: Store) -> None:
    added = [add_account(store, f"u{number}@x", profile_source=ProfileSource.DIRECTORY) for number in range(3)]
    with changes.change(store) as transaction:
        accounts.set_profile(transaction, "acme", [account.id for account in added[:2]], "office", by="test", now=NOW)
    with store.read() as connection:
        found = [(account.profile, account.profile_source, account.version) for account in accounts.walk(connection, "acme")]
    assert found == [("office", ProfileSource.ADMIN, 2)] * 2 + [("", ProfileSource.DIRECTORY, 1)]


def test_last_logins_are_told_per_protocol(store: Store) -> None:
    account = add_account(store)
    writer = HistoryWriter(store, node="n1", incarnation="i1", now=lambda: NOW)
    writer.start()
    writer.login(record(protocol=MailProtocol.SMTP, reason=Reason.LOCKED, peer=Peer.of("2001:db8::1", 1), total_ms=0.0))
    writer.stop(5)
    with store.read() as connection:
        (last,) = accounts.last_logins(connection, [account.id])[account.id]
    assert (last.protocol, last.success_at, last.failure_at, str(last.failure_ip)) == (MailProtocol.SMTP, None, NOW, "2001:db8::1")
    assert last.failure_reason == "locked"
