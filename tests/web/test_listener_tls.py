"""The HTTP server's TLS: which certificate a client sees, what a reload changes, and which handshakes are given up."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import gevent.ssl
import pytest
from structlog.testing import capture_logs

from cgappliance.model import Tenant
from cgappliance.web import listener
from cgappliance.web.listener import Contexts, Server
from tests.config.kit import write_pair
from tests.policy.factories import tenant

from .listening import SOON_S, WEB, App, Client, app, connections_closed, head, serve, site, trusting

__all__ = ["app", "connections_closed", "serve"]


def tenant_at(folder: Path, hostname: str, *names: str) -> Tenant:
    certificate, key = write_pair(folder, *(names or (hostname,)), stem=hostname)
    made = tenant(id=hostname.partition(".")[0])
    return replace(made, listen=replace(made.listen, hostname=hostname, certificate=certificate, private_key=key))


def names_seen(server: Server, asked: str | None) -> set[str]:
    """Return the names of the certificate that a client sees who asks for a name."""
    context = trusting()
    context.check_hostname = False
    with context.wrap_socket(Client(server).sock, server_hostname=asked) as secure:
        found = secure.getpeercert()
    return {name for _kind, name in found["subjectAltName"]}


@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        ("acme.example", "acme.example"),
        ("ACME.example", "acme.example"),
        ("autoconfig.other.example", "site.example"),
        (None, "site.example"),
    ],
)
def test_the_certificate_is_that_of_the_host_name(
    serve: Callable[..., Server], tmp_path: Path, asked: str | None, seen: str
) -> None:
    server = serve(Contexts(site(tmp_path), {"acme": tenant_at(tmp_path, "acme.example")}))
    assert names_seen(server, asked) == {seen}


def test_without_a_certificate_of_the_site_other_names_are_unknown(serve: Callable[..., Server], tmp_path: Path) -> None:
    server = serve(Contexts(WEB, {"acme": tenant_at(tmp_path, "acme.example")}))
    assert names_seen(server, "acme.example") == {"acme.example"}
    for other in ("other.example", None):
        with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
            names_seen(server, other)


def test_a_reload_brings_new_names_and_takes_old_ones_away(serve: Callable[..., Server], tmp_path: Path) -> None:
    contexts = Contexts(site(tmp_path), {"acme": tenant_at(tmp_path, "acme.example")})
    server = serve(contexts)
    contexts.apply({"beta": tenant_at(tmp_path, "beta.example")})
    assert names_seen(server, "beta.example") == {"beta.example"}
    assert names_seen(server, "acme.example") == {"site.example"}


def test_a_certificate_that_cannot_be_read_leaves_the_others_alone(serve: Callable[..., Server], tmp_path: Path) -> None:
    broken = tenant_at(tmp_path, "broken.example")
    assert broken.listen.certificate is not None
    broken.listen.certificate.write_text("no certificate")
    with capture_logs() as logs:
        server = serve(Contexts(site(tmp_path), {"broken": broken, "acme": tenant_at(tmp_path, "acme.example")}))
    assert [(log["event"], log["file"]) for log in logs] == [("web.certificate", str(broken.listen.certificate))]
    assert names_seen(server, "acme.example") == {"acme.example"}
    assert names_seen(server, "broken.example") == {"site.example"}


def test_old_tls_is_refused(serve: Callable[..., Server], tmp_path: Path) -> None:
    server = serve(Contexts(site(tmp_path), {}))
    context = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        context.wrap_socket(Client(server).sock)


def test_a_handshake_that_does_not_come_is_given_up(
    serve: Callable[..., Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "HANDSHAKE_S", SOON_S)
    server = serve(Contexts(site(tmp_path), {}))
    assert Client(server).rest() == b""
    assert Client(server).send(b"GET / HTTP/1.1\r\n\r\n").rest() == b""  # no handshake at all


def test_the_scheme_is_that_of_the_listener(serve: Callable[..., Server], app: App, tmp_path: Path) -> None:
    Client(serve()).send(head("Connection: close")).rest()
    with trusting().wrap_socket(Client(serve(Contexts(site(tmp_path), {}))).sock, server_hostname="site.example") as client:
        client.sendall(head("Connection: close"))
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
    assert [request["wsgi.url_scheme"] for request in app.requests] == ["http", "https"]
