import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from cgappliance_openldap import verbs
from cgappliance_openldap.backend import OpenLdapBackend
from cgappliance_openldap.connection import connect, tls_context

from cgappliance.plugin_api import AuthAnswer, Deadline, Outcome, Reason, Secret, TenantContext, directory_servers
from cgappliance.testing.contract import ACCOUNTS, DOMAIN, Account, credentials
from cgappliance.testing.lab.certificates import Authority
from cgappliance.testing.lab.slapd import Person, Slapd
from cgappliance.testing.observe import watched_hub

pytestmark = pytest.mark.integration

Make = Callable[..., OpenLdapBackend]
SettingsOf = Callable[..., dict[str, Any]]
YUKI = ACCOUNTS[0]
TEN_TIMES_200_S = 60.0  #: a busy machine needs a tenth of it; what hangs, hangs for good


def log_in(backend: OpenLdapBackend, account: Account | Person = YUKI, timeout_s: float = 5.0) -> AuthAnswer:
    return backend.authenticate(credentials(account.address, account.password), timeout_s)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Slapd, Slapd]]:
    """Two servers with the same people and one authority."""
    people = [Person(YUKI.address, YUKI.password)]
    authority = Authority(tmp_path)
    with (
        Slapd(tmp_path / "first", people=people, authority=authority) as first,
        Slapd(tmp_path / "second", people=people, authority=authority) as second,
    ):
        yield first, second


def urls(*servers: Slapd) -> tuple[str, ...]:
    return tuple(server.ldaps_url for server in servers)


def binds(slapd: Slapd) -> int:
    """Count the passwords tried, those of the service account too."""
    return len(re.findall(r'BIND dn="[^"]+" method=128', slapd.process.log_text()))


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_identity_is_the_entry(slapd: Slapd, backend_of: Make) -> None:
    assert log_in(backend_of(slapd)) == AuthAnswer(Reason.ACCEPTED, "", "uid=plain,ou=people,dc=lab,dc=test")


def test_second_server_answers_when_the_first_is_down(pair: tuple[Slapd, Slapd], backend_of: Make) -> None:
    first, second = pair
    backend = backend_of(first, servers=urls(first, second))
    assert log_in(backend).accepted
    with first.stopped():
        assert log_in(backend).accepted
        assert binds(second) == 2


def test_second_server_answers_within_two_seconds_when_the_first_stands_still(pair: tuple[Slapd, Slapd], backend_of: Make) -> None:
    first, second = pair
    backend = backend_of(first, servers=urls(first, second))
    assert log_in(backend).accepted
    with first.stalled():
        started = time.monotonic()
        assert log_in(backend).accepted
        assert time.monotonic() - started < 2
        started = time.monotonic()
        assert log_in(backend).accepted
        assert time.monotonic() - started < 0.5


def test_first_server_is_asked_again_after_its_rest(pair: tuple[Slapd, Slapd], settings_of: SettingsOf) -> None:
    first, second = pair
    clock = Clock()
    context = TenantContext("lab", frozenset({DOMAIN}), settings_of(first, servers=urls(first, second)))
    backend = OpenLdapBackend(context, clock)
    with first.stopped():
        assert log_in(backend).accepted
    before = binds(first)
    assert log_in(backend).accepted
    assert binds(first) == before
    clock.now += 31
    assert log_in(backend).accepted
    assert binds(first) == before + 2
    backend.stop()


def test_outage_names_each_server(pair: tuple[Slapd, Slapd], backend_of: Make) -> None:
    first, second = pair
    backend = backend_of(first, servers=urls(first, second))
    with first.stopped(), second.stopped():
        answer = log_in(backend)
    assert answer.reason is Reason.DIRECTORY_UNAVAILABLE
    assert answer.detail == f"{first.ldaps_url}: Connection refused; {second.ldaps_url}: Connection refused"


