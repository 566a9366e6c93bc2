"""Accounts: the list with its search, one account with its last accesses, and what can be done to it."""

from __future__ import annotations

from typing import Final

from flask import g, render_template, url_for
from flask.typing import ResponseReturnValue

from cgappliance.admin import accounts as desk_accounts
from cgappliance.admin import newcomer, people
from cgappliance.admin import profiles as desk_profiles
from cgappliance.store.accounts import Filter
from cgappliance.store.administrators import Role
from cgappliance.web import forms, login_session
from cgappliance.web.access import needs
from cgappliance.web.admin.pages import attempt, back_to, blueprint
from cgappliance.web.i18n import gettext as _
from cgappliance.web.i18n import sentence
from cgappliance.web.services import services

PAGE_ROWS: Final = 50  #: accounts a page: three screens

#: What the filter "state" offers.
STATES: Final = ("", "enabled", "disabled", "locked", "no_credential", "never")


@blueprint.get("/accounts")
@needs(Role.AUDITOR)
def accounts() -> ResponseReturnValue:
    """Show a page of accounts."""
    desk = login_session.desk()
    found = desk_accounts.listing(desk, g.tenant, chosen(), limit=PAGE_ROWS + 1, after=forms.text("after"))
    rows, more = found[:PAGE_ROWS], len(found) > PAGE_ROWS
    return render_template(
        "admin/accounts.html",
        page="accounts",
        rows=rows,
        after=rows[-1].account.address if more else None,
        profiles=desk_profiles.listing(desk, g.tenant),
        where={name: forms.text(name) for name in ("search", "profile", "state")},
        states=STATES,
        seats=desk_accounts.count_seats(desk, g.tenant),
        manages_people=services().manages_people(g.tenant),
    )


def chosen() -> Filter:
    """Return the filter that the address of a page describes."""
    state, profile = forms.text("state"), forms.text("profile")
    return Filter(
        search=forms.text("search"),
        profile=None if not profile else ("" if profile == "(default)" else profile),
        enabled={"enabled": True, "disabled": False}.get(state),
        locked_at=login_session.desk().now() if state == "locked" else None,
        has_credential=False if state == "no_credential" else None,
        logged_in=False if state == "never" else None,
    )


@blueprint.get("/accounts/<address>")
@needs(Role.AUDITOR)
def account(address: str) -> ResponseReturnValue:
    """Show one account."""
    desk = login_session.desk()
    details = desk_accounts.show(desk, g.tenant, address)
    return render_template(
        "admin/account.html",
        page="accounts",
        details=details,
        account=details.row.account,
        profiles=desk_profiles.listing(desk, g.tenant),
        manages_people=services().manages_people(g.tenant),
        is_api_admin=address.lower() == str(g.tenant.google.settings.get("admin", "")).lower(),
    )


@blueprint.post("/accounts/new")
@needs(Role.ADMINISTRATOR)
def create_account() -> ResponseReturnValue:
    """Add an account, and bring it at Google to what the tenant file wants; a missing user is not made here."""
    address, desk, vault = forms.text("address"), login_session.desk(), services().vault

    def change() -> str:
        made = desk_accounts.create(desk, g.tenant, address, profile=forms.text("profile"))
        at_google = newcomer.provide(desk, g.tenant, made, services().google, lambda: vault)
        if at_google is not None and at_google.problem:
            login_session.notify("warning", sentence(at_google.problem))
        return _("%(address)s was added.", address=made.address)

    if attempt(change):
        return back_to(url_for(".account", address=desk_accounts.normalised(address)))
    return back_to(url_for(".accounts"))


@blueprint.post("/accounts/<address>/profile")
@needs(Role.ADMINISTRATOR)
def give_profile(address: str) -> ResponseReturnValue:
    """Give one account a profile."""
    name = forms.text("profile")

    def change() -> str:
        done = desk_profiles.apply(login_session.desk(), g.tenant, name, [address])
        if done.left_alone:
            return _("The directory chooses the profile of %(address)s; it was left alone.", address=address)
        return _("%(address)s has the profile %(profile)s now.", address=address, profile=name or _("(default)"))

    attempt(change)
    return back_to(url_for(".account", address=address))


@blueprint.post("/accounts/<address>/enable")
@needs(Role.ADMINISTRATOR)
def enable_account(address: str) -> ResponseReturnValue:
    """Switch an account on."""
    return _switch(address, enabled=True)


@blueprint.post("/accounts/<address>/disable")
@needs(Role.ADMINISTRATOR)
def disable_account(address: str) -> ResponseReturnValue:
    """Switch an account off."""
    return _switch(address, enabled=False)


@blueprint.post("/accounts/<address>/unlock")
@needs(Role.HELPDESK)
def unlock_account(address: str) -> ResponseReturnValue:
    """Forget an account's wrong passwords."""

    def change() -> str:
        desk_accounts.unlock(login_session.desk(), g.tenant, [address])
        return _("%(address)s may log in again.", address=address)

    attempt(change)
    return back_to(url_for(".account", address=address))


def _switch(address: str, *, enabled: bool) -> ResponseReturnValue:
    desk, reason = login_session.desk(), forms.text("reason")

    def change() -> str:
        if forms.flag("in_directory"):
            with services().managed_directory(g.tenant) as directory:
                people.set_enabled(desk, g.tenant, directory, [address], enabled=enabled, reason=reason)
        else:
            desk_accounts.set_enabled(desk, g.tenant, [address], enabled=enabled, reason=reason)
        if enabled:
            return _("%(address)s is switched on.", address=address)
        return _("%(address)s is switched off, and its live sessions end.", address=address)

    attempt(change)
    return back_to(url_for(".account", address=address))
