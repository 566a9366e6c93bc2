"""Own passwords at a real OpenLDAP with its password policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cgappliance_openldap import own_password
from cgappliance_openldap.backend import OpenLdapBackend
from cgappliance_openldap.own_password import OwnPassword

from cgappliance.plugin_api import (
    PasswordFault,
    PasswordNotChanged,
    PasswordRules,
    Reason,
    Secret,
    ServerTimedOut,
    TenantContext,
)
from cgappliance.testing.contract import DOMAIN
from cgappliance.testing.contract.common import credentials
from cgappliance.testing.lab.slapd import Person, Slapd
from cgappliance.testing.lab.slapd_data import SUFFIX, dn_of

pytestmark = pytest.mark.integration

OLD, NEW = "Old-passw0rd", 'パスワード "山\\田" 42'
WHO = {name: Person(f"{name}@{DOMAIN}", OLD) for name in ("yuki", "short", "again", "soon", "wrong", "twice", "frozen")}
RESET = Person(f"reset@{DOMAIN}", OLD, must_change=True)
LOCKED = Person(f"locked@{DOMAIN}", OLD, locked=True)
EXPIRED = Person(f"expired@{DOMAIN}", OLD, expired=True)
POLICY_DN = f"cn=default,ou=policies,{SUFFIX}"
STRICT_DN = f"cn=strict,ou=policies,{SUFFIX}"
CHANGES = f"""\
dn: {POLICY_DN}
changetype: modify
replace: pwdInHistory
pwdInHistory: 3

dn: {STRICT_DN}
changetype: add
objectClass: device
objectClass: pwdPolicy
cn: strict
pwdAttribute: userPassword
pwdMinLength: 14
pwdMinAge: 86400
pwdAllowUserChange: TRUE

dn: cn=frozen,ou=policies,{SUFFIX}
changetype: add
objectClass: device
objectClass: pwdPolicy
cn: frozen
pwdAttribute: userPassword
pwdAllowUserChange: FALSE
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with Slapd(tmp_path_factory.mktemp("own") / "slapd", people=[*WHO.values(), RESET, LOCKED, EXPIRED]) as server:
        server.modify(CHANGES)
        for who, policy in (("soon", "strict"), ("frozen", "frozen")):
            dn = dn_of(WHO[who])
            server.modify(
                f"dn: {dn}\nchangetype: modify\nadd: pwdPolicySubentry\npwdPolicySubentry: cn={policy},ou=policies,{SUFFIX}\n"
            )
        yield server


@pytest.fixture
def own(directory: Slapd, settings_of: Callable[..., dict[str, Any]]) -> Iterator[OwnPassword]:
    made = OwnPassword(TenantContext("lab", frozenset({DOMAIN}), settings_of(directory)))
    yield made
    made.close()


@pytest.fixture
def answer(directory: Slapd, backend_of: Callable[..., OpenLdapBackend]) -> Callable[[Person, str], Reason]:
    """Returns what a mail login would be told."""
    backend = backend_of(directory)
    return lambda person, password: backend.authenticate(credentials(person.address, password), 5.0).reason


def fault(own: OwnPassword, person: Person, old: str, new: str) -> PasswordFault:
    with pytest.raises(PasswordNotChanged) as caught:
        own.change(person.address, Secret(old), Secret(new), 5.0)
    return caught.value.fault


def test_the_new_password_counts_and_the_old_one_does_not(own: OwnPassword, answer: Callable[[Person, str], Reason]) -> None:
    own.change(WHO["yuki"].address, Secret(OLD), Secret(NEW), 5.0)
    assert (answer(WHO["yuki"], NEW), answer(WHO["yuki"], OLD)) == (Reason.ACCEPTED, Reason.WRONG_PASSWORD)


def test_a_password_that_must_be_changed_can_be(own: OwnPassword, answer: Callable[[Person, str], Reason]) -> None:
    assert answer(RESET, OLD) is Reason.PASSWORD_MUST_CHANGE
    own.change(RESET.address, Secret(OLD), Secret(NEW), 5.0)
    assert answer(RESET, NEW) is Reason.ACCEPTED


