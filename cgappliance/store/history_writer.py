"""Adds to the access history: an accepted login is on the disk before its client hears OK, everything else follows when it can.

The hub never waits for the disk: rows gather in ``group_commit.py``. What a client wrote is made printable here, once: PostgreSQL
refuses NUL and surrogates, and one such text would refuse a whole batch; and a terminal or browser that shows the history must not
be steered by what an attacker typed as a login name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from cgappliance.model import Outcome, Reason
from cgappliance.proto.text import printable
from cgappliance.session.record import LoginRecord, SessionEnd
from cgappliance.store import schema
from cgappliance.store.engine import Store
from cgappliance.store.group_commit import GroupCommit
from cgappliance.store.history import State
from cgappliance.store.prepared import Prepared
from cgappliance.store.schema import account_logins, accounts, history

#: Seconds an accepted login may wait for the disk before it is refused as an outage: a busy disk needs milliseconds.
ACCEPT_TIMEOUT_S: Final = 10.0

#: What a row is inserted with, and what its end sets.
COLUMNS: Final = tuple(column.name for column in history.columns if not column.primary_key)
END_COLUMNS: Final = ("state", "duration_ms", "bytes_up", "bytes_down", "ended_by", "end_detail")


@dataclass(frozen=True, slots=True)
class _End:
    """The end of a session, as columns."""

    session: str
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Begin:
    """An attempt, and when it began."""

    record: LoginRecord
    at: datetime


_Entry = _Begin | _End


def utc_now() -> datetime:
    """Return the moment, the default clock."""
    return datetime.now(UTC)


class HistoryWriter:
    """One process's pen. It is a ``session.record.Recorder``."""

    def __init__(self, store: Store, *, node: str, incarnation: str, now: Callable[[], datetime] = utc_now) -> None:
        """Write as one life of one process; nothing is written before ``start``.

        Args:
            store: where to.
            node: this machine's name.
            incarnation: unique to this process's life; ``history.close_lost`` finds by it what a crash left open.
            now: the clock.
        """
        self._store = store
        self._node = node
        self._incarnation = incarnation
        self._now = now
        self._queue: GroupCommit[_Entry, None] = GroupCommit("history writer", self._commit)
        mine = (history.c.session == bindparam("of"), history.c.node == node, history.c.state != State.CLOSED)
        self._insert = store.prepare(insert(history), COLUMNS)
        self._end = store.prepare(update(history).where(*mine), END_COLUMNS)
        self._note_success, self._note_failure = (_last_login(store, success=success) for success in (True, False))

    @property
    def dropped(self) -> int:
        """How many refused attempts and ends of sessions were lost because the database lagged or failed."""
        return self._queue.dropped

    def start(self) -> None:
        """Begin to write. Does not block."""
        self._queue.start()

    def stop(self, timeout_s: float) -> None:
        """Write what is queued and end. Blocks up to ``timeout_s`` seconds."""
        self._queue.stop(timeout_s)

    def login(self, record: LoginRecord) -> None:
        """Record an attempt. An accepted one is on the disk when this returns: it blocks. A refused one is queued.

        Raises:
            StoreUnavailable: an accepted login could not be written; its client must not hear OK.
        """
        entry = _Begin(record, self._now() - timedelta(milliseconds=record.total_ms))
        if record.reason is Reason.ACCEPTED:
            self._queue.ask(entry, ACCEPT_TIMEOUT_S)
        else:
            self._queue.post(entry)

    def ended(self, record: LoginRecord, end: SessionEnd) -> None:
        """Record the end of an accepted session. Neither blocks nor raises."""
        values = {
            "state": State.CLOSED,
            "duration_ms": round(end.seconds * 1000),
            "bytes_up": end.bytes_up,
            "bytes_down": end.bytes_down,
            "ended_by": end.end,
            "end_detail": printable(end.detail, schema.DETAIL_MAX_CHARS),
        }
        self._queue.post(_End(record.session, values))

    def _commit(self, batch: Sequence[_Entry]) -> Sequence[None]:
        logins = [self._row(entry.record, entry.at) for entry in batch if isinstance(entry, _Begin)]
        ends = [{"of": entry.session, **entry.values} for entry in batch if isinstance(entry, _End)]
        work = [(self._insert, logins), *_last_logins(logins, self._note_success, self._note_failure), (self._end, ends)]
        self._store.write_prepared([(statement, rows) for statement, rows in work if rows])
        return [None] * len(batch)

    def _row(self, record: LoginRecord, at: datetime) -> dict[str, Any]:
        accepted = record.reason is Reason.ACCEPTED
        return {
            "at": at,
            "tenant": record.tenant,
            "account": printable(record.address or record.login, schema.ADDRESS_MAX_CHARS),
            "protocol": record.protocol.value,
            "local_port": record.local_port,
            "remote_ip": record.peer.address,
            "remote_port": record.peer.port,
            "tls_version": record.tls_version,
            "client": printable(record.client, schema.CLIENT_MAX_CHARS),
            "outcome": record.reason.outcome.value,
            "reason": record.reason.value,
            "detail": printable(record.detail, schema.DETAIL_MAX_CHARS),
            "state": (State.OPEN if accepted else State.CLOSED).value,
            "duration_ms": None if accepted else round(record.total_ms),
            "phases_ms": {name: round(spent, 1) for name, spent in record.phases_ms.items()},
            "bytes_up": 0,
            "bytes_down": 0,
            "ended_by": "",
            "end_detail": "",
            "session": record.session,
            "node": self._node,
            "incarnation": self._incarnation,
        }


