"""The cache with a clock that stands still until a test moves it, and a fetch that counts."""

from collections.abc import Callable

import gevent
import pytest
from cgappliance_google import cache as module
from cgappliance_google.cache import FORCED_INTERVAL_S, REMEMBER_FAILURE_S, TokenCache, TokenKey
from cgappliance_google.endpoint import Token
from gevent.event import Event

from cgappliance.plugin_api import LoginFailed, Reason, Secret

KEY = TokenKey("yuki@acme.example", "scope")
OTHER = TokenKey("taro@acme.example", "scope")
LIFE_S = 3599.0
MIN_S = 3000.0
TIMEOUT_S = 5.0


class World:
    """A clock, an endpoint that counts, and the cache between them."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.fetched: list[TokenKey] = []
        self.act: Callable[[], None] = lambda: None
        self.cache = TokenCache(self.fetch, clock=lambda: self.now)

    def fetch(self, key: TokenKey, timeout_s: float) -> Token:
        self.fetched.append(key)
        number = len(self.fetched)
        self.act()
        return Token(Secret(f"token {number}"), self.now + LIFE_S)

    def fail(self, reason: Reason) -> None:
        def act() -> None:
            raise LoginFailed(reason, "because")

        self.act = act

    def get(self, key: TokenKey = KEY, *, min_life_s: float = MIN_S, fresh: bool = False, timeout_s: float = TIMEOUT_S) -> str:
        return self.given(key, min_life_s=min_life_s, fresh=fresh, timeout_s=timeout_s).token.secret.reveal()

    def given(self, key: TokenKey = KEY, *, min_life_s: float = MIN_S, fresh: bool = False, timeout_s: float = TIMEOUT_S):
        return self.cache.get(key, min_life_s=min_life_s, fresh=fresh, timeout_s=timeout_s)

    def refusal(self, *, fresh: bool = False, timeout_s: float = TIMEOUT_S) -> LoginFailed:
        with pytest.raises(LoginFailed) as failed:
            self.get(fresh=fresh, timeout_s=timeout_s)
        return failed.value


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize(("later_s", "requests"), [(LIFE_S - MIN_S - 1, 1), (LIFE_S - MIN_S, 1), (LIFE_S - MIN_S + 1, 2)])
def test_kept_token_is_given_until_its_life_falls_below_the_minimum(world: World, later_s: float, requests: int):
    world.get()
    world.now += later_s

    world.get()

    assert len(world.fetched) == requests


def test_smaller_minimum_takes_what_a_larger_one_leaves(world: World):
    world.get()
    world.now += LIFE_S - 600

    assert world.get(min_life_s=600) == "token 1"


def test_new_token_is_given_although_it_lives_shorter_than_the_minimum(world: World):
    assert world.get(min_life_s=LIFE_S + 1) == "token 1"


def test_given_says_whether_it_was_kept(world: World):
    assert [world.given().from_cache, world.given().from_cache] == [False, True]


def test_accounts_and_scopes_have_their_own_tokens(world: World):
    assert world.get(KEY) != world.get(OTHER)
    assert world.get(TokenKey(KEY.address, "other scope")) == "token 3"


def test_fresh_skips_the_cache(world: World):
    world.get()

    given = world.given(fresh=True)

    assert given.token.secret.reveal() == "token 2"
    assert not given.from_cache


def test_fresh_token_replaces_the_refused_one(world: World):
    world.get()
    world.get(fresh=True)

    assert world.get() == "token 2"


@pytest.mark.parametrize(
    ("later_s", "requests"), [(0, 2), (FORCED_INTERVAL_S - 1, 2), (FORCED_INTERVAL_S, 3), (FORCED_INTERVAL_S + 1, 3)]
)
def test_refused_fresh_tokens_do_not_hammer_the_endpoint(world: World, later_s: float, requests: int):
    world.get()
    world.get(fresh=True)
    world.now += later_s

    world.get(fresh=True)

    assert len(world.fetched) == requests


@pytest.mark.parametrize("reason", [Reason.GOOGLE_USER_UNKNOWN, Reason.DELEGATION_MISSING, Reason.SERVICE_ACCOUNT_INVALID])
@pytest.mark.parametrize(
    ("later_s", "requests"), [(REMEMBER_FAILURE_S - 1, 1), (REMEMBER_FAILURE_S, 2), (REMEMBER_FAILURE_S + 1, 2)]
)
def test_lasting_failure_is_remembered_for_a_while(world: World, reason: Reason, later_s: float, requests: int):
    world.fail(reason)
    world.refusal()
    world.now += later_s

    assert world.refusal().reason is reason

    assert len(world.fetched) == requests


def test_remembered_failure_says_so(world: World):
    world.fail(Reason.DELEGATION_MISSING)

    assert [world.refusal().detail, world.refusal().detail] == ["because", "because (remembered)"]


def test_fresh_does_not_pass_by_a_remembered_failure(world: World):
    world.fail(Reason.DELEGATION_MISSING)
    world.refusal()

    world.refusal(fresh=True)

    assert len(world.fetched) == 1


def test_outage_is_not_remembered(world: World):
    world.fail(Reason.TOKEN_UNAVAILABLE)
    world.refusal()
    world.act = lambda: None

    assert world.get() == "token 2"


def test_kept_token_is_given_during_an_outage(world: World):
    world.get()
    world.fail(Reason.TOKEN_UNAVAILABLE)

    assert world.get() == "token 1"


def test_hundred_logins_at_once_make_one_request(world: World):
    go = Event()
    world.act = go.wait

    logins = [gevent.spawn(world.get) for _ in range(100)]
    gevent.sleep(0)
    go.set()
    gevent.joinall(logins, timeout=TIMEOUT_S)

    assert [login.value for login in logins] == ["token 1"] * 100
    assert len(world.fetched) == 1


def test_logins_of_other_accounts_do_not_wait(world: World):
    go = Event()
    world.act = lambda: go.wait() if world.fetched[-1] == KEY else None
    held = gevent.spawn(world.get, KEY)
    gevent.sleep(0)

    assert world.get(OTHER) == "token 2"

    go.set()
    held.join(TIMEOUT_S)


def test_those_who_wait_share_the_failure(world: World):
    go = Event()

    def act() -> None:
        go.wait()
        raise LoginFailed(Reason.TOKEN_UNAVAILABLE, "because")

    world.act = act
    logins = [gevent.spawn(world.refusal) for _ in range(10)]
    gevent.sleep(0)
    go.set()
    gevent.joinall(logins, timeout=TIMEOUT_S)

    assert {login.value.reason for login in logins} == {Reason.TOKEN_UNAVAILABLE}
    assert len({id(login.value) for login in logins}) == 10
    assert len(world.fetched) == 1


def test_abandoned_request_is_taken_over_by_one_who_waits(world: World):
    world.act = lambda: Event().wait() if len(world.fetched) == 1 else None
    first, second = gevent.spawn(world.get), gevent.spawn(world.get)
    gevent.sleep(0)

    first.kill()

    assert second.get(timeout=TIMEOUT_S) == "token 2"


def test_waiting_for_anothers_request_has_a_deadline(world: World):
    world.act = lambda: Event().wait()
    held = gevent.spawn(world.get)
    gevent.sleep(0)

    assert world.refusal(timeout_s=0.01).reason is Reason.TOKEN_UNAVAILABLE

    held.kill()


def test_no_time_left_is_a_failure_without_a_request(world: World):
    assert world.refusal(timeout_s=0).reason is Reason.TOKEN_UNAVAILABLE
    assert world.fetched == []


def test_oldest_unused_token_goes_when_there_are_too_many(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "KEPT_ENTRIES", 2)
    world.get(KEY)
    world.get(OTHER)
    world.get(KEY)

    world.get(TokenKey("hana@acme.example", "scope"))

    assert world.get(KEY) == "token 1"
    assert world.get(OTHER) == "token 4"


def test_remembered_failures_are_bounded_too(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "KEPT_ENTRIES", 1)
    world.fail(Reason.GOOGLE_USER_UNKNOWN)
    for key in (KEY, OTHER, KEY):
        with pytest.raises(LoginFailed):
            world.get(key)

    assert world.fetched == [KEY, OTHER, KEY]


def test_clear_forgets_tokens_and_failures(world: World):
    world.get()
    world.cache.clear()

    assert world.get() == "token 2"


def test_request_that_ends_after_clear_is_not_kept(world: World):
    go = Event()
    world.act = go.wait
    login = gevent.spawn(world.get)
    gevent.sleep(0)

    world.cache.clear()
    go.set()

    assert login.get(timeout=TIMEOUT_S) == "token 1"
    assert world.get() == "token 2"