def test_directory_that_stands_still_is_a_timeout(slapd: Slapd, backend_of: Make) -> None:
    backend = backend_of(slapd)
    with slapd.stalled():
        answer = log_in(backend, timeout_s=0.4)
    assert answer == AuthAnswer(Reason.DIRECTORY_TIMEOUT, f"{slapd.ldaps_url}: no answer in time")


def test_restart_of_the_directory_costs_no_login(pair: tuple[Slapd, Slapd], backend_of: Make) -> None:
    slapd, _ = pair
    backend = backend_of(slapd)
    logins = [gevent.spawn(log_in, backend) for _ in range(8)]
    gevent.joinall(logins, timeout=10)
    with slapd.stopped():
        pass
    assert [log_in(backend).reason for _ in range(8)] == [Reason.ACCEPTED] * 8


def test_directory_that_closes_idle_connections_costs_no_login(tmp_path: Path, backend_of: Make) -> None:
    with Slapd(tmp_path / "slapd", people=[Person(YUKI.address, YUKI.password)], idle_timeout_s=1) as slapd:
        backend = backend_of(slapd)
        assert log_in(backend).accepted
        deadline = time.monotonic() + 10
        while not slapd.count("closed (idletimeout)") and time.monotonic() < deadline:
            gevent.sleep(0.05)
        assert slapd.count("closed (idletimeout)")
        assert log_in(backend).accepted


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bind_password_file": Secret("wrong")}, "bind_dn cn=proxy,ou=services,dc=lab,dc=test: Invalid credentials"),
        ({"base_dn": "dc=nothing,dc=test"}, "No such object"),
        ({"required_group": "cn=nothing,dc=lab,dc=test"}, "No such object"),
    ],
)
def test_directory_that_refuses_the_appliance_is_misconfigured(
    slapd: Slapd, backend_of: Make, changes: dict[str, Any], words: str
) -> None:
    answer = log_in(backend_of(slapd, **changes))
    assert answer == AuthAnswer(Reason.DIRECTORY_MISCONFIGURED, words)


def test_refused_service_account_is_not_tried_by_each_login(slapd: Slapd, backend_of: Make) -> None:
    """A wrong bind_password_file must not lock the account that all tenants of the directory may share."""
    backend = backend_of(slapd, bind_password_file=Secret("wrong"))
    before = binds(slapd)
    assert {log_in(backend).reason for _ in range(20)} == {Reason.DIRECTORY_MISCONFIGURED}
    assert binds(slapd) == before + 1


def test_directory_that_is_not_trusted_is_told_no_password(slapd: Slapd, backend_of: Make, tmp_path: Path) -> None:
    backend = backend_of(slapd, ca_file=Authority(tmp_path, "stranger").ca_file)
    before = binds(slapd)
    answer = log_in(backend)
    assert answer.reason is Reason.DIRECTORY_UNAVAILABLE
    assert "certificate not accepted" in answer.detail
    assert binds(slapd) == before


def test_empty_password_is_not_sent(slapd: Slapd, backend_of: Make) -> None:
    backend = backend_of(slapd)
    before = slapd.count("BIND dn=")
    assert backend.authenticate(credentials(YUKI.address, ""), 5).reason is Reason.EMPTY_PASSWORD
    assert slapd.count("BIND dn=") == before


def test_password_is_tried_once(slapd: Slapd, backend_of: Make) -> None:
    backend = backend_of(slapd)
    log_in(backend)
    before = binds(slapd)
    assert backend.authenticate(credentials(YUKI.address, "wrong"), 5).reason is Reason.WRONG_PASSWORD
    assert binds(slapd) == before + 1


def test_person_outside_the_group_is_told_from_a_wrong_password(
    slapd: Slapd, backend_of: Make, somebody: dict[str, Person]
) -> None:
    backend = backend_of(slapd, required_group="cn=mail,ou=groups,dc=lab,dc=test")
    assert log_in(backend, somebody["comma"]).reason is Reason.ACCEPTED
    assert log_in(backend, somebody["outsider"]).reason is Reason.NOT_IN_GROUP


