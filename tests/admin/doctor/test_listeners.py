"""Certificate, name and ports, against sockets of this machine."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cgappliance.admin.doctor.findings import Finding, State
from cgappliance.admin.doctor.listeners import look_at_listeners
from cgappliance.model import MailProtocol, Tenant
from cgappliance.testing.lab.process import free_port
from tests.admin.doctor.reading import about
from tests.config.kit import write_pair


@pytest.fixture
def local(acme: Tenant, tmp_path: Path) -> Tenant:
    """A tenant on localhost, at a port where nobody listens."""
    certificate, key = write_pair(tmp_path, "localhost")
    listen = replace(acme.listen, hostname="localhost", certificate=certificate, private_key=key)
    return replace(acme, listen=replace(listen, ports={MailProtocol.IMAP: free_port()}))


@contextlib.contextmanager
def answering(
    tenant: Tenant, greeting: bytes, certificate: tuple[Path, Path] | None = None, *, tls: bool = True
) -> Iterator[Tenant]:
    """Lend the tenant with a server at its port that greets one client."""
    listen = tenant.listen
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*(certificate or (listen.certificate, listen.private_key)))
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                client, _ = server.accept()
                with client:
                    stream = context.wrap_socket(client, server_side=True) if tls else client
                    with stream:
                        stream.sendall(greeting)
                        stream.recv(1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield replace(tenant, listen=replace(listen, ports={MailProtocol.IMAP: server.getsockname()[1]}))
        thread.join(5)


def look(tenant: Tenant, topic: str) -> Finding:
    return about(look_at_listeners(tenant, datetime.now(UTC)), topic)


def test_good_certificate_is_told_with_its_days(local: Tenant) -> None:
    finding = look(local, "certificate")
    assert (finding.state, finding.sentence) == (State.OK, "covers localhost, good for 364 days")


def test_certificate_that_expires_soon_is_a_warning(local: Tenant, tmp_path: Path) -> None:
    write_pair(tmp_path, "localhost", expires=timedelta(days=20))
    finding = look(local, "certificate")
    assert (finding.state, finding.manual) == (State.WARNING, "4.1 (2)")
    assert "expires in 19 days" in finding.sentence


def test_certificate_for_another_name_is_a_problem(local: Tenant, tmp_path: Path) -> None:
    write_pair(tmp_path, "other.example")
    assert look(local, "certificate").state is State.PROBLEM


def test_name_is_told_with_where_it_leads(local: Tenant) -> None:
    finding = look(local, "server name")
    assert finding.state is State.OK
    assert "127.0.0.1" in finding.sentence or "::1" in finding.sentence


def test_name_that_is_not_in_the_dns_is_a_problem(local: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    finding = look(local, "server name")
    assert (finding.state, "Name or service not known" in finding.sentence) == (State.PROBLEM, True)
    assert "add an A or AAAA record for localhost" in finding.remedy


def test_name_that_leads_elsewhere_may_be_a_load_balancers(local: Tenant) -> None:
    elsewhere = replace(local, listen=replace(local.listen, addresses=("192.0.2.1",), ports={}))
    finding = look(elsewhere, "server name")
    assert finding.state is State.WARNING
    assert "load balancer" in finding.remedy


def test_port_that_greets_is_good(local: Tenant) -> None:
    with answering(local, b"* OK ready\r\n") as tenant:
        assert look(tenant, "port imaps").state is State.OK


def test_port_of_all_addresses_is_tried_on_loopback(local: Tenant) -> None:
    with answering(local, b"* OK ready\r\n") as tenant:
        everywhere = replace(tenant, listen=replace(tenant.listen, addresses=("0.0.0.0",)))
        assert look(everywhere, "port imaps").sentence.startswith("127.0.0.1:")


def test_nobody_at_the_port_is_a_problem(local: Tenant) -> None:
    finding = look(local, "port imaps")
    assert (finding.state, "Connection refused" in finding.sentence) == (State.PROBLEM, True)
    assert "cgappliance status" in finding.remedy


def test_port_behind_a_load_balancer_is_only_opened(local: Tenant) -> None:
    with answering(local, b"") as tenant:
        networks = (ipaddress.ip_network("192.0.2.0/24"),)
        finding = look(replace(tenant, listen=replace(tenant.listen, proxy_protocol_from=networks)), "port imaps")
    assert (finding.state, "is open" in finding.sentence) == (State.OK, True)


@pytest.mark.parametrize(("greeting", "tls"), [(b"220 mail ESMTP\r\n", True), (b"SSH-2.0-OpenSSH\r\n", False)])
def test_other_programs_port_is_a_problem(local: Tenant, greeting: bytes, tls: bool) -> None:
    with answering(local, greeting, tls=tls) as tenant:
        finding = look(tenant, "port imaps")
    assert finding.state is State.PROBLEM
    assert "another program's port" in finding.remedy


def test_certificate_that_was_renewed_and_not_loaded_is_a_warning(local: Tenant, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    with answering(local, b"* OK ready\r\n", write_pair(tmp_path / "old", "localhost")) as tenant:
        finding = look(tenant, "port imaps")
    assert (finding.state, finding.remedy) == (State.WARNING, "run 'cgappliance reload'")


def test_machine_without_ipv6_is_no_fault(local: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_such_family(*_: object) -> socket.socket:
        raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")

    monkeypatch.setattr(socket, "create_connection", no_such_family)
    assert look(replace(local, listen=replace(local.listen, addresses=("::",))), "port imaps").state is State.SKIPPED
    assert look(local, "port imaps").state is State.PROBLEM
