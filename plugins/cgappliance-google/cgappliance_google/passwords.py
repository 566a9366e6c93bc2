"""The providers ``app-password`` and ``managed-password``: Gmail is logged in to with a password that the user does not know.

Both differ in where a password comes from and in how it is written; the source is behind ``PasswordSource``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from cgappliance.plugin_api import (
    Grant,
    GrantMechanism,
    LoginFailed,
    MailProtocol,
    Reason,
    Secret,
    Setting,
    SettingType,
    TenantContext,
)
from cgappliance_google import password_file
from cgappliance_google.password_file import PasswordFile


class PasswordSource(Protocol):
    """Where the passwords of one tenant's accounts are kept."""

    def lookup(self, address: str) -> Secret | None:
        """Return the password of an address, or None when there is none. May block cooperatively, briefly."""
        ...

    def forget(self) -> None:
        """Forget what is held in memory."""


def _passwords_file(what: str) -> tuple[Setting, ...]:
    text = f'File of {what}, lines of "address" = "password" (TOML); read again when it changes, others may not read it.'
    return (Setting("passwords_file", SettingType.FILE, text, check=password_file.check),)


APP_PASSWORD_SETTINGS = _passwords_file("app passwords")
MANAGED_PASSWORD_SETTINGS = _passwords_file("Google passwords")


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

    def start(self) -> None:
        """Nothing to do: the first login asks the source."""

    def grant(self, address: str, protocol: MailProtocol, *, fresh: bool, timeout_s: float) -> Grant:  # noqa: ARG002 - the contract
        """Return the account's password; ``fresh`` gets no other one, since a refused password has no successor here.

        Raises:
            LoginFailed: NO_CREDENTIAL, the source has none.
        """
        password = self._source.lookup(address)
        if password is None:
            raise LoginFailed(Reason.NO_CREDENTIAL, f"no password is kept for {address}")
        return Grant(GrantMechanism.PASSWORD, address, self._clean(password) if self._clean else password)

    def stop(self) -> None:
        """Forget all passwords."""
        self._source.forget()


def without_spaces(password: Secret) -> Secret:
    """Return an app password as Gmail takes it: Google shows its 16 letters in groups of four."""
    return Secret("".join(password.reveal().split()))


def app_password_provider(context: TenantContext) -> PasswordProvider:
    """Make the provider ``app-password``."""
    return PasswordProvider(PasswordFile(context.settings["passwords_file"]), without_spaces)


def managed_password_provider(context: TenantContext) -> PasswordProvider:
    """Make the provider ``managed-password``."""
    return PasswordProvider(PasswordFile(context.settings["passwords_file"]))
