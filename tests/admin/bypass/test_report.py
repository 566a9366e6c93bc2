from __future__ import annotations

import pytest

from cgappliance.admin.bypass import State, Way
from cgappliance.administration import GoogleFault, GoogleRefused
from tests.admin.bypass.conftest import ADMIN, Place


def test_nothing_is_open_where_every_way_is_closed(place: Place) -> None:
    report = place.look()
    assert not report.is_open
    assert {one.way for one in report.findings if one.state is State.CLOSED} == set(Way)


def test_one_open_way_makes_the_report_red_and_comes_first(place: Place) -> None:
    place.google.surplus = ["https://www.googleapis.com/auth/drive"]
    report = place.look()
    assert report.is_open
    assert report.of(Way.DELEGATION)[0].state is State.OPEN


def test_what_no_api_shows_is_said_with_how_to_check_it(place: Place) -> None:
    unseen = [one for one in place.look().findings if one.state is State.UNSEEN]
    assert {one.way for one in unseen} == {Way.CLIENTS, Way.PASSWORDS, Way.DELEGATION}
    assert all("onsole" in one.remedy or ADMIN in one.sentence for one in unseen)


def test_tenant_without_access_to_apis_is_not_called_closed(place: Place) -> None:
    place.refused = GoogleRefused(GoogleFault.NOT_CONFIGURED)
    report = place.look()
    closed = {one.way for one in report.findings if one.state is State.CLOSED}
    assert closed == {Way.AUTOCONFIG}
    assert report.of(Way.KEY)[0].remedy == GoogleFault.NOT_CONFIGURED.remedy


def test_list_of_users_that_cannot_be_had_leaves_the_other_parts(place: Place) -> None:
    place.google.refuses["users"] = GoogleFault.FORBIDDEN
    report = place.look()
    assert [one.state for one in report.of(Way.KEY)] == [State.CLOSED]
    assert report.of(Way.CLIENTS)[0].state is State.WATCH
    assert GoogleFault.FORBIDDEN.sentence in report.of(Way.CLIENTS)[0].sentence


@pytest.mark.parametrize(("about", "way"), [("scopes", Way.DELEGATION), ("id of yuki@acme.example", Way.CLIENTS)])
def test_part_that_is_refused_is_not_called_closed(place: Place, about: str, way: Way) -> None:
    place.google.refuses[about] = GoogleFault.BUSY
    found = place.look().of(way)
    assert "could not be looked at" in found[0].sentence
    assert State.CLOSED not in {one.state for one in found}
