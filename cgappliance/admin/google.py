"""What this room asks of Google's Directory API. A client is handed in: nothing here depends on how Google is spoken to."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol

from cgappliance.secret import Secret


@dataclass(frozen=True, slots=True)
class GoogleUser:
    """A user as Google knows it."""

    id: str  #: stays when the address changes
    address: str
    suspended: bool = False


class Taken(enum.Enum):
    """Whether Google has taken a password."""

    YES = "yes"
    NO = "no"  #: Google has answered, and refused
    UNKNOWN = "unknown"  #: no answer, or one that leaves it open: a time-out, a broken connection, a server error


@dataclass(frozen=True, slots=True)
class PasswordAnswer:
    """Google's answer to a new password."""

    taken: Taken
    detail: str = ""  #: Google's words; never a secret


class DirectoryApi(Protocol):
    """A client of the Directory API for one tenant. Its calls block cooperatively, with deadlines and retries of their own."""

    def find(self, address: str) -> GoogleUser | None:
        """Return the user of an address, or None when Google knows none.

        Raises:
            CgapplianceError: Google could not be asked, or refuses to say.
        """
        ...

    def set_password(self, user_id: str, password: Secret) -> PasswordAnswer:
        """Give a user a password, and say whether Google has it now. What it raises counts as UNKNOWN."""
        ...
