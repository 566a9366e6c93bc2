"""The audit log: who changed what, and the same rows as a CSV file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from flask import g, render_template, request
from flask.typing import ResponseReturnValue

from cgappliance.admin import spreadsheet
from cgappliance.store import audit as records
from cgappliance.store.administrators import Role
from cgappliance.store.audit import Entry, Filter
from cgappliance.web import forms
from cgappliance.web.access import needs
from cgappliance.web.admin.pages import blueprint, csv_download, local
from cgappliance.web.services import services

PAGE_ROWS: Final = 50
COLUMNS: Final = ("time", "actor", "origin", "action", "target", "before", "after", "reason")
FIELDS: Final = ("target", "actor", "action")


@blueprint.get("/audit")
@needs(Role.AUDITOR)
def audit() -> ResponseReturnValue:
    """Show a page of the log."""
    before = request.args.get("before", "")
    before_id = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
    found = records.page(services().store, _asked(), limit=PAGE_ROWS + 1, before_id=before_id)
    rows = found[:PAGE_ROWS]
    return render_template(
        "admin/audit.html",
        page="audit",
        rows=[(row, differences(row)) for row in rows],
        next=rows[-1].id if len(found) > PAGE_ROWS else None,
        asked={name: forms.text(name) for name in FIELDS if forms.text(name)},
    )


@blueprint.get("/audit.csv")
@needs(Role.AUDITOR)
def export_audit() -> ResponseReturnValue:
    """Download the entries that match."""
    rows = _cells(records.walk(services().store, _asked()))
    return csv_download("audit", spreadsheet.csv_chunks(COLUMNS, rows, bom=True))


def differences(entry: Entry) -> list[tuple[str, str, str]]:
    """Return what an entry changed: name, before, after."""
    before, after = entry.before or {}, entry.after or {}
    names = [*before, *(name for name in after if name not in before)]
    found = [(name, _shown(before.get(name)), _shown(after.get(name))) for name in names]
    return [(name, old, new) for name, old, new in found if old or new]


def _asked() -> Filter:
    return Filter(tenant=g.tenant.id, target=forms.text("target"), actor=forms.text("actor"), action=forms.text("action"))


def _cells(rows: Iterable[Entry]) -> Iterator[list[str]]:
    for row in rows:
        moment = local(row.at).isoformat(sep=" ", timespec="seconds")
        values = [json.dumps(side, ensure_ascii=False) if side else "" for side in (row.before, row.after)]
        yield [moment, row.actor, row.origin, row.action, row.target, *values, row.reason]


def _shown(value: Any) -> str:
    if value is None or value == "":
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
