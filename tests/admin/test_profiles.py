from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network

import pytest

from cgappliance.admin import accounts, profiles
from cgappliance.admin.desk import Desk
from cgappliance.model import MailProtocol, Network, Peer, ProfileRule, Reason, Tenant
from cgappliance.store import profiles as stored_profiles
from cgappliance.store.errors import LimitReached, RecordConflict, RecordInvalid, RecordMissing
from cgappliance.store.history_writer import HistoryWriter
from tests.admin.conftest import NOW
from tests.admin.trail import actions, last
from tests.store.people import change_account
from tests.store.records import record

ALLOW = ProfileRule(True, frozenset(MailProtocol))
IMAP_ONLY = ProfileRule(True, frozenset({MailProtocol.IMAP}))
HERE_ONLY = ProfileRule(True, frozenset(MailProtocol), (Network(ip_network("192.0.2.0/24")),))


@pytest.fixture
def sessions(desk: Desk) -> Iterator[None]:
    """Live sessions: yuki by IMAP and POP3 from here, ken by IMAP from elsewhere."""
    writer = HistoryWriter(desk.store, node="n1", incarnation="i1", now=lambda: NOW)
    writer.start()
    writer.login(record(session="yuki-imap"))
    writer.login(record(session="yuki-pop3", protocol=MailProtocol.POP3))
    writer.login(record(session="ken-imap", address="ken@acme.example", peer=Peer.of("198.51.100.1", 1)))
    writer.login(record(session="refused", reason=Reason.LOCKED))
    yield
    writer.stop(5)


def names(desk: Desk, acme: Tenant) -> list[tuple[str, int, bool, bool]]:
    return [(row.profile.name, row.accounts, row.profile.read_only, row.hidden) for row in profiles.listing(desk, acme)]


def ending(found: list[profiles.Ending]) -> dict[str, Reason]:
    return {end.session.session: end.reason for end in found}


def test_profiles_of_file_and_store_are_one_list_with_their_accounts(desk: Desk, acme: Tenant) -> None:
    profiles.create(desk, acme, "home", [ALLOW])
    for name, profile in (("a", "home"), ("b", "office"), ("c", "")):
        accounts.create(desk, acme, f"{name}@acme.example", profile=profile)
    assert names(desk, acme) == [("home", 1, False, False), ("office", 1, True, False)]
    assert names(desk, replace(acme, default_profile="office"))[1] == ("office", 2, True, False)


def test_a_profile_that_the_file_has_too_is_hidden(desk: Desk, acme: Tenant) -> None:
    profiles.create(desk, acme, "home", [ALLOW])
    both = replace(acme, profiles={"home": replace(acme.profiles["office"], name="home")})
    assert names(desk, both) == [("home", 0, True, False), ("home", 0, False, True)]
    assert profiles.show(desk, both, "home").profile is both.profiles["home"]


def test_a_created_profile_is_shown_and_logged(desk: Desk, acme: Tenant) -> None:
    profiles.create(desk, acme, "home", [IMAP_ONLY, ALLOW])
    row = profiles.show(desk, acme, "home")
    assert (row.profile.rules, row.version, row.changed_by) == ((IMAP_ONLY, ALLOW), 1, "root")
    assert last(desk).after == profiles.seen(row.profile)


def test_a_name_of_the_file_is_taken(desk: Desk, acme: Tenant) -> None:
    with pytest.raises(RecordConflict, match="in its file already"):
        profiles.create(desk, acme, "office", [ALLOW])


def test_a_bad_name_is_refused(desk: Desk, acme: Tenant) -> None:
    with pytest.raises(RecordInvalid, match="cannot name"):
        profiles.create(desk, acme, "", [ALLOW])


def test_there_is_a_limit(desk: Desk, acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "PROFILES_MAX", 1)
    profiles.create(desk, acme, "one", [ALLOW])
    with pytest.raises(LimitReached, match="limit"):
        profiles.create(desk, acme, "two", [ALLOW])


def test_a_copy_of_a_profile_of_the_file_can_be_changed(desk: Desk, acme: Tenant) -> None:
    copied = profiles.copy(desk, acme, "office", "office 2")
    assert copied.profile.rules == (ProfileRule(True, frozenset(MailProtocol), acme.profiles["office"].remote_ips),)
    profiles.edit(desk, acme, "office 2", [IMAP_ONLY])
    with pytest.raises(RecordMissing, match="no profile 'nowhere'"):
        profiles.copy(desk, acme, "nowhere", "x")


def test_an_edit_is_logged_with_what_was_before(desk: Desk, acme: Tenant) -> None:
    profiles.create(desk, acme, "home", [ALLOW])
    profiles.edit(desk, acme, "home", [IMAP_ONLY], version=1)
    assert last(desk).before == {"rules": [stored_profiles.rule_to_json(ALLOW)]}
    assert last(desk).after == {"rules": [stored_profiles.rule_to_json(IMAP_ONLY)]}


def test_an_edit_of_what_somebody_else_has_changed_meanwhile_is_refused(desk: Desk, acme: Tenant) -> None:
    profiles.create(desk, acme, "home", [ALLOW])
    profiles.edit(desk, acme, "home", [IMAP_ONLY], version=1)
    with pytest.raises(RecordConflict, match="root has changed the profile 'home' meanwhile"):
        profiles.edit(desk, acme, "home", [ALLOW], version=1)


