"""What the user's password page asks of a backend: to change somebody's directory password, and by which rules it goes.

A kind of backend that can do it says so (``BackendKind.passwords``). The object is made for one page and closed behind it; it takes
no part in logins. The Google side has passwords of its own and is never touched.

This file may import ``errors`` and ``secret``.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol

from cgappliance.errors import CgapplianceError
from cgappliance.secret import Secret


class PasswordFault(enum.Enum):
    """Why a password was not changed, as exact as its owner may know it who has typed the old one."""

    sentence: str

    def __new__(cls, code: str, sentence: str) -> PasswordFault:
        """Make a member whose value is its code, as it stands in the log."""
        member = object.__new__(cls)
        member._value_ = code
        member.sentence = sentence
        return member

    WRONG_PASSWORD = ("wrong_password", "the present password is wrong")
    TOO_SHORT = ("too_short", "the new password is too short")
    TOO_SIMPLE = ("too_simple", "the new password is too simple")
    USED_BEFORE = ("used_before", "the new password has been used before")
    TOO_SOON = ("too_soon", "the password was changed too short a time ago")
    RULES = ("rules", "the new password does not satisfy the rules of the directory")
    NOT_ALLOWED = ("not_allowed", "the directory does not let this password be changed by its owner")
    ACCOUNT = ("account", "the account cannot be used")
    UNAVAILABLE = ("unavailable", "the directory could not be asked; the password is unchanged")
    UNCERTAIN = ("uncertain", "the directory has not answered: either password may be the one that counts now")


class PasswordNotChanged(CgapplianceError):
    """The password was not changed for ``fault``; ``detail`` has the directory's words, for the log."""

    def __init__(self, fault: PasswordFault, detail: str = "") -> None:
        super().__init__(f"{fault.sentence}: {detail}" if detail else fault.sentence)
        self.fault = fault
        self.detail = detail


@dataclass(frozen=True, slots=True)
class PasswordRules:
    """What a directory wants of new passwords, as far as it tells; None: it does not say."""

    min_length: int | None = None  #: characters
    classes: int | None = None  #: how many of upper case, lower case, digits and others there must be
    history: int | None = None  #: so many former passwords may not be used again
    min_age_s: int | None = None  #: so old a password must be before its owner may change it


class PasswordChanger(Protocol):
    """Changes directory passwords of one tenant in their owners' names. Its calls block cooperatively, within ``timeout_s``."""

    def change(self, address: str, old: Secret, new: Secret, timeout_s: float) -> None:
        """Replace the password ``old`` of an address by ``new``; both are not empty and hold no control characters.

        It must work for a password that has to be changed at the next login. It must be tried once only: after a lost answer the
        fault is UNCERTAIN.

        Raises:
            PasswordNotChanged: always when it is not certain that ``new`` is the password now.
        """
        ...

    def rules(self, address: str, timeout_s: float) -> PasswordRules:
        """Return the rules for an address's next password.

        Raises:
            PasswordNotChanged: the directory could not be asked.
        """
        ...

    def close(self) -> None:
        """Close the connections."""
