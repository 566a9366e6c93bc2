"""A directory that is down, stalled, wrong or slow: an outage for its own tenant, never a wrong password, and over when it is over.

Whoever logged in lately is let in from memory for some minutes; so each test takes somebody new.
"""

import time
from contextlib import contextmanager

import pytest

from cgappliance.testing.lab.appliance import AppliancePorts
from cgappliance.testing.lab.slapd import Person, Slapd
from cgappliance.testing.lab.world import DOMAIN, TARO, YUKI, World

from .conftest import at_once, changed
from .seen import questions
from .talking import ACCEPTED, IMAP, POP3, PROTOCOLS, REFUSED, SMTP, UNAVAILABLE

pytestmark = [pytest.mark.usefixtures("tidy", "as_before")]

TIMEOUT_S, SERVER_TIMEOUT_S = 1.5, 0.4
PEOPLE = tuple(Person(f"person{number}@{DOMAIN}", f"password {number} of many") for number in range(40))
OTHER_DOMAIN = "neighbour.example"
NEIGHBOURS = tuple(Person(f"person{number}@{OTHER_DOMAIN}", f"neighbour {number}", rdn=f"uid=n{number}") for number in range(6))


class TwoDirectories(World):
    """A world whose tenant asks two servers that know the same people, and a tenant beside it that asks the second one only."""

    def __init__(self, folder):
        limits = {"directory_timeout_s": TIMEOUT_S, "refusal_delay_s": 0.1}
        super().__init__(folder, people=(YUKI, TARO, *PEOPLE, *NEIGHBOURS), limits=limits)
        self.second = Slapd(folder / "second", people=self.people, authority=self.authority)
        self.more_directory_ports = (self.second.ldap_port, self.second.ldaps_port)
        self.neighbour_ports = AppliancePorts()
        self.next_person = iter(PEOPLE)
        self.next_neighbour = iter(NEIGHBOURS)

    def auth(self, *servers, more=""):
        urls = ", ".join(f'"{url}"' for url in servers)
        return (
            f'servers = [{urls}]\nca_file = "{self.authority.ca_file}"\nbase_dn = "{self.slapd.base_dn}"\n'
            f'bind_dn = "{self.slapd.bind_dn}"\nbind_password_file = "{self.bind_password_file}"\n'
            f"server_timeout_s = {SERVER_TIMEOUT_S}\n{more}"
        )

    def tenant_file(self, **changes):
        return super().tenant_file(**{"auth": self.auth(self.slapd.ldaps_url), **changes})

    def neighbour_file(self):
        listen = (
            f'hostname = "localhost"\naddresses = ["127.0.0.1"]\n{self.neighbour_ports.toml()}'
            f'certificate = "{self.certificate.certificate}"\nprivate_key = "{self.certificate.private_key}"'
        )
        top = f'name = "Neighbour"\nedition = "light"\ndomains = ["{OTHER_DOMAIN}"]'
        return self.tenant_file(top=top, listen=listen, auth=self.auth(self.second.ldaps_url))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = TwoDirectories(tmp_path_factory.mktemp("world"))
    world.appliance.tenant("neighbour", world.neighbour_file())
    with world.second, world:
        yield world


@pytest.fixture
def person(world):
    return next(world.next_person)


@contextmanager
def down(slapd):
    with slapd.stopped():
        yield


@contextmanager
def stalled(slapd):
    with slapd.stalled():
        yield


OUTAGES = {"down": (down, {"directory_unavailable"}), "stalled": (stalled, {"directory_timeout"})}


@pytest.mark.parametrize("outage", OUTAGES)
def test_outage_is_no_wrong_password_whatever_the_password(world, talk, log, person, outage):
    happens, reasons = OUTAGES[outage]
    with happens(world.slapd):
        logins = [login for name in (person.address, f"nobody@{DOMAIN}") for login in ((name, person.password), (name, "wrong"))]
        tries = [(protocol, login) for protocol in PROTOCOLS for login in logins]
        told = at_once(lambda job: talk(job[0]).log_in(*job[1]), tries)
    assert told == [UNAVAILABLE[protocol] for protocol, _login in tries]
    assert {entry["reason"] for entry in log()} == reasons
    assert all(entry["level"] == "warning" for entry in log())


@pytest.mark.parametrize("outage", OUTAGES)
def test_outage_is_over_when_it_is_over(world, talk, person, outage):
    happens, _reasons = OUTAGES[outage]
    with happens(world.slapd):
        assert talk(IMAP).log_in_as(person) == UNAVAILABLE[IMAP]
    other = next(world.next_person)
    assert talk(IMAP).log_in_as(other).startswith(b"OK")
    assert talk(POP3).log_in(other.address, "wrong") == REFUSED[POP3]
    assert talk(SMTP).log_in_as(person).startswith(ACCEPTED[SMTP])


def test_stalled_directory_costs_a_login_no_more_than_its_time_out(world, talk, log, person):
    with stalled(world.slapd):
        assert talk(IMAP).log_in_as(person) == UNAVAILABLE[IMAP]
    [entry] = log()
    assert float(entry["ms"]) < TIMEOUT_S * 1000 * 1.5


