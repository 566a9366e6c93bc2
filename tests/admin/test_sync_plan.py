from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from cgappliance.admin.sync_plan import MASS_LEAST, Action, Plan, Step, World, make_plan
from cgappliance.administration import DirectoryEntry
from cgappliance.store.accounts import Account, DisabledBy, ProfileSource
from tests.admin.people import account, entry
from tests.policy.factories import tenant

SALES = "CN=Sales,DC=acme"
BOSSES = "CN=Bosses,DC=acme"


def check(address: str) -> str:
    if not address.lower().endswith("@acme.example"):
        raise ValueError("not a domain of acme")
    return address.lower()


def planned(accounts: Sequence[Account], entries: Sequence[DirectoryEntry], *, seats: int | None = None, **of_tenant) -> Plan:
    """Plan for a tenant whose profiles "office" and "travel", and the default, let in; "none" does not."""
    world = World(tenant(seats=seats, **of_tenant), accounts, {"office", "travel", "none"}, lambda name: name != "none", check)
    return make_plan(world, entries)


def only(plan: Plan) -> Step:
    (step,) = plan.steps
    return step


def told(plan: Plan) -> list[tuple[str, str]]:
    return [(step.action.value, step.address.partition("@")[0]) for step in plan.steps]


def problems(plan: Plan) -> list[str]:
    return [left.address for left in plan.left_alone if left.is_problem]


def test_what_agrees_needs_nothing() -> None:
    plan = planned([account("yuki")], [entry("yuki")])
    assert (plan.steps, plan.left_alone, plan.entries) == ([], [], 1)


def test_new_entry_becomes_an_account() -> None:
    step = only(planned([], [entry("yuki", address="Yuki@ACME.example")]))
    assert (step.action, step.address, step.account) == (Action.ADD, "yuki@acme.example", None)
    assert step.values == {
        "identity": "id of yuki",
        "profile": "",
        "profile_source": ProfileSource.ADMIN,
        "enabled": True,
        "disabled_by": DisabledBy.NOBODY,
    }


def test_new_entry_that_is_switched_off_becomes_an_account_that_is() -> None:
    values = only(planned([], [entry("yuki", disabled=True)])).values
    assert (values["enabled"], values["disabled_by"]) == (False, DisabledBy.SYNC)


# ---- who goes


def test_account_whose_entry_has_gone_is_switched_off() -> None:
    step = only(planned([account("yuki"), account("taro")], [entry("taro")]))
    assert (step.action, step.address, step.entry) == (Action.DISABLE, "yuki@acme.example", None)
    assert step.values == {"enabled": False, "disabled_by": DisabledBy.SYNC}


def test_account_that_never_was_in_the_directory_is_left_alone() -> None:
    assert planned([account("yuki", identity=""), account("taro")], [entry("taro")]).steps == []


def test_account_that_is_off_already_is_left_alone() -> None:
    off = account("yuki", enabled=False, disabled_by=DisabledBy.ADMIN)
    assert planned([off, account("taro")], [entry("taro")]).steps == []


def test_entry_that_is_switched_off_takes_its_account_with_it() -> None:
    step = only(planned([account("yuki")], [entry("yuki", disabled=True)]))
    assert (step.action, step.values["disabled_by"]) == (Action.DISABLE, DisabledBy.SYNC)


def test_what_the_sync_switched_off_it_switches_on_again() -> None:
    off = account("yuki", enabled=False, disabled_by=DisabledBy.SYNC)
    step = only(planned([off], [entry("yuki")]))
    assert (step.action, step.values) == (Action.ENABLE, {"enabled": True, "disabled_by": DisabledBy.NOBODY})


def test_what_an_administrator_switched_off_stays_off() -> None:
    assert planned([account("yuki", enabled=False, disabled_by=DisabledBy.ADMIN)], [entry("yuki")]).steps == []


@pytest.mark.parametrize("address", ["", "yuki@elsewhere.example"])
def test_entry_whose_address_is_none_of_ours_is_there_all_the_same(address: str) -> None:
    plan = planned([account("yuki")], [entry("yuki", address=address)])
    assert (plan.steps, problems(plan)) == ([], [])
    assert len(plan.left_alone) == 1


def test_account_of_an_alias_is_there_as_long_as_its_entry() -> None:
    plan = planned([account("yuki"), account("info")], [entry("yuki", aliases=frozenset({"info@acme.example"}))])
    assert plan.steps == []


# ---- who is who


def test_account_that_nobody_had_found_in_the_directory_gets_its_identity() -> None:
    step = only(planned([account("yuki", identity="")], [entry("yuki")]))
    assert (step.action, step.values) == (Action.CHANGE, {"identity": "id of yuki"})


def test_entry_that_was_made_anew_is_the_same_account() -> None:
    step = only(planned([account("yuki", identity="older")], [entry("yuki")]))
    assert (step.values, step.why) == ({"identity": "id of yuki"}, "its identity is new")


def test_person_with_a_new_address_is_the_same_account() -> None:
    step = only(planned([account("yuki")], [entry("yuki", address="tanaka@acme.example")]))
    assert (step.action, step.address, step.values) == (Action.CHANGE, "yuki@acme.example", {"address": "tanaka@acme.example"})


def test_old_address_may_be_somebody_elses_now() -> None:
    newcomer = entry("another", address="yuki@acme.example")
    plan = planned([account("yuki")], [newcomer, entry("yuki", address="tanaka@acme.example")])
    assert told(plan) == [("change", "yuki"), ("add", "yuki")]
    assert plan.steps[1].values["identity"] == "id of another"


def test_new_address_that_is_an_account_already_is_a_problem() -> None:
    stranger = account("tanaka", identity="")
    plan = planned([account("yuki"), stranger], [entry("yuki", address="tanaka@acme.example")])
    assert (plan.steps, problems(plan)) == ([], ["yuki@acme.example"])


