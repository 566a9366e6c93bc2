from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cgappliance.cli import main
from cgappliance.plugins import Kinds
from cgappliance.testing.stores import PostgresqlStores, sqlite_url
from tests.admin.fake_customer import FakeCustomer
from tests.admin.fake_directory import FakeDirectory
from tests.config.kit import KINDS, Place

Run = Callable[..., Result]

BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def run(place: Place, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line on the place, with the fake kinds of the kit."""
    monkeypatch.delenv("CGAPPLIANCE_CONFIG", raising=False)
    monkeypatch.setattr("cgappliance.plugins.discover", lambda: KINDS)
    for noun in ("check", "desk", "outside", "tenant"):
        monkeypatch.setattr(f"cgappliance.cli.{noun}.discover", lambda: KINDS)

    def call(*arguments: str, config: bool = True, stdin: str | None = None) -> Result:
        return CliRunner().invoke(main, [*(("--config", str(place.toml)) if config else ()), *arguments], input=stdin)

    return call


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlStores]:
    with PostgresqlStores() as stores:
        yield stores


@pytest.fixture(params=BOTH)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield sqlite_url(tmp_path)
    else:
        with request.getfixturevalue("postgresql").database() as url:
            yield url


@pytest.fixture
def office(place: Place, run: Run, store_url: str) -> Run:
    """Run a command line on a place with the tenant acme (three seats, a profile "office"), a database and a key file."""
    place.toml.write_text(f'conf_d = "conf.d"\nstore = "{store_url}"\nkey_file = "store.key"\n')
    profile = '[profiles.office]\nmail_access = ["imap", "pop3", "smtp"]\nremote_ips = ["203.0.113.0/24"]\n[auth]'
    place.tenant("acme", ("\n[listen]", 'timezone = "Asia/Tokyo"\nseats = 3\n[listen]'), ("[auth]", profile))
    assert run("db", "upgrade").exit_code == 0
    assert run("key", "init").exit_code == 0
    return run


@dataclass
class Outside:
    """The directory and the Google customer behind all tenants of a test."""

    directory: FakeDirectory = field(default_factory=FakeDirectory)
    google: FakeCustomer = field(default_factory=FakeCustomer)

    def kinds(self) -> Kinds:
        backends = {name: replace(kind, directory=lambda _: self.directory) for name, kind in KINDS.backends.items()}
        providers = {name: replace(kind, administration=lambda _: self.google) for name, kind in KINDS.providers.items()}
        return Kinds(backends, providers)


@pytest.fixture
def outside(office: Run, monkeypatch: pytest.MonkeyPatch) -> Outside:
    """A directory without people, and a Google customer without users, behind the tenant of ``office``."""
    outside = Outside()
    monkeypatch.setattr("cgappliance.cli.outside.discover", outside.kinds)
    return outside
