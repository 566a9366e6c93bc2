"""``cgappliance audit``: who changed what."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

import click

from cgappliance.admin import spreadsheet
from cgappliance.cli.common import Decorated, State, config_option, json_option, pass_state, print_json, print_table
from cgappliance.cli.desk import complete_tenant, local_time, moment, open_desk, tenant_named, write_chunks
from cgappliance.store import audit
from cgappliance.store.audit import Entry, Filter
from cgappliance.store.engine import Store

COLUMNS = ("time", "tenant", "actor", "origin", "action", "target", "reason", "before", "after")


@click.group()
def command() -> None:
    """Show what administrators have changed."""


def _conditions(function: Decorated) -> Decorated:
    for option in (
        click.option("--until", metavar="WHEN", help="Entries before this moment."),
        click.option("--since", metavar="WHEN", help="Entries from this moment on: 2026-11-24, '2026-11-24 12:00', 7d."),
        click.option("--action", default="", metavar="WORD", help="Entries of this kind: account, account.disable."),
        click.option("--actor", default="", metavar="NAME", help="Entries of this administrator."),
        click.option("--target", default="", metavar="TEXT", help="Entries about this address or profile."),
        click.option("--tenant", metavar="TENANT", shell_complete=complete_tenant, help="Entries of this tenant, in its time."),
    ):
        function = option(function)
    return function


def _filter(where: dict[str, Any], zone: tzinfo) -> Filter:
    times = {name: moment(where[name], zone) for name in ("since", "until")}
    return Filter(**{**where, **times})


def _zone(state: State, store: Store, tenant: str | None) -> tzinfo:
    return UTC if tenant is None else tenant_named(state, store, tenant).timezone


@command.command("list")
@_conditions
@click.option("--limit", type=click.IntRange(1, audit.PAGE_MAX), default=50, metavar="N", help="At most so many entries.")
@click.option("--before-id", type=int, metavar="ID", help="Entries older than the one with this id.")
@config_option()
@json_option
@pass_state
def list_entries(state: State, /, as_json: bool, limit: int, before_id: int | None, **where: Any) -> None:
    """List entries that match all conditions, the newest first."""
    with open_desk(state) as desk:
        zone = _zone(state, desk.store, where["tenant"])
        entries = audit.page(desk.store, _filter(where, zone), limit=limit, before_id=before_id)
    if as_json:
        print_json([asdict(entry) for entry in entries])
        return
    cells = [
        (
            str(entry.id),
            local_time(entry.at, zone),
            entry.tenant or "-",
            entry.actor,
            entry.action,
            entry.target,
            entry.reason or "-",
        )
        for entry in entries
    ]
    print_table(("ID", "TIME", "TENANT", "WHO", "WHAT", "TARGET", "REASON"), cells)


@command.command("export")
@_conditions
@click.option("--output", "-o", type=click.Path(path_type=Path), metavar="FILE", help="A new file; default: standard output.")
@click.option("--bom", is_flag=True, help="Begin with a byte order mark, for Excel.")
@config_option()
@pass_state
def export_entries(state: State, /, output: Path | None, bom: bool, **where: Any) -> None:
    """Write all entries that match all conditions as CSV, the newest first."""
    with open_desk(state) as desk:
        zone = _zone(state, desk.store, where["tenant"])
        rows = (_cells(entry, zone) for entry in audit.walk(desk.store, _filter(where, zone)))
        write_chunks(spreadsheet.csv_chunks(COLUMNS, rows, bom=bom), output)


def _cells(entry: Entry, zone: tzinfo) -> list[Any]:
    when = entry.at.astimezone(zone).isoformat(sep=" ", timespec="seconds")
    values = (None if value is None else json.dumps(value, ensure_ascii=False) for value in (entry.before, entry.after))
    return [when, entry.tenant, entry.actor, entry.origin, entry.action, entry.target, entry.reason, *values]
