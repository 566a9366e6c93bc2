"""The user's own pages: log in, change the directory password, see who has used the account.

The old password is asked for with each change, so the page works without a login too: whoever must change his password cannot log
in before he has. A refusal says nothing about the reason, but to somebody whose old password was right.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

import gevent
from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cgappliance import log
from cgappliance.admin.desk import Actor
from cgappliance.admin.own_password import PASSWORD_MAX, TO_CHANGE, NotYou, ensure_usable
from cgappliance.admin.strength import assess
from cgappliance.model import Outcome
from cgappliance.password_change import PasswordFault, PasswordNotChanged, PasswordRules
from cgappliance.secret import Secret
from cgappliance.store import history, web_sessions
from cgappliance.store.errors import RecordInvalid
from cgappliance.store.history import Cursor, Filter
from cgappliance.store.web_sessions import NewSession, Site, Source
from cgappliance.web import forms, login_session
from cgappliance.web.access import own_pages, visits
from cgappliance.web.i18n import gettext as _
from cgappliance.web.services import services

_log = log.get()

blueprint = Blueprint("user", __name__, url_prefix="/<tenant>")

HISTORY_ROWS: Final = 50  #: a page of one's own history
OLD_PASSWORD_MAX: Final = 4096  #: characters; as long as a mail client's may be


@blueprint.context_processor
def everywhere() -> dict[str, object]:
    """Give each page of a user the tenant, and who looks at it."""
    return {"tenant": g.get("tenant"), "login": g.get("login")}


@blueprint.get("/login")
@visits
def login() -> ResponseReturnValue:
    """Show the login, or go on when somebody is logged in."""
    return redirect(_target(), 303) if g.login is not None else _login_form("")


@blueprint.post("/login")
@visits
def log_in() -> ResponseReturnValue:
    """Let somebody in."""
    started, address = time.monotonic(), forms.text("address")
    try:
        subject = services().own.log_in(g.tenant, address, _secret("password"), login_session.client_ip())
    except NotYou as refused:
        if refused.reason in TO_CHANGE:
            hint = _("Your password has to be changed before you can go on.")
            return _password_form(_State(address=address, hint=hint, proven=True))
        return _login_form(_refused(refused, address, started), address), _status(refused)
    response = redirect(_target(), 303)
    _begin(response, subject)
    return response


@blueprint.post("/logout")
@visits
def logout() -> ResponseReturnValue:
    """End the login."""
    response = redirect(url_for(".login"), 303)
    login_session.end(response)  # type: ignore[arg-type]  # Flask's redirect makes a Flask response
    return response


@dataclass(frozen=True, slots=True)
class _State:
    """What the page for changing a password shows besides."""

    address: str
    problem: str = ""
    hint: str = ""
    new: Secret | None = None  #: to be assessed; never shown
    proven: bool = False  #: the old password was right: he may know the rules for the new one


@blueprint.get("/password")
@visits
def password() -> ResponseReturnValue:
    """Show the form."""
    return _password_form(_State(_address()))


@blueprint.post("/password")
@visits
def change_password() -> ResponseReturnValue:
    """Change the password, or only say how strong the new one is."""
    started, address, new = time.monotonic(), _address(), _secret("new", PASSWORD_MAX + 1)
    if forms.text("action") == "assess":
        return _password_form(_State(address, new=new))
    if new != _secret("again", PASSWORD_MAX + 1):
        return _password_form(_State(address, _("The two new passwords are not the same."), new=new)), 400
    desk, old, usable = services().desk(Actor(address.lower(), str(login_session.client_ip()))), _secret("old"), False
    try:
        ensure_usable(old, new)
        usable = True
        subject = services().own.change(desk, g.tenant, address, old=old, new=new, peer_ip=login_session.client_ip())
    except NotYou as refused:
        return _password_form(_State(address, _refused(refused, address, started))), _status(refused)
    except PasswordNotChanged as failure:
        # the directory refused what is usable, and it is asked only once the old password has proved right
        state = _State(address, _unchanged(address, failure), new=new, proven=usable)
        return _password_form(state), _status_of(failure.fault)
    _log.info("web.password_changed", **_fields(subject))
    return _changed(subject)


def _changed(subject: str) -> Response:
    """End all logins of somebody but this one, which gets a new token, and say what is to do now."""
    with services().store.write() as connection:
        web_sessions.end_of(connection, g.tenant.id, Site.USER, subject)
    response = redirect(url_for(".changed"), 303)
    _begin(response, subject)
    return response  # type: ignore[return-value]  # Flask's redirect makes a Flask response


@blueprint.get("/password/changed")
@own_pages
def changed() -> ResponseReturnValue:
    """Say what has changed, what has not, and what mail clients need now."""
    return render_template("user/changed.html", page="password")


@blueprint.get("/history")
@own_pages
def own_history() -> ResponseReturnValue:
    """Show who has used the account."""
    try:
        after = Cursor.parse(forms.text("after")) if forms.text("after") else None
    except RecordInvalid:
        after = None
    found = history.page(services().store, Filter(g.tenant.id, account=g.login.subject), limit=HISTORY_ROWS, after=after)
    return render_template("user/history.html", page="history", rows=found.rows, next=found.next, is_first=after is None)


# ---- what they share


def _address() -> str:
    """Return whose password it is about: of the login, else as typed."""
    return str(g.login.subject) if g.login is not None else forms.text("address")


def _secret(name: str, limit: int = OLD_PASSWORD_MAX) -> Secret:
    return Secret(request.form.get(name, "")[:limit])


def _target() -> str:
    """Return where to go behind the login: back to one of the users' pages, and nowhere else."""
    own = (url_for(".password"), url_for(".own_history"), url_for("app_password.page"))
    target = forms.own_path(forms.text("next"), own[0])
    return target if target.startswith(own) else own[0]


