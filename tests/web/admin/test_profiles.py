from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import TestResponse

from cgappliance.admin import accounts, profiles
from cgappliance.model import MailProtocol, Peer, Profile
from cgappliance.policy.rules import ordered_rules
from cgappliance.store.administrators import Role
from cgappliance.store.history_writer import HistoryWriter
from tests.admin.trail import last
from tests.store.records import record
from tests.web.site import NOW, TestSite, text_of

ENGLISH = {"Accept-Language": "en"}
HOME = "/acme/admin/profiles"
ALL = ["imap", "pop3", "smtp"]


def fields(networks: str = "", *, access: bool = True, protocols: list[str] | None = None, **more: Any) -> dict[str, Any]:
    """Return the form of one rule."""
    typed = {"rules": "1", "rule-0-action": "allow", "rule-0-protocol": ALL if protocols is None else protocols}
    typed |= {"access": "1"} if access else {}
    typed |= {"rule-0-limited": "1", "rule-0-networks": networks} if networks else {}
    return {**typed, "op": "save", **more}


@pytest.fixture
def made(site: TestSite) -> TestSite:
    """The profile "branch", for addresses of the test's own client too."""
    site.enter()
    create(site, fields("127.0.0.0/8  # here\r\n203.0.113.0/24 # office"))
    return site


@pytest.fixture
def live(made: TestSite) -> Iterator[None]:
    """Yuki, who has the profile, reads mail from here."""
    accounts.create(made.desk(), made.services.tenants["acme"], "yuki@acme.example", profile="branch")
    writer = HistoryWriter(made.store, node="n1", incarnation="i1", now=lambda: NOW)
    writer.start()
    writer.login(record(peer=Peer.of("127.0.0.1", 50123)))
    yield
    writer.stop(5)


def create(site: TestSite, data: dict[str, Any], name: str = "branch") -> TestResponse:
    return site.post(f"{HOME}/new", {"name": name, **data}, form=f"{HOME}/new", headers=ENGLISH)


def save(site: TestSite, data: dict[str, Any], version: int = 1) -> TestResponse:
    return site.post(f"{HOME}/branch", {"version": str(version), **data}, form=f"{HOME}/branch", headers=ENGLISH)


def branch(site: TestSite) -> Profile:
    return profiles.show(site.desk(), site.services.tenants["acme"], "branch").profile


def test_a_profile_is_made_of_check_boxes_and_lines(made: TestSite) -> None:
    (rule,) = ordered_rules(branch(made))
    assert [(str(entry.network), entry.remark) for entry in rule.networks] == [
        ("127.0.0.0/8", "here"),
        ("203.0.113.0/24", "office"),
    ]
    assert branch(made).mail_access == frozenset(MailProtocol)


def test_the_form_shows_what_was_saved(made: TestSite) -> None:
    page = made.get(f"{HOME}/branch").text
    assert "203.0.113.0/24  # office" in page
    assert page.count("checked") == 5  # access, three protocols, restriction


def test_without_the_check_mark_nobody_gets_in(made: TestSite) -> None:
    save(made, fields(access=False))
    assert branch(made).mail_access == frozenset()
    assert 'name="access" value="1"  ' in made.get(f"{HOME}/branch").text


def test_mistakes_are_told_with_the_line_that_was_typed_and_nothing_is_saved(made: TestSite) -> None:
    answer = save(made, fields("203.0.113.5/24\r\nnonsense"))
    assert answer.status_code == 400
    text = text_of(answer)
    assert "networks (203.0.113.5/24): '203.0.113.5/24' has host bits set" in text
    assert "networks (nonsense): 'nonsense' is not an address" in text
    assert len(ordered_rules(branch(made))[0].networks) == 2


def test_a_restriction_to_nothing_is_a_mistake(made: TestSite) -> None:
    assert "lists no address" in text_of(save(made, {**fields(), "rule-0-limited": "1"}))


def test_a_rule_for_no_protocol_is_a_mistake(made: TestSite) -> None:
    assert "the rule is for no protocol" in text_of(save(made, fields(protocols=[])))


def test_locking_oneself_out_is_asked_about_and_possible(made: TestSite) -> None:
    asked = save(made, fields("203.0.113.0/24"))
    assert "Your own address now, 127.0.0.1, is not among those" in text_of(asked)
    assert len(ordered_rules(branch(made))[0].networks) == 2
    assert save(made, fields("203.0.113.0/24", op="confirmed")).status_code == 303
    assert len(ordered_rules(branch(made))[0].networks) == 1


