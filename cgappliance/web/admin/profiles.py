"""Security settings: the profiles, as in the manual's 2.2, and all that they can besides.

Saving asks once more when it would end live sessions, or when the administrator's own address would no longer be let in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import g, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cgappliance.admin import accounts as desk_accounts
from cgappliance.admin import profiles as desk_profiles
from cgappliance.admin.profiles import Ending
from cgappliance.errors import CgapplianceError
from cgappliance.model import MailProtocol, ProfileRule
from cgappliance.policy.profile import matching_network
from cgappliance.policy.rules import ordered_rules
from cgappliance.store.administrators import Role
from cgappliance.store.errors import RecordInvalid, StoreUnavailable
from cgappliance.web import forms, login_session
from cgappliance.web.access import needs
from cgappliance.web.admin.pages import attempt, back_to, blueprint, words
from cgappliance.web.admin.rule_forms import ProfileForm
from cgappliance.web.i18n import gettext as _
from cgappliance.web.i18n import ngettext


@dataclass(frozen=True, slots=True)
class Consequences:
    """What saving would do, to be confirmed."""

    ending: Sequence[Ending]
    locks_out: bool  #: the address of whoever saves is not among those that are let in

    @property
    def matter(self) -> bool:
        """Tell whether to ask."""
        return bool(self.ending) or self.locks_out


@blueprint.get("/profiles")
@needs(Role.AUDITOR)
def profiles() -> ResponseReturnValue:
    """Show all profiles."""
    rows = desk_profiles.listing(login_session.desk(), g.tenant)
    return render_template("admin/profiles.html", page="profiles", rows=rows)


@blueprint.get("/profiles/new")
@needs(Role.ADMINISTRATOR)
def new_profile() -> ResponseReturnValue:
    """Show an empty profile."""
    return _form(ProfileForm(), is_new=True)


@blueprint.post("/profiles/new")
@needs(Role.ADMINISTRATOR)
def create_profile() -> ResponseReturnValue:
    """Make a profile."""
    typed = ProfileForm.typed(request.form)
    if typed.press(forms.text("op")):
        return _form(typed, is_new=True)
    try:
        made = desk_profiles.create(login_session.desk(), g.tenant, typed.name, typed.parsed())
    except StoreUnavailable:
        raise
    except CgapplianceError as error:
        return _form(typed, is_new=True, problem=_problem(error)), 400
    login_session.notify("success", _("The profile %(name)s was made.", name=made.name))
    return back_to(url_for(".profiles"))


@blueprint.get("/profiles/<name>")
@needs(Role.AUDITOR)
def profile(name: str) -> ResponseReturnValue:
    """Show one profile, to be changed if it may be."""
    row = desk_profiles.show(login_session.desk(), g.tenant, name)
    typed = ProfileForm.of(name, ordered_rules(row.profile), row.version)
    if row.profile.read_only or not login_session.role().includes(Role.ADMINISTRATOR):
        rules = ordered_rules(row.profile)
        return render_template("admin/profile_shown.html", page="profiles", row=row, rules=rules)
    return _form(typed, row=row)


@blueprint.post("/profiles/<name>")
@needs(Role.ADMINISTRATOR)
def save_profile(name: str) -> ResponseReturnValue:
    """Save a profile; live sessions that it no longer permits end at once."""
    row = desk_profiles.show(login_session.desk(), g.tenant, name)
    typed = ProfileForm.typed(request.form)
    typed.name = name
    if typed.press(forms.text("op")):
        return _form(typed, row=row)
    try:
        rules = typed.parsed()
        consequences = _consequences(name, rules)
        if consequences.matter and forms.text("op") != "confirmed":
            return _form(typed, row=row, consequences=consequences)
        desk_profiles.edit(login_session.desk(), g.tenant, name, rules, version=typed.version)
    except StoreUnavailable:
        raise
    except CgapplianceError as error:
        return _form(typed, row=row, problem=_problem(error)), 400
    said = _("The profile %(name)s was saved, and applies from now on.", name=name)
    ended = len(consequences.ending)
    if ended:
        said += " " + ngettext("%(num)d live session ends.", "%(num)d live sessions end.", ended)
    login_session.notify("success", said)
    return back_to(url_for(".profile", name=name))


@blueprint.post("/profiles/<name>/copy")
@needs(Role.ADMINISTRATOR)
def copy_profile(name: str) -> ResponseReturnValue:
    """Make a profile with the rules of this one."""
    new = forms.text("new_name")

    def change() -> str:
        desk_profiles.copy(login_session.desk(), g.tenant, name, new)
        return _("The profile %(name)s was made.", name=new)

    done = attempt(change)
    return back_to(url_for(".profile", name=new if done else name))


@blueprint.post("/profiles/<name>/delete")
@needs(Role.ADMINISTRATOR)
def delete_profile(name: str) -> ResponseReturnValue:
    """Remove a profile that nobody uses."""

    def change() -> str:
        desk_profiles.delete(login_session.desk(), g.tenant, name)
        return _("The profile %(name)s was deleted.", name=name)

    done = attempt(change)
    return back_to(url_for(".profiles") if done else url_for(".profile", name=name))


def _consequences(name: str, rules: Sequence[ProfileRule]) -> Consequences:
    ending = desk_profiles.ending_by_edit(login_session.desk(), g.tenant, name, rules)
    return Consequences(ending, _locks_out(rules))


def _locks_out(rules: Sequence[ProfileRule]) -> bool:
    """Tell whether some are let in, and whoever saves would not be, from the address that the save comes from.

    Hours do not count: who saves at noon is not warned of rules for the night.
    """
    here = login_session.client_ip()
    lasting = [rule for rule in rules if rule.allow or not rule.windows]
    fitting = [rule for rule in lasting if not rule.networks or matching_network(rule.networks, here)]
    firsts = [next((rule for rule in fitting if protocol in rule.protocols), None) for protocol in MailProtocol]
    return any(rule.allow for rule in rules) and not any(first is not None and first.allow for first in firsts)


def _problem(error: CgapplianceError) -> str:
    """Return what to say above the form; what is wrong with a rule stands beside it."""
    if isinstance(error, RecordInvalid) and str(error).startswith("rules"):
        return _("Please correct what is marked below. Nothing was saved.")
    return words(error)


def _form(
    typed: ProfileForm,
    *,
    is_new: bool = False,
    row: desk_profiles.Row | None = None,
    consequences: Consequences | None = None,
    problem: str = "",
) -> str:
    told = {"typed": typed, "is_new": is_new, "row": row, "consequences": consequences, "problem": problem}
    seats = desk_accounts.count_seats(login_session.desk(), g.tenant)
    return render_template("admin/profile.html", page="profiles", seats=seats, **told)
