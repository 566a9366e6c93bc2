from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import gevent
import gevent.socket
import pytest
from sqlalchemy import select

from cgappliance.admin.desk import utc_now
from cgappliance.config import Settings
from cgappliance.config.load import load
from cgappliance.errors import ConfigurationError
from cgappliance.plugins import Kinds
from cgappliance.store import keyfile, schema, web_sessions
from cgappliance.store.engine import Store
from cgappliance.store.web_sessions import NewSession, Site, Source
from cgappliance.testing.stores import sqlite_store, sqlite_url
from cgappliance.web import process
from cgappliance.web.process import WebSite
from tests.web.site import tenants

PATIENCE_S = 5.0
LOGIN = NewSession("acme", Site.USER, "yuki@acme.example", Source.DIRECTORY, "", ipaddress.ip_address("127.0.0.1"))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "conf.d").mkdir()
    keyfile.create(tmp_path / "store.key", utc_now())
    (tmp_path / "cgappliance.toml").write_text(
        f'conf_d = "conf.d"\nstore = "{sqlite_url(tmp_path)}"\nkey_file = "store.key"\nrun_dir = "{tmp_path}"\n'
        '[web]\ntls = false\ntrusted_proxies = ["127.0.0.1"]\n'
    )
    return load(tmp_path / "cgappliance.toml", Kinds()).settings


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with sqlite_store(tmp_path) as store:
        yield store


@contextmanager
def served(settings: Settings, folder: Path) -> Iterator[tuple[WebSite, int]]:
    """A site that serves acme and globex, and its port."""
    site, sock = WebSite(settings, Kinds()), gevent.socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    site.start(tenants(folder), [sock])
    yield site, port
    site.stop(1.0)


@pytest.fixture
def serving(store: Store, settings: Settings, tmp_path: Path) -> Iterator[tuple[WebSite, int]]:
    with served(settings, tmp_path) as found:
        yield found


def status_of(port: int, path: str, **headers: str) -> int:
    """Return the status of an answer."""
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close", *(f"{name}: {text}" for name, text in headers.items())]
    with gevent.Timeout(PATIENCE_S), gevent.socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall("\r\n".join([*lines, "", ""]).encode())
        got = b""
        while data := client.recv(65_536):
            got += data
    return int(got.split(b" ")[1])


def test_settings_without_a_site_make_none(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "cgappliance.toml").write_text('conf_d = "conf.d"\n')
    with pytest.raises(ConfigurationError, match=r"no table \[web\]"):
        WebSite(load(tmp_path / "cgappliance.toml", Kinds()).settings, Kinds())


def test_a_reload_takes_away_the_pages_of_a_tenant_that_is_gone(serving: tuple[WebSite, int], tmp_path: Path) -> None:
    site, port = serving
    assert (status_of(port, "/acme/login"), status_of(port, "/globex/login")) == (200, 200)
    site.apply({"globex": tenants(tmp_path)["globex"]})
    assert (status_of(port, "/acme/login"), status_of(port, "/globex/login")) == (404, 200)


@pytest.mark.usefixtures("store")
def test_at_the_end_nobody_is_let_in(settings: Settings, tmp_path: Path) -> None:
    with served(settings, tmp_path) as (_site, port):
        assert status_of(port, "/acme/login") == 200
    with pytest.raises(OSError, match="refused"):
        status_of(port, "/acme/login")


def test_logins_that_are_over_are_swept_away(serving: tuple[WebSite, int], store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with store.write() as connection:
        for age in (timedelta(days=2), timedelta(0)):
            web_sessions.begin(connection, LOGIN, utc_now() - age)
    monkeypatch.setattr(process, "SWEEP_EVERY_S", 0.01)
    sweeper = gevent.spawn(serving[0]._sweep)
    with gevent.Timeout(PATIENCE_S):
        while logins(store) > 1:
            gevent.sleep(0.01)
    sweeper.kill()
    assert logins(store) == 1


def logins(store: Store) -> int:
    with store.read() as connection:
        return len(connection.execute(select(schema.web_sessions)).all())
