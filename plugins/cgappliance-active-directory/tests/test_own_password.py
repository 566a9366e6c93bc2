"""Own passwords at a real domain controller, and what Windows, which cannot be had here, is known to say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cgappliance_active_directory.connect import LdapResult
from cgappliance_active_directory.own_password import OwnPassword, fault_of
from cgappliance_active_directory.policy import ActiveDirectory

from cgappliance.plugin_api import PasswordFault, PasswordNotChanged, PasswordRules, Reason, Secret, TenantContext
from cgappliance.testing.contract.common import credentials
from cgappliance.testing.lab import samba_domain as domain
from cgappliance.testing.lab.samba import SambaAd

OLD, NEW = "Old.passw0rd", 'Neu "山\\田" 42 パスワード'
WINDOWS = (
    "AtrErr: DSID-03191083, #1:\n\t0: 0000052D: DSID-03191083, problem 1005 (CONSTRAINT_ATT_TYPE), data 0, Att 9005a (unicodePwd)"
)


@pytest.mark.parametrize(
    ("code", "message", "fault"),
    [
        (19, f"0000052D: {WINDOWS}", PasswordFault.RULES),
        (19, f"00000056: {WINDOWS}", PasswordFault.WRONG_PASSWORD),
        (53, "0000052D: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0", PasswordFault.UNAVAILABLE),
        (19, "00000775: AtrErr: DSID-03191083", PasswordFault.ACCOUNT),
        (19, "0000052D: the password is too short. It should be equal to or longer than 7", PasswordFault.TOO_SHORT),
        (19, "0000052D: the password does not meet the complexity criteria!", PasswordFault.TOO_SIMPLE),
        (19, "0000052D: the password was already used (in history)!", PasswordFault.USED_BEFORE),
        (19, "0000052D: password is too young to change!", PasswordFault.TOO_SOON),
        (50, "00000005: SecErr: DSID-031A11ED, problem 4003 (INSUFF_ACCESS_RIGHTS)", PasswordFault.NOT_ALLOWED),
        (1, "", PasswordFault.UNAVAILABLE),
    ],
)
def test_refusals_are_told_apart(code: int, message: str, fault: PasswordFault) -> None:
    assert fault_of(LdapResult(code, message)) is fault


# ---- a real controller

pytestmark = pytest.mark.integration
PEOPLE = {name: domain.AdUser(f"own{name}", OLD) for name in ("good", "wrong", "must", "rules")}


@pytest.fixture(scope="module")
def controller(authority: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SambaAd]:
    """A controller with rules and people of this file."""
    with SambaAd(tmp_path_factory.mktemp("own-password") / "ad", authority) as ad:
        ad.add(*PEOPLE.values())
        ad.modify(PEOPLE["must"].dn, "pwdLastSet: 0")
        ad.modify(domain.BASE_DN, "pwdProperties: 1", "minPwdLength: 9", "pwdHistoryLength: 2", "minPwdAge: 0")
        yield ad


@pytest.fixture
def own(controller: SambaAd, settings: Callable[..., dict[str, Any]]) -> Iterator[OwnPassword]:
    made = OwnPassword(TenantContext("acme", frozenset({domain.MAIL_DOMAIN}), settings(controller)))
    yield made
    made.close()


@pytest.fixture
def answer(controller: SambaAd, settings: Callable[..., dict[str, Any]]) -> Iterator[Callable[[domain.AdUser, str], Reason]]:
    backend = ActiveDirectory(TenantContext("acme", frozenset({domain.MAIL_DOMAIN}), settings(controller)))
    backend.start()
    yield lambda user, password: backend.authenticate(credentials(user.mail, password), 10.0).reason
    backend.stop()


def fault(own: OwnPassword, user: domain.AdUser, old: str, new: str) -> PasswordFault:
    with pytest.raises(PasswordNotChanged) as caught:
        own.change(user.mail, Secret(old), Secret(new), 10.0)
    return caught.value.fault


def test_the_new_password_counts(own: OwnPassword, answer: Callable[[domain.AdUser, str], Reason]) -> None:
    own.change(PEOPLE["good"].mail, Secret(OLD), Secret(NEW), 10.0)
    assert answer(PEOPLE["good"], NEW) is Reason.ACCEPTED


def test_a_password_that_must_be_changed_can_be(own: OwnPassword, answer: Callable[[domain.AdUser, str], Reason]) -> None:
    assert answer(PEOPLE["must"], OLD) is Reason.PASSWORD_MUST_CHANGE
    own.change(PEOPLE["must"].mail, Secret(OLD), Secret(NEW), 10.0)
    assert answer(PEOPLE["must"], NEW) is Reason.ACCEPTED


def test_a_wrong_old_password_changes_nothing(own: OwnPassword, answer: Callable[[domain.AdUser, str], Reason]) -> None:
    assert fault(own, PEOPLE["wrong"], "Wr0ng.passw0rd", NEW) is PasswordFault.WRONG_PASSWORD
    assert answer(PEOPLE["wrong"], OLD) is Reason.ACCEPTED


@pytest.mark.parametrize(
    ("new", "wanted"),
    [("aB3", PasswordFault.TOO_SHORT), ("alllowercase", PasswordFault.TOO_SIMPLE), (OLD, PasswordFault.USED_BEFORE)],
)
def test_each_rule_of_the_domain_is_told_apart(own: OwnPassword, new: str, wanted: PasswordFault) -> None:
    assert fault(own, PEOPLE["rules"], OLD, new) is wanted


def test_nobody_has_no_password(own: OwnPassword) -> None:
    assert fault(own, domain.AdUser("nobody", OLD), OLD, NEW) is PasswordFault.ACCOUNT


def test_the_rules_are_the_domains(own: OwnPassword) -> None:
    assert own.rules(PEOPLE["rules"].mail, 10.0) == PasswordRules(9, classes=3, history=2, min_age_s=0)


def test_a_controller_that_is_down_changes_nothing(controller: SambaAd, settings: Callable[..., dict[str, Any]]) -> None:
    wanted = settings(controller, servers=("ldaps://127.0.0.1:1",))
    changer = OwnPassword(TenantContext("acme", frozenset({domain.MAIL_DOMAIN}), wanted))
    assert fault(changer, PEOPLE["rules"], OLD, NEW) is PasswordFault.UNAVAILABLE
