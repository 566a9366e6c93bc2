"""A Google customer in memory, which may refuse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from cgappliance.administration import (
    AppPassword,
    ClientGrant,
    GoogleAdministration,
    GoogleFault,
    GoogleRefused,
    GoogleSetup,
    GoogleUser,
    MailAccess,
    NewGoogleUser,
    PasswordAnswer,
    ScopeCheck,
    Taken,
)
from cgappliance.secret import Secret

SETUP = GoogleSetup("api@acme.example", "1234", ("mail", "users"), sets_passwords=False, enables_mail_access=False)
ALL_ON = MailAccess(imap=True, pop=True, pop_disposition="leaveInInbox")
ALL_OFF = MailAccess(imap=False, pop=False, pop_disposition="archive")


class FakeCustomer(GoogleAdministration):
    def __init__(self, *addresses: str, **setup: bool) -> None:
        self._setup = replace(SETUP, **setup)
        self.known = {address: GoogleUser(f"id of {address}", address) for address in addresses}
        self.passwords: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.apps: dict[str, list[AppPassword]] = {}
        self.access: dict[str, MailAccess] = {}
        self.grants: dict[str, list[ClientGrant]] = {}
        self.surplus: list[str] = []
        self.key_made: datetime | None = None
        self.frozen = False  # a policy of the domain rules over POP and IMAP
        self.refuses: dict[str, GoogleFault] = {}  # by address, id or "users"
        self.answer = PasswordAnswer(Taken.YES)
        self.missing_scopes: dict[str, GoogleFault] = {}
        self.offset_s: float | None = 0.0
        self.asked: list[str] = []
        self.closed = False

    @property
    def setup(self) -> GoogleSetup:
        return self._setup

    def find(self, address: str) -> GoogleUser | None:
        self._ask(f"find {address}", address)
        return self.known.get(address)

    def users(self) -> Iterator[Sequence[GoogleUser]]:
        self._ask("users", "users")
        yield [user for address, user in self.known.items() if user.address == address]

    def create(self, user: NewGoogleUser) -> GoogleUser:
        self._ask(f"create {user.address}", user.address)
        if user.address in self.known:
            raise GoogleRefused(GoogleFault.TAKEN)
        self.known[user.address] = GoogleUser(f"id of {user.address}", user.address)
        self.names[user.address] = f"{user.given_name} {user.family_name}"
        return self.known[user.address]

    def set_password(self, user_id: str, password: Secret) -> PasswordAnswer:
        self._ask(f"password of {user_id}", user_id)
        if self.answer.taken is not Taken.NO:
            self.passwords[user_id] = password.reveal()
        return self.answer

    def app_passwords(self, user_id: str) -> Sequence[AppPassword]:
        self._ask(f"app passwords of {user_id}", user_id)
        return self.apps.get(user_id, [])

    def revoke_app_password(self, user_id: str, code_id: int) -> None:
        self._ask(f"revoke {code_id}", user_id)
        self.apps[user_id] = [one for one in self.apps.get(user_id, []) if one.code_id != code_id]

    def client_grants(self, user_id: str) -> Sequence[ClientGrant]:
        self._ask(f"grants of {user_id}", user_id)
        return self.grants.get(user_id, [])

    def surplus_scopes(self) -> Sequence[str]:
        self._ask("surplus scopes", "scopes")
        return self.surplus

    def key_made_at(self) -> datetime | None:
        self._ask("age of the key", "key")
        return self.key_made

    def mail_access(self, address: str) -> MailAccess:
        self._ask(f"mail access of {address}", f"mailbox of {address}")
        return self.access.get(address, ALL_ON)

    def enable_mail_access(self, address: str, *, imap: bool = True, pop: bool = True) -> MailAccess:
        before = self.mail_access(address)
        if not self.frozen:
            self.access[address] = replace(before, imap=before.imap or imap, pop=before.pop or pop)
        return self.access.get(address, before)

    def check_scopes(self, address: str | None = None) -> Sequence[ScopeCheck]:
        subject = address or self._setup.admin
        return [ScopeCheck(scope, f"for {scope}", subject, self.missing_scopes.get(scope)) for scope in self._setup.scopes]

    def clock_offset_s(self) -> float | None:
        return self.offset_s

    def close(self) -> None:
        self.closed = True

    def _ask(self, what: str, about: str) -> None:
        self.asked.append(what)
        if about in self.refuses:
            raise GoogleRefused(self.refuses[about])
