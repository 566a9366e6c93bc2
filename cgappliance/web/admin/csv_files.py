"""Accounts as a CSV file: the download, and the upload with its preview."""

from __future__ import annotations

from collections.abc import Sequence

from flask import g, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cgappliance.admin import account_csv, newcomer
from cgappliance.admin.account_csv import Done
from cgappliance.errors import CgapplianceError
from cgappliance.store.administrators import Role
from cgappliance.store.errors import StoreUnavailable
from cgappliance.web import forms, login_session
from cgappliance.web.access import needs
from cgappliance.web.admin.pages import back_to, blueprint, csv_download, words
from cgappliance.web.i18n import gettext as _
from cgappliance.web.i18n import ngettext
from cgappliance.web.services import services


@blueprint.get("/accounts.csv")
@needs(Role.AUDITOR)
def export_accounts() -> ResponseReturnValue:
    """Download all accounts."""
    return csv_download("accounts", account_csv.export(login_session.desk(), g.tenant, bom=True))


@blueprint.get("/accounts/import")
@needs(Role.ADMINISTRATOR)
def import_form() -> ResponseReturnValue:
    """Ask for a file."""
    return _page()


@blueprint.post("/accounts/import")
@needs(Role.ADMINISTRATOR)
def import_accounts() -> ResponseReturnValue:
    """Show what a file would do, or do it: the second form carries the text that the first one has shown."""
    content, source = _content()
    really = forms.text("op") == "apply"
    try:
        done = account_csv.load(login_session.desk(), g.tenant, content, dry_run=not really, source=source)
    except StoreUnavailable:
        raise
    except CgapplianceError as error:
        return _page(problems=words(error).split("\n")), 400
    if not really:
        return _page(preview=done, content=content.decode("utf-8-sig"), source=source)
    login_session.notify("success", ngettext("%(num)d line was done.", "%(num)d lines were done.", len(done)))
    return back_to(url_for(".sync") if _provide(list(account_csv.enabled_and_new(done))) else url_for(".accounts"))


def _provide(new: Sequence[str]) -> bool:
    """Begin to bring new accounts at Google to what the tenant file wants, and return whether the page of that is to be looked at.

    The accounts are there, whatever becomes of this.
    """
    desk, tenant, google = login_session.desk(), g.tenant, services().google
    try:
        if not new or not newcomer.wants_any(tenant, google):
            return False
        vault = services().vault
        services().tasks.start(
            tenant.id, g.login.subject, lambda progress: newcomer.provide_many(desk, tenant, new, google, vault, progress=progress)
        )
    except StoreUnavailable:
        raise
    except CgapplianceError as error:
        told = _("Nothing was done for them at Google: %(why)s. Synchronise with “Look at Google too” later.", why=words(error))
        login_session.notify("warning", told)
        return False
    return True


def _content() -> tuple[bytes, str]:
    """Return the file's content and name, from the upload or from the preview."""
    file = request.files.get("file")
    if file is not None and file.filename:
        return file.stream.read(account_csv.BYTES_MAX + 1), file.filename[-100:]
    return request.form.get("content", "").encode(), forms.text("source")


def _page(*, preview: list[Done] | None = None, problems: list[str] | None = None, content: str = "", source: str = "") -> str:
    told = {"preview": preview, "problems": problems or [], "content": content, "source": source}
    return render_template("admin/import.html", page="accounts", columns=account_csv.WRITTEN, default=account_csv.DEFAULT, **told)
