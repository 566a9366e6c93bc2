"""Tenant files come, change, break and go while the appliance runs; each touches its own tenant and no other."""

import socket
import subprocess
import sys
import time

import gevent
import pytest

from cgappliance.testing.lab.appliance import AppliancePorts, ApplianceProcess
from cgappliance.testing.lab.process import clean_environment, wait_until
from cgappliance.testing.lab.slapd import Person
from cgappliance.testing.lab.slapd_data import group_dn
from cgappliance.testing.lab.world import DOMAIN, TARO, World

from .seen import questions
from .talking import ACCEPTED, IMAP, POP3, PROTOCOLS, REFUSED, SHUTDOWN, SMTP

pytestmark = pytest.mark.usefixtures("tidy")

OTHER_DOMAIN = "umbrella.example"
HANAKO = Person(f"hanako@{OTHER_DOMAIN}", "hanako's password")
MEMBER = Person(f"member@{DOMAIN}", "the member's password", groups=("mail",))
SLOW = tuple(Person(f"slow{number}@{DOMAIN}", f"slow password {number}") for number in range(3))  # each logs in once
SECONDS = 5.0  # within which a file must be noticed; the watch waits half a second for more to come


class TwoTenants(World):
    """A directory and a Gmail with people of two companies; the appliance starts with no tenant at all."""

    def __init__(self, folder):
        super().__init__(folder, people=(TARO, MEMBER, HANAKO, *SLOW), limits={"refusal_delay_s": 0.05}, bare=True)
        self.other_ports = AppliancePorts()

    def start(self):
        self.slapd.start()
        self.gmail.start()
        for person in self.people:
            self.gmail.control.add_account(person.address)
        self.appliance.start()
        return self

    def other_file(self, **changes):
        listen = (
            f'hostname = "localhost"\naddresses = ["127.0.0.1"]\n{self.other_ports.toml()}'
            f'certificate = "{self.certificate.certificate}"\nprivate_key = "{self.certificate.private_key}"'
        )
        top = f'name = "Umbrella"\nedition = "light"\ndomains = ["{OTHER_DOMAIN}"]'
        return self.tenant_file(**{"top": top, "listen": listen, **changes})

    def put(self, name, text):
        self.appliance.tenant(name, text)
        return self.appliance.ask("reload").get(name)

    def remove(self, name):
        (self.appliance.conf_d / f"{name}.toml").unlink(missing_ok=True)
        return self.appliance.ask("reload").get(name)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with TwoTenants(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture
def acme(world, tidy):
    """The first tenant, on line; after the test it is removed."""
    world.put("acme", world.tenant_file())
    yield
    world.remove("acme")


@pytest.fixture
def neighbour(world, tidy, talk):
    """A session of the other tenant, on line before the test, that must be alive after it."""
    world.put("umbrella", world.other_file())
    client = talk(IMAP, port=world.other_ports.imaps)
    assert client.log_in_as(HANAKO).startswith(b"OK")
    yield client
    assert client.ask(b"a1 NOOP").startswith(b"OK")
    client.close()
    world.remove("umbrella")


# ---- the first file, and files by themselves


def test_appliance_without_a_tenant_runs_and_says_so_loudly(world):
    [ready] = [line for line in world.appliance.process.log_text().splitlines() if " event=ready " in line][:1]
    assert "level=warning" in ready
    assert "no tenant yet: put a file into" in ready
    assert "no tenant yet: put a file into" in world.appliance.command("status").stdout


def test_first_file_is_on_line_within_seconds_and_gone_again_when_removed(world, talk):
    path = world.appliance.tenant("acme", world.tenant_file())
    wait_until(lambda: "acme" in world.appliance.ask("status")["tenants"], "acme on line", SECONDS)
    wait_until(lambda: listening(world.ports.imaps), "acme listens", SECONDS)
    assert talk(IMAP).log_in_as(TARO).startswith(b"OK")
    path.unlink()
    wait_until(lambda: not listening(world.ports.imaps), "acme gone", SECONDS)
    assert world.appliance.ask("status")["tenants"] == {}


def listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.usefixtures("neighbour")
def test_broken_file_beside_a_good_one_is_reported_and_stops_nobody(world):
    assert world.put("acme", "name = 5\n[listen]\nimap = 1\n") == "broken"
    status = world.appliance.command("status", check=False)
    assert status.returncode == 1
    assert "acme.toml:1: name: " in status.stdout
    assert "acme.toml:3: listen.imap: " in status.stdout
    world.remove("acme")
    assert world.appliance.command("status").returncode == 0


@pytest.mark.usefixtures("acme", "neighbour")
def test_file_that_breaks_keeps_its_tenants_last_good_state(world, talk):
    session = talk(POP3)
    assert session.log_in_as(TARO).startswith(b"+OK")
    assert world.put("acme", world.tenant_file() + "\nunknown_key = true") == "kept"
    assert talk(IMAP).log_in_as(TARO).startswith(b"OK")
    assert session.ask(b"NOOP").startswith(b"+OK")
    assert world.appliance.ask("status")["tenants"]["acme"]["broken"]


@pytest.mark.usefixtures("neighbour")
def test_two_tenants_that_claim_the_same_are_told_apart(world):
    assert (
        world.put("acme", world.tenant_file(listen=world.other_file().partition("[listen]\n")[2].partition("\n\n")[0])) == "broken"
    )
    assert any("umbrella" in problem for problem in world.appliance.ask("status")["problems"])
    world.remove("acme")


# ---- withdrawn means closed


@pytest.mark.usefixtures("acme", "neighbour")
def test_sessions_of_a_removed_tenant_end_with_the_proper_bye(world, talk):
    clients = {protocol: talk(protocol) for protocol in PROTOCOLS}
    assert all(client.log_in_as(TARO).startswith(ACCEPTED[protocol]) for protocol, client in clients.items())
    waiting = talk(IMAP)
    world.remove("acme")
    told = {protocol: client.rest().removesuffix(b"\r\n") for protocol, client in clients.items()}
    assert told == SHUTDOWN
    assert waiting.rest() == SHUTDOWN[IMAP] + b"\r\n"


@pytest.mark.usefixtures("acme", "neighbour")
def test_profile_that_changes_ends_the_sessions_that_it_forbids_and_no_other(world, talk):
    clients = {protocol: talk(protocol) for protocol in PROTOCOLS}
    assert all(client.log_in_as(TARO).startswith(ACCEPTED[protocol]) for protocol, client in clients.items())
    world.put("acme", world.tenant_file(**{"profiles.office": 'mail_access = ["imap"]'}))
    assert [clients[protocol].rest().removesuffix(b"\r\n") for protocol in (POP3, SMTP)] == [SHUTDOWN[POP3], SHUTDOWN[SMTP]]
    assert clients[IMAP].ask(b"a1 NOOP").startswith(b"OK")
    assert talk(POP3).log_in_as(TARO) == REFUSED[POP3]


@pytest.mark.usefixtures("acme", "neighbour")
def test_network_that_is_taken_out_of_the_profile_loses_its_sessions(world, talk):
    world.put("acme", world.tenant_file(**{"profiles.office": 'mail_access = ["imap"]\nremote_ips = ["127.0.0.0/8"]'}))
    inside, outside = talk(IMAP, source="127.0.0.5"), talk(IMAP, source="127.0.1.5")
    assert [client.log_in_as(TARO)[:2] for client in (inside, outside)] == [b"OK", b"OK"]
    world.put("acme", world.tenant_file(**{"profiles.office": 'mail_access = ["imap"]\nremote_ips = ["127.0.0.0/24"]'}))
    assert outside.rest().endswith(SHUTDOWN[IMAP] + b"\r\n")
    assert inside.ask(b"a1 NOOP").startswith(b"OK")


@pytest.fixture
def slow_login(world, talk):
    """Return a function: begin a login that waits for its token, and return its greenlet once it does."""
    started = []

    def begin(person):
        world.gmail.control.switch("token", delay_s=1.0)
        client = talk(IMAP)
        asked = questions(world.slapd)
        started.append(gevent.spawn(lambda: (client.log_in_as(person), client.rest())))
        wait_until(lambda: questions(world.slapd) > asked + 1, "the directory was asked")
        return started[-1]

    yield begin
    world.gmail.control.switch("token", delay_s=0.0)
    gevent.killall(started)


@pytest.mark.usefixtures("acme", "neighbour")
@pytest.mark.parametrize(("withdrawal", "person"), list(zip(("removed", "profile", "protocol"), SLOW, strict=True)))
def test_login_under_way_while_access_is_withdrawn_does_not_stay_a_session(world, slow_login, withdrawal, person):
    login = slow_login(person)
    if withdrawal == "removed":
        world.remove("acme")
    elif withdrawal == "profile":
        world.put("acme", world.tenant_file(policy='default_profile = ""'))
    else:
        world.put("acme", world.tenant_file().replace(f"imaps = {world.ports.imaps}\n", ""))
    answer, rest = login.get(timeout=5)
    assert (answer[:3], rest) == (b"OK ", SHUTDOWN[IMAP] + b"\r\n")
    assert [row for row in world.appliance.ask("sessions") if row["tenant"] == "acme"] == []


@pytest.mark.usefixtures("acme", "neighbour")
def test_password_verified_under_an_older_file_is_verified_again_under_the_new_one(world, talk):
    assert talk(IMAP).log_in_as(TARO).startswith(b"OK")
    auth = world.tenant_file().partition("[auth]\n")[2].partition("\n\n")[0]
    world.put("acme", world.tenant_file(auth=f'{auth}\nrequired_group = "{group_dn("mail")}"'))
    assert talk(IMAP).log_in_as(TARO) == REFUSED[IMAP]
    assert talk(IMAP).log_in_as(MEMBER).startswith(b"OK")


# ---- what the operator can do


@pytest.mark.usefixtures("acme", "neighbour")
def test_operator_sees_and_ends_sessions(world, talk):
    client = talk(IMAP)
    client.ask(b'a1 ID ("name" "Test client")')
    client.log_in_as(TARO)
    rows = world.appliance.json("session", "list", "--tenant", "acme")
    assert [(row["account"], row["protocol"], row["client"]) for row in rows] == [(TARO.address, "imap", "Test client")]
    assert TARO.address in world.appliance.command("session", "list").stdout
    assert world.appliance.command("session", "kick", "--account", TARO.address).stdout == "1 sessions ended\n"
    assert client.rest().endswith(SHUTDOWN[IMAP] + b"\r\n")


@pytest.mark.usefixtures("acme")
def test_operator_reloads_and_sees_what_happened(world):
    world.appliance.tenant("umbrella", world.other_file())
    assert {"umbrella": "added", "acme": "unchanged"}.items() <= world.appliance.json("reload").items() or (
        "umbrella" in world.appliance.ask("status")["tenants"]  # the watch was faster
    )
    world.appliance.tenant("umbrella", "nonsense")
    assert world.appliance.command("reload", check=False).returncode == 1
    world.remove("umbrella")


def test_check_finds_six_mistakes_on_six_lines_at_once(world):
    text = world.tenant_file()
    text = text.replace('edition = "light"', 'edition = "lite"').replace("imaps = ", "imaps = 1").replace("hostname", "hostnam", 1)
    text = text.replace("ldaps://", "http://").replace("bind_password_file = ", 'bind_password_file = "/nowhere" # ')
    text = text.replace('"127.0.0.1/32"', '"123.456.78.90"').replace('default_profile = "office"', 'default_profile = "offce"')
    world.appliance.tenant("wrong", text)
    done = world.appliance.command("check", check=False)
    (world.appliance.conf_d / "wrong.toml").unlink()
    lines = {line.partition("wrong.toml:")[2].partition(":")[0] for line in done.stdout.splitlines() if "wrong.toml:" in line}
    assert done.returncode == 1
    assert len(lines - {""}) >= 6


# ---- cgappliance.toml


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("worker = 1\n", "worker: unknown key"),
        ("workers = 'many'\n", "workers: "),
        ("workers = \n", ":1"),
        ("[limits]\nlogin_timeout_s = -1\n", "limits.login_timeout_s: "),
    ],
)
def test_mistake_in_cgappliance_toml_is_exit_status_2(tmp_path, text, words):
    config = tmp_path / "cgappliance.toml"
    config.write_text(text)
    done = serve(config)
    assert done.returncode == 2
    assert words in done.stderr


