"""Whether Gmail lets somebody in: one decision for the three protocols, by password or by token.

This file knows why; the words for it are each protocol's own.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from cgappliance.model import MailProtocol
from cgappliance.testing.gmail.directory import Account
from cgappliance.testing.gmail.state import GmailState
from cgappliance.testing.gmail.switches import Refusal
from cgappliance.testing.gmail.tokens import IMAP_ADMIN_SCOPE, MAIL_SCOPE

RECENT = "recent:"


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a login: let in when ``refusal`` is None, and then ``account`` is set."""

    account: Account | None = None
    refusal: Refusal | None = None
    recent: bool = False  #: POP3 ``recent:`` mode
    expires_at: float | None = None  #: the end of the token, and so of the session


def named_account(state: GmailState, protocol: MailProtocol, username: str) -> Account | None:
    """Return the account that a user name means, POP3's ``recent:`` left out; None when there is none."""
    return state.directory.find(_without_recent(protocol, username)[0])


def by_password(state: GmailState, protocol: MailProtocol, username: str, password: str) -> Decision:
    """Decide a login with a name and a password: the account's own (where allowed) or an app password."""
    name, recent = _without_recent(protocol, username)
    account = state.directory.find(name)
    if account is None or account.suspended:
        return Decision(refusal=Refusal.BAD_CREDENTIALS)
    refusal = _password_refusal(state, account, password) or _account_refusal(state, protocol, account)
    return Decision(account, refusal, recent)


def by_token(state: GmailState, protocol: MailProtocol, username: str, value: str) -> Decision:
    """Decide a login with an access token: it must live, be this account's, and have a scope that is good for mail."""
    name, recent = _without_recent(protocol, username)
    account = state.directory.find(name)
    token = state.tokens.check(value)
    if account is None or account.suspended or token is None or token.account_id != account.id:
        return Decision(refusal=Refusal.BAD_CREDENTIALS)
    scopes = {MAIL_SCOPE, IMAP_ADMIN_SCOPE} if protocol is MailProtocol.IMAP else {MAIL_SCOPE}
    refusal = None if token.scopes & scopes else Refusal.BAD_CREDENTIALS
    return Decision(account, refusal or _account_refusal(state, protocol, account), recent, token.expires_at)


def _without_recent(protocol: MailProtocol, username: str) -> tuple[str, bool]:
    if protocol is MailProtocol.POP3 and username[: len(RECENT)].lower() == RECENT:
        return username[len(RECENT) :], True
    return username, False


def _password_refusal(state: GmailState, account: Account, password: str) -> Refusal | None:
    letters = password.replace(" ", "")
    for app_password in account.app_passwords:
        if _same(app_password.password, letters):
            app_password.last_used_at = state.clock.now()
            return None
    if not account.password.matches(password):
        return Refusal.BAD_CREDENTIALS
    if account.switches.needs_app_password or account.two_step:
        return Refusal.APP_PASSWORD_REQUIRED
    return None if account.switches.password_enabled else Refusal.BAD_CREDENTIALS


def _account_refusal(state: GmailState, protocol: MailProtocol, account: Account) -> Refusal | None:
    """Return what stands in the way although the credential is good."""
    for queue in (state.servers[protocol].refuse_next, account.switches.refuse_next):
        if queue:
            return queue.pop(0)
    if account.switches.web_login:
        return Refusal.WEB_LOGIN
    return _off(protocol, account) or _too_many(state, protocol, account)


def _off(protocol: MailProtocol, account: Account) -> Refusal | None:
    off = off_for(protocol, account)
    if not off or (protocol is MailProtocol.POP3 and account.switches.pop_off_at == "stat"):
        return None
    return Refusal.OFF_FOR_DOMAIN if off == "domain" else Refusal.OFF_FOR_USER


def off_for(protocol: MailProtocol, account: Account) -> str:
    """Return who has switched a protocol off for this account: "user", "domain", or "" when it is on."""
    if protocol is MailProtocol.IMAP:
        return account.switches.imap_off or ("" if account.imap_settings["enabled"] else "user")
    if protocol is MailProtocol.POP3:
        return account.switches.pop_off or ("user" if account.pop_settings["accessWindow"] == "disabled" else "")
    return ""


def _too_many(state: GmailState, protocol: MailProtocol, account: Account) -> Refusal | None:
    live = state.live[(protocol, account.id)]
    if protocol is MailProtocol.IMAP and live >= account.switches.connection_limit:
        return Refusal.TOO_MANY_CONNECTIONS
    if protocol is MailProtocol.POP3 and live and account.switches.pop_lock:
        return Refusal.IN_USE
    return None


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
