from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import gevent
import pytest
from cgappliance_active_directory.connect import Connection, Opener, ServiceOpener, asking, simple_bind, tls_context

from cgappliance.plugin_api import Deadline, DirectoryServer, OpeningRefused, Secret, ServerFailed, ServerTimedOut
from cgappliance.testing.lab import samba, samba_domain
from cgappliance.testing.lab.certificates import Authority
from cgappliance.testing.lab.samba import SambaAd

pytestmark = pytest.mark.integration

GOOD = samba_domain.GOOD


def ldaps(ad: SambaAd) -> DirectoryServer:
    return DirectoryServer(ad.address, samba.LDAPS_PORT, starttls=False)


def starttls(ad: SambaAd) -> DirectoryServer:
    return DirectoryServer(ad.address, samba.LDAP_PORT, starttls=True)


@pytest.fixture
def opener(ad: SambaAd) -> Opener:
    return Opener(tls_context(ad.ca_file))


@pytest.fixture
def connection(ad: SambaAd, opener: Opener) -> Iterator[Connection]:
    opened = opener.open(ldaps(ad), Deadline(5))
    yield opened
    opener.close(opened)


@pytest.fixture
def silent() -> Iterator[DirectoryServer]:
    """A server that accepts and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield DirectoryServer("127.0.0.1", listener.getsockname()[1], starttls=False)


@pytest.mark.parametrize("way", [ldaps, starttls])
def test_connection_has_tls_before_anybody_logs_in(ad: SambaAd, opener: Opener, way: type) -> None:
    opened = opener.open(way(ad), Deadline(5))
    assert opened.socket.version() in {"TLSv1.2", "TLSv1.3"}
    assert simple_bind(opened, Deadline(5), GOOD.upn, Secret(GOOD.password)).success
    opener.close(opened)


def test_small_packets_are_not_held_back(connection: Connection) -> None:
    assert connection.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize("way", [ldaps, starttls])
def test_server_of_an_unknown_authority_is_not_talked_to(ad: SambaAd, tmp_path: Path, way: type) -> None:
    stranger = Opener(tls_context(Authority(tmp_path).ca_file))
    with pytest.raises(ServerFailed, match="CERTIFICATE_VERIFY_FAILED"):
        stranger.open(way(ad), Deadline(5))


def test_server_must_be_called_as_in_its_certificate(ad: SambaAd, opener: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    there = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ad.address, samba.LDAPS_PORT))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_named: there)
    opener.close(opener.open(DirectoryServer("dc1.ad.lab.test", samba.LDAPS_PORT, starttls=False), Deadline(5)))
    with pytest.raises(ServerFailed, match="Hostname mismatch"):
        opener.open(DirectoryServer("dc2.ad.lab.test", samba.LDAPS_PORT, starttls=False), Deadline(5))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_address_is_found_in_the_certificate(authority: Authority, tmp_path: Path, host: str) -> None:
    pair = authority.issue("dc1.ad.lab.test", "127.0.0.1", "::1", file=f"address-{host.count(':')}")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.certificate, pair.private_key)
    opener = Opener(tls_context(authority.ca_file))
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        accepting = Thread(target=lambda: context.wrap_socket(listener.accept()[0], server_side=True).close())
        accepting.start()
        opener.close(opener.open(DirectoryServer(host, listener.getsockname()[1], starttls=False), Deadline(5)))
        accepting.join()


def test_private_authority_is_the_only_one_that_is_trusted(ad: SambaAd) -> None:
    assert len(tls_context(ad.ca_file).get_ca_certs()) == 1


def test_tls_is_checked_in_full() -> None:
    context = tls_context(None)
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_nobody_listening_is_the_servers_failure(silent: DirectoryServer) -> None:
    nobody = DirectoryServer("127.0.0.2", silent.port, starttls=False)
    with pytest.raises(ServerFailed, match="refused") as raised:
        Opener(tls_context(None)).open(nobody, Deadline(5))
    assert not raised.value.timed_out


def test_name_that_nobody_knows_is_the_servers_failure() -> None:
    with pytest.raises(ServerFailed):
        Opener(tls_context(None)).open(DirectoryServer("dc1.invalid", 636, starttls=False), Deadline(5))


def test_server_that_says_nothing_costs_no_more_than_the_deadline(silent: DirectoryServer) -> None:
    started = time.monotonic()
    with pytest.raises(ServerTimedOut):
        Opener(tls_context(None)).open(silent, Deadline(0.2))
    assert 0.15 < time.monotonic() - started < 1


def test_deadline_that_is_over_is_not_waited_for(connection: Connection) -> None:
    with pytest.raises(ServerTimedOut), asking(connection, Deadline(0)):
        pytest.fail("nothing was to be asked")


def test_timeout_of_somebody_else_passes_through(connection: Connection) -> None:
    other = gevent.Timeout(0)
    with pytest.raises(gevent.Timeout) as raised, asking(connection, Deadline(5)):
        raise other
    assert raised.value is other


@pytest.mark.parametrize("name", [samba_domain.SERVICE.dn, samba_domain.SERVICE.upn, f"ADLAB\\{samba_domain.SERVICE.name}"])
def test_search_account_may_be_written_in_each_way_of_active_directory(ad: SambaAd, name: str) -> None:
    opener = ServiceOpener(tls_context(ad.ca_file), name, Secret(samba_domain.SERVICE.password))
    opened = opener.open(ldaps(ad), Deadline(5))
    assert opened.bound
    opener.close(opened)


def test_refused_search_account_is_named_but_not_its_password(ad: SambaAd) -> None:
    opener = ServiceOpener(tls_context(ad.ca_file), "svc@ad.lab.test", Secret("hunter2"))
    with pytest.raises(OpeningRefused, match=re.escape(f"ldaps://{ad.address}:636 refuses svc@ad.lab.test: ")) as raised:
        opener.open(ldaps(ad), Deadline(5))
    assert "hunter2" not in str(raised.value)


def test_closed_connection_is_not_opened_again_without_tls(ad: SambaAd, opener: Opener) -> None:
    opened = opener.open(starttls(ad), Deadline(5))
    opener.close(opened)
    with pytest.raises(ServerFailed, match="was closed"):
        simple_bind(opened, Deadline(5), GOOD.upn, Secret(GOOD.password))
    assert opened.socket is None


@pytest.mark.parametrize("password", [GOOD.password, "wrong"])
def test_connection_keeps_no_password(connection: Connection, password: str) -> None:
    simple_bind(connection, Deadline(5), GOOD.upn, Secret(password))
    assert connection.password is None
    assert connection.request is None


def test_connection_serves_one_login_after_the_other(connection: Connection) -> None:
    answers = [
        simple_bind(connection, Deadline(5), GOOD.upn, Secret(word)).success for word in (GOOD.password, "wrong", GOOD.password)
    ]
    assert answers == [True, False, True]


def test_closing_twice_does_no_harm(ad: SambaAd, opener: Opener) -> None:
    opened = opener.open(ldaps(ad), Deadline(5))
    opener.close(opened)
    opener.close(opened)
    assert opened.closed
