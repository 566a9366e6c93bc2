"""Access tokens: issued by the token endpoint, checked by the three mail servers and the APIs.

This file knows no HTTP and no mail protocol.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from cgappliance.testing.gmail.clock import Clock

MAIL_SCOPE = "https://mail.google.com/"
IMAP_ADMIN_SCOPE = "https://www.googleapis.com/auth/gmail.imap_admin"
SETTINGS_SCOPE = "https://www.googleapis.com/auth/gmail.settings.basic"
USER_SCOPE = "https://www.googleapis.com/auth/admin.directory.user"
USER_READ_SCOPE = "https://www.googleapis.com/auth/admin.directory.user.readonly"
SECURITY_SCOPE = "https://www.googleapis.com/auth/admin.directory.user.security"
ALL_SCOPES = (MAIL_SCOPE, IMAP_ADMIN_SCOPE, SETTINGS_SCOPE, USER_SCOPE, USER_READ_SCOPE, SECURITY_SCOPE)

#: Real tokens are 200 to 1100 characters long; long ones overflow the small command buffers that proxies like to have.
TOKEN_CHARACTERS = 1005


@dataclass(frozen=True, slots=True)
class Token:
    """What a token is good for."""

    value: str
    account_id: str
    scopes: frozenset[str]
    expires_at: float  #: seconds since 1970, by the look-alike's clock


class Tokens:
    """All tokens that were issued and are not revoked."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tokens: dict[str, Token] = {}

    def issue(self, account_id: str, scopes: Iterable[str], lifetime_s: float) -> Token:
        """Make a token for one account and return it."""
        value = ("ya29." + secrets.token_urlsafe(TOKEN_CHARACTERS))[:TOKEN_CHARACTERS]
        token = Token(value, account_id, frozenset(scopes), self._clock.now() + lifetime_s)
        self._tokens[value] = token
        return token

    def check(self, value: str) -> Token | None:
        """Return the token of this value while it lives, else None."""
        token = self._tokens.get(value)
        return token if token is not None and self._clock.now() < token.expires_at else None

    def revoke(self, account_id: str) -> None:
        """Make all tokens of an account useless, as Google does after a password change or an administrator's sign-out."""
        self._tokens = {value: token for value, token in self._tokens.items() if token.account_id != account_id}
