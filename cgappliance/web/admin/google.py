"""An account's Google side: the password that only the appliance knows, and whether Gmail lets POP and IMAP in."""

from __future__ import annotations

from dataclasses import dataclass

from flask import g, render_template, url_for
from flask.typing import ResponseReturnValue

from cgappliance.admin import accounts as desk_accounts
from cgappliance.admin import credentials
from cgappliance.administration import GoogleUser, MailAccess
from cgappliance.errors import CgapplianceError
from cgappliance.store.accounts import Account
from cgappliance.store.administrators import Role
from cgappliance.store.credentials import Kind
from cgappliance.store.errors import RecordConflict
from cgappliance.web import forms, login_session
from cgappliance.web.access import needs
from cgappliance.web.admin.pages import attempt, back_to, blueprint, words
from cgappliance.web.i18n import gettext as _
from cgappliance.web.services import services


@dataclass(frozen=True, slots=True)
class State:
    """What Google says of an account."""

    user: GoogleUser | None = None
    access: MailAccess | None = None
    problem: str = ""


@blueprint.get("/accounts/<address>/google")
@needs(Role.HELPDESK)
def google_account(address: str) -> ResponseReturnValue:
    """Ask Google for an account, and show what can be done there."""
    details = desk_accounts.show(login_session.desk(), g.tenant, address)
    account = details.row.account
    return render_template(
        "admin/google.html",
        page="accounts",
        account=account,
        state=_ask(account),
        is_api_admin=_is_api_admin(account),
        has_app_password=any(kept.kind is Kind.APP_PASSWORD for kept in details.credentials),
    )


@blueprint.post("/accounts/<address>/google/reset")
@needs(Role.HELPDESK)
def reset_google_password(address: str) -> ResponseReturnValue:
    """Give the Google user a new random password (manual 2.1.2)."""

    def change() -> str:
        with services().google(g.tenant) as customer:
            revoke = forms.flag("revoke_app_passwords")
            vault = services().vault
            credentials.reset(login_session.desk(), g.tenant, address, vault, customer, revoke_app_passwords=revoke)
        return _("The Google password of %(address)s is a new random one.", address=address)

    attempt(change)
    return back_to(url_for(".account", address=address))


@blueprint.post("/accounts/<address>/google/mail-access")
@needs(Role.ADMINISTRATOR)
def enable_google_mail_access(address: str) -> ResponseReturnValue:
    """Switch POP and IMAP on in the user's Gmail settings (manual 2.1.4)."""
    account = desk_accounts.show(login_session.desk(), g.tenant, address).row.account

    def change() -> str:
        with services().google(g.tenant) as customer:
            access = customer.enable_mail_access(account.address)
        with login_session.desk().work() as work:
            work.log(g.tenant.id, "account.mail_access", account.address, after={"imap": access.imap, "pop": access.pop})
        if access.imap and access.pop:
            return _("POP and IMAP are switched on in the Gmail settings of %(address)s.", address=account.address)
        raise RecordConflict("Google did not switch POP or IMAP on: a policy of the domain forbids it")

    attempt(change)
    return back_to(url_for(".google_account", address=address))


def _ask(account: Account) -> State:
    try:
        with services().google(g.tenant) as customer:
            user = customer.find(account.address)
            access = customer.mail_access(account.address) if user is not None and user.has_mailbox else None
            return State(user, access)
    except CgapplianceError as error:
        return State(problem=words(error))


def _is_api_admin(account: Account) -> bool:
    return account.address == str(g.tenant.google.settings.get("admin", "")).lower()
