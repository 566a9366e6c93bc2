import pytest
from cgappliance_openldap.policy import PolicyAnswer, PolicyControl
from ldap.controls.ppolicy import PasswordPolicyControl
from pyasn1.error import PyAsn1Error

from cgappliance.plugin_api import Reason

OID = PasswordPolicyControl.controlType
# the BER of draft-behera-ldap-password-policy-10 section 6.2, written by hand
EXPIRED, LOCKED, RESET = (bytes.fromhex(f"30 03 81 01 0{error}") for error in range(3))
NOTHING = bytes.fromhex("30 00")
EXPIRES_IN_600 = bytes.fromhex("30 06 a0 04 80 02 02 58")
TWO_GRACE_LOGINS = bytes.fromhex("30 05 a0 03 81 01 02")


def accepted(value: bytes) -> PolicyAnswer:
    control = PasswordPolicyControl()
    control.decodeControlValue(value)
    return PolicyAnswer.of_success([object(), control])


def refused(value: bytes | None, oid: str = OID) -> PolicyAnswer:
    return PolicyAnswer.of_refusal([(oid, False, value)])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (EXPIRED, Reason.PASSWORD_EXPIRED),
        (LOCKED, Reason.LOCKED),
        (RESET, Reason.PASSWORD_MUST_CHANGE),
        (NOTHING, Reason.WRONG_PASSWORD),
        (None, Reason.WRONG_PASSWORD),
    ],
)
def test_refused_bind_has_a_reason(value: bytes | None, reason: Reason) -> None:
    assert refused(value).refusal is reason


def test_refused_bind_without_policy_is_a_wrong_password() -> None:
    assert PolicyAnswer.of_refusal([]).refusal is Reason.WRONG_PASSWORD
    assert refused(LOCKED, oid="1.2.3.4").refusal is Reason.WRONG_PASSWORD


def test_garbage_in_the_control_is_an_error() -> None:
    with pytest.raises(PyAsn1Error):
        refused(b"\xff\xff")


@pytest.mark.parametrize(
    ("value", "must_change", "warning"),
    [
        (NOTHING, False, ""),
        (RESET, True, ""),
        (EXPIRES_IN_600, False, "the password expires in 600 seconds"),
        (TWO_GRACE_LOGINS, False, "the password has expired; 2 logins are left"),
    ],
)
def test_accepted_bind_may_warn(value: bytes, must_change: bool, warning: str) -> None:
    assert (accepted(value).must_change, accepted(value).warning) == (must_change, warning)


def test_accepted_bind_without_policy_is_just_accepted() -> None:
    assert (PolicyAnswer.of_success([]).must_change, PolicyAnswer.of_success([]).warning) == (False, "")


@pytest.mark.parametrize("value", [EXPIRED, LOCKED, RESET, NOTHING, EXPIRES_IN_600, TWO_GRACE_LOGINS])
def test_what_is_kept_decoded_is_what_python_ldap_decodes(value: bytes) -> None:
    expected = PasswordPolicyControl()
    expected.decodeControlValue(value)
    for _ in range(2):
        control = PolicyControl()
        control.decodeControlValue(value)
        assert vars(control) == vars(expected)