def test_connection_of_somebody_who_must_change_is_closed(slapd: Slapd, backend_of: Make, somebody: dict[str, Person]) -> None:
    backend = backend_of(slapd, pool_size=1)
    log_in(backend)
    opened = slapd.count(" ACCEPT from")
    assert log_in(backend, somebody["reset"]).reason is Reason.PASSWORD_MUST_CHANGE
    assert slapd.count(" ACCEPT from") == opened
    assert log_in(backend).accepted
    assert slapd.count(" ACCEPT from") == opened + 1


def test_connections_are_as_many_as_the_pools_allow(slapd: Slapd, backend_of: Make) -> None:
    backend = backend_of(slapd, pool_size=2)
    opened = slapd.count(" ACCEPT from")
    logins = [gevent.spawn(log_in, backend, timeout_s=20) for _ in range(50)]
    gevent.joinall(logins, timeout=20)
    assert [login.value.reason for login in logins] == [Reason.ACCEPTED] * 50
    assert slapd.count(" ACCEPT from") <= opened + 4


def test_no_login_waits_behind_another_beyond_its_deadline(slapd: Slapd, backend_of: Make) -> None:
    backend = backend_of(slapd, pool_size=1)
    with slapd.stalled():
        patient = gevent.spawn(log_in, backend, timeout_s=3.0)
        gevent.sleep(0.05)
        started = time.monotonic()
        assert log_in(backend, timeout_s=0.3).reason is Reason.DIRECTORY_TIMEOUT
        assert time.monotonic() - started < 0.5
    assert patient.get(timeout=10).reason is Reason.ACCEPTED


def test_ten_greenlets_log_in_two_hundred_times_each(slapd: Slapd, backend_of: Make) -> None:
    backend = backend_of(slapd, pool_size=10)
    done: list[Reason] = []

    def work() -> None:
        done.extend(log_in(backend, timeout_s=30).reason for _ in range(200))

    with watched_hub() as hub:
        gevent.joinall([gevent.spawn(work) for _ in range(10)], timeout=TEN_TIMES_200_S)
    assert done == [Reason.ACCEPTED] * 2000
    assert hub.longest_gap_s < 0.25


def test_ten_greenlets_connect_and_bind_two_hundred_times_each(slapd: Slapd, settings_of: SettingsOf) -> None:
    """python-ldap's ``initialize`` in many greenlets at the same time: in gevent's threadpool its lock lets all of them hang."""
    server, tls = directory_servers(settings_of(slapd))[0], tls_context(slapd.ca_file)
    done: list[bool] = []

    def work() -> None:
        for _ in range(200):
            connection = connect(server, tls, Deadline(30))
            answer = verbs.check_password(connection, "uid=plain,ou=people,dc=lab,dc=test", Secret(YUKI.password), Deadline(30))
            connection.close()
            done.append(answer.accepted)

    with watched_hub() as hub:
        gevent.joinall([gevent.spawn(work) for _ in range(10)], timeout=TEN_TIMES_200_S)
    assert done == [True] * 2000
    assert hub.longest_gap_s < 0.25


def test_hub_goes_on_while_the_directory_stands_still(slapd: Slapd, backend_of: Make) -> None:
    backend = backend_of(slapd, pool_size=10)
    with slapd.stalled(), watched_hub() as hub:
        logins = [gevent.spawn(log_in, backend, timeout_s=1.0) for _ in range(20)]
        gevent.joinall(logins, timeout=10)
    assert {login.value.reason.outcome for login in logins} == {Outcome.UNAVAILABLE}
    assert hub.longest_gap_s < 0.25


def test_stopped_backend_is_an_outage(slapd: Slapd, backend_of: Make) -> None:
    backend = backend_of(slapd)
    backend.stop()
    assert log_in(backend).reason is Reason.DIRECTORY_UNAVAILABLE
