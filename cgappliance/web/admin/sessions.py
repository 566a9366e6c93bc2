"""Live sessions: who is connected now, and ending one of them."""

from __future__ import annotations

from flask import g, render_template, url_for
from flask.typing import ResponseReturnValue

from cgappliance.admin import live
from cgappliance.errors import CgapplianceError
from cgappliance.store.administrators import Role
from cgappliance.web import login_session
from cgappliance.web.access import needs
from cgappliance.web.admin.pages import attempt, back_to, blueprint, words
from cgappliance.web.i18n import gettext as _
from cgappliance.web.services import services


@blueprint.get("/sessions")
@needs(Role.AUDITOR)
def sessions() -> ResponseReturnValue:
    """Show who is connected."""
    try:
        rows, problem = live.listing(services().ask, g.tenant), ""
    except CgapplianceError as error:
        rows, problem = [], words(error)
    return render_template("admin/sessions.html", page="sessions", rows=rows, problem=problem)


@blueprint.post("/sessions/<session>/end")
@needs(Role.ADMINISTRATOR)
def end_session(session: str) -> ResponseReturnValue:
    """End one session."""

    def change() -> str:
        ended = live.end(login_session.desk(), services().ask, g.tenant, session)
        return _("The session of %(account)s was ended.", account=ended.account)

    attempt(change)
    return back_to(url_for(".sessions"))
