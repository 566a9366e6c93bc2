"""What the administrator's pages share: their blueprint, changes with their notice, questions before them, streams of CSV."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

from flask import Blueprint, Response, g, make_response, redirect, render_template, stream_with_context
from flask.typing import ResponseReturnValue

from cgappliance.administration import GoogleRefused
from cgappliance.errors import CgapplianceError
from cgappliance.store.administrators import Role
from cgappliance.store.errors import RecordMissing, StoreUnavailable
from cgappliance.web import i18n, login_session
from cgappliance.web.i18n import sentence
from cgappliance.web.services import services
from cgappliance.web.tasks import Progress, Task, Tasks

REFRESH_S: Final = 2  #: until the page of a task looks again how far it is

blueprint = Blueprint("admin", __name__, url_prefix="/<tenant>/admin")

#: A remedy that is a command: good advice at a terminal, and none in a browser.
_COMMAND: Final = re.compile(r" \([^()]*(?:'cgappliance |with --)[^()]*\)")


@blueprint.context_processor
def _everywhere() -> dict[str, Any]:
    """Give each page the tenant, and who looks at it."""
    login = g.get("login")
    return {
        "tenant": g.get("tenant"),
        "login": login,
        "may": lambda role: login is not None and login_session.role().includes(Role(role)),
        "my_ip": login_session.client_ip(),
    }


@blueprint.errorhandler(RecordMissing)
def _missing(error: RecordMissing) -> ResponseReturnValue:
    return render_template("error.html", status=404, detail=words(error)), 404


def words(error: CgapplianceError) -> str:
    """Return what an error says to somebody in front of a browser."""
    if isinstance(error, GoogleRefused):
        said = f"{sentence(error.fault.sentence)} – {sentence(error.fault.remedy)}"
        return f"Google: {said} [{error.detail}]" if error.detail else f"Google: {said}"
    return sentence(_COMMAND.sub("", str(error)))


def attempt(change: Callable[[], str]) -> bool:
    """Make a change, have the next page say what came of it, and return whether it was made.

    Args:
        change: returns what to say.
    """
    try:
        said = change()
    except StoreUnavailable:
        raise
    except CgapplianceError as error:
        login_session.notify("error", words(error))
        return False
    login_session.notify("success", said)
    return True


def begin(tasks: Tasks, work: Callable[[Progress], Any], page: str) -> ResponseReturnValue:
    """Begin a task of the tenant, and return the redirect to its page, which says why when it could not begin."""
    try:
        tasks.start(g.tenant.id, g.login.subject, work)
    except CgapplianceError as error:
        login_session.notify("error", words(error))
    return back_to(page)


def following(task: Task | None, page: str) -> Response:
    """Return the page of a task, which looks again by itself as long as it goes on."""
    response = make_response(page)
    if task is not None and task.running:
        response.headers["Refresh"] = str(REFRESH_S)  # without script, and without the element that screen readers stumble over
    return response


def back_to(target: str) -> ResponseReturnValue:
    """Return the redirect that follows a change, so that reloading the page does not make it again."""
    return redirect(target, 303)


def csv_download(name: str, chunks: Iterable[str]) -> Response:
    """Return a CSV file as a download that is made while it is sent."""
    stamp = local(services().now()).strftime("%Y%m%d-%H%M")
    body = (chunk.encode() for chunk in chunks)
    response = Response(stream_with_context(body), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{g.tenant.id}-{name}-{stamp}.csv"'
    return response


def local(moment: datetime) -> datetime:
    """Return a moment on the tenant's wall."""
    return moment.astimezone(g.tenant.timezone)


_ = i18n.gettext
