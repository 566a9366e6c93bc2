"""HTTP to Google: one request, one bounded answer, within a deadline. Who asks what, and what the answer means, is not known here.

No redirect is followed, and nothing is tried twice but, where asked for, a kept connection that Google closed just then.

Each request says by itself in whose name it comes, and no cookie is kept: so all tenants of a process use the same connections.
With hundreds of tenants that is hundreds of sockets less, and of TLS states.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from weakref import WeakValueDictionary, finalize

import gevent
import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.util.retry import Retry

from cgappliance.plugin_api import SharedContexts

CONNECT_TIMEOUT_S = 5.0  #: Google answers in 0.1 s; three SYNs fit in
DETAIL_LIMIT_CHARACTERS = 300

#: Nothing is retried but a connection kept alive that Google closed just then; the deadline holds for both tries.
RETRY_CLOSED = Retry(total=1, connect=0, read=1, redirect=0, status=0, other=0, allowed_methods=None, backoff_factor=0)
RETRY_NOTHING = Retry(total=0, read=False, redirect=0)  #: False: a time-out stays one, and is not "too many retries"

#: Hosts that connections are kept to: Google has half a dozen for what is asked here, and a site's tests have their own.
HOSTS: Final = 16

_contexts = SharedContexts()


def _is_news(record: logging.LogRecord) -> bool:
    """Tell whether the operator should hear it: not that a rush was over, and more connections were open than are kept."""
    return not str(record.msg).startswith("Connection pool is full")


logging.getLogger("urllib3.connectionpool").addFilter(_is_news)


class Unanswered(Exception):
    """There was no answer; the message says why. ``late``: the deadline passed."""

    def __init__(self, detail: str, *, late: bool = False) -> None:
        super().__init__(bounded(detail))
        self.late = late


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes  #: at most as long as the limit
    date: float | None  #: the server's clock, seconds since 1970; None: it did not say

    @property
    def content(self) -> dict[str, Any]:
        """The JSON object of the body; empty when it is none."""
        try:
            content = json.loads(self.body)
        except ValueError:
            return {}
        return content if isinstance(content, dict) else {}


class Transport:
    """Keeps connections to Google. Many greenlets may ask at the same time."""

    def __init__(self, ca_file: Path | None, *, connections: int, limit_bytes: int, retry: Retry) -> None:
        """Open nothing yet.

        Args:
            ca_file: CAs to trust; None: the system's.
            connections: kept alive to each host, for all transports that are alike together; a rush may open more.
            limit_bytes: of an answer's body; what is longer is cut.
            retry: RETRY_CLOSED for questions, RETRY_NOTHING for what must not be done twice unnoticed.
        """
        self._limit_bytes = limit_bytes
        self._shared = partial(_connections_for, ca_file, connections, retry)
        self._connections: _Connections | None = self._shared()

    def send(
        self,
        method: str,
        url: str,
        *,
        timeout_s: float,
        token: str = "",
        params: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        content: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Return the answer to a request. Blocks up to ``timeout_s`` seconds, cooperatively in a patched process.

        Raises:
            Unanswered: there was none in time.
        """
        late = Unanswered(f"no answer within {timeout_s:.1f} s", late=True)
        try:
            connections = self._connections or self._shared()  # held here, they outlive a ``close`` meanwhile
            with (
                gevent.Timeout(timeout_s, late),
                connections.session.request(
                    method,
                    url,
                    params=params,
                    data=form,
                    json=content,
                    headers={"Authorization": f"Bearer {token}"} if token else None,
                    timeout=(min(CONNECT_TIMEOUT_S, timeout_s), timeout_s),
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                body = response.raw.read(self._limit_bytes, decode_content=True)
                return Answer(response.status_code, body, _date(response.headers.get("Date")))
        except requests.Timeout:
            raise late from None
        except (requests.RequestException, OSError) as error:
            raise Unanswered(f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Keep no connections any more. Those that are alive close with the last transport that uses them."""
        self._connections = None


def problem_of_url(url: str) -> str | None:
    """Return what is wrong with an address of Google's, or of a stand-in: tokens must not go over the network in the clear."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if host and (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))):
        return None
    return "is not an https:// address"


def bounded(text: str) -> str:
    """Return another party's words as one short printable line."""
    clean = "".join(character if character.isprintable() else " " for character in text)
    return clean[:DETAIL_LIMIT_CHARACTERS]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Connections:
    """The connections that transports with the same trust and the same manners have together."""

    def __init__(self, context: ssl.SSLContext, size: int, retry: Retry) -> None:
        self.session = requests.Session()
        self.session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        adapter = _Adapter(context, pool_connections=HOSTS, pool_maxsize=size, max_retries=retry)
        self.session.mount("https://", adapter)
        self.session.mount("http://", adapter)
        finalize(self, self.session.close)


_in_use: Final[WeakValueDictionary[tuple[ssl.SSLContext, int, Retry], _Connections]] = WeakValueDictionary()


def _connections_for(ca_file: Path | None, size: int, retry: Retry) -> _Connections:
    context = _contexts.get(lambda: _make_context(ca_file), ca_file)
    known = _in_use.get((context, size, retry))
    if known is None:
        known = _in_use[context, size, retry] = _Connections(context, size, retry)
    return known


class _Adapter(HTTPAdapter):
    """Connects with a TLS context that tenants share; requests alone would load the CAs for each connection."""

    def __init__(self, context: ssl.SSLContext, **options: Any) -> None:
        self._context = context
        super().__init__(**options)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options, ssl_context=self._context)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        return super().proxy_manager_for(proxy, **options, ssl_context=self._context)

    def cert_verify(self, conn: Any, url: str, verify: object, cert: object) -> None:  # noqa: ARG002 - requests' signature
        """Trust nobody else, whatever REQUESTS_CA_BUNDLE names (requests before 2.32)."""
        conn.cert_reqs, conn.ca_certs, conn.ca_cert_dir = "CERT_REQUIRED", None, None

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:  # noqa: ARG002 - as above
        """Do the same for requests from 2.32 on."""
        return super().build_connection_pool_key_attributes(request, True, cert)


def _make_context(ca_file: Path | None) -> ssl.SSLContext:
    paths = ssl.get_default_verify_paths()
    if ca_file is None and not (paths.cafile or paths.capath):  # a system that keeps no CAs: requests brings a list
        ca_file = Path(DEFAULT_CA_BUNDLE_PATH)
    return ssl.create_default_context(cafile=ca_file)


def _date(text: str | None) -> float | None:
    try:
        return None if text is None else parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None