def test_missing_cgappliance_toml_is_exit_status_2(tmp_path):
    done = serve(tmp_path / "cgappliance.toml")
    assert done.returncode == 2
    assert "cgappliance.toml" in done.stderr


def serve(config):
    argv = [sys.executable, "-m", "cgappliance", "--config", str(config), "serve"]
    return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False, env=clean_environment())


def test_appliance_starts_with_only_broken_files_and_mends_with_them(tmp_path):
    appliance = ApplianceProcess(tmp_path / "appliance")
    appliance.tenant("acme", "name = \n")
    with appliance:
        assert appliance.ask("status")["broken"] == ["acme"]
        assert "acme.toml:1" in appliance.process.log_text()


def test_stop_sends_clients_away_and_ends(tmp_path, world, talk):
    started = time.monotonic()
    appliance = ApplianceProcess(tmp_path / "appliance")
    appliance.tenant("acme", world.tenant_file())
    with appliance:
        client, waiting = talk(IMAP), talk(SMTP)
        assert client.log_in_as(TARO).startswith(b"OK")
        appliance.stop()
        assert client.rest().endswith(SHUTDOWN[IMAP] + b"\r\n")
        assert waiting.rest() == SHUTDOWN[SMTP] + b"\r\n"
    assert time.monotonic() - started < 15
