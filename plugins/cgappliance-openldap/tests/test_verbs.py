from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cgappliance_openldap import verbs
from cgappliance_openldap.connection import Connection, Refused, connect, tls_context

from cgappliance.plugin_api import Deadline, OpeningRefused, Reason, Secret, directory_servers
from cgappliance.testing.contract import ACCOUNTS, DOMAIN
from cgappliance.testing.lab.slapd import Person, Policy, Slapd
from cgappliance.testing.lab.slapd_data import dn_of, group_dn

pytestmark = pytest.mark.integration

Open = Callable[..., Connection]
YUKI = ACCOUNTS[0]


@pytest.fixture
def open_(settings_of: Callable[..., dict[str, Any]]) -> Iterator[Open]:
    """Returns a connection to a slapd; with ``service`` it is bound as the appliance."""
    connections: list[Connection] = []

    def open_connection(slapd: Slapd, *, service: bool) -> Connection:
        server = directory_servers(settings_of(slapd))[0]
        connections.append(connect(server, tls_context(slapd.ca_file), Deadline(5)))
        if service:
            verbs.bind_service(connections[-1], slapd.bind_dn, Secret(slapd.bind_password), Deadline(5))
        return connections[-1]

    yield open_connection
    for connection in connections:
        connection.close()


@pytest.fixture
def find(slapd: Slapd, open_: Open, settings_of: Callable[..., dict[str, Any]]) -> Callable[..., str | Reason]:
    """Returns what is found for an address, by default in the shared directory."""

    def find_(address: str, directory: Slapd = slapd, **changes: Any) -> str | Reason:
        search = replace(verbs.Search.of(settings_of(directory)), **changes)
        return verbs.find(open_(directory, service=True), search, address, Deadline(5))

    return find_


Find = Callable[..., str | Reason]


def test_entry_is_found_by_its_address(find: Find) -> None:
    assert find(YUKI.address) == "uid=plain,ou=people,dc=lab,dc=test"
    assert find(YUKI.address.upper()) == "uid=plain,ou=people,dc=lab,dc=test"


@pytest.mark.parametrize("address", [f"nobody@{DOMAIN}", f"pl*n@{DOMAIN}", "*", f"山田@{DOMAIN}", ""])
def test_address_of_nobody_is_unknown(find: Find, address: str) -> None:
    assert find(address) is Reason.UNKNOWN_ADDRESS


@pytest.mark.parametrize("word", ["twin", "triplet"])
def test_address_of_several_is_ambiguous(find: Find, word: str) -> None:
    assert find(f"{word}@{DOMAIN}") is Reason.AMBIGUOUS_ADDRESS


def test_other_attribute_may_hold_the_address(find: Find) -> None:
    assert find("plain", mail_attribute="uid") == "uid=plain,ou=people,dc=lab,dc=test"


def test_entry_that_the_filter_does_not_let_in_is_unknown(find: Find) -> None:
    assert find(YUKI.address, filter="(&(objectClass=inetOrgPerson)(!(uid=plain)))") is Reason.UNKNOWN_ADDRESS


def test_scope_is_kept(find: Find) -> None:
    assert find(YUKI.address, scope=verbs.SCOPES["onelevel"]) is Reason.UNKNOWN_ADDRESS
    assert (
        find(YUKI.address, scope=verbs.SCOPES["onelevel"], base_dn="ou=people,dc=lab,dc=test")
        == "uid=plain,ou=people,dc=lab,dc=test"
    )


def test_member_of_the_group_is_found(find: Find, somebody: dict[str, Person]) -> None:
    for address in (YUKI.address, somebody["comma"].address):
        assert isinstance(find(address, required_group=group_dn("mail").upper()), str)


def test_everybody_else_is_not_in_the_group(find: Find, somebody: dict[str, Person]) -> None:
    assert find(somebody["outsider"].address, required_group=group_dn("mail")) is Reason.NOT_IN_GROUP


def test_group_is_asked_where_entries_do_not_say_it(find: Find, somebody: dict[str, Person], tmp_path: Path) -> None:
    members = [somebody["comma"], somebody["outsider"]]
    with Slapd(tmp_path / "slapd", people=members, memberof=False) as plain:
        assert find(somebody["comma"].address, plain, required_group=group_dn("mail")) != Reason.NOT_IN_GROUP
        assert find(somebody["outsider"].address, plain, required_group=group_dn("mail")) is Reason.NOT_IN_GROUP


def test_group_that_is_not_there_is_our_mistake(find: Find) -> None:
    with pytest.raises(Refused, match="No such object"):
        find(YUKI.address, required_group="cn=nothing,dc=lab,dc=test")


