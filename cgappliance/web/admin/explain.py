"""Why refused: what would become of a login, rule by rule, in words."""

from __future__ import annotations

from datetime import datetime

from flask import g, render_template
from flask.typing import ResponseReturnValue

from cgappliance.admin.explain import explain as explain_login
from cgappliance.admin.moments import parse_moment
from cgappliance.config.networks import parse_address
from cgappliance.config.problem import Unfit
from cgappliance.model import IPAddress, MailProtocol
from cgappliance.store.administrators import Role
from cgappliance.store.errors import RecordInvalid
from cgappliance.web import forms, login_session
from cgappliance.web.access import needs
from cgappliance.web.admin.pages import blueprint
from cgappliance.web.i18n import sentence
from cgappliance.web.services import services


@blueprint.get("/explain")
@needs(Role.AUDITOR)
def explain() -> ResponseReturnValue:
    """Show the form, and the answer when it was filled in."""
    problems: list[str] = []
    account, protocol = forms.text("account"), forms.choice("protocol", MailProtocol) or MailProtocol.IMAP
    told = None
    if account:
        ip, at = _address(problems), _moment(problems)
        if ip is not None and not problems:
            told = explain_login(login_session.desk(), g.tenant, account, protocol=protocol, ip=ip, at=at)
    asked = {"account": account, "protocol": protocol, "ip": forms.text("ip"), "at": forms.text("at")}
    seen = {"reason": forms.text("reason"), "detail": forms.text("detail")}  # of the row that led here
    return render_template(
        "admin/explain.html", page="explain", asked=asked, told=told, problems=problems, protocols=list(MailProtocol), seen=seen
    )


def _address(problems: list[str]) -> IPAddress | None:
    try:
        return parse_address(forms.text("ip"))
    except Unfit as unfit:
        problems.append(sentence(f"{unfit.problem} ({unfit.remedy})"))
        return None


def _moment(problems: list[str]) -> datetime | None:
    text = forms.text("at")
    try:
        return parse_moment(text, g.tenant.timezone, services().now()) if text else None
    except RecordInvalid as error:
        problems.append(sentence(error))
        return None