def test_two_administrators_do_not_overwrite_each_other_unseen(made: TestSite) -> None:
    save(made, fields(), version=1)
    answer = save(made, fields("127.0.0.0/8"), version=1)
    assert answer.status_code == 400
    assert "hana has changed the profile 'branch' meanwhile" in text_of(answer)


def test_who_changed_it_last_is_shown(made: TestSite) -> None:
    assert "Last changed on 2026-11-24 12:00 by hana." in text_of(made.get(f"{HOME}/branch", headers=ENGLISH))


def test_rules_are_added_moved_and_removed_without_saving(made: TestSite) -> None:
    added = save(made, fields("127.0.0.0/8", op="add"))
    assert 'name="rules" value="2"' in added.text
    two = fields("127.0.0.0/8", rules="2", op="down:0") | {"rule-1-action": "deny", "rule-1-protocol": ["smtp"]}
    moved = save(made, two).text
    assert moved.index('value="deny" selected') < moved.index('value="allow" selected')
    assert 'name="rules" value="1"' in save(made, {**two, "op": "remove:1"}).text
    assert len(ordered_rules(branch(made))) == 1


def test_two_rules_keep_their_order_hours_and_remark(made: TestSite) -> None:
    second = {
        "rule-1-action": "allow",
        "rule-1-protocol": ["imap"],
        "rule-1-windows": "mon-fri 09:00-18:00",
        "rule-1-remark": "day",
    }
    first = {"rule-0-action": "deny", "rule-0-protocol": ["smtp"]}
    assert save(made, {"rules": "2", "access": "1", "op": "save", **first, **second}).status_code == 303
    found = ordered_rules(branch(made))
    assert [(rule.allow, rule.remark, len(rule.windows)) for rule in found] == [(False, "", 0), (True, "day", 1)]


def test_a_profile_is_copied_and_deleted(made: TestSite) -> None:
    made.post(f"{HOME}/branch/copy", {"new_name": "second"}, form=f"{HOME}/branch")
    assert made.get(f"{HOME}/second").status_code == 200
    made.post(f"{HOME}/second/delete", form=f"{HOME}/second")
    assert made.get(f"{HOME}/second").status_code == 404
    assert (last(made.desk()).action, last(made.desk()).actor) == ("profile.delete", "hana")


def test_a_profile_of_the_tenant_file_is_shown_and_not_changed(made: TestSite) -> None:
    page = made.get(f"{HOME}/office", headers=ENGLISH)
    assert "stands in the tenant file" in text_of(page)
    answer = made.post(f"{HOME}/office", {"version": "0", **fields("127.0.0.1")}, form=HOME, headers=ENGLISH)
    assert answer.status_code == 400


def test_an_auditor_reads_profiles(made: TestSite) -> None:
    made.enter(Role.AUDITOR)
    page = made.get(f"{HOME}/branch", headers=ENGLISH)
    assert "203.0.113.0/24" in text_of(page)
    assert "<textarea" not in page.text


def test_a_name_that_is_taken_is_told_and_what_was_typed_stays(made: TestSite) -> None:
    answer = create(made, fields("192.0.2.0/24"))
    assert answer.status_code == 400
    assert "has a profile 'branch' already" in text_of(answer)
    assert "192.0.2.0/24" in answer.text


@pytest.mark.parametrize(
    ("first", "warned"),
    [
        ({"rule-0-action": "deny", "rule-0-networks": "127.0.0.0/8"}, True),
        ({"rule-0-action": "deny", "rule-0-networks": "127.0.0.0/8", "rule-0-windows": "sat,sun 00:00-24:00"}, False),
        ({"rule-0-action": "allow", "rule-0-networks": "127.0.0.0/8"}, False),
    ],
)
def test_a_rule_that_denies_the_own_address_first_is_warned_of(made: TestSite, first: dict[str, str], warned: bool) -> None:
    rules = {"rules": "2", "rule-0-limited": "1", "rule-0-protocol": ALL, "rule-1-action": "allow", "rule-1-protocol": ALL}
    page = save(made, {"access": "1", "op": "save", **rules, **first})
    assert ("Your own address now" in text_of(page)) is warned


@pytest.mark.usefixtures("live")
def test_saving_says_how_many_live_sessions_end(made: TestSite) -> None:
    page = save(made, fields("203.0.113.0/24"))
    assert "1 live session will end at once." in text_of(page)
    save(made, fields("203.0.113.0/24", op="confirmed"))
    assert "applies from now on. 1 live session ends." in text_of(made.get(f"{HOME}/branch", headers=ENGLISH))
