"""Places of sessions, shared by workers."""

import pytest

from cgappliance import metrics
from cgappliance.net.counts import SharedCounts
from cgappliance.net.places import Place, Places


@pytest.fixture
def workers():
    """The places as two workers see them: five sessions in all."""
    shared = SharedCounts(2)
    return [Places(shared.part(number), sessions=5) for number in range(2)]


def take(places, account="yuki", tenant="acme", *, of_tenant=4, of_account=2):
    return places.take(tenant, account, of_tenant=of_tenant, of_account=of_account)


def test_an_accounts_sessions_count_whichever_worker_has_them(workers):
    first, second = workers
    assert isinstance(take(first), Place)
    assert isinstance(take(second), Place)
    assert take(first) == take(second) == "sessions_per_account"
    assert isinstance(take(first, "taro"), Place)


def test_a_tenants_sessions_count_whoever_has_them(workers):
    assert [isinstance(take(workers[0], f"account {number}"), Place) for number in range(4)] == [True] * 4
    assert take(workers[1], "one more") == "sessions_per_tenant"
    assert isinstance(take(workers[1], "somebody", "blossom"), Place)


def test_the_appliance_is_full_when_all_places_are_taken(workers):
    for number in range(5):
        assert not workers[1].full()
        take(workers[0], f"account {number}", f"tenant {number}")
    assert workers[1].full()
    assert take(workers[1], "one more", "another") == "sessions"


def test_what_is_given_back_and_what_was_refused_takes_no_place(workers):
    places = workers[0]
    for _ in range(20):
        held = [take(places), take(places)]
        assert take(places) == "sessions_per_account"
        for place in held:
            places.give_back(place)
    assert isinstance(take(places), Place)
    assert not places.full()


def test_reaching_a_limit_is_counted(workers):
    metrics.drain()
    for _ in range(4):
        take(workers[0])
    counted = [delta for delta in metrics.drain() if delta[0] == "cgappliance_limit_reached_total"]
    assert counted == [["cgappliance_limit_reached_total", ["sessions_per_account"], 2]]
