"""Which tokens are given again: enough life left, one request at a time per account and scope, failures remembered, all bounded.

In memory only. The clock is passed in; waiting is gevent's. This file knows nothing of HTTP or Google.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from gevent.event import Event

from cgappliance.plugin_api import LoginFailed, Reason
from cgappliance_google.endpoint import Token
from cgappliance_google.refusals import LASTING

KEPT_ENTRIES = 10_000  #: tokens, and remembered failures, per tenant: some 15 MB; beyond it a login costs a request again
REMEMBER_FAILURE_S = 30.0  #: an administrator who has just granted the delegation does not wait longer than this
FORCED_INTERVAL_S = 30.0  #: a token that Gmail refuses although it is new must not become a flood of requests


@dataclass(frozen=True, slots=True)
class TokenKey:
    """What a token is for."""

    address: str
    scope: str


@dataclass(frozen=True, slots=True)
class Given:
    """A token handed out."""

    token: Token
    from_cache: bool


@dataclass(slots=True)
class _Kept:
    token: Token
    forced_at: float | None  #: when it was got because Gmail had refused the one before


@dataclass(slots=True)
class _Failure:
    error: LoginFailed
    until: float


@dataclass(slots=True)
class _Flight:
    """A request under way; the logins that want the same token wait for its end."""

    ended: Event = field(default_factory=Event)
    token: Token | None = None
    error: LoginFailed | None = None  #: with no token either: the login that made the request was abandoned


class TokenCache:
    """The tokens of one tenant. Many greenlets of one hub may ask at the same time."""

    def __init__(self, fetch: Callable[[TokenKey, float], Token], *, clock: Callable[[], float] = time.monotonic) -> None:
        """Make an empty cache.

        Args:
            fetch: gets a new token within so many seconds, or raises LoginFailed.
            clock: monotonic seconds.
        """
        self._fetch = fetch
        self._clock = clock
        self._kept: OrderedDict[TokenKey, _Kept] = OrderedDict()
        self._failures: OrderedDict[TokenKey, _Failure] = OrderedDict()
        self._flights: dict[TokenKey, _Flight] = {}

    def get(self, key: TokenKey, *, min_life_s: float, fresh: bool, timeout_s: float) -> Given:
        """Return a token. Blocks up to ``timeout_s`` seconds.

        Args:
            key: what it is for.
            min_life_s: a token from the cache must live at least so long; a new one is given whatever its life.
            fresh: Gmail has refused what it was given: get a new one, but not more often than every FORCED_INTERVAL_S.
            timeout_s: how long this login can wait.

        Raises:
            LoginFailed: there is none, or not in time.
        """
        deadline = self._clock() + timeout_s
        while True:
            kept = self._usable(key, min_life_s, fresh=fresh)
            if kept is not None:
                return Given(kept.token, from_cache=not fresh)
            self._raise_remembered(key)
            remaining_s = deadline - self._clock()
            if remaining_s <= 0:
                raise _late(timeout_s)
            flight = self._flights.get(key)
            if flight is None:
                return Given(self._request(key, remaining_s, forced=fresh), from_cache=False)
            if not flight.ended.wait(remaining_s):
                raise _late(timeout_s)
            if flight.error is not None:
                raise _copy(flight.error)
            if flight.token is not None:
                return Given(flight.token, from_cache=False)

    def life_left(self, token: Token) -> float:
        """Return how many seconds a token still lives."""
        return token.expires_at - self._clock()

    def clear(self) -> None:
        """Forget all tokens and failures. What is under way ends by itself and is not kept."""
        self._kept.clear()
        self._failures.clear()
        self._flights.clear()

    def _usable(self, key: TokenKey, min_life_s: float, *, fresh: bool) -> _Kept | None:
        kept = self._kept.get(key)
        if kept is None:
            return None
        now = self._clock()
        if fresh:
            usable = kept.forced_at is not None and now - kept.forced_at < FORCED_INTERVAL_S
        else:
            usable = kept.token.expires_at - now >= min_life_s
        if usable:
            self._kept.move_to_end(key)
        return kept if usable else None

    def _raise_remembered(self, key: TokenKey) -> None:
        failure = self._failures.get(key)
        if failure is None:
            return
        if self._clock() >= failure.until:
            del self._failures[key]
            return
        raise LoginFailed(failure.error.reason, f"{failure.error.detail} (remembered)")

    def _request(self, key: TokenKey, timeout_s: float, *, forced: bool) -> Token:
        """Get a token for all who wait for it. Whatever ends this greenlet, they are woken."""
        flight = self._flights[key] = _Flight()
        try:
            flight.token = self._fetch(key, timeout_s)
            self._keep(flight, key, flight.token, forced=forced)
        except LoginFailed as error:
            flight.error = error
            self._remember(flight, key, error)
            raise
        finally:
            if self._flights.get(key) is flight:
                del self._flights[key]
            flight.ended.set()
        return flight.token

    def _keep(self, flight: _Flight, key: TokenKey, token: Token, *, forced: bool) -> None:
        if self._flights.get(key) is flight:  # not cleared meanwhile
            self._kept[key] = _Kept(token, self._clock() if forced else None)
            _bound(self._kept, key)

    def _remember(self, flight: _Flight, key: TokenKey, error: LoginFailed) -> None:
        if self._flights.get(key) is flight and error.reason in LASTING:
            self._failures[key] = _Failure(error, self._clock() + REMEMBER_FAILURE_S)
            _bound(self._failures, key)


def _bound(kept: OrderedDict[TokenKey, _Kept] | OrderedDict[TokenKey, _Failure], newest: TokenKey) -> None:
    kept.move_to_end(newest)
    while len(kept) > KEPT_ENTRIES:
        kept.popitem(last=False)


def _late(timeout_s: float) -> LoginFailed:
    return LoginFailed(Reason.TOKEN_UNAVAILABLE, f"no token within {timeout_s:.1f} s")


def _copy(error: LoginFailed) -> LoginFailed:
    """Return the same failure for another login: one exception object must not be raised in two greenlets."""
    return LoginFailed(error.reason, error.detail)