def _begin(response: object, subject: str) -> None:
    new = NewSession(g.tenant.id, Site.USER, subject, Source.DIRECTORY, "", login_session.client_ip())
    login_session.begin(response, new)  # type: ignore[arg-type]  # Flask's redirect makes a Flask response


def _login_form(problem: str, address: str = "") -> str:
    return render_template("user/login.html", problem=problem, address=address, next=forms.text("next"))


def _password_form(state: _State) -> str:
    """Return the form; the rules are the directory's for whoever has proved who he is, for strangers they are not looked up."""
    able, known = services().own.can_change(g.tenant), state.proven or g.login is not None
    rules = services().own.rules(g.tenant, state.address.strip().lower()) if able and known else PasswordRules()
    about = (g.tenant.name, g.tenant.id, state.address)
    assessment = assess(state.new, rules, about) if state.new else None
    return render_template(
        "user/password.html", page="password", state=state, able=able, rules=rules, assessment=assessment, limit=PASSWORD_MAX
    )


def _fields(address: str) -> dict[str, str]:
    return {"tenant": g.tenant.id, "login": address[:64], "peer": str(login_session.client_ip())}


def _refused(refused: NotYou, address: str, started: float) -> str:
    """Log a refusal, wait as long as the mail side does, and return what to say."""
    _log.warning("web.refused", **_fields(address), reason=refused.reason.value, detail=refused.detail)
    gevent.sleep(max(0.0, services().settings.limits.refusal_delay_s - (time.monotonic() - started)))
    if refused.reason.outcome is Outcome.REFUSED:
        return _("Address and password do not fit, or you may not use this page at the moment.")
    if refused.reason.outcome is Outcome.THROTTLED:
        return _("There were too many wrong passwords from your network. Please wait some minutes.")
    return _("The password cannot be checked at the moment. Please try again later.")


def _unchanged(address: str, failure: PasswordNotChanged) -> str:
    """Log that a password was not changed, and return what to say."""
    fields = {**_fields(address), "reason": failure.fault.value, "detail": failure.detail}
    if _status_of(failure.fault) == 503:
        _log.warning("web.password_unchanged", **fields)
    else:
        _log.info("web.password_unchanged", **fields)
    return _explained(failure.fault)


def _status(refused: NotYou) -> int:
    return 403 if refused.reason.outcome is Outcome.REFUSED else 503


def _status_of(fault: PasswordFault) -> int:
    return 503 if fault in {PasswordFault.UNAVAILABLE, PasswordFault.UNCERTAIN} else 400


def _explained(fault: PasswordFault) -> str:
    """Return what a user is told; he has proved who he is."""
    return {
        PasswordFault.WRONG_PASSWORD: _("Address and password do not fit, or you may not use this page at the moment."),
        PasswordFault.TOO_SHORT: _("The new password is too short."),
        PasswordFault.TOO_SIMPLE: _("The new password is too simple. Use more kinds of characters, and not your name."),
        PasswordFault.USED_BEFORE: _("You have used this password before. Please choose another one."),
        PasswordFault.TOO_SOON: _(
            "You have changed your password only a short time ago. Please try again later, or ask your administrator."
        ),
        PasswordFault.RULES: _(
            "The directory does not accept this password. It may be too short or too simple, hold your name, or have been used "
            "before; or the last change was too short a time ago."
        ),
        PasswordFault.NOT_ALLOWED: _(
            "Your company's directory does not let you change the password here. Please ask your administrator."
        ),
        PasswordFault.ACCOUNT: _("Your account is locked, disabled or expired. Please ask your administrator."),
        PasswordFault.UNAVAILABLE: _(
            "The directory cannot be reached at the moment. Your password is unchanged. Please try again later."
        ),
        PasswordFault.UNCERTAIN: _(
            "The directory has not answered. Either password may be the right one now: try the new one first, then the old one."
        ),
    }[fault]
