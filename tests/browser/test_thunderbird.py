"""Debian's Thunderbird sets itself up from an address and a password alone, and reads and sends through the appliance.

Request, reading of the answer, trial of the password and mail are all the program's own; a test only types and presses "Continue".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from cgappliance.testing.lab.process import wait_until
from cgappliance.testing.lab.world import DOMAIN, TARO, YUKI, World
from tests.browser.thunderbird import FAILURE, Thunderbird
from tests.browser.tunnel import Tunnel

MAIL = f"mail.{DOMAIN}"
NAMES = (MAIL, f"autoconfig.{DOMAIN}", DOMAIN, "localhost", "127.0.0.1")
DELIVERY_S = 10.0


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world whose tenant and site have the names that a mail program asks for."""
    world = World(tmp_path_factory.mktemp("world"), web=True, bare=True)
    world.authority.issue(*NAMES, file="appliance")  # in the place of localhost's, which the world has made
    with world:
        write_tenant(world)
        yield world


def write_tenant(world: World, tables: Mapping[str, str] = MappingProxyType({})) -> None:
    """Write the tenant's file, with its own host name, and have it taken up."""
    text = world.tenant_file(**tables)
    world.appliance.tenant("acme", text.replace('hostname = "localhost"', f'hostname = "{MAIL}"'))
    world.appliance.ask("reload")


@pytest.fixture
def tunnel(world: World) -> Iterator[Tunnel]:
    with Tunnel(DOMAIN, world.web_port) as tunnel:
        yield tunnel


@pytest.fixture
def thunderbird(world: World, tunnel: Tunnel, tmp_path: Path) -> Iterator[Thunderbird]:
    with Thunderbird(tmp_path / "thunderbird", world.authority.ca_file, tunnel) as program:
        yield program


def test_thunderbird_needs_an_address_and_a_password_only(world: World, tunnel: Tunnel, thunderbird: Thunderbird) -> None:
    assert thunderbird.set_up("Yuki", YUKI.address) == [f"imap {MAIL} {world.ports.imaps}", f"smtp {MAIL} {world.ports.smtps}"]
    thunderbird.enter(YUKI.password)
    assert f"CONNECT autoconfig.{DOMAIN}:443" in tunnel.asked
    (subject, source), *_ = thunderbird.read_inbox()
    assert (subject, "this message lies at Gmail" in source) == ("Welcome", True)
    thunderbird.send(TARO.address, "From Thunderbird", "It needed no help.")
    wait_until(lambda: b"It needed no help." in b"".join(world.gmail.control.messages(TARO.address)), "the message", DELIVERY_S)


def test_thunderbird_takes_what_the_profiles_allow(world: World, thunderbird: Thunderbird) -> None:
    write_tenant(world, {"profiles.office": 'mail_access = ["pop3", "smtp"]'})
    try:
        assert thunderbird.set_up("Yuki", YUKI.address) == [f"pop3 {MAIL} {world.ports.pop3s}", f"smtp {MAIL} {world.ports.smtps}"]
        thunderbird.enter(YUKI.password)
        assert thunderbird.accounts() == ["pop3"]
        assert "Welcome" in [subject for subject, _source in thunderbird.read_inbox()]
    finally:
        write_tenant(world)


def test_thunderbird_makes_no_account_with_a_wrong_password(world: World, thunderbird: Thunderbird) -> None:
    thunderbird.set_up("Taro", TARO.address)
    thunderbird.enter("wrong", then=FAILURE)
    assert thunderbird.accounts() == []
    assert any("reason=wrong_password" in line for line in world.appliance.log_lines("login"))
    thunderbird.enter(TARO.password)
    assert thunderbird.accounts() == ["imap"]
