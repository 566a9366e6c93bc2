"""Why a password was refused, or accepted with a warning: the password policy control (draft-behera-ldap-password-policy-10).

A server without password policy sends none, and then a refused password is a wrong one.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, Self

from ldap.controls.ppolicy import PasswordPolicyControl

from cgappliance.plugin_api import Reason


class PolicyError(enum.IntEnum):
    """The errors of section 6.2 that a bind can bring."""

    PASSWORD_EXPIRED = 0
    ACCOUNT_LOCKED = 1
    CHANGE_AFTER_RESET = 2


#: What a refused bind means by the control's error; anything else is a wrong password
REFUSALS = {
    PolicyError.PASSWORD_EXPIRED: Reason.PASSWORD_EXPIRED,
    PolicyError.ACCOUNT_LOCKED: Reason.LOCKED,
    PolicyError.CHANGE_AFTER_RESET: Reason.PASSWORD_MUST_CHANGE,
}


DECODED_MAX: Final = 256  #: different answers that are kept decoded: a directory has a few, and one a second of warnings


class PolicyControl(PasswordPolicyControl):  # type: ignore[misc]  # python-ldap has no types
    """The control as python-ldap decodes it, once for each answer: nearly all logins bring the same few octets."""

    def decodeControlValue(self, encodedControlValue: bytes) -> None:  # noqa: N802, N803 - python-ldap's names
        """Take the fields from the octets.

        Raises:
            PyAsn1Error: they are not what the draft says.
        """
        self.timeBeforeExpiration, self.graceAuthNsRemaining, self.error = _fields(encodedControlValue)


@lru_cache(DECODED_MAX)
def _fields(value: bytes) -> tuple[int | None, int | None, int | None]:
    control = PasswordPolicyControl()
    control.decodeControlValue(value)
    return control.timeBeforeExpiration, control.graceAuthNsRemaining, control.error


class PolicyAnswer:
    """What the control of one answer says."""

    def __init__(self, control: PasswordPolicyControl) -> None:
        self._control = control

    @classmethod
    def of_success(cls, controls: Sequence[Any]) -> Self:
        """Read the decoded controls of an accepted bind."""
        for control in controls:
            if isinstance(control, PasswordPolicyControl):
                return cls(control)
        return cls(PasswordPolicyControl())

    @classmethod
    def of_refusal(cls, controls: Sequence[tuple[str, bool, bytes | None]]) -> Self:
        """Read the controls of a refused bind, as python-ldap's exception brings them.

        Raises:
            PyAsn1Error: the control is not what the draft says.
        """
        control = PolicyControl()
        for oid, _, value in controls:
            if oid == PasswordPolicyControl.controlType and value:
                control.decodeControlValue(value)
        return cls(control)

    @property
    def refusal(self) -> Reason:
        """Why the bind was refused, given that it was refused."""
        return REFUSALS.get(self._control.error, Reason.WRONG_PASSWORD)

    @property
    def error(self) -> int:
        """The control's error of section 6.2, or -1: it has none. A refused change has more of them than a bind."""
        found = self._control.error
        return -1 if found is None else int(found)

    @property
    def must_change(self) -> bool:
        """Whether an accepted bind is good for changing the password only."""
        return bool(self._control.error == PolicyError.CHANGE_AFTER_RESET)

    @property
    def warning(self) -> str:
        """What the person, or the administrator, should know of an accepted bind; "" for nothing."""
        if self._control.graceAuthNsRemaining is not None:
            return f"the password has expired; {self._control.graceAuthNsRemaining} logins are left"
        if self._control.timeBeforeExpiration is not None:
            return f"the password expires in {self._control.timeBeforeExpiration} seconds"
        return ""