def test_a_wrong_old_password_changes_nothing(own: OwnPassword, answer: Callable[[Person, str], Reason]) -> None:
    assert fault(own, WHO["wrong"], "Wr0ng-passw0rd", NEW) is PasswordFault.WRONG_PASSWORD
    assert answer(WHO["wrong"], OLD) is Reason.ACCEPTED


def test_a_short_one_is_told_apart(own: OwnPassword) -> None:
    assert fault(own, WHO["short"], OLD, "abc12") in {PasswordFault.TOO_SHORT, PasswordFault.TOO_SIMPLE}


def test_one_that_was_used_before_is_told_apart(own: OwnPassword) -> None:
    own.change(WHO["again"].address, Secret(OLD), Secret("Newer-passw0rd"), 5.0)
    assert fault(own, WHO["again"], "Newer-passw0rd", OLD) is PasswordFault.USED_BEFORE


def test_too_soon_after_the_last_change_is_told_apart(own: OwnPassword) -> None:
    assert fault(own, WHO["soon"], OLD, "Longer-than-14-characters") is PasswordFault.TOO_SOON


def test_a_policy_may_leave_changes_to_administrators(own: OwnPassword) -> None:
    assert fault(own, WHO["frozen"], OLD, NEW) is PasswordFault.NOT_ALLOWED


@pytest.mark.parametrize("person", [LOCKED, EXPIRED], ids=["locked", "expired"])
def test_accounts_that_may_not_log_in_may_not_change(own: OwnPassword, person: Person) -> None:
    assert fault(own, person, OLD, NEW) is PasswordFault.ACCOUNT


def test_nobody_has_no_password(own: OwnPassword) -> None:
    assert fault(own, Person(f"nobody@{DOMAIN}", OLD), OLD, NEW) is PasswordFault.ACCOUNT


def test_a_connection_may_be_used_for_another_person(own: OwnPassword, answer: Callable[[Person, str], Reason]) -> None:
    fault(own, WHO["wrong"], "Wr0ng-passw0rd", NEW)
    own.change(WHO["twice"].address, Secret(OLD), Secret(NEW), 5.0)
    assert answer(WHO["twice"], NEW) is Reason.ACCEPTED


def test_rules_are_those_of_the_entrys_own_policy(own: OwnPassword) -> None:
    assert own.rules(WHO["soon"].address, 5.0) == PasswordRules(min_length=14, min_age_s=86_400)


def test_with_several_policies_nobody_knows_the_default(own: OwnPassword) -> None:
    assert own.rules(WHO["wrong"].address, 5.0) == PasswordRules()


def test_the_only_policy_is_everybodys(slapd: Slapd, settings_of: Callable[..., dict[str, Any]]) -> None:
    changer = OwnPassword(TenantContext("lab", frozenset({DOMAIN}), settings_of(slapd)))
    assert changer.rules(f"u0001@{DOMAIN}", 5.0) == PasswordRules(min_length=6)
    changer.close()


def test_a_directory_that_is_down_changes_nothing(settings_of: Callable[..., dict[str, Any]], slapd: Slapd) -> None:
    settings = settings_of(slapd, servers=("ldaps://127.0.0.1:1",))
    changer = OwnPassword(TenantContext("lab", frozenset({DOMAIN}), settings))
    assert fault(changer, WHO["yuki"], OLD, NEW) is PasswordFault.UNAVAILABLE
    with pytest.raises(PasswordNotChanged):
        changer.rules(WHO["yuki"].address, 1.0)


def test_a_lost_answer_is_uncertain_and_not_tried_again(own: OwnPassword, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def modify(dn: str, _old: Secret, _new: Secret) -> Any:
        asked.append(dn)
        raise ServerTimedOut("no answer in time")

    monkeypatch.setattr(own_password, "_modify", modify)
    assert fault(own, WHO["wrong"], OLD, NEW) is PasswordFault.UNCERTAIN
    assert len(asked) == 1
