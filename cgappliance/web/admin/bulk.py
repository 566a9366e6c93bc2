"""A profile for many accounts at once: first what it would do, then doing it."""

from __future__ import annotations

from flask import g, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cgappliance.admin import profiles as desk_profiles
from cgappliance.errors import CgapplianceError
from cgappliance.store.administrators import Role
from cgappliance.web import forms, login_session
from cgappliance.web.access import needs
from cgappliance.web.admin.pages import attempt, back_to, blueprint, words
from cgappliance.web.i18n import gettext as _
from cgappliance.web.i18n import ngettext


@blueprint.post("/accounts/apply")
@needs(Role.ADMINISTRATOR)
def ask_before_apply() -> ResponseReturnValue:
    """Show what applying a profile would do."""
    name, addresses = forms.text("profile"), _addresses()
    if addresses is not None and not addresses:
        login_session.notify("warning", _("No account was chosen."))
        return back_to(url_for(".accounts"))
    try:
        ending = desk_profiles.ending_by_apply(login_session.desk(), g.tenant, name, addresses)
    except CgapplianceError as error:
        login_session.notify("error", words(error))
        return back_to(url_for(".accounts"))
    return render_template("admin/apply.html", page="accounts", name=name, addresses=addresses, ending=ending)


@blueprint.post("/accounts/apply/confirmed")
@needs(Role.ADMINISTRATOR)
def apply_profile() -> ResponseReturnValue:
    """Give the chosen accounts a profile."""
    name, addresses = forms.text("profile"), _addresses()

    def change() -> str:
        done = desk_profiles.apply(login_session.desk(), g.tenant, name, addresses)
        count = len(done.changed)
        profile = name or _("(default)")
        said = ngettext(
            "%(num)d account has the profile %(profile)s now.",
            "%(num)d accounts have the profile %(profile)s now.",
            count,
            profile=profile,
        )
        if done.left_alone:
            left = len(done.left_alone)
            said += " " + _("The directory chooses the profile of %(left)d accounts; they were left alone.", left=left)
        return said

    attempt(change)
    return back_to(url_for(".accounts"))


def _addresses() -> list[str] | None:
    """Return the accounts that were chosen; None: all."""
    return None if forms.flag("everybody") else request.form.getlist("address")