def _last_logins(
    rows: Iterable[dict[str, Any]], success: Prepared, failure: Prepared
) -> list[tuple[Prepared, list[dict[str, Any]]]]:
    """Return how to keep the last success and failure of known accounts.

    Unknown addresses leave no trace there: an attacker has many of them.
    """
    last: dict[tuple[str, str, str, bool], dict[str, Any]] = {}
    for row in rows:
        last[row["tenant"], row["account"], row["protocol"], row["outcome"] == Outcome.ACCEPTED] = row
    # in one order: two nodes that lock the same rows the other way round would wait for each other
    found = sorted(last.items(), key=lambda item: item[0])
    return [
        (success, [_parameters(row) for key, row in found if key[3]]),
        (failure, [_parameters(row) for key, row in found if not key[3]]),
    ]


def _parameters(row: dict[str, Any]) -> dict[str, Any]:
    return {f"p_{name}": row[name] for name in ("tenant", "account", "protocol", "at", "remote_ip", "reason")}


def _last_login(store: Store, *, success: bool) -> Prepared:
    """Return the statement that inserts or updates one account's row, if there is such an account."""
    side = "success" if success else "failure"
    columns = {f"{side}_at": account_logins.c.success_at, f"{side}_ip": account_logins.c.success_ip}
    names = ["account_id", "protocol", *columns]
    values = [
        accounts.c.id,
        bindparam("p_protocol", type_=account_logins.c.protocol.type),
        bindparam("p_at", type_=account_logins.c.success_at.type),
        bindparam("p_remote_ip", type_=account_logins.c.success_ip.type),
    ]
    if not success:
        names.append("failure_reason")
        values.append(bindparam("p_reason", type_=account_logins.c.failure_reason.type))
    source = select(*values).where(accounts.c.tenant == bindparam("p_tenant"), accounts.c.address == bindparam("p_account"))
    dialect = sqlite if store.is_sqlite else postgresql
    statement = dialect.insert(account_logins).from_select(names, source)
    return store.prepare(
        statement.on_conflict_do_update(
            index_elements=["account_id", "protocol"],
            set_={name: statement.excluded[name] for name in names[2:]},
        )
    )
