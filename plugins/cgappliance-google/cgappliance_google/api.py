"""Requests to Google's APIs: a token for each, at a pace that quotas allow, and again where a moment's wait can help.

Google asks for waits of 2^n seconds with some randomness, from 1 s to 16 s, and to give up then. An answer that leaves open whether
the request was carried out is kept in mind: when the last try fails too, the caller is told.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gevent
from gevent.lock import BoundedSemaphore

from cgappliance.plugin_api import GoogleFault, GoogleRefused, LoginFailed
from cgappliance_google import faults
from cgappliance_google.cache import TokenCache, TokenKey
from cgappliance_google.endpoint import Token, TokenEndpoint
from cgappliance_google.faults import Meaning
from cgappliance_google.transport import RETRY_NOTHING, Transport, Unanswered

WAITS_S = (1.0, 2.0, 4.0, 8.0, 16.0)  #: before the next try, each a little longer by chance
JITTER_S = 1.0  #: so that several appliances, which failed together, do not come back together
PACE_S = 0.1  #: between two requests: 600 a minute, a quarter of Google's quota, and as many new users a second as it takes
REQUEST_TIMEOUT_S = 20.0  #: Google answers most in 0.3 s, and a page of 500 users in 2 s
TOKEN_TIMEOUT_S = 10.0
TOKEN_MIN_LIFE_S = 60.0  #: longer than a request takes
PARALLEL_REQUESTS = 4  #: an administrator's tools ask one thing after the other
ANSWER_LIMIT_BYTES = 8 * 1024 * 1024  #: 500 users with all fields are 2 MB


@dataclass(frozen=True, slots=True)
class Request:
    """One request."""

    method: str
    url: str
    subject: str  #: in whose name
    scope: str
    params: Mapping[str, str] = field(default_factory=dict)
    content: Mapping[str, Any] | None = None  #: JSON to send


class GoogleApi:
    """Asks Google's APIs in the name of users, by one service account. Greenlets may share it."""

    def __init__(
        self,
        endpoint: TokenEndpoint,
        ca_file: Path | None = None,
        *,
        sleep: Callable[[float], object] = gevent.sleep,
        jitter: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Ask nobody yet.

        Args:
            endpoint: gives the tokens; closed together with this.
            ca_file: CAs to trust; None: the system's.
            sleep: waits so many seconds, and lets other greenlets run.
            jitter: a random number below 1.
            clock: monotonic seconds.
        """
        self.endpoint = endpoint
        self._tokens = TokenCache(self._fetch, clock=clock)
        self._transport = Transport(ca_file, connections=PARALLEL_REQUESTS, limit_bytes=ANSWER_LIMIT_BYTES, retry=RETRY_NOTHING)
        self._slots = BoundedSemaphore(PARALLEL_REQUESTS)
        self._sleep = sleep
        self._jitter = jitter
        self._clock = clock
        self._next_at = 0.0

    def call(self, request: Request) -> dict[str, Any]:
        """Return the JSON object of the answer; empty when there is none. Blocks: 0.3 s, with all waits and time-outs 3 min.

        Raises:
            GoogleRefused: the request was not carried out, or (``uncertain``) it is not known.
        """
        uncertain = False
        for wait_s in (*WAITS_S, None):
            outcome = self._try(request)
            if not isinstance(outcome, Meaning):
                return outcome
            uncertain = uncertain or outcome.uncertain
            if not outcome.again or wait_s is None:
                raise GoogleRefused(outcome.fault, outcome.detail, uncertain=uncertain)
            self._sleep(wait_s + JITTER_S * self._jitter())
        raise AssertionError("the last try ends the loop")

    def fetch_public(self, url: str) -> dict[str, Any]:
        """Return the JSON object at a public address: no token is sent. Blocks up to REQUEST_TIMEOUT_S.

        Raises:
            GoogleRefused: it cannot be had.
        """
        try:
            answer = self._transport.send("GET", url, timeout_s=REQUEST_TIMEOUT_S)
        except Unanswered as unanswered:
            raise GoogleRefused(GoogleFault.UNREACHABLE, str(unanswered)) from unanswered
        if answer.status // 100 != 2:
            raise GoogleRefused(faults.of_answer(answer.status, answer.content).fault, f"HTTP {answer.status}")
        return answer.content

    def close(self) -> None:
        """Forget all tokens and close the connections."""
        self._tokens.clear()
        self._transport.close()
        self.endpoint.close()

    def _try(self, request: Request) -> dict[str, Any] | Meaning:
        """Return what one try brought: the answer, or why there is none. A token may be revoked while it is fresh here."""
        outcome = self._ask(request, fresh=False)
        return self._ask(request, fresh=True) if isinstance(outcome, Meaning) and outcome.stale_token else outcome

    def _ask(self, request: Request, *, fresh: bool) -> dict[str, Any] | Meaning:
        with self._slots:
            self._keep_pace()
            key = TokenKey(request.subject, request.scope)
            try:
                given = self._tokens.get(key, min_life_s=TOKEN_MIN_LIFE_S, fresh=fresh, timeout_s=TOKEN_TIMEOUT_S)
            except LoginFailed as refusal:
                return faults.of_token(refusal)
            try:
                answer = self._transport.send(
                    request.method,
                    request.url,
                    timeout_s=REQUEST_TIMEOUT_S,
                    token=given.token.secret.reveal(),
                    params=request.params,
                    content=request.content,
                )
            except Unanswered as unanswered:
                return Meaning(GoogleFault.UNREACHABLE, str(unanswered), again=True, uncertain=True)
        return answer.content if answer.status // 100 == 2 else faults.of_answer(answer.status, answer.content)

    def _keep_pace(self) -> None:
        now = self._clock()
        wait_s = self._next_at - now
        self._next_at = max(now, self._next_at) + PACE_S
        if wait_s > 0:
            self._sleep(wait_s)

    def _fetch(self, key: TokenKey, timeout_s: float) -> Token:
        return self.endpoint.fetch(key.address, key.scope, timeout_s)
