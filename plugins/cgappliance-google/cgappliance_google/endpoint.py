"""Google's token endpoint: one signed request gives one access token, within a deadline, or a ``LoginFailed`` that says why not.

google-auth signs; the request is ours, because google-auth's own waits up to 120 s and retries by itself. Nothing is kept here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gevent
import requests
from gevent.lock import BoundedSemaphore
from google.auth import jwt

from cgappliance.plugin_api import LoginFailed, Reason, Secret
from cgappliance_google.key_file import ServiceAccountKey
from cgappliance_google.refusals import meaning
from cgappliance_google.transport import RETRY_CLOSED, Answer, Transport, Unanswered, bounded

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
AUDIENCE = "https://oauth2.googleapis.com/token"  #: of every assertion, wherever token_uri leads
ASSERTION_LIFE_S = 3600  #: the longest that Google takes
PARALLEL_REQUESTS = 32  #: per tenant; the morning's rush queues here instead of opening a thousand connections
KEPT_CONNECTIONS = 64  #: for all tenants of a process; enough for hundreds of tokens a second
ANSWER_LIMIT_BYTES = 65536  #: a token is at most 2048 bytes; anything larger is not the token endpoint
TOKEN_LIMIT_CHARACTERS = 4096  #: twice what Google says, and what the SASL code upstream is made for


@dataclass(frozen=True, slots=True)
class Token:
    """An access token."""

    secret: Secret
    expires_at: float  #: on the monotonic clock


class TokenEndpoint:
    """Asks for tokens in the name of one service account. Many greenlets may ask at the same time."""

    def __init__(
        self,
        key: ServiceAccountKey,
        ca_file: Path | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.key = key
        self.clock_offset_s: float | None = None  #: how far this machine was ahead of the endpoint at its last answer
        self._clock = clock
        self._wall_clock = wall_clock
        self._slots = BoundedSemaphore(PARALLEL_REQUESTS)
        self._transport = Transport(ca_file, connections=KEPT_CONNECTIONS, limit_bytes=ANSWER_LIMIT_BYTES, retry=RETRY_CLOSED)

    def fetch(self, subject: str, scope: str, timeout_s: float) -> Token:
        """Return a new token for ``subject``. Blocks up to ``timeout_s`` seconds, cooperatively in a patched process.

        Raises:
            LoginFailed: there is none; the reason says who has to do something.
        """
        late = LoginFailed(Reason.TOKEN_UNAVAILABLE, f"the token endpoint did not answer within {timeout_s:.1f} s")
        with gevent.Timeout(timeout_s, late), self._slots:
            started = self._clock()
            try:
                answer = self._post(self._assertion(subject, scope), timeout_s)
            except Unanswered as unanswered:
                raise late if unanswered.late else LoginFailed(Reason.TOKEN_UNAVAILABLE, str(unanswered)) from unanswered
        if answer.status != requests.codes.ok:
            raise self._refusal(answer, scope)
        return _token(answer.content, started)

    def close(self) -> None:
        """Close the connections that are kept alive."""
        self._transport.close()

    def _assertion(self, subject: str, scope: str) -> str:
        now = int(self._wall_clock())
        claims = {
            "iss": self.key.email,
            "sub": subject,
            "scope": scope,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + ASSERTION_LIFE_S,
        }
        encoded: bytes = jwt.encode(self.key.signer, claims)  # type: ignore[no-untyped-call]  # google-auth has no types here
        return encoded.decode()

    def _post(self, assertion: str, timeout_s: float) -> Answer:
        form = {"grant_type": GRANT_TYPE, "assertion": assertion}
        answer = self._transport.send("POST", self.key.token_uri, form=form, timeout_s=timeout_s)
        if answer.date is not None:
            self.clock_offset_s = self._wall_clock() - answer.date
        return answer

    def _refusal(self, answer: Answer, scope: str) -> LoginFailed:
        content = answer.content
        error, description = str(content.get("error", "")), str(content.get("error_description", ""))
        reason = meaning(answer.status, error, description)
        words = f"HTTP {answer.status} {error}: {description}" if error else f"HTTP {answer.status}"
        if reason is Reason.DELEGATION_MISSING:
            words += f" (client id {self.key.client_id}, scope {scope})"
        return LoginFailed(reason, bounded(words))


def _token(answer: dict[str, Any], started: float) -> Token:
    value, life_s = answer.get("access_token"), answer.get("expires_in")
    if not isinstance(value, str) or not _printable(value) or not isinstance(life_s, int | float) or life_s <= 0:
        raise LoginFailed(Reason.TOKEN_UNAVAILABLE, "the token endpoint's answer holds no access token with its life")
    return Token(Secret(value), started + life_s)


def _printable(value: str) -> bool:
    """True for what may stand in a SASL message: no space, no control character, ASCII, not too long."""
    return 0 < len(value) <= TOKEN_LIMIT_CHARACTERS and value.isascii() and value.isprintable() and " " not in value
