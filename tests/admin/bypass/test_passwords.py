from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import update

from cgappliance.admin import accounts
from cgappliance.admin.bypass import Finding, State, Way
from cgappliance.administration import GoogleUser
from cgappliance.model import PluginChoice
from cgappliance.store import schema
from cgappliance.store.changes import change
from cgappliance.store.credentials import State as Sureness
from tests.admin.bypass.conftest import ADMIN, TARO, YUKI, Place


def passwords(place: Place, state: State) -> list[Finding]:
    return [one for one in place.look().of(Way.PASSWORDS) if one.state is state]


def test_passwords_of_the_people_are_a_way_round(place: Place) -> None:
    place.google._setup = replace(place.google.setup, sets_passwords=False)
    (found,) = passwords(place, State.OPEN)
    assert "lock_password = true" in found.remedy


@pytest.mark.parametrize(
    ("provider", "settings", "state", "remedy"),
    [
        ("app-password", {}, State.OPEN, "use the provider service-account"),
        ("managed-password", {"passwords_file": "x"}, State.UNSEEN, "passwords_file"),
    ],
)
def test_remedy_is_one_that_the_provider_has(
    place: Place, provider: str, settings: dict[str, str], state: State, remedy: str
) -> None:
    place.google._setup = replace(place.google.setup, sets_passwords=False)
    place.tenant = replace(place.tenant, google=PluginChoice(provider, settings))
    assert any(remedy in one.remedy for one in passwords(place, state))


def test_account_without_a_password_of_ours_is_named(place: Place) -> None:
    accounts.create(place.desk, place.tenant, "new@acme.example")
    place.google.known["new@acme.example"] = GoogleUser("id of new", "new@acme.example")
    (found,) = passwords(place, State.OPEN)
    assert found.lines == ("new@acme.example",)


def test_account_that_cannot_log_in_at_google_is_no_way(place: Place) -> None:
    accounts.create(place.desk, place.tenant, "new@acme.example")
    place.google.known["new@acme.example"] = GoogleUser("id of new", "new@acme.example", suspended=True)
    assert passwords(place, State.OPEN) == []


def test_password_that_google_may_not_have_is_to_be_looked_at(place: Place) -> None:
    with change(place.desk.store) as transaction:
        transaction.execute(update(schema.credentials).values(state=Sureness.PENDING))
    (found,) = passwords(place, State.WATCH)
    assert found.lines == (TARO, YUKI)


def test_users_at_google_whom_the_appliance_does_not_know_are_named_without_the_api_administrator(place: Place) -> None:
    place.google.known["boss@acme.example"] = GoogleUser("id of boss", "boss@acme.example")
    (found,) = passwords(place, State.WATCH)
    assert found.lines == ("boss@acme.example",)
    assert ADMIN not in found.lines
