"""The providers ``app-password`` and ``managed-password``: Gmail is logged in to with a password that the user does not know.

Both differ in where a password comes from and in how it is written; the source is behind ``PasswordSource``: the appliance's store,
or a file where one is named.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from cgappliance.plugin_api import (
    CredentialSource,
    Grant,
    GrantMechanism,
    LoginFailed,
    MailProtocol,
    Mistake,
    Reason,
    Secret,
    Setting,
    SettingType,
    TenantContext,
)
from cgappliance_google import administration, password_file
from cgappliance_google.customer import GoogleCustomer
from cgappliance_google.password_file import PasswordFile

APP_PASSWORD = "app-password"
MANAGED_PASSWORD = "managed-password"
UNDECIDED_MAX = 1000  #: accounts whose second password is known to be the good one; a whole company's reset broken off


class PasswordSource(Protocol):
    """Where the passwords of one tenant's accounts are kept."""

    def lookup(self, address: str) -> Sequence[Secret]:
        """Return the passwords that may work for an address, the likeliest first. May block cooperatively, briefly.

        Raises:
            LoginFailed: the source cannot be asked.
        """
        ...

    def forget(self) -> None:
        """Forget what is held in memory."""


class FileSource:
    """Passwords in a file."""

    def __init__(self, file: PasswordFile) -> None:
        self._file = file

    def lookup(self, address: str) -> Sequence[Secret]:
        """Return the password of an address, if the file has one."""
        password = self._file.lookup(address)
        return () if password is None else (password,)

    def forget(self) -> None:
        """Forget all passwords; the next lookup reads the file again."""
        self._file.forget()


class StoreSource:
    """Passwords in the appliance's store, which keeps nothing open in memory."""

    def __init__(self, kind: str, credentials: CredentialSource | None) -> None:
        self._kind = kind
        self._credentials = credentials

    def lookup(self, address: str) -> Sequence[Secret]:
        """Return what the store has for an address."""
        return self._credentials(self._kind, address) if self._credentials else ()

    def forget(self) -> None:
        """Nothing is held here."""


def _passwords_file(what: str) -> Setting:
    text = (
        f'File of {what}, lines of "address" = "password" (TOML); read again when it changes, others may not read it. '
        "Absent: they are in the appliance's database."
    )
    return Setting("passwords_file", SettingType.FILE, text, default=None, check=password_file.check)


APP_PASSWORD_SETTINGS = (
    _passwords_file("app passwords"),
    administration.OPTIONAL_SERVICE_ACCOUNT_FILE,
    *administration.SETTINGS,
)
MANAGED_PASSWORD_SETTINGS = (
    _passwords_file("Google passwords"),
    administration.OPTIONAL_SERVICE_ACCOUNT_FILE,
    *administration.SETTINGS,
)


def check_managed_password(settings: Mapping[str, Any]) -> list[Mistake]:
    """Return what is missing: passwords come from a file, or are set through Google's Directory API."""
    needed = [key for key in ("service_account_file", "admin") if not settings[key]]
    if needed and not settings["passwords_file"]:
        remedy = f"add {' and '.join(needed)}, by which the appliance sets them, or passwords_file"
        return [Mistake("provider", "there is no source of passwords", remedy)]
    return administration.check(settings)


class PasswordProvider:
    """Gives the password of an account as its source has it."""

    def __init__(self, source: PasswordSource, clean: Callable[[Secret], Secret] | None = None) -> None:
        """Take a source.

        Args:
            source: where the passwords are kept.
            clean: from how a password is kept to how Gmail wants it; default: as it is.
        """
        self._source = source
        self._clean = clean
        self._second_is_good: OrderedDict[str, None] = OrderedDict()

    def start(self) -> None:
        """Nothing to do: the first login asks the source."""

    def grant(self, address: str, protocol: MailProtocol, *, fresh: bool, timeout_s: float) -> Grant:  # noqa: ARG002 - the contract
        """Return the account's password; of two, with ``fresh`` the one that was not given before.

        Two there are while nobody knows whether Google has taken a new one. Which of them is good is then remembered, so that the
        next login does not begin with the other.

        Raises:
            LoginFailed: NO_CREDENTIAL, the source has none; or the source cannot be asked.
        """
        passwords = self._source.lookup(address)
        if not passwords:
            raise LoginFailed(Reason.NO_CREDENTIAL, f"no password is kept for {address}")
        undecided = len(passwords) > 1
        password = passwords[self._choice(address, fresh=fresh) if undecided else 0]
        secret = self._clean(password) if self._clean else password
        return Grant(GrantMechanism.PASSWORD, address, secret, from_cache=undecided and not fresh)

    def stop(self) -> None:
        """Forget all passwords."""
        self._source.forget()
        self._second_is_good.clear()

    def _choice(self, address: str, *, fresh: bool) -> int:
        if fresh and address in self._second_is_good:
            del self._second_is_good[address]
        elif fresh:
            self._second_is_good[address] = None
            if len(self._second_is_good) > UNDECIDED_MAX:
                self._second_is_good.popitem(last=False)
        return int(address in self._second_is_good)


def without_spaces(password: Secret) -> Secret:
    """Return an app password as Gmail takes it: Google shows its 16 letters in groups of four."""
    return Secret("".join(password.reveal().split()))


def app_password_provider(context: TenantContext) -> PasswordProvider:
    """Make the provider ``app-password``."""
    return PasswordProvider(_source(APP_PASSWORD, context), without_spaces)


def managed_password_provider(context: TenantContext) -> PasswordProvider:
    """Make the provider ``managed-password``."""
    return PasswordProvider(_source(MANAGED_PASSWORD, context))


def app_password_customer(context: TenantContext) -> GoogleCustomer:
    """Make the Google customer of a tenant with app passwords. Raises: as ``administration.administration``."""
    return administration.administration(context, sets_passwords=False)


def managed_password_customer(context: TenantContext) -> GoogleCustomer:
    """Make the Google customer of a tenant with managed passwords. Raises: as ``administration.administration``."""
    return administration.administration(context, sets_passwords=not context.settings["passwords_file"])


def _source(kind: str, context: TenantContext) -> PasswordSource:
    path = context.settings["passwords_file"]
    return FileSource(PasswordFile(path)) if path else StoreSource(kind, context.credentials)
