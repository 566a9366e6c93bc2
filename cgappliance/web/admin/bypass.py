"""Ways round the appliance: a page that is there at once, and fills while Google and the internet are asked beside it."""

from __future__ import annotations

from typing import Any

from flask import g, render_template, url_for
from flask.typing import ResponseReturnValue

from cgappliance.admin.bypass import Finding, Means, Report, State, Way, examine
from cgappliance.store.administrators import Role
from cgappliance.web import login_session
from cgappliance.web.access import needs
from cgappliance.web.admin.pages import begin, blueprint, following, words
from cgappliance.web.i18n import gettext as _
from cgappliance.web.i18n import sentence
from cgappliance.web.services import services
from cgappliance.web.tasks import Task


@blueprint.get("/bypass")
@needs(Role.AUDITOR)
def bypass() -> ResponseReturnValue:
    """Show what was found last, or how far the look is. Asks nobody."""
    task = services().reports.of(g.tenant.id)
    report = None if task is None else task.result
    page = render_template(
        "admin/bypass.html",
        page="bypass",
        task=task,
        stage=_stage(task),
        problem="" if task is None or task.problem is None else words(task.problem),
        report=report,
        sections=_sections(report) if isinstance(report, Report) else [],
    )
    return following(task, page)


@blueprint.post("/bypass")
@needs(Role.ADMINISTRATOR)
def look_for_bypass() -> ResponseReturnValue:
    """Begin to look; it goes on beside the requests."""
    desk, tenant = login_session.desk(), g.tenant
    means = Means(services().google, services().internet, services().web)
    return begin(services().reports, lambda told: examine(desk, tenant, means, progress=told), url_for(".bypass"))


def _stage(task: Task | None) -> str:
    """Return what is done at the moment."""
    stages = {
        "users": _("Users of Google that were read:"),
        "accounts": _("Accounts that Google was asked about:"),
        "autoconfig": _("It looks at what mail programs find."),
    }
    return "" if task is None else stages.get(task.stage, _("It begins."))


def _sections(report: Report) -> list[tuple[str, list[dict[str, Any]]]]:
    titles = {
        Way.CLIENTS: _("Mail programs that log in at Google"),
        Way.PASSWORDS: _("Google passwords that somebody knows"),
        Way.AUTOCONFIG: _("Mail programs that set themselves up"),
        Way.DELEGATION: _("What the service account may do"),
        Way.KEY: _("The age of its key"),
    }
    return [(titles[way], [_shown(finding) for finding in report.of(way)]) for way in Way]


def _shown(finding: Finding) -> dict[str, Any]:
    """Return a finding as the page shows it: colour, sign and word say the same."""
    word = {
        State.CLOSED: _("closed"),
        State.OPEN: _("stands open"),
        State.WATCH: _("to be looked at"),
        State.UNSEEN: _("cannot be seen from here"),
    }
    sign = {State.CLOSED: "✓", State.OPEN: "✕", State.WATCH: "!", State.UNSEEN: "?"}
    colour = {State.CLOSED: "accepted", State.OPEN: "refused", State.WATCH: "warning", State.UNSEEN: "off"}
    return {
        "of": finding,
        "word": word[finding.state],
        "sign": sign[finding.state],
        "colour": colour[finding.state],
        "sentence": sentence(finding.sentence),
        "remedy": sentence(finding.remedy),
        "lines": [sentence(line) for line in finding.lines],
    }
