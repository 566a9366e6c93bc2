from __future__ import annotations

import re
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import ldap3
import pytest
from ldap3.utils.conv import escape_filter_chars

from cgappliance.testing.lab import samba, samba_domain
from cgappliance.testing.lab.certificates import Authority
from cgappliance.testing.lab.process import ServerFailed, port_open
from cgappliance.testing.lab.samba import SambaAd
from cgappliance.testing.lab.samba_domain import AdUser

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(bool(samba.unavailable()), reason=samba.unavailable()),
    pytest.mark.filterwarnings("ignore:ssl.match_hostname:DeprecationWarning"),  # ldap3's own way on Python 3.11
]


@pytest.fixture(scope="module")
def ad(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SambaAd]:
    folder = tmp_path_factory.mktemp("samba")
    with SambaAd(folder / "ad", Authority(folder)) as controller:
        yield controller


@pytest.fixture
def connect(ad: SambaAd) -> Iterator[Callable[[str, str], ldap3.Connection]]:
    opened = []

    def connect(name: str, password: str) -> ldap3.Connection:
        tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=str(ad.ca_file), valid_names=["dc1.ad.lab.test"])
        server = ldap3.Server(ad.address, port=samba.LDAPS_PORT, use_ssl=True, tls=tls, get_info=ldap3.NONE, connect_timeout=3)
        connection = ldap3.Connection(server, user=name, password=password, receive_timeout=5)
        opened.append(connection)
        connection.bind()
        return connection

    yield connect
    for connection in opened:
        connection.unbind()


def code_of(connection: ldap3.Connection) -> str:
    found = re.search(r"data (\w+)", connection.result["message"])
    return found[1] if found else connection.result["description"]


@pytest.mark.parametrize(
    ("user", "code"),
    [
        (samba_domain.SERVICE, "success"),
        (samba_domain.GOOD, "success"),
        (samba_domain.JAPANESE, "success"),
        (samba_domain.AWKWARD, "success"),
        (samba_domain.NO_HOURS, "530"),
        (samba_domain.OTHER_WORKSTATION, "531"),
        (samba_domain.PASSWORD_EXPIRED, "532"),
        (samba_domain.DISABLED, "533"),
        (samba_domain.ACCOUNT_EXPIRED, "701"),
        (samba_domain.MUST_CHANGE, "773"),
        (samba_domain.LOCKED, "775"),
    ],
    ids=lambda value: value.name if isinstance(value, AdUser) else value,
)
def test_account_is_in_the_state_that_it_is_named_for(connect: Callable[..., ldap3.Connection], user: AdUser, code: str) -> None:
    assert code_of(connect(user.dn, user.password)) == code


def test_account_is_locked_by_wrong_passwords_until_it_is_unlocked(ad: SambaAd, connect: Callable[..., ldap3.Connection]) -> None:
    user = samba_domain.LOCKABLE
    for _ in range(samba_domain.LOCKOUT_THRESHOLD):
        assert code_of(connect(user.upn, "wrong")) == "52e"
    assert code_of(connect(user.upn, user.password)) == "775"
    ad.modify(user.dn, "lockoutTime: 0")
    assert code_of(connect(user.upn, user.password)) == "success"


def test_group_holds_its_members_and_those_of_its_groups(connect: Callable[..., ldap3.Connection]) -> None:
    connection = connect(samba_domain.SERVICE.dn, samba_domain.SERVICE.password)
    chain = f"(memberOf:1.2.840.113556.1.4.1941:={escape_filter_chars(samba_domain.MAIL_GROUP_DN)})"
    connection.search(samba_domain.PEOPLE_DN, chain)
    found = {entry["dn"] for entry in connection.response}
    assert found == {samba_domain.GOOD.dn, samba_domain.NESTED.dn}


def test_changed_password_replaces_the_old_one_at_once(ad: SambaAd, connect: Callable[..., ldap3.Connection]) -> None:
    user = samba_domain.OTHER
    ad.modify(user.dn, samba_domain.password_line("新しい秘密"))
    assert code_of(connect(user.upn, user.password)) == "52e"
    assert code_of(connect(user.upn, "新しい秘密")) == "success"


def test_account_can_be_added_to_a_running_controller(ad: SambaAd, connect: Callable[..., ldap3.Connection]) -> None:
    added = AdUser("added", "  any 秘密 ", ("accountExpires: 1",), address="added@other.test")
    ad.add(added)
    assert code_of(connect(added.dn, added.password)) == "701"


def test_refused_change_is_an_error_that_says_why(ad: SambaAd) -> None:
    with pytest.raises(ServerFailed, match=r"ldbmodify ended with status \d+\n.*No such object"):
        ad.modify(f"CN=nobody,{samba_domain.PEOPLE_DN}", "description: x")


def test_controller_comes_back_with_its_data_after_a_stop(tmp_path: Path) -> None:
    controller = SambaAd(tmp_path / "ad", Authority(tmp_path))
    with controller:
        controller.modify(samba_domain.GOOD.dn, "description: kept")
    assert not port_open(controller.address, samba.LDAPS_PORT)
    with controller:
        assert port_open(controller.address, samba.LDAPS_PORT)


def test_two_controllers_run_side_by_side(ad: SambaAd, tmp_path: Path) -> None:
    with SambaAd(tmp_path / "second", Authority(tmp_path)) as second:
        assert second.address != ad.address
        assert port_open(ad.address, samba.LDAP_PORT)
        assert port_open(second.address, samba.LDAP_PORT)


def test_domain_is_made_once_and_then_copied(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    SambaAd(tmp_path / "one", authority, cache=tmp_path / "cache")
    (made,) = (tmp_path / "cache").glob("samba-*")
    (made / "marker").touch()
    SambaAd(tmp_path / "two", authority, cache=tmp_path / "cache")
    assert (tmp_path / "two" / "marker").exists()


def test_process_that_makes_a_domain_keeps_others_from_making_it_too(tmp_path: Path) -> None:
    script = "import sys, pathlib; from cgappliance.testing.lab import samba; print(samba._template(pathlib.Path(sys.argv[1])))"
    both = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=60) for process in both]
    assert [error for _, error in answers] == ["", ""]
    assert len({path for path, _ in answers}) == 1


def test_free_address_is_never_one_where_somebody_listens(ad: SambaAd) -> None:
    assert ad.address not in {samba.free_address() for _ in range(20)}
