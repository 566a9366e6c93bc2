"""The user's own app password: entered, tried at Gmail, kept; only for tenants that log in at Gmail with those."""

from __future__ import annotations

from functools import partial
from typing import Final

from flask import Blueprint, abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cgappliance import log
from cgappliance.admin import credentials, own_app_password
from cgappliance.admin.credentials import AppPasswordRefused, NotAnAppPassword
from cgappliance.admin.trial import TrialFailed
from cgappliance.errors import CgapplianceError
from cgappliance.secret import Secret
from cgappliance.store.errors import LimitReached, RecordConflict, RecordMissing
from cgappliance.web import login_session, user_pages
from cgappliance.web.access import own_pages
from cgappliance.web.i18n import gettext as _
from cgappliance.web.services import services

_log = log.get()

blueprint = Blueprint("app_password", __name__, url_prefix="/<tenant>/app-password")
blueprint.context_processor(user_pages.everywhere)

TYPED_MAX: Final = 64  #: characters of a typed app password, its blanks included: more than Google shows


@blueprint.get("")
@own_pages
def page() -> ResponseReturnValue:
    """Show whether there is one, and ask for one."""
    _ensure_wanted()
    return _page()


@blueprint.post("")
@own_pages
def enter() -> ResponseReturnValue:
    """Keep what was typed, if Gmail takes it."""
    _ensure_wanted()
    typed = Secret(request.form.get("app_password", "")[:TYPED_MAX])
    verify, trials = partial(services().try_password, g.tenant), services().app_password_trials
    try:
        own_app_password.enter(
            login_session.desk(),
            g.tenant,
            g.login.subject,
            typed,
            vault=services().vault,
            verify=verify,
            trials=trials,
        )
    except (AppPasswordRefused, LimitReached, NotAnAppPassword, RecordConflict, RecordMissing, TrialFailed) as error:
        said, status = _explained(error)
        fields = {"tenant": g.tenant.id, "login": g.login.subject, "peer": str(login_session.client_ip())}
        _log.info("web.app_password_unchanged", **fields, detail=str(error))
        return _page(said), status
    login_session.notify("success", _("Gmail takes the app password. Your mail clients can get in now."))
    return redirect(url_for(".page"), 303)


@blueprint.post("/forget")
@own_pages
def forget() -> ResponseReturnValue:
    """Remove the app password; at Google it stays."""
    _ensure_wanted()
    try:
        credentials.forget_app_password(login_session.desk(), g.tenant, g.login.subject)
    except RecordMissing:
        login_session.notify("warning", _("There was no app password."))
    else:
        login_session.notify("success", _("The app password was removed here. At Google it stays until you remove it there."))
    return redirect(url_for(".page"), 303)


def _ensure_wanted() -> None:
    """End a request of a tenant whose users have no app passwords here."""
    if not own_app_password.applies(g.tenant):
        abort(404)


def _page(problem: str = "") -> str:
    try:
        kept, account = own_app_password.kept(login_session.desk(), g.tenant, g.login.subject), True
    except RecordMissing:
        kept, account = None, False
    return render_template(
        "user/app_password.html", page="app-password", kept=kept, account=account, problem=problem, limit=TYPED_MAX
    )


def _explained(error: CgapplianceError) -> tuple[str, int]:
    """Return what a user is told, and the status."""
    if isinstance(error, NotAnAppPassword):
        return _("This is not an app password. Google shows one as four groups of four lower case letters."), 400
    if isinstance(error, AppPasswordRefused):
        told = _("Gmail does not take this app password. Make a new one at Google, and copy it without mistake.")
        return f"{told} {_('Gmail says: %(said)s', said=error.said)}", 400
    if isinstance(error, LimitReached):
        return _("Gmail has refused too many app passwords of yours. Please try again in an hour."), 429
    if isinstance(error, RecordMissing):
        return _("There is no account of your address. Please ask your administrator."), 404
    return _("Gmail could not be asked at the moment. Nothing was changed. Please try again later."), 503
