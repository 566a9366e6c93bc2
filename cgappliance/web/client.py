"""Who the client is: the address and scheme behind declared reverse proxies, and of nobody else's claims.

``X-Forwarded-For`` is walked from the right, for the right end is what our own proxy wrote: the first address that is no declared
proxy is the client. What stands left of it the client may have made up.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from cgappliance.model import IPAddress, IPNetwork, Peer

Environ = dict[str, Any]
WsgiApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


def client_address(peer: str, forwarded_for: str, proxies: Sequence[IPNetwork]) -> IPAddress:
    """Return the client's address.

    Args:
        peer: the address of the connection.
        forwarded_for: the header's value, all of its lines joined by commas.
        proxies: that are believed.
    """
    address = Peer.of(peer, 0).address
    for hop in reversed([part.strip() for part in forwarded_for.split(",") if part.strip()]):
        if not is_among(address, proxies):
            return address
        claimed = _address(hop)
        if claimed is None:  # a proxy of ours passed on what is no address: the last one that is known counts
            return address
        address = claimed
    return address


def is_among(address: IPAddress, networks: Sequence[IPNetwork]) -> bool:
    """Tell whether an address is in one of the networks."""
    return any(address.version == network.version and address in network for network in networks)


class BehindProxies:
    """Makes the WSGI environment tell the truth, before the application reads it."""

    def __init__(self, app: WsgiApp, proxies: Sequence[IPNetwork]) -> None:
        """Wrap ``app``; ``proxies`` are believed."""
        self._app = app
        self._proxies = proxies

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Handle a request."""
        peer = environ.get("REMOTE_ADDR", "127.0.0.1")
        forwarded_for = environ.pop("HTTP_X_FORWARDED_FOR", "")
        scheme = environ.pop("HTTP_X_FORWARDED_PROTO", "").strip().lower()
        environ["REMOTE_ADDR"] = str(client_address(peer, forwarded_for, self._proxies))
        if scheme in ("http", "https") and is_among(Peer.of(peer, 0).address, self._proxies):
            environ["wsgi.url_scheme"] = scheme
        return self._app(environ, start_response)


def _address(text: str) -> IPAddress | None:
    if text.startswith("["):  # [2001:db8::1]:443
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:  # 192.0.2.1:443
        text = text.partition(":")[0]
    try:
        return Peer.of(str(ipaddress.ip_address(text)), 0).address
    except ValueError:
        return None
