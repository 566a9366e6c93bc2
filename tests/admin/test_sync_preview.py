"""A sync that is shown first: exactly what was shown is done, or nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import gevent
import pytest

from cgappliance.admin import accounts, sync_preview
from cgappliance.admin.desk import Desk
from cgappliance.admin.sync_plan import Action
from cgappliance.admin.sync_preview import Means, Outcome, Preview, TooMany, Wanted
from cgappliance.administration import DirectoryEntry, DirectoryFailed, GoogleFault
from cgappliance.model import Reason, Tenant
from cgappliance.store.errors import RecordConflict
from cgappliance.store.vault import Vault
from tests.admin.fake_customer import FakeCustomer
from tests.admin.fake_directory import FakeDirectory
from tests.admin.people import entry
from tests.admin.trail import actions

YUKI, TARO = "yuki@acme.example", "taro@acme.example"


@dataclass
class Company:
    desk: Desk
    tenant: Tenant
    vault: Vault
    directory: FakeDirectory
    google: FakeCustomer
    heard: list[tuple[str, int]] = field(default_factory=list)

    def means(self) -> Means:
        @contextlib.contextmanager
        def lend(made: Any) -> Iterator[Any]:
            yield made

        return Means(lambda _: lend(self.directory), lambda _: lend(self.google), self.vault)

    def look(self, **wanted: bool) -> Preview:
        return sync_preview.look(self.desk, self.tenant, self.means(), Wanted(**wanted), self._hear)

    def apply(self, shown: Preview, *, confirmed: bool = False) -> Outcome | Preview:
        return sync_preview.apply(self.desk, self.tenant, self.means(), shown, self._hear, confirmed=confirmed)

    def addresses(self) -> list[str]:
        return [row.account.address for row in accounts.listing(self.desk, self.tenant)]

    def _hear(self, stage: str, count: int) -> None:
        self.heard.append((stage, count))


@pytest.fixture
def company(desk: Desk, acme: Tenant, vault: Vault) -> Company:
    """Two people in the directory, none of them an account; yuki is at Google."""
    tenant = replace(acme, seats=None, default_profile="office")
    directory, google = FakeDirectory(entry("yuki"), entry("taro")), FakeCustomer(YUKI, sets_passwords=True)
    return Company(desk, tenant, vault, directory, google)


def test_looking_changes_nothing(company: Company) -> None:
    shown = company.look(google=True, create_google_users=True)
    assert [(step.action, step.address) for step in shown.plan.steps] == [(Action.ADD, TARO), (Action.ADD, YUKI)]
    assert [(need.address, need.create, need.set_password) for need in shown.needs] == [(TARO, True, True), (YUKI, False, True)]
    assert (company.addresses(), actions(company.desk), company.google.passwords) == ([], [], {})


def test_google_is_not_asked_unless_it_is_wanted(company: Company) -> None:
    assert company.look().needs == []
    assert company.google.asked == []


def test_what_was_shown_is_done(company: Company) -> None:
    outcome = company.apply(company.look())
    assert isinstance(outcome, Outcome)
    assert [done.problem for done in outcome.steps] == ["", ""]
    assert company.addresses() == [TARO, YUKI]
    assert company.google.asked == []


def test_google_users_are_made_with_the_directorys_names(company: Company) -> None:
    outcome = company.apply(company.look(google=True, create_google_users=True))
    assert isinstance(outcome, Outcome)
    assert {one.address: list(one.done) for one in outcome.at_google} == {
        TARO: ["created", "password set"],
        YUKI: ["password set"],
    }
    assert company.google.names == {TARO: "Taro Sato"}


@pytest.mark.parametrize("change", ["joined", "left", "disabled", "account", "google"])
def test_whatever_has_changed_since_nothing_is_done_and_the_new_state_is_shown(company: Company, change: str) -> None:
    shown = company.look(google=True)
    {
        "joined": lambda: company.directory.entries.append(entry("hana")),
        "left": company.directory.entries.pop,
        "disabled": lambda: company.directory.set_disabled(YUKI, disabled=True),
        "account": lambda: accounts.create(company.desk, company.tenant, YUKI),
        "google": lambda: company.google.known.pop(YUKI),
    }[change]()
    before = company.addresses()
    now = company.apply(shown)
    assert isinstance(now, Preview)
    assert (now.is_other, now.digest != shown.digest) == (True, True)
    assert (company.addresses(), company.google.passwords) == (before, {})


def test_the_new_state_can_be_agreed_to(company: Company) -> None:
    shown = company.look()
    company.directory.entries.append(entry("hana"))
    now = company.apply(shown)
    assert isinstance(now, Preview)
    assert isinstance(company.apply(now), Outcome)
    assert len(company.addresses()) == 3


def test_many_who_have_left_need_a_confirmation(company: Company) -> None:
    company.apply(company.look())
    company.directory.entries.clear()
    shown = company.look()
    with pytest.raises(RecordConflict, match="2 accounts would be switched off"):
        company.apply(shown)
    assert isinstance(company.apply(shown, confirmed=True), Outcome)
    assert not any(row.account.enabled for row in accounts.listing(company.desk, company.tenant))


def test_what_google_stops_half_way_is_told_with_what_is_done(company: Company) -> None:
    shown = company.look(google=True, create_google_users=True)
    company.google.refuses[f"id of {YUKI}"] = GoogleFault.API_OFF
    outcome = company.apply(shown)
    assert isinstance(outcome, Outcome)
    assert len(outcome.steps) == 2
    assert company.addresses() == [TARO, YUKI]


def test_a_directory_that_breaks_off_is_told_and_nothing_is_done(company: Company) -> None:
    shown = company.look()
    company.directory.fails = DirectoryFailed(Reason.DIRECTORY_UNAVAILABLE, "gone")
    with pytest.raises(DirectoryFailed, match="gone"):
        company.apply(shown)
    assert company.addresses() == []


def test_a_directory_without_end_is_not_read_to_the_end(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_preview, "ENTRIES_MAX", 1)
    with pytest.raises(TooMany):
        company.look()


def test_somebody_hears_how_far_it_is(company: Company) -> None:
    company.apply(company.look())
    assert company.heard == [("directory", 2), ("directory", 2), ("accounts", 1), ("accounts", 2)]


@pytest.mark.soak
def test_a_large_directory_leaves_the_hub_to_others(company: Company) -> None:
    company.directory.entries = [large(number) for number in range(50_000)]
    gaps: list[float] = []
    watcher = gevent.spawn(watch, gaps)
    shown = company.look()
    watcher.kill()
    assert len(shown.plan.steps) == 50_000
    assert max(gaps) < 0.5


def large(number: int) -> DirectoryEntry:
    return entry(f"person{number}")


def watch(gaps: list[float]) -> None:
    """Note how long a greenlet that wants to run each hundredth of a second has to wait."""
    loop = gevent.get_hub().loop
    loop.update_now()
    last = loop.now()
    while True:
        gevent.sleep(0.01)
        loop.update_now()
        gaps.append(loop.now() - last)
        last = loop.now()
