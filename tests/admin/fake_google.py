"""A Google that has one password for each user, and may answer badly."""

from __future__ import annotations

from cgappliance.admin.google import GoogleUser, PasswordAnswer, Taken
from cgappliance.errors import CgapplianceError
from cgappliance.secret import Secret


class FakeGoogle:
    def __init__(self, *addresses: str) -> None:
        self.users = {address: GoogleUser(f"id of {address}", address) for address in addresses}
        self.passwords: dict[str, str] = {}
        self.answer = PasswordAnswer(Taken.YES)
        self.takes = True  # whether it has the password, whatever it answers
        self.raises: Exception | None = None
        self.down = False

    def find(self, address: str) -> GoogleUser | None:
        if self.down:
            raise CgapplianceError("Google cannot be reached")
        return self.users.get(address)

    def set_password(self, user_id: str, password: Secret) -> PasswordAnswer:
        if self.takes:
            self.passwords[user_id] = password.reveal()
        if self.raises is not None:
            raise self.raises
        return self.answer

    def password_of(self, address: str) -> str:
        return self.passwords[f"id of {address}"]
