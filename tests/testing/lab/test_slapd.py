"""These tests ask slapd through ldapwhoami and ldapsearch: the tools of its own makers."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cgappliance.testing.lab.process import ServerFailed, clean_environment, port_open
from cgappliance.testing.lab.slapd import Slapd
from cgappliance.testing.lab.slapd_data import Person, Policy, dn_of, group_dn, people

YUKI = Person("yuki@lab.test", 'p" 秘密\\', groups=["mail"])
RESET = Person("reset@lab.test", "pw", must_change=True)
LOCKED = Person("locked@lab.test", "pw", locked=True)
EXPIRED = Person("expired@lab.test", "pw", expired=True)

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with Slapd(tmp_path_factory.mktemp("slapd") / "slapd", people=[YUKI, RESET, LOCKED, EXPIRED]) as slapd:
        yield slapd


def command(name: str, slapd: Slapd, *arguments: str, url: str = "") -> tuple[list[str], dict[str, str]]:
    environment = clean_environment(LDAPTLS_CACERT=str(slapd.ca_file), LDAPTLS_REQCERT="demand")
    return [name, "-x", "-e", "ppolicy", "-H", url or slapd.ldaps_url, *arguments], environment


def tool(name: str, slapd: Slapd, *arguments: str, url: str = "") -> subprocess.CompletedProcess[str]:
    argv, environment = command(name, slapd, *arguments, url=url)
    return subprocess.run(argv, capture_output=True, text=True, env=environment, timeout=20, check=False)


def log_in(slapd: Slapd, person: Person, password: str | None = None) -> str:
    done = tool("ldapwhoami", slapd, "-D", dn_of(person), "-w", person.password if password is None else password)
    return done.stdout + done.stderr


def test_right_password_is_accepted_over_ldaps(slapd: Slapd) -> None:
    assert "dn:uid=yuki," in log_in(slapd, YUKI)


def test_wrong_password_is_refused(slapd: Slapd) -> None:
    assert "Invalid credentials" in log_in(slapd, YUKI, "wrong")


@pytest.mark.parametrize(("arguments", "status"), [(("-ZZ",), 0), ((), 13)])
def test_plain_ldap_serves_after_starttls_only(slapd: Slapd, arguments: tuple[str, ...], status: int) -> None:
    done = tool("ldapwhoami", slapd, *arguments, "-D", slapd.bind_dn, "-w", slapd.bind_password, url=slapd.ldap_url)
    assert done.returncode == status  # 13: confidentialityRequired


def test_service_account_finds_an_entry_and_its_groups(slapd: Slapd) -> None:
    service = ("-LLL", "-D", slapd.bind_dn, "-w", slapd.bind_password, "-b", slapd.base_dn)
    found = tool("ldapsearch", slapd, *service, f"(mail={YUKI.address})", "memberOf").stdout
    assert f"dn: {dn_of(YUKI)}" in found
    assert f"memberOf: {group_dn('mail')}" in found


def test_people_cannot_search(slapd: Slapd) -> None:
    person = ("-LLL", "-D", dn_of(YUKI), "-w", YUKI.password, "-b", slapd.base_dn)
    assert "No such object" in tool("ldapsearch", slapd, *person, "(mail=*)").stderr


@pytest.mark.parametrize(
    ("person", "words"), [(RESET, "Password must be changed"), (LOCKED, "Account locked"), (EXPIRED, "Password expired")]
)
def test_password_policy_speaks(slapd: Slapd, person: Person, words: str) -> None:
    assert words in log_in(slapd, person)


def test_wrong_passwords_lock_when_the_policy_says_so(tmp_path: Path) -> None:
    with Slapd(tmp_path / "slapd", people=[YUKI], policy=Policy(max_failures=2)) as slapd:
        for _ in range(2):
            log_in(slapd, YUKI, "wrong")
        assert "Account locked" in log_in(slapd, YUKI)
        assert slapd.count('BIND dn="uid=yuki,') == 3


def test_administrator_changes_the_running_directory(slapd: Slapd) -> None:
    slapd.modify(f"dn: {dn_of(YUKI)}\nchangetype: modify\nreplace: sn\nsn: Changed\n")
    with pytest.raises(ServerFailed, match="No such object"):
        slapd.modify("dn: uid=nobody,dc=lab,dc=test\nchangetype: delete\n")


def test_stalled_server_answers_later_what_it_was_asked(slapd: Slapd) -> None:
    argv, environment = command("ldapwhoami", slapd, "-D", dn_of(YUKI), "-w", YUKI.password)
    with slapd.stalled():
        asking = subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, text=True)
        with pytest.raises(subprocess.TimeoutExpired):
            asking.wait(0.3)
    with asking:
        assert "dn:uid=yuki," in asking.communicate(timeout=20)[0]


def test_stopped_server_comes_back_with_its_data_on_the_same_port(tmp_path: Path) -> None:
    with Slapd(tmp_path / "slapd", people=people(3)) as slapd:
        with slapd.stopped():
            assert not port_open(slapd.host, slapd.ldaps_port)
        assert "dn:uid=u0002," in log_in(slapd, people(3)[2])
