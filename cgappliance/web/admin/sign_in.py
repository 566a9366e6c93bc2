"""Entering the site and leaving it."""

from __future__ import annotations

import time

import gevent
from flask import g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from cgappliance import log
from cgappliance.admin.desk import Actor
from cgappliance.admin.sign_in import Entrant, Refused, Typed
from cgappliance.model import Outcome
from cgappliance.secret import Secret
from cgappliance.store import administrators
from cgappliance.store.web_sessions import NewSession, Site, Source
from cgappliance.web import forms, login_session
from cgappliance.web.access import enters
from cgappliance.web.admin.pages import blueprint
from cgappliance.web.i18n import gettext as _
from cgappliance.web.services import services

_log = log.get()


@blueprint.get("/login")
@enters
def login() -> ResponseReturnValue:
    """Show the login, or go on when somebody is logged in."""
    return redirect(_target(), 303) if g.login is not None else _form("")


@blueprint.post("/login")
@enters
def log_in() -> ResponseReturnValue:
    """Let somebody in. A refusal says nothing about the reason, and takes as long as on the mail side."""
    started = time.monotonic()
    typed = Typed(forms.text("name"), Secret(request.form.get("password", "")), forms.text("code"))
    try:
        entrant = services().entrance.admit(g.tenant, typed, login_session.client_ip())
    except Refused as refused:
        fields = {"tenant": g.tenant.id, "login": typed.name[:64], "peer": str(login_session.client_ip())}
        _log.warning("web.refused", **fields, reason=refused.reason.value, detail=refused.detail)
        gevent.sleep(max(0.0, services().settings.limits.refusal_delay_s - (time.monotonic() - started)))
        return _form(_said(refused.reason.outcome), typed.name), 403 if refused.reason.outcome is Outcome.REFUSED else 503
    return _enter(entrant)


@blueprint.post("/logout")
@enters
def logout() -> ResponseReturnValue:
    """End the login."""
    response = redirect(url_for(".login"), 303)
    login_session.end(response)  # type: ignore[arg-type]  # Flask's redirect makes a Flask response
    return response


def _enter(entrant: Entrant) -> Response:
    response = redirect(_target(), 303)
    ip = login_session.client_ip()
    with services().desk(Actor(entrant.subject, str(ip))).work() as work:
        if entrant.source is Source.LOCAL:
            administrators.logged_in(work.transaction, g.tenant.id, entrant.subject, work.now)
        work.log(g.tenant.id, "administrator.login", entrant.subject, after={"role": entrant.role, "source": entrant.source})
    new = NewSession(g.tenant.id, Site.ADMIN, entrant.subject, entrant.source, entrant.role, ip)
    login_session.begin(response, new)  # type: ignore[arg-type]
    return response


def _form(problem: str, name: str = "") -> str:
    return render_template("admin/login.html", problem=problem, name=name, next=forms.text("next"))


def _said(outcome: Outcome) -> str:
    if outcome is Outcome.REFUSED:
        return _("You may not enter with this name, password and code.")
    if outcome is Outcome.THROTTLED:
        return _("There were too many wrong passwords from your network. Please wait some minutes.")
    return _("The password cannot be checked at the moment. Please try again later.")


def _target() -> str:
    """Return where to go behind the login: back to a page of this tenant's admin site, and nowhere else."""
    start = url_for(".dashboard")
    target = forms.own_path(forms.text("next"), start)
    return target if target.startswith(start) else start