def test_base_that_is_not_there_is_our_mistake(find: Find) -> None:
    with pytest.raises(Refused, match="No such object"):
        find(YUKI.address, base_dn="dc=nothing,dc=test")


def test_referral_is_neither_followed_nor_counted(find: Find, tmp_path: Path) -> None:
    with Slapd(tmp_path / "slapd", people=[Person(YUKI.address, "pw")]) as slapd:
        entry = "dn: ou=else,dc=lab,dc=test\nobjectClass: referral\nobjectClass: extensibleObject\nou: else\n"
        slapd.modify(
            f"{entry.replace('objectClass', 'changetype: add' + chr(10) + 'objectClass', 1)}ref: ldap://127.0.0.2/dc=else\n"
        )
        assert find(YUKI.address, slapd) == "uid=plain,ou=people,dc=lab,dc=test"


def test_appliance_with_a_wrong_password_is_refused(slapd: Slapd, open_: Open) -> None:
    with pytest.raises(OpeningRefused, match="bind_dn cn=proxy,ou=services,dc=lab,dc=test: Invalid credentials"):
        verbs.bind_service(open_(slapd, service=False), slapd.bind_dn, Secret("wrong"), Deadline(5))


def test_one_connection_tries_many_passwords(slapd: Slapd, open_: Open) -> None:
    connection = open_(slapd, service=False)
    for account in ACCOUNTS:
        dn = dn_of(Person(account.address, ""))
        assert verbs.check_password(connection, dn, Secret("wrong"), Deadline(5)).reason is Reason.WRONG_PASSWORD
        assert verbs.check_password(connection, dn, Secret(account.password), Deadline(5)).accepted


def test_entry_with_everything_in_its_name_can_log_in(slapd: Slapd, open_: Open, somebody: dict[str, Person]) -> None:
    dn = dn_of(somebody["comma"])
    assert verbs.check_password(open_(slapd, service=False), dn, Secret(somebody["comma"].password), Deadline(5)).accepted


@pytest.mark.parametrize(("dn", "password"), [("uid=plain,ou=people,dc=lab,dc=test", ""), ("", "pw"), ("", "")])
def test_bind_as_nobody_is_never_sent(slapd: Slapd, open_: Open, dn: str, password: str) -> None:
    before = slapd.count("BIND dn=")
    with pytest.raises(ValueError, match="RFC 4513"):
        verbs.check_password(open_(slapd, service=False), dn, Secret(password), Deadline(5))
    assert slapd.count("BIND dn=") == before


def test_entry_that_has_gone_meanwhile_is_a_wrong_password(slapd: Slapd, open_: Open) -> None:
    answer = verbs.check_password(open_(slapd, service=False), "uid=gone,ou=people,dc=lab,dc=test", Secret("pw"), Deadline(5))
    assert answer.reason is Reason.WRONG_PASSWORD


def test_connection_of_somebody_who_must_change_is_good_for_nothing_else(
    slapd: Slapd, open_: Open, somebody: dict[str, Person]
) -> None:
    person = somebody["reset"]
    with pytest.raises(verbs.NotUsable) as verdict:
        verbs.check_password(open_(slapd, service=False), dn_of(person), Secret(person.password), Deadline(5))
    assert verdict.value.answer.reason is Reason.PASSWORD_MUST_CHANGE


def test_wrong_passwords_lock_and_say_so(open_: Open, tmp_path: Path) -> None:
    person = Person("yuki@lab.test", "pw")
    with Slapd(tmp_path / "slapd", people=[person], policy=Policy(max_failures=2)) as slapd:
        connection = open_(slapd, service=False)
        reasons = [verbs.check_password(connection, dn_of(person), Secret(word), Deadline(5)).reason for word in ("a", "b", "pw")]
    assert reasons == [Reason.WRONG_PASSWORD, Reason.WRONG_PASSWORD, Reason.LOCKED]


@pytest.mark.parametrize(
    ("policy", "expired", "warning"),
    [
        (Policy(max_age_s=1000, warn_s=999), False, "the password expires in "),
        (Policy(grace_logins=2), True, "the password has expired; 1 logins are left"),
    ],
)
def test_end_of_a_password_is_announced(open_: Open, tmp_path: Path, policy: Policy, expired: bool, warning: str) -> None:
    person = Person("yuki@lab.test", "pw", password_age_s=10, expired=expired)
    with Slapd(tmp_path / "slapd", people=[person], policy=policy) as slapd:
        answer = verbs.check_password(open_(slapd, service=False), dn_of(person), Secret("pw"), Deadline(5))
    assert answer.reason is Reason.ACCEPTED
    assert answer.detail.startswith(warning)
