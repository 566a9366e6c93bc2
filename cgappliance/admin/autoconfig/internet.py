"""The internet as a mail client meets it: web pages, DNS and TLS, each answer bounded in size and time.

``Internet`` is what ``check`` needs; ``Outside`` is the real one. It uses no proxy and no certificates but the system's, since a
client at home has nothing else.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol
from urllib.parse import urlsplit

import dns.exception
import dns.resolver

from cgappliance.errors import CgapplianceError

PAGE_MAX: Final = 262_144  #: bytes; a configuration has some 2 KiB, and a web site's own page for unknown paths more
TIMEOUT_S: Final = 10.0  #: for one page, one DNS question, one handshake: Thunderbird waits as long
REDIRECTS_MAX: Final = 5
_CHUNK: Final = 8_192
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


class Unreachable(CgapplianceError):
    """No answer, or none that a client would take; the message says why, in one line."""


@dataclass(frozen=True, slots=True)
class Page:
    """An answer over HTTP."""

    url: str  #: where it came from in the end
    status: int
    body: bytes  #: at most PAGE_MAX


class Internet(Protocol):
    """What a mail client asks for."""

    def get(self, url: str) -> Page:
        """Return a page, after redirections.

        Raises:
            Unreachable: there is no answer, or its certificate is not good for the name.
        """
        ...

    def post(self, url: str, body: bytes, content_type: str) -> Page:
        """Return the answer to something posted.

        Raises:
            Unreachable: as ``get``.
        """
        ...

    def lookup(self, name: str, kind: str) -> list[str]:
        """Return a name's records of a kind as text, as in a zone file; none: an empty list.

        Raises:
            Unreachable: the DNS did not answer.
        """
        ...

    def handshake(self, host: str, port: int) -> None:
        """Connect with TLS, and check the certificate for the name.

        Raises:
            Unreachable: a client would not get so far.
        """
        ...


class _Redirects(urllib.request.HTTPRedirectHandler):
    max_redirections = REDIRECTS_MAX


class _AnyStatus(urllib.request.HTTPErrorProcessor):
    """Lets 404 through as an answer; only redirections are acted upon."""

    def http_response(self, request: urllib.request.Request, response: http.client.HTTPResponse) -> http.client.HTTPResponse:
        if response.status in {301, 302, 303, 307, 308}:
            return super().http_response(request, response)  # type: ignore[no-any-return]  # typeshed: Any
        return response

    https_response = http_response


class Outside:
    """The real internet, seen from this machine."""

    def __init__(self, nameserver: str = "", ca_file: str | None = None, timeout_s: float = TIMEOUT_S) -> None:
        """Get ready; nothing is asked yet.

        Args:
            nameserver: an address to ask instead of the system's name servers.
            ca_file: CAs to trust instead of the system's.
            timeout_s: for one answer.
        """
        self._timeout_s = timeout_s
        self._tls = ssl.create_default_context(cafile=ca_file)
        self._resolver = dns.resolver.Resolver(configure=not nameserver)
        if nameserver:
            self._resolver.nameservers = [nameserver]
        self._resolver.lifetime = timeout_s
        self._opener = urllib.request.OpenerDirector()  # not build_opener: that would open file: and ftp: too, and use proxies
        for handler in (
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(context=self._tls),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.UnknownHandler(),
            _Redirects(),
            _AnyStatus(),
        ):
            self._opener.add_handler(handler)

    def get(self, url: str) -> Page:
        """Return a page, after redirections."""
        return self._open(url)

    def post(self, url: str, body: bytes, content_type: str) -> Page:
        """Return the answer to something posted."""
        return self._open(url, body, {"Content-Type": content_type})

    def _open(self, url: str, body: bytes | None = None, headers: Mapping[str, str] = _NO_HEADERS) -> Page:
        until = time.monotonic() + self._timeout_s
        try:
            request = urllib.request.Request(url, body, dict(headers))  # noqa: S310 - the opener knows http: and https: only
            response = self._opener.open(request, timeout=self._timeout_s)
            if response is None:
                raise Unreachable("not a web address")
            with response:
                return Page(response.url, response.status, _read(response, until))
        except urllib.error.HTTPError as error:  # a redirection to nowhere, or too many
            error.close()
            raise Unreachable(f"redirected, and not to a page ({error.code})") from error
        except urllib.error.URLError as error:
            raise Unreachable(_words(error.reason)) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unreachable(_words(error)) from error

    def lookup(self, name: str, kind: str) -> list[str]:
        """Return a name's records of a kind as text."""
        try:
            found = self._resolver.resolve(name, kind)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.exception.DNSException as error:
            raise Unreachable(f"the DNS did not answer: {_words(error)}") from error
        return sorted(record.to_text() for record in found)

    def handshake(self, host: str, port: int) -> None:
        """Connect with TLS, and check the certificate for the name."""
        try:
            with (
                socket.create_connection((host, port), timeout=self._timeout_s) as plain,
                self._tls.wrap_socket(plain, server_hostname=host),
            ):
                pass
        except OSError as error:
            raise Unreachable(_words(error)) from error


def host_of(url: str) -> str:
    """Return the host of an address, without port and brackets."""
    return urlsplit(url).hostname or ""


def _read(response: http.client.HTTPResponse, until: float) -> bytes:
    body = b""
    while chunk := response.read1(_CHUNK):
        body += chunk
        if len(body) > PAGE_MAX:
            raise Unreachable(f"the page is longer than {PAGE_MAX} bytes")
        if time.monotonic() > until:
            raise Unreachable("the page did not come to an end in time")
    return body


def _words(error: object) -> str:
    """Return an error in one line, for people."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__
