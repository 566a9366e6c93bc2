"""``cgappliance history``: who logged in, who was refused and why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

import click

from cgappliance.admin import history as rendered
from cgappliance.cli.common import Decorated, State, config_option, json_option, pass_state, print_json, print_table, tell
from cgappliance.cli.desk import complete_tenant, local_time, moment, one_of, open_desk, tenant_argument, tenant_named, write_chunks
from cgappliance.config.networks import parse_network
from cgappliance.config.problem import Unfit
from cgappliance.errors import CgapplianceError
from cgappliance.model import MailProtocol, Outcome
from cgappliance.store import history
from cgappliance.store.engine import Store
from cgappliance.store.history import Cursor, Filter, Login
from cgappliance.store.history import State as SessionState

_FORMATS = {"csv": "CSV for spreadsheets", "jsonl": "a line of JSON for each row"}


@click.group()
def command() -> None:
    """Show the access history."""


def _conditions(function: Decorated) -> Decorated:
    for option in (
        click.option("--state", "session_state", type=one_of(SessionState), help="Rows in this state."),
        click.option("--session", default="", metavar="ID", help="Rows of the connection with this id."),
        click.option("--network", metavar="NETWORK", help="Rows from this address or network."),
        click.option("--reason", default="", metavar="CODE", help="Rows with this reason, such as wrong_password."),
        click.option("--outcome", type=one_of(Outcome), help="Rows with this outcome."),
        click.option("--protocol", type=one_of(MailProtocol), help="Rows of this protocol."),
        click.option("--until", metavar="WHEN", help="Rows before this moment."),
        click.option("--since", metavar="WHEN", help="Rows from this moment on: 2026-11-24, '2026-11-24 12:00', 7d."),
        click.option("--account", default="", metavar="ADDRESS", help="Rows of this mail address."),
        click.option("--tenant", metavar="TENANT", shell_complete=complete_tenant, help="Rows of this tenant, in its time."),
    ):
        function = option(function)
    return function


def _filter(where: dict[str, Any], zone: tzinfo) -> Filter:
    return Filter(
        tenant=where["tenant"],
        account=where["account"],
        since=moment(where["since"], zone),
        until=moment(where["until"], zone),
        protocol=MailProtocol(where["protocol"]) if where["protocol"] else None,
        outcome=Outcome(where["outcome"]) if where["outcome"] else None,
        reason=where["reason"],
        network=_network(where["network"]),
        session=where["session"],
        state=SessionState(where["session_state"]) if where["session_state"] else None,
    )


def _network(text: str | None) -> Any:
    try:
        return None if text is None else parse_network(text)
    except Unfit as error:
        raise click.UsageError(str(error)) from error


def _zone(state: State, store: Store, tenant: str | None) -> tzinfo:
    return UTC if tenant is None else tenant_named(state, store, tenant).timezone


@command.command("list")
@_conditions
@click.option("--limit", type=click.IntRange(1, history.PAGE_MAX), default=50, metavar="N", help="At most so many rows.")
@click.option("--page", metavar="PAGE", help="Go on where the last list ended; it says where.")
@config_option()
@json_option
@pass_state
def list_history(state: State, /, as_json: bool, limit: int, page: str | None, **where: Any) -> None:
    """List logins that match all conditions, the newest first."""
    with open_desk(state) as desk:
        zone = _zone(state, desk.store, where["tenant"])
        after = None if page is None else Cursor.parse(page)
        found = history.page(desk.store, _filter(where, zone), limit=limit, after=after)
    following = None if found.next is None else str(found.next)
    if as_json:
        print_json({"rows": [rendered.as_json(row) for row in found.rows], "next": following})
        return
    header = ("TIME", "TENANT", "ACCOUNT", "PROTOCOL", "FROM", "OUTCOME", "REASON", "SECONDS", "SESSION")
    print_table(header, [_cells(row, zone) for row in found.rows])
    if following is not None:
        click.echo(f"there is more: --page {following}")


def _cells(row: Login, zone: tzinfo) -> tuple[str, ...]:
    seconds = rendered.duration_s(row)
    shown = row.state.value if seconds is None else f"{seconds:.1f}"
    where = (row.tenant, row.account, row.protocol.value, str(row.remote_ip))
    return (local_time(row.at, zone), *where, row.outcome.value, row.reason, shown, row.session)


@command.command("export")
@_conditions
@click.option("--format", "form", type=click.Choice(list(_FORMATS)), default="csv", help="CSV for spreadsheets, or JSON lines.")
@click.option("--output", "-o", type=click.Path(path_type=Path), metavar="FILE", help="A new file; default: standard output.")
@click.option("--bom", is_flag=True, help="Begin CSV with a byte order mark, for Excel.")
@config_option()
@pass_state
def export_history(state: State, /, form: str, output: Path | None, bom: bool, **where: Any) -> None:
    """Write all logins that match all conditions, the newest first, however many there are."""
    with open_desk(state) as desk:
        zone = _zone(state, desk.store, where["tenant"])
        write_chunks(_chunks(history.walk(desk.store, _filter(where, zone)), form, zone, bom=bom), output)


def _chunks(rows: Iterator[Login], form: str, zone: tzinfo, *, bom: bool) -> Iterator[str]:
    return rendered.as_csv(rows, zone, bom=bom) if form == "csv" else rendered.as_json_lines(rows)


@command.command("expire")
@tenant_argument
@click.option("--before", required=True, metavar="WHEN", help="Delete what is older than this moment: 2026-11-24, 365d.")
@config_option()
@json_option
@pass_state
def expire_history(state: State, tenant: str, before: str, as_json: bool) -> None:
    """Delete old rows of a tenant, a few at a time beside the logins that go on."""
    with open_desk(state) as desk:
        limit = moment(before, tenant_named(state, desk.store, tenant).timezone)
        if limit is None:
            raise CgapplianceError("before: say from when on rows are kept")
        deleted = history.expire(desk.store, tenant, limit)
        with desk.work() as work:
            work.log(tenant, "history.expire", tenant, after={"before": limit.isoformat(), "rows": deleted})
    tell({"before": limit.isoformat(), "rows": deleted}, f"{deleted} rows deleted", as_json=as_json)
