"""The provider ``service-account``: an access token for the account, by a service account with domain-wide delegation.

An OAuth session at Gmail lives no longer than its token, so a token from the cache must have a good part of its hour left: how much
differs by protocol, because an IMAP client stays and a POP3 or SMTP client goes.
"""

from __future__ import annotations

from cgappliance.plugin_api import Grant, GrantMechanism, MailProtocol, Setting, SettingType, TenantContext
from cgappliance_google import administration, key_file
from cgappliance_google.cache import TokenCache, TokenKey
from cgappliance_google.customer import GoogleCustomer
from cgappliance_google.endpoint import Token, TokenEndpoint

MAIL_SCOPE = "https://mail.google.com/"  #: IMAP, POP3 and SMTP
IMAP_ADMIN_SCOPE = (
    "https://www.googleapis.com/auth/gmail.imap_admin"  #: IMAP only: all labels and messages, whatever the user hides
)
TOKEN_LIFE_S = 3600.0


def _min_life(protocol: MailProtocol, default_s: float) -> Setting:
    return Setting(
        f"{protocol}_min_life_s",
        SettingType.DURATION,
        f"Life that a kept token must have left to be given to {protocol.upper()}; Gmail ends the session with the token.",
        default=default_s,
        unit="s",
        maximum=TOKEN_LIFE_S,
    )


SETTINGS = (
    administration.SERVICE_ACCOUNT_FILE,
    *administration.SETTINGS,
    Setting(
        administration.LOCK_PASSWORD,
        SettingType.BOOLEAN,
        "Give each account a random password at Google that nobody knows, so that nobody can log in there past the appliance; "
        "Google then revokes the user's app passwords.",
        default=False,
    ),
    Setting(
        "imap_scope",
        SettingType.STRING,
        "Scope of IMAP tokens; gmail.imap_admin, for IMAP alone, shows all labels and messages whatever the user hides.",
        default=MAIL_SCOPE,
        choices=(MAIL_SCOPE, IMAP_ADMIN_SCOPE),
    ),
    _min_life(MailProtocol.IMAP, 3000.0),
    _min_life(MailProtocol.POP3, 600.0),
    _min_life(MailProtocol.SMTP, 600.0),
)


def google_customer(context: TenantContext) -> GoogleCustomer:
    """Make the tenant's Google customer. Raises: as ``administration.administration``."""
    scopes = tuple(dict.fromkeys((MAIL_SCOPE, context.settings["imap_scope"])))
    return administration.administration(context, scopes=scopes, sets_passwords=context.settings[administration.LOCK_PASSWORD])


class ServiceAccountProvider:
    """Gets access tokens for one tenant's accounts."""

    def __init__(self, context: TenantContext) -> None:
        settings = context.settings
        self._endpoint = TokenEndpoint(key_file.read(settings["service_account_file"]), settings["ca_file"])
        self._cache = TokenCache(self._fetch)
        self._scopes = dict.fromkeys(MailProtocol, MAIL_SCOPE) | {MailProtocol.IMAP: settings["imap_scope"]}
        self._min_life_s = {protocol: settings[f"{protocol}_min_life_s"] for protocol in MailProtocol}

    def start(self) -> None:
        """Nothing to do: the first login makes the first connection."""

    def grant(self, address: str, protocol: MailProtocol, *, fresh: bool, timeout_s: float) -> Grant:
        """Return an access token for ``address`` that has the protocol's minimum life left, new or kept.

        Raises:
            LoginFailed: Google gives none; the reason says whose matter it is.
        """
        key = TokenKey(address, self._scopes[protocol])
        given = self._cache.get(key, min_life_s=self._min_life_s[protocol], fresh=fresh, timeout_s=timeout_s)
        return Grant(
            GrantMechanism.XOAUTH2,
            address,
            given.token.secret,
            expires_in_s=self._cache.life_left(given.token),
            from_cache=given.from_cache,
        )

    def stop(self) -> None:
        """Forget all tokens and close the connections to the token endpoint."""
        self._cache.clear()
        self._endpoint.close()

    def _fetch(self, key: TokenKey, timeout_s: float) -> Token:
        return self._endpoint.fetch(key.address, key.scope, timeout_s)
