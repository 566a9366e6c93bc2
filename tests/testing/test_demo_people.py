from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from cgappliance.model import Outcome
from cgappliance.testing import demo_people as company
from cgappliance.testing.demo_people import attempts

SHOWN_AT = datetime(2026, 11, 24, 10, 30, tzinfo=ZoneInfo("Asia/Tokyo"))


def test_the_same_people_do_the_same_at_every_run() -> None:
    assert list(attempts(SHOWN_AT)) == list(attempts(SHOWN_AT))


def test_history_ends_where_it_is_shown_and_is_in_order() -> None:
    moments = [one.at for one in attempts(SHOWN_AT)]
    assert moments == sorted(moments)
    assert SHOWN_AT - timedelta(days=company.DAYS) <= moments[0] < moments[-1] < SHOWN_AT
    assert moments[-1] > SHOWN_AT - timedelta(hours=1)  # a dashboard without a last hour would look broken


def test_a_week_later_it_is_the_same_a_week_later() -> None:
    week = timedelta(days=7)
    later = [(one.at - week, one.record, one.end) for one in attempts(SHOWN_AT + week)]
    assert later == [(one.at, one.record, one.end) for one in attempts(SHOWN_AT)]


def test_only_accepted_logins_have_sessions() -> None:
    found = list(attempts(SHOWN_AT))
    assert {one.record.reason.outcome for one in found} == {Outcome.ACCEPTED, Outcome.REFUSED, Outcome.UNAVAILABLE}
    assert all((one.end is not None) == (one.record.reason.outcome is Outcome.ACCEPTED) for one in found)


def test_everybody_with_a_profile_of_his_own_exists() -> None:
    known = {person.address for person in company.PEOPLE}
    assert company.PROFILE_OF.keys() <= known
    assert set(company.PROFILE_OF.values()) == set(company.PROFILES)
    assert {company.LOCKED, company.DISABLED, company.WITHOUT_POP} <= known
