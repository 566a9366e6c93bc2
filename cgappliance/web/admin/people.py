"""People of a directory that the appliance manages (edition "light"): made, removed, given an initial password.

The password stands on the page that answers the form, and nowhere else: not in an address, not in the session, not in a log. All of
it is for administrators: whoever may set passwords of the directory may become anybody in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flask import g, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cgappliance.admin import accounts as desk_accounts
from cgappliance.admin import newcomer, people
from cgappliance.admin import profiles as desk_profiles
from cgappliance.admin.own_password import PASSWORD_MAX, ensure_usable
from cgappliance.admin.provision import Provisioned
from cgappliance.administration import NewPerson
from cgappliance.errors import CgapplianceError
from cgappliance.password_change import PasswordNotChanged
from cgappliance.secret import Secret
from cgappliance.store.accounts import Account
from cgappliance.store.administrators import Role
from cgappliance.store.credentials import Kind
from cgappliance.store.errors import RecordInvalid, StoreUnavailable
from cgappliance.web import forms, login_session
from cgappliance.web.access import needs
from cgappliance.web.admin.pages import attempt, back_to, blueprint, words
from cgappliance.web.i18n import gettext as _
from cgappliance.web.services import services

FIELDS: Final = ("address", "given_name", "family_name", "profile")  #: kept in the form when something is wrong
NAME_MAX: Final = 60  #: characters of a name: as many as Google takes


@dataclass(frozen=True, slots=True)
class Told:
    """What is shown once behind a change."""

    account: Account
    password: Secret | None  #: None: it was typed, so whoever typed it knows it
    is_new: bool
    at_google: Provisioned | None = None


@blueprint.get("/people/new")
@needs(Role.ADMINISTRATOR)
def new_person() -> ResponseReturnValue:
    """Ask who is to be made."""
    return _person_form()


@blueprint.post("/people/new")
@needs(Role.ADMINISTRATOR)
def create_person() -> ResponseReturnValue:
    """Make somebody in the directory, the account, and what it needs at Google."""
    desk, person = login_session.desk(), _person()
    try:
        password, made_here = _password()
        with services().managed_directory(g.tenant) as directory:
            account = people.create(desk, g.tenant, directory, person, password, profile=forms.text("profile"))
    except StoreUnavailable:
        raise
    except CgapplianceError as error:
        return _person_form(words(error)), 400
    names = (person.given_name, person.family_name)
    wanted = {"create": forms.flag("create_google_user")}
    vault = services().vault
    at_google = newcomer.provide(desk, g.tenant, account, services().google, lambda: vault, names=names, **wanted)
    return _told(Told(account, password if made_here else None, is_new=True, at_google=at_google))


@blueprint.get("/accounts/<address>/initial-password")
@needs(Role.ADMINISTRATOR)
def initial_password_form(address: str) -> ResponseReturnValue:
    """Ask for an initial password."""
    return _password_form(address)


@blueprint.post("/accounts/<address>/initial-password")
@needs(Role.ADMINISTRATOR)
def set_initial_password(address: str) -> ResponseReturnValue:
    """Give somebody another password in the directory."""
    desk = login_session.desk()
    account = desk_accounts.show(desk, g.tenant, address).row.account
    try:
        password, made_here = _password()
        with services().managed_directory(g.tenant) as directory:
            people.set_password(desk, g.tenant, directory, account.address, password)
    except StoreUnavailable:
        raise
    except CgapplianceError as error:
        return _password_form(address, words(error)), 400
    return _told(Told(account, password if made_here else None, is_new=False))


@blueprint.get("/accounts/<address>/delete")
@needs(Role.ADMINISTRATOR)
def ask_before_delete(address: str) -> ResponseReturnValue:
    """Show what would be lost."""
    details = desk_accounts.show(login_session.desk(), g.tenant, address)
    return render_template(
        "admin/delete.html",
        page="accounts",
        account=details.row.account,
        manages_people=services().manages_people(g.tenant),
        has_managed_password=any(kept.kind is Kind.MANAGED_PASSWORD for kept in details.credentials),
    )


@blueprint.post("/accounts/<address>/delete")
@needs(Role.ADMINISTRATOR)
def delete_account(address: str) -> ResponseReturnValue:
    """Remove the account, and the person from the directory if that is wanted."""
    desk, in_directory = login_session.desk(), forms.flag("in_directory")
    with_password, reason = forms.flag("with_managed_password"), forms.text("reason")

    def change() -> str:
        if not in_directory:
            desk_accounts.delete(desk, g.tenant, address, with_managed_password=with_password, reason=reason)
            return _("%(address)s was deleted.", address=address)
        with services().managed_directory(g.tenant) as directory:
            people.delete(desk, g.tenant, directory, address, with_managed_password=with_password, reason=reason)
        return _("%(address)s was deleted here and in the directory.", address=address)

    if attempt(change):
        return back_to(url_for(".accounts"))
    return back_to(url_for(".account", address=address))


def _person() -> NewPerson:
    return NewPerson(forms.text("address"), forms.text("given_name")[:NAME_MAX], forms.text("family_name")[:NAME_MAX])


def _password() -> tuple[Secret, bool]:
    """Return the initial password, and whether it was made here.

    Raises:
        RecordInvalid: the two that were typed are different, or no mail client could log in with it.
    """
    typed = Secret(request.form.get("password", "")[: PASSWORD_MAX + 1])
    if not typed:
        return people.initial_password(), True
    if typed != Secret(request.form.get("again", "")[: PASSWORD_MAX + 1]):
        raise RecordInvalid(_("The two passwords are not the same."))
    try:
        ensure_usable(Secret(""), typed)
    except PasswordNotChanged as fault:
        raise RecordInvalid(f"password: {fault.detail}") from fault
    return typed, False


def _person_form(problem: str = "") -> str:
    """Return the form, with what was typed but for the password."""
    return render_template(
        "admin/person.html",
        page="accounts",
        problem=problem,
        able=services().manages_people(g.tenant),
        typed={name: forms.text(name) for name in FIELDS},
        create_google_user=forms.flag("create_google_user"),
        profiles=desk_profiles.listing(login_session.desk(), g.tenant),
        limit=PASSWORD_MAX,
        name_limit=NAME_MAX,
    )


def _password_form(address: str, problem: str = "") -> str:
    account = desk_accounts.show(login_session.desk(), g.tenant, address).row.account
    able = services().manages_people(g.tenant)
    return render_template(
        "admin/initial_password.html", page="accounts", account=account, problem=problem, able=able, limit=PASSWORD_MAX
    )


def _told(told: Told) -> str:
    return render_template("admin/told_once.html", page="accounts", told=told)
