"""What this room asks of Google's Directory API. A client is handed in: nothing here depends on how Google is spoken to."""

from __future__ import annotations

from typing import Protocol

from cgappliance.administration import GoogleUser, PasswordAnswer, Taken
from cgappliance.secret import Secret

__all__ = ["AppPasswords", "DirectoryApi", "GoogleUser", "PasswordAnswer", "Taken"]


class DirectoryApi(Protocol):
    """The part of ``GoogleAdministration`` that passwords need. Its calls block cooperatively, with deadlines of their own."""

    def find(self, address: str) -> GoogleUser | None:
        """Return the user of an address, or None when Google knows none.

        Raises:
            CgapplianceError: Google could not be asked, or refuses to say.
        """
        ...

    def set_password(self, user_id: str, password: Secret) -> PasswordAnswer:
        """Give a user a password, and say whether Google has it now. What it raises counts as UNKNOWN."""
        ...


class AppPasswords(Protocol):
    """The part of ``GoogleAdministration`` that revokes app passwords."""

    def revoke_app_password(self, user_id: str, code_id: int) -> None:
        """Make an app password useless; one that is gone already is no mistake.

        Raises:
            CgapplianceError: Google could not be asked, or refuses.
        """
        ...
