"""Google's token endpoint: one signed request gives one access token, within a deadline, or a ``LoginFailed`` that says why not.

google-auth signs; the request is ours, because google-auth's own waits up to 120 s and retries by itself. Nothing is kept here.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gevent
import requests
from gevent.lock import BoundedSemaphore
from google.auth import jwt
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from cgappliance.plugin_api import LoginFailed, Reason, Secret
from cgappliance_google.key_file import ServiceAccountKey
from cgappliance_google.refusals import meaning

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
AUDIENCE = "https://oauth2.googleapis.com/token"  #: of every assertion, wherever token_uri leads
ASSERTION_LIFE_S = 3600  #: the longest that Google takes
CONNECT_TIMEOUT_S = 5.0  #: Google answers in 0.1 s; three SYNs fit in
PARALLEL_REQUESTS = 32  #: per tenant; the morning's rush queues here instead of opening a thousand connections
ANSWER_LIMIT_BYTES = 65536  #: a token is at most 2048 bytes; anything larger is not the token endpoint
TOKEN_LIMIT_CHARACTERS = 4096  #: twice what Google says, and what the SASL code upstream is made for
DETAIL_LIMIT_CHARACTERS = 300

#: Nothing is retried but a connection kept alive that Google closed just then; the deadline holds for both tries.
RETRY = Retry(total=1, connect=0, read=1, redirect=0, status=0, other=0, allowed_methods=None, backoff_factor=0)


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
        self._key = key
        self._clock = clock
        self._wall_clock = wall_clock
        self._trust = str(ca_file) if ca_file else _system_cas()
        self._slots = BoundedSemaphore(PARALLEL_REQUESTS)
        self._session = requests.Session()
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=PARALLEL_REQUESTS, max_retries=RETRY)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def fetch(self, subject: str, scope: str, timeout_s: float) -> Token:
        """Return a new token for ``subject``. Blocks up to ``timeout_s`` seconds, cooperatively in a patched process.

        Raises:
            LoginFailed: there is none; the reason says who has to do something.
        """
        late = LoginFailed(Reason.TOKEN_UNAVAILABLE, f"the token endpoint did not answer within {timeout_s:.1f} s")
        with gevent.Timeout(timeout_s, late), self._slots:
            started = self._clock()
            try:
                status, body = self._post(self._assertion(subject, scope), timeout_s)
            except requests.Timeout:
                raise late from None
            except (requests.RequestException, OSError) as error:
                raise LoginFailed(Reason.TOKEN_UNAVAILABLE, _bounded(f"{type(error).__name__}: {error}")) from error
        answer = _json(body)
        if status != requests.codes.ok:
            raise self._refusal(status, answer, scope)
        return _token(answer, started)

    def close(self) -> None:
        """Close the connections that are kept alive."""
        self._session.close()

    def _assertion(self, subject: str, scope: str) -> str:
        now = int(self._wall_clock())
        claims = {
            "iss": self._key.email,
            "sub": subject,
            "scope": scope,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + ASSERTION_LIFE_S,
        }
        encoded: bytes = jwt.encode(self._key.signer, claims)  # type: ignore[no-untyped-call]  # google-auth has no types here
        return encoded.decode()

    def _post(self, assertion: str, timeout_s: float) -> tuple[int, bytes]:
        with self._session.post(
            self._key.token_uri,
            data={"grant_type": GRANT_TYPE, "assertion": assertion},
            timeout=(min(CONNECT_TIMEOUT_S, timeout_s), timeout_s),
            verify=self._trust,  # here and not at the session, where REQUESTS_CA_BUNDLE would win over it
            allow_redirects=False,
            stream=True,
        ) as response:
            return response.status_code, response.raw.read(ANSWER_LIMIT_BYTES, decode_content=True)

    def _refusal(self, status: int, answer: dict[str, Any], scope: str) -> LoginFailed:
        error, description = str(answer.get("error", "")), str(answer.get("error_description", ""))
        reason = meaning(status, error, description)
        words = f"HTTP {status} {error}: {description}" if error else f"HTTP {status}"
        if reason is Reason.DELEGATION_MISSING:
            words += f" (client id {self._key.client_id}, scope {scope})"
        return LoginFailed(reason, _bounded(words))


def _system_cas() -> str | bool:
    """Return where the system keeps its CAs, so that one added there is trusted; True (requests' own list) when it keeps none."""
    paths = ssl.get_default_verify_paths()
    return paths.cafile or paths.capath or True


def _json(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _token(answer: dict[str, Any], started: float) -> Token:
    value, life_s = answer.get("access_token"), answer.get("expires_in")
    if not isinstance(value, str) or not _printable(value) or not isinstance(life_s, int | float) or life_s <= 0:
        raise LoginFailed(Reason.TOKEN_UNAVAILABLE, "the token endpoint's answer holds no access token with its life")
    return Token(Secret(value), started + life_s)


def _printable(value: str) -> bool:
    """True for what may stand in a SASL message: no space, no control character, ASCII, not too long."""
    return 0 < len(value) <= TOKEN_LIMIT_CHARACTERS and value.isascii() and value.isprintable() and " " not in value


def _bounded(text: str) -> str:
    clean = "".join(character if character.isprintable() else " " for character in text)
    return clean[:DETAIL_LIMIT_CHARACTERS]
