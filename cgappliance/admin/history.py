"""The access history for people: CSV for spreadsheets, JSON for programs. What can be asked for stands in ``store/history.py``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import tzinfo
from typing import Any, Final

from cgappliance.admin import spreadsheet
from cgappliance.store.history import Login

COLUMNS: Final = (
    "time",
    "tenant",
    "account",
    "protocol",
    "local_port",
    "remote_ip",
    "remote_port",
    "tls",
    "client",
    "outcome",
    "reason",
    "detail",
    "state",
    "duration_s",
    "bytes_up",
    "bytes_down",
    "ended_by",
    "session",
    "node",
)


def as_csv(rows: Iterable[Login], zone: tzinfo, *, bom: bool = False) -> Iterator[str]:
    """Yield rows as CSV, with times on the wall of ``zone``, some lines at a time."""
    return spreadsheet.csv_chunks(COLUMNS, (cells(row, zone) for row in rows), bom=bom)


def as_json_lines(rows: Iterable[Login]) -> Iterator[str]:
    """Yield a line of JSON for each row, with times in UTC."""
    for row in rows:
        yield json.dumps(as_json(row), ensure_ascii=False) + "\n"


def as_json(row: Login) -> dict[str, Any]:
    """Return a row as JSON has it."""
    return {
        "time": row.at.isoformat(timespec="milliseconds"),
        "tenant": row.tenant,
        "account": row.account,
        "protocol": row.protocol.value,
        "local_port": row.local_port,
        "remote_ip": str(row.remote_ip),
        "remote_port": row.remote_port,
        "tls": row.tls_version,
        "client": row.client,
        "outcome": row.outcome.value,
        "reason": row.reason,
        "sentence": row.sentence,
        "detail": row.detail,
        "state": row.state.value,
        "duration_s": duration_s(row),
        "phases_ms": dict(row.phases_ms),
        "bytes_up": row.bytes_up,
        "bytes_down": row.bytes_down,
        "ended_by": row.ended_by,
        "end_detail": row.end_detail,
        "session": row.session,
        "node": row.node,
    }


def cells(row: Login, zone: tzinfo) -> list[Any]:
    """Return a row's cells, in the order of COLUMNS."""
    data = as_json(row) | {"time": row.at.astimezone(zone).isoformat(sep=" ", timespec="seconds")}
    return [data[name] for name in COLUMNS]


def duration_s(row: Login) -> float | None:
    """Return how long the attempt or the session took, in seconds; None while it lasts, or when nobody knows."""
    return None if row.duration_ms is None else row.duration_ms / 1000