@pytest.mark.parametrize("change", [lambda *where: profiles.edit(*where, [ALLOW]), profiles.delete])
def test_a_profile_of_the_file_is_read_only(desk: Desk, acme: Tenant, change: object) -> None:
    with pytest.raises(RecordConflict, match="stands in"):
        change(desk, acme, "office")  # type: ignore[operator]


def test_a_profile_in_use_is_not_deleted(desk: Desk, acme: Tenant) -> None:
    profiles.create(desk, acme, "home", [ALLOW])
    accounts.create(desk, acme, "a@acme.example", profile="home")
    with pytest.raises(RecordConflict, match="1 accounts have the profile"):
        profiles.delete(desk, acme, "home")
    profiles.apply(desk, acme, "", None)
    profiles.delete(desk, acme, "home")
    assert names(desk, acme) == [("office", 0, True, False)]


def test_the_default_profile_is_not_deleted(desk: Desk, acme: Tenant) -> None:
    profiles.create(desk, acme, "home", [ALLOW])
    with pytest.raises(RecordConflict, match="default profile of acme"):
        profiles.delete(desk, replace(acme, default_profile="home"), "home")


def test_a_profile_is_applied_to_some_or_all(desk: Desk, acme: Tenant) -> None:
    for name in "abc":
        accounts.create(desk, acme, f"{name}@acme.example")
    assert profiles.apply(desk, acme, "office", ["A@acme.example"]).changed == ["a@acme.example"]
    assert profiles.apply(desk, acme, "office", None).changed == ["b@acme.example", "c@acme.example"]
    assert actions(desk)[-1] == ("account.profile", "c@acme.example")


def test_a_profile_that_the_directory_chose_is_left_alone(desk: Desk, acme: Tenant) -> None:
    account = accounts.create(desk, acme, "a@acme.example")
    change_account(desk.store, account, profile_source="directory")
    assert profiles.apply(desk, acme, "office", None) == profiles.Applied([], ["a@acme.example"])


def test_of_several_accounts_all_get_the_profile_or_none(desk: Desk, acme: Tenant) -> None:
    accounts.create(desk, acme, "a@acme.example")
    with pytest.raises(RecordMissing, match=r"no account nobody@acme\.example"):
        profiles.apply(desk, acme, "office", ["a@acme.example", "nobody@acme.example"])
    with pytest.raises(RecordMissing, match="no profile 'nowhere'"):
        profiles.apply(desk, acme, "nowhere", ["a@acme.example"])
    assert accounts.show(desk, acme, "a@acme.example").row.profile == ""


def test_a_profile_is_not_applied_to_more_than_there_are_seats(desk: Desk, acme: Tenant) -> None:
    for name in "abcd":
        accounts.create(desk, acme, f"{name}@acme.example")
    with pytest.raises(LimitReached):
        profiles.apply(desk, acme, "office", None)


@pytest.mark.usefixtures("sessions")
def test_what_an_edit_would_end_is_told_before_it_is_saved(desk: Desk, acme: Tenant) -> None:
    profiles.create(desk, acme, "home", [ALLOW])
    for name in ("yuki", "ken"):
        accounts.create(desk, acme, f"{name}@acme.example", profile="home")
    assert ending(profiles.ending_by_edit(desk, acme, "home", [IMAP_ONLY])) == {"yuki-pop3": Reason.PROTOCOL_OFF}
    assert ending(profiles.ending_by_edit(desk, acme, "home", [HERE_ONLY])) == {"ken-imap": Reason.IP_NOT_ALLOWED}
    assert ending(profiles.ending_by_edit(desk, acme, "home", [ALLOW])) == {}


@pytest.mark.usefixtures("sessions")
def test_what_applying_would_end_is_told_before_it_is_done(desk: Desk, acme: Tenant) -> None:
    profiles.create(desk, acme, "home", [ALLOW])
    profiles.create(desk, acme, "imap", [IMAP_ONLY])
    for name in ("yuki", "ken"):
        accounts.create(desk, acme, f"{name}@acme.example", profile="home")
    assert ending(profiles.ending_by_apply(desk, acme, "imap", None)) == {"yuki-pop3": Reason.PROTOCOL_OFF}
    assert ending(profiles.ending_by_apply(desk, acme, "imap", ["ken@acme.example"])) == {}
    assert set(ending(profiles.ending_by_apply(desk, acme, "", ["ken@acme.example"])).values()) == {Reason.NO_PROFILE}


def test_rules_that_give_mail_access_to_more_than_there_are_seats_are_refused(desk: Desk, acme: Tenant) -> None:
    profiles.create(desk, acme, "none", [ProfileRule(False, frozenset(MailProtocol))])
    for number in range(4):
        accounts.create(desk, acme, f"u{number}@acme.example", profile="none")
    with pytest.raises(LimitReached, match="4 accounts"):
        profiles.edit(desk, acme, "none", [ALLOW])
    assert not profiles.show(desk, acme, "none").profile.mail_access