def test_who_logged_in_lately_may_come_again_while_the_directory_is_down(world, talk, log, person):
    assert talk(IMAP).log_in_as(person).startswith(b"OK")
    with down(world.slapd):
        assert at_once(lambda protocol: talk(protocol).log_in_as(person)[:2], PROTOCOLS) == [b"OK", b"+O", b"23"]
        assert talk(IMAP).log_in(person.address, "wrong") == UNAVAILABLE[IMAP]


def test_stalled_directory_of_one_tenant_holds_no_other_tenant_up(world, talk):
    def neighbour(_):
        person = next(world.next_neighbour)
        started = time.monotonic()
        client = talk(IMAP, port=world.neighbour_ports.imaps)
        assert client.log_in_as(person).startswith(b"OK")
        return time.monotonic() - started

    def victim(_):
        person = next(world.next_person)
        return talk(IMAP).log_in_as(person)

    with stalled(world.slapd):
        told = at_once(lambda job: job(0), [*[victim] * 6, *[neighbour] * 3])
    assert set(told[:6]) == {UNAVAILABLE[IMAP]}
    assert max(told[6:]) < TIMEOUT_S / 2


# ---- two servers


@pytest.mark.parametrize("outage", OUTAGES)
def test_second_server_is_asked_when_the_first_one_fails(world, talk, person, outage):
    happens, _reasons = OUTAGES[outage]
    with changed(world, auth=world.auth(world.slapd.ldaps_url, world.second.ldaps_url)), happens(world.slapd):
        started = time.monotonic()
        assert talk(IMAP).log_in_as(person).startswith(b"OK")
        assert time.monotonic() - started < TIMEOUT_S
        assert talk(POP3).log_in(person.address, "wrong") == REFUSED[POP3]
        started = time.monotonic()
        assert talk(SMTP).log_in_as(next(world.next_person)).startswith(ACCEPTED[SMTP])
        assert time.monotonic() - started < SERVER_TIMEOUT_S  # the one that failed is left alone for a while


def test_both_servers_down_is_an_outage(world, talk, log, person):
    with (
        changed(world, auth=world.auth(world.slapd.ldaps_url, world.second.ldaps_url)),
        down(world.slapd),
        down(world.second),
    ):
        assert talk(IMAP).log_in_as(person) == UNAVAILABLE[IMAP]
    assert log()[0]["reason"] == "directory_unavailable"
    assert str(world.slapd.ldaps_port) in log()[0]["detail"]
    assert str(world.second.ldaps_port) in log()[0]["detail"]


def test_restarted_server_is_used_again_though_connections_to_it_were_kept(world, talk, person):
    assert talk(IMAP).log_in_as(person).startswith(b"OK")
    with world.slapd.stopped():
        pass
    assert talk(IMAP).log_in_as(next(world.next_person)).startswith(b"OK")


# ---- set up wrongly


def test_starttls_protects_as_well(world, talk, person):
    with changed(world, auth=world.auth(world.slapd.ldap_url, more="starttls = true\n")):
        assert talk(IMAP).log_in_as(person).startswith(b"OK")


def test_wrong_password_of_the_appliance_itself_is_an_outage(world, talk, log, person):
    secret = world.bind_password_file.with_name("wrong-bind-password")
    secret.touch(mode=0o600)
    secret.write_text("not the password")
    auth = world.auth(world.slapd.ldaps_url).replace(str(world.bind_password_file), str(secret))
    with changed(world, auth=auth):
        assert talk(IMAP).log_in_as(person) == UNAVAILABLE[IMAP]
    assert [entry["reason"] for entry in log()] == ["directory_misconfigured"]


def test_directory_that_nobody_vouches_for_gets_no_password(world, talk, log, person):
    auth = world.auth(world.slapd.ldaps_url).replace(f'ca_file = "{world.authority.ca_file}"\n', "")
    asked = questions(world.slapd)
    with changed(world, auth=auth):
        assert talk(IMAP).log_in_as(person) == UNAVAILABLE[IMAP]
    assert [entry["reason"] for entry in log()] == ["directory_unavailable"]
    assert questions(world.slapd) == asked


# ---- the directory is not hammered


def binds(world, person):
    name = person.address.partition("@")[0]
    return world.slapd.count(f'BIND dn="uid={name},ou=people,{world.slapd.base_dn}" method=128')


def test_telephone_with_an_old_password_costs_the_directory_one_bind(world, talk, person):
    for protocol in (*PROTOCOLS, *PROTOCOLS):
        assert talk(protocol).log_in(person.address, "the old password") == REFUSED[protocol]
    assert binds(world, person) == 1
    assert talk(IMAP).log_in_as(person).startswith(b"OK")


def test_guesser_meets_a_bound_and_hears_nothing_else(world, talk, log, person):
    for number in range(9):
        assert talk(POP3).log_in(person.address, f"guess {number}") == REFUSED[POP3]
    assert binds(world, person) == 5
    assert talk(POP3).log_in_as(person) == REFUSED[POP3]
    assert [entry["reason"] for entry in log()] == ["wrong_password"] * 5 + ["locked"] * 5


def test_many_logins_of_one_account_at_once_cost_one_bind(world, talk, person):
    told = at_once(lambda _: talk(IMAP).log_in_as(person)[:3], range(12))
    assert set(told) == {b"OK "}
    assert binds(world, person) == 1
