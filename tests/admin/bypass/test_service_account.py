from __future__ import annotations

from datetime import timedelta

import pytest

from cgappliance.admin.bypass import State, Way
from cgappliance.administration import GoogleFault
from tests.admin.bypass.conftest import Place
from tests.admin.conftest import NOW


@pytest.mark.parametrize(
    ("days", "state"), [(0, State.CLOSED), (89, State.CLOSED), (90, State.WATCH), (364, State.WATCH), (365, State.OPEN)]
)
def test_key_becomes_red_with_its_age(place: Place, days: int, state: State) -> None:
    place.google.key_made = NOW - timedelta(days=days)
    (found,) = place.look().of(Way.KEY)
    assert (found.state, found.sentence) == (state, f"the service account's key is {days} days old")


def test_key_without_a_record_is_not_called_young(place: Place) -> None:
    place.google.key_made = None
    (found,) = place.look().of(Way.KEY)
    assert found.state is State.UNSEEN
    assert "Service accounts" in found.remedy


def test_record_of_keys_that_cannot_be_had_is_not_called_young(place: Place) -> None:
    place.google.refuses["key"] = GoogleFault.UNREACHABLE
    assert place.look().of(Way.KEY)[0].state is State.UNSEEN


def test_scopes_too_many_are_named_with_the_client_to_take_them_from(place: Place) -> None:
    place.google.surplus = ["drive", "cloud-platform"]
    found = place.look().of(Way.DELEGATION)[0]
    assert (found.state, found.lines) == (State.OPEN, ("drive", "cloud-platform"))
    assert "client id 1234" in found.remedy


def test_scopes_that_are_missing_are_no_way_round(place: Place) -> None:
    place.google.missing_scopes = {"users": GoogleFault.SCOPE_MISSING}
    found = place.look().of(Way.DELEGATION)[0]
    assert (found.state, found.lines) == (State.WATCH, ("users (for users)",))
