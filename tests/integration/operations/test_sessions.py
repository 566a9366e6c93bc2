"""Who is connected, and ending sessions: by account, address, network, tenant, profile, protocol and session."""

import time

import pytest

from cgappliance.testing.lab.process import wait_until
from cgappliance.testing.lab.world import TARO, YUKI, World
from tests.integration.talking import ACCEPTED, IMAP, POP3, SHUTDOWN, SMTP

TOKEN_S = 3599  # what the token endpoint of the look-alike gives


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with World(tmp_path_factory.mktemp("sessions"), workers=2, remote_ips=()) as world:
        yield world


@pytest.fixture(autouse=True)
def empty(world):
    wait_until(lambda: not world.appliance.ask("sessions"), "sessions ended", 5)


@pytest.fixture
def everybody(talk):
    """Three sessions: Yuki's over IMAP and POP3 from two addresses, Taro's over SMTP from a third."""
    clients = {
        "yuki imap": talk(IMAP, source="127.0.0.21"),
        "yuki pop3": talk(POP3, source="127.0.0.22"),
        "taro smtp": talk(SMTP, source="127.0.1.23"),
    }
    for name, client in clients.items():
        assert client.log_in_as(YUKI if name.startswith("yuki") else TARO).startswith(ACCEPTED[client.protocol])
    return clients


def test_the_list_says_who_from_where_since_when_how_much_and_until_when(world, talk):
    client = talk(IMAP, source="127.0.0.21")
    client.ask(b'a0 ID ("name" "Testbird" "version" "1")')
    client.log_in_as(YUKI)
    client.ask(b"a1 NOOP")
    [row] = world.appliance.json("session", "list")
    assert (row["tenant"], row["account"], row["protocol"], row["peer"]) == ("acme", YUKI.address, "imap", "127.0.0.21")
    assert (row["client"], row["profile"], row["node"] != "") == ("Testbird 1", "office", True)
    assert row["bytes_up"] == len("a1 NOOP\r\n")
    assert row["bytes_down"] > 0
    assert row["since"].startswith(time.strftime("%Y-%m-%dT%H:", time.gmtime()))
    assert TOKEN_S - 60 < row["ends_in_s"] + row["seconds"] <= TOKEN_S


def test_the_table_for_people_has_a_line_for_each(world, everybody):
    lines = world.appliance.command("session", "list").stdout.splitlines()
    assert lines[0].split()[:4] == ["FOR", "ENDS", "IN", "TENANT"]
    assert len(lines) == 1 + len(everybody)
    assert "0:59:" in lines[1]


@pytest.mark.parametrize(
    ("conditions", "ended"),
    [
        (["--account", YUKI.address.upper()], {"yuki imap", "yuki pop3"}),
        (["--network", "127.0.0.22"], {"yuki pop3"}),
        (["--network", "127.0.0.0/24"], {"yuki imap", "yuki pop3"}),
        (["--tenant", "acme"], {"yuki imap", "yuki pop3", "taro smtp"}),
        (["--profile", "office", "--protocol", "smtp"], {"taro smtp"}),
        (["--profile", "travel"], set()),
        (["--account", YUKI.address, "--protocol", "imap"], {"yuki imap"}),
        (["--all"], {"yuki imap", "yuki pop3", "taro smtp"}),
    ],
)
def test_those_who_are_meant_are_ended_with_the_protocols_farewell_and_others_go_on(world, everybody, conditions, ended):
    assert world.appliance.json("session", "kick", *conditions) == {"ended": len(ended)}
    for name, client in everybody.items():
        if name in ended:
            assert client.rest() == SHUTDOWN[client.protocol] + b"\r\n"
        else:
            assert client.ask({IMAP: b"a1 NOOP", POP3: b"NOOP", SMTP: b"NOOP"}[client.protocol])[:2] in (b"OK", b"+O", b"25")


def test_one_session_by_its_id(world, everybody):
    row = next(row for row in world.appliance.json("session", "list") if row["protocol"] == "pop3")
    assert world.appliance.json("session", "kick", "--session", row["session"]) == {"ended": 1}
    assert everybody["yuki pop3"].rest() != b""


def test_a_slip_in_the_tenants_name_is_no_success(world):
    done = world.appliance.command("session", "kick", "--tenant", "acmee", check=False)
    assert done.returncode == 1
    assert "there is no tenant 'acmee' (did you mean 'acme'?)" in done.stderr


def test_a_network_that_is_none_is_told(world):
    done = world.appliance.command("session", "kick", "--network", "300.1.1.1", check=False)
    assert done.returncode == 1
    assert "300.1.1.1" in done.stderr


def test_no_condition_is_no_permission_to_end_all(world, everybody):
    assert world.appliance.command("session", "kick", check=False).returncode == 2
    assert len(world.appliance.json("session", "list")) == len(everybody)


def test_a_credential_that_does_not_expire_has_no_end_to_tell(world, talk, tmp_path):
    world.gmail.control.change_account(YUKI.address, password="google's own", switches={"password_enabled": True})
    file = tmp_path / "passwords"
    file.touch(mode=0o600)
    file.write_text(f'"{YUKI.address}" = "google\'s own"\n')
    world.appliance.tenant("acme", world.tenant_file(google=f'provider = "managed-password"\npasswords_file = "{file}"'))
    world.appliance.ask("reload")
    try:
        assert talk(IMAP).log_in_as(YUKI).startswith(ACCEPTED[IMAP])
        [row] = world.appliance.json("session", "list")
        assert row["ends_in_s"] is None
        assert world.appliance.command("session", "list").stdout.splitlines()[1].split()[1] == "-"
    finally:
        world.appliance.tenant("acme", world.tenant_file())
        world.appliance.ask("reload")
