from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from cgappliance.web.client import BehindProxies, client_address

PROXIES = (ip_network("127.0.0.1/32"), ip_network("10.0.0.0/8"), ip_network("2001:db8:1::/64"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.5", "", "203.0.113.5"),
        ("203.0.113.5", "192.0.2.1", "203.0.113.5"),  # nobody's proxy: its claim is worth nothing
        ("127.0.0.1", "192.0.2.1", "192.0.2.1"),
        ("127.0.0.1", "6.6.6.6, 192.0.2.1", "192.0.2.1"),  # the left end is what the client made up
        ("127.0.0.1", "6.6.6.6, 192.0.2.1, 10.1.1.1", "192.0.2.1"),
        ("127.0.0.1", "10.1.1.1", "10.1.1.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "192.0.2.1, nonsense", "127.0.0.1"),
        ("127.0.0.1", "192.0.2.1:4711", "192.0.2.1"),
        ("2001:db8:1::1", "[2001:db8:2::9]:443", "2001:db8:2::9"),
        ("::ffff:127.0.0.1", "::ffff:192.0.2.1", "192.0.2.1"),
    ],
)
def test_the_client_is_the_first_from_the_right_that_is_no_proxy_of_ours(peer: str, forwarded: str, client: str) -> None:
    assert str(client_address(peer, forwarded, PROXIES)) == client


@pytest.mark.parametrize(("peer", "scheme"), [("127.0.0.1", "https"), ("203.0.113.5", "http")])
def test_the_scheme_is_believed_of_our_own_proxies_only(peer: str, scheme: str) -> None:
    seen: dict[str, Any] = {}
    environ = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_PROTO": "https", "wsgi.url_scheme": "http"}
    BehindProxies(lambda told, _start: seen.update(told) or [], PROXIES)(environ, lambda *_: None)
    assert seen["wsgi.url_scheme"] == scheme
    assert "HTTP_X_FORWARDED_PROTO" not in seen