def test_two_entries_of_one_address_are_a_problem_and_their_account_stays() -> None:
    plan = planned([account("yuki")], [entry("yuki"), entry("other", address="YUKI@acme.example")])
    assert (plan.steps, problems(plan)) == ([], ["yuki@acme.example"])


# ---- profiles


def test_group_chooses_the_profile() -> None:
    step = only(planned([], [entry("yuki", groups=frozenset({SALES}))], profile_by_group={SALES: "travel"}))
    assert (step.values["profile"], step.values["profile_source"]) == ("travel", ProfileSource.DIRECTORY)


def test_first_group_that_fits_counts() -> None:
    both = entry("yuki", groups=frozenset({SALES, BOSSES}))
    assert only(planned([], [both], profile_by_group={BOSSES: "office", SALES: "travel"})).values["profile"] == "office"


def test_attribute_chooses_where_no_group_does() -> None:
    people = [entry("yuki", attribute="office"), entry("taro", attribute="office", groups=frozenset({SALES}))]
    plan = planned([], people, profile_by_group={SALES: "travel"}, profile_attribute="title")
    assert {step.address.partition("@")[0]: step.values["profile"] for step in plan.steps} == {"yuki": "office", "taro": "travel"}


def test_directory_wins_over_an_administrators_choice() -> None:
    step = only(planned([account("yuki", profile="office")], [entry("yuki", attribute="travel")]))
    assert step.values == {"profile": "travel", "profile_source": ProfileSource.DIRECTORY}


def test_same_name_from_another_source_is_a_change_too() -> None:
    step = only(planned([account("yuki", profile="office")], [entry("yuki", attribute="office")]))
    assert step.values["profile_source"] is ProfileSource.DIRECTORY


def test_who_left_the_group_falls_back_to_the_default() -> None:
    before = account("yuki", profile="travel", profile_source=ProfileSource.DIRECTORY)
    step = only(planned([before], [entry("yuki")], profile_by_group={SALES: "travel"}))
    assert step.values == {"profile": "", "profile_source": ProfileSource.ADMIN}


def test_administrators_choice_stays_where_the_directory_has_none() -> None:
    assert planned([account("yuki", profile="travel")], [entry("yuki")], profile_by_group={SALES: "travel"}).steps == []


def test_profile_that_does_not_exist_is_a_problem_and_gives_nothing() -> None:
    people = [entry("yuki", attribute="offcie"), entry("taro", attribute="offcie", disabled=True)]
    plan = planned([account("taro")], people)
    assert (told(plan), problems(plan)) == ([("disable", "taro")], ["yuki@acme.example", "taro@acme.example"])


# ---- seats


def test_who_leaves_makes_room_for_who_comes() -> None:
    plan = planned([account("yuki"), account("taro")], [entry("taro"), entry("hana")], seats=2)
    assert (told(plan), problems(plan)) == ([("disable", "yuki"), ("add", "hana")], [])


def test_without_a_seat_nobody_comes_and_everything_else_is_done() -> None:
    plan = planned([account("yuki"), account("taro", identity="")], [entry("yuki"), entry("taro"), entry("hana")], seats=2)
    assert (told(plan), problems(plan)) == ([("change", "taro")], ["hana@acme.example"])


def test_who_takes_no_seat_comes_anyway() -> None:
    people = [entry("yuki"), entry("hana", disabled=True), entry("jiro", attribute="none")]
    plan = planned([account("yuki")], people, seats=1)
    assert (told(plan), problems(plan)) == ([("add", "hana"), ("add", "jiro")], [])


def test_profile_that_lets_in_takes_a_seat() -> None:
    shut_out = account("taro", profile="none", profile_source=ProfileSource.DIRECTORY)
    plan = planned([account("yuki"), shut_out], [entry("yuki"), entry("taro", attribute="office")], seats=1)
    assert (plan.steps, problems(plan)) == ([], ["taro@acme.example"])


def test_more_accounts_than_a_shrunk_contract_are_not_touched() -> None:
    accounts = [account("yuki"), account("taro"), account("hana")]
    plan = planned(accounts, [entry("yuki"), entry("taro"), entry("hana"), entry("jiro")], seats=2)
    assert (plan.steps, problems(plan)) == ([], ["jiro@acme.example"])


# ---- safety


def many(number: int) -> list[Account]:
    return [account(f"u{index:03d}") for index in range(number)]


@pytest.mark.parametrize(("of", "stay", "mass"), [(60, 40, False), (60, 39, True), (MASS_LEAST + 1, 1, False), (12, 1, True)])
def test_many_that_vanish_at_once_are_suspicious(of: int, stay: int, mass: bool) -> None:
    plan = planned(many(of), [entry(f"u{index:03d}") for index in range(stay)])
    assert (plan.vanished, plan.mass_disable) == (of - stay, mass)


@pytest.mark.parametrize("entries", [[], [entry("nobody", address="")]])
def test_directory_without_anybody_is_suspicious_however_small_the_tenant(entries: list[DirectoryEntry]) -> None:
    assert planned([account("yuki")], entries).mass_disable


def test_tenant_without_accounts_has_nothing_to_lose() -> None:
    assert not planned([], []).mass_disable


def test_withdrawals_come_first() -> None:
    accounts = [account("a"), account("b"), account("c", enabled=False, disabled_by=DisabledBy.SYNC)]
    plan = planned([*accounts, account("z")], [entry("new"), replace(entry("b"), disabled=True), entry("c"), entry("a")])
    assert told(plan) == [("disable", "b"), ("disable", "z"), ("enable", "c"), ("add", "new")]
