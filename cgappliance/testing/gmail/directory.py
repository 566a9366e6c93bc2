"""Who exists at the look-alike: accounts with their passwords, app passwords, aliases, settings, switches and mail.

This file knows no protocol and no HTTP: logins, token endpoint and the APIs all ask here.
"""

from __future__ import annotations

import itertools
import secrets
import string
from collections.abc import Iterator
from dataclasses import dataclass, field

from cgappliance.testing.gmail.clock import Clock
from cgappliance.testing.gmail.mailbox import Mailbox
from cgappliance.testing.gmail.stored_password import StoredPassword
from cgappliance.testing.gmail.switches import AccountSwitches
from cgappliance.testing.gmail.tokens import MAIL_SCOPE

CUSTOMER = "C03az79cb"  #: the Workspace customer that all accounts belong to


@dataclass(slots=True)
class AppPassword:
    """One application-specific password: 16 letters, kept without spaces."""

    code_id: int
    name: str
    password: str
    created_at: float
    last_used_at: float | None = None


@dataclass(frozen=True, slots=True)
class ClientGrant:
    """A user's consent to a program that logs in by OAuth."""

    client_id: str
    name: str
    scopes: tuple[str, ...]

    @property
    def is_of_mail(self) -> bool:
        """Whether the user's next password ends it: Google says so of tokens that have scopes of Gmail."""
        return any(scope == MAIL_SCOPE or "/auth/gmail." in scope for scope in self.scopes)


def default_imap_settings() -> dict[str, object]:
    """Return Gmail's IMAP settings of a new account."""
    return {"enabled": True, "autoExpunge": True, "expungeBehavior": "archive", "maxFolderSize": 0}


def default_pop_settings() -> dict[str, object]:
    """Return Gmail's POP settings of a new account, POP being on."""
    return {"accessWindow": "allMail", "disposition": "leaveInInbox"}


@dataclass(slots=True, eq=False)
class Account:
    """One Google account."""

    id: str
    address: str  #: lower case
    password: StoredPassword
    created_at: float
    given_name: str = ""
    family_name: str = ""
    org_unit: str = "/"
    admin: bool = False  #: has a role that may use the Directory API
    super_admin: bool = False  #: may do everything, and only such may set its password
    suspended: bool = False
    two_step: bool = False
    change_password: bool = False
    aliases: list[str] = field(default_factory=list)
    app_passwords: list[AppPassword] = field(default_factory=list)
    grants: list[ClientGrant] = field(default_factory=list)
    imap_settings: dict[str, object] = field(default_factory=default_imap_settings)
    pop_settings: dict[str, object] = field(default_factory=default_pop_settings)
    switches: AccountSwitches = field(default_factory=AccountSwitches)
    mailbox: Mailbox = field(default_factory=Mailbox)
    version: int = 1  #: changes with each change; the API shows it as the etag
    signed_out_at: float | None = None

    def names(self) -> Iterator[str]:
        """Give all names that find this account."""
        yield self.id
        yield self.address
        yield from self.aliases

    def take_password(self, password: StoredPassword) -> None:
        """Change the password; app passwords, and what programs may do with the mail, end with the old one."""
        self.password = password
        self.app_passwords.clear()
        self.grants = [grant for grant in self.grants if not grant.is_of_mail]


class DuplicateAddress(ValueError):
    """The address is taken, as an address or as an alias."""


class Directory:
    """All accounts of the look-alike."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._accounts: dict[str, Account] = {}
        self._numbers = itertools.count(1)

    def __iter__(self) -> Iterator[Account]:
        return iter(sorted(self._accounts.values(), key=lambda account: account.address))

    def add(self, address: str, password: str = "") -> Account:
        """Make an account; ``""`` for a password means that none is good.

        Raises:
            DuplicateAddress: the address is taken.
        """
        self._check_free(address)
        account_id = f"1{secrets.randbelow(10**14):014d}{next(self._numbers):06d}"
        account = Account(
            account_id, address.lower(), StoredPassword(password), self._clock.now(), given_name=address.partition("@")[0]
        )
        self._accounts[account_id] = account
        return account

    def find(self, name: str) -> Account | None:
        """Return the account whose address, alias or id this is, without case; None when there is none."""
        wanted = name.lower()
        return next((account for account in self._accounts.values() if wanted in account.names()), None)

    def get(self, name: str) -> Account:
        """Return the account of this name.

        Raises:
            KeyError: there is none.
        """
        account = self.find(name)
        if account is None:
            raise KeyError(f"the look-alike has no account {name!r}")
        return account

    def remove(self, account: Account) -> None:
        """Delete an account with all its mail."""
        del self._accounts[account.id]

    def rename(self, account: Account, address: str) -> None:
        """Give an account a new address; the old one stays as an alias, as at Google.

        Raises:
            DuplicateAddress: the address is taken by another account.
        """
        if address.lower() in account.aliases:
            account.aliases.remove(address.lower())
        self._check_free(address)
        account.aliases.append(account.address)
        account.address = address.lower()

    def set_password(self, account: Account, password: str) -> None:
        """Change the account's password, which revokes its app passwords."""
        account.take_password(StoredPassword(password))

    def add_app_password(self, account: Account, name: str, password: str = "") -> AppPassword:
        """Make an app password (of 16 random letters when none is given) and return it."""
        letters = password.replace(" ", "") or "".join(secrets.choice(string.ascii_lowercase) for _ in range(16))
        made = AppPassword(next(self._numbers), name, letters, self._clock.now())
        account.app_passwords.append(made)
        return made

    def _check_free(self, address: str) -> None:
        if self.find(address) is not None:
            raise DuplicateAddress(f"{address} is taken")
