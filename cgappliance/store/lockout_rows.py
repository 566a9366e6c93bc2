"""How the counters of ``policy/lockout.py`` are read and written, in both databases.

The two differ in how a row is kept from the others meanwhile, and in what a question costs. SQLite has one writer at a time, and a
question costs microseconds: all of a transaction is one journey of prepared statements. PostgreSQL locks the rows and is far away:
one question for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, bindparam, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import UpdateBase

from cgappliance.policy.lockout import AccountState, Bind, BindState
from cgappliance.store.engine import Run, Store
from cgappliance.store.prepared import Prepared
from cgappliance.store.schema import lockouts

Key = tuple[str, str]  #: tenant and address
States = dict[Key, AccountState]
Result = TypeVar("Result")

_COLUMNS = (lockouts.c.tenant, lockouts.c.address, lockouts.c.binds, lockouts.c.locked_until)
_KEPT = ("binds", "locked_until", "touched_at")


class LockoutRows:
    """One process's way to the rows."""

    def __init__(self, store: Store) -> None:
        """Prepare; nothing is asked yet."""
        self._store = store
        mine = (lockouts.c.tenant == bindparam("p_tenant"), lockouts.c.address == bindparam("p_address"))
        self._select = store.prepare(select(*_COLUMNS).where(*mine))
        self._upsert = store.prepare(_upsert(sqlite), ("tenant", "address", *_KEPT)) if store.is_sqlite else None

    def change(self, keys: Sequence[Key], now: float, move: Callable[[States], Result]) -> Result:
        """Return what ``move`` returns, which changes the states of ``keys``; all or nothing, and nobody else does so meanwhile.

        Args:
            keys: sorted, or two nodes would wait for each other.
            now: epoch seconds.
            move: may only compute: it may run in a native thread.

        Raises:
            StoreUnavailable: the database failed; nothing has changed.
        """
        if self._upsert is not None:
            upsert = self._upsert
            return self._store.transact(lambda run: self._change_sqlite(run, upsert, keys, now, move))
        with self._store.write() as connection:
            states = load(connection, keys, now)
            result, changed = _moved(states, now, move)
            if changed:
                connection.execute(_upsert(postgresql), changed)
            return result

    def touched_since(self, since: float) -> list[tuple[Key, AccountState]]:
        """Return the accounts whose counters have moved since ``since``, epoch seconds. Blocks cooperatively.

        Raises:
            StoreUnavailable: the database failed.
        """
        with self._store.read() as connection:
            rows = connection.execute(select(*_COLUMNS).where(lockouts.c.touched_at >= moment(since))).all()
        return list(_states([], rows).items())

    def _change_sqlite(
        self, run: Run, upsert: Prepared, keys: Sequence[Key], now: float, move: Callable[[States], Result]
    ) -> Result:
        found = run(self._select, [{"p_tenant": tenant, "p_address": address} for tenant, address in keys])
        result, changed = _moved(_states(keys, found), now, move)
        if changed:
            run(upsert, changed)
        return result


def load(connection: Connection, keys: Sequence[Key], now: float) -> States:
    """Return the states of ``keys`` at PostgreSQL, locked for this transaction."""
    # a row that is not there cannot be locked; all in one order, or two nodes would wait for each other
    empty = [{"tenant": tenant, "address": address, "binds": [], "touched_at": moment(now)} for tenant, address in keys]
    connection.execute(postgresql.insert(lockouts).on_conflict_do_nothing(), empty)
    query = select(*_COLUMNS).where(tuple_(lockouts.c.tenant, lockouts.c.address).in_(keys))
    ordered = query.order_by(lockouts.c.tenant, lockouts.c.address).with_for_update()
    return _states(keys, connection.execute(ordered))


def moment(epoch_s: float) -> datetime:
    """Return epoch seconds as the database has them."""
    return datetime.fromtimestamp(epoch_s, UTC)


def _upsert(dialect: Any) -> UpdateBase:
    statement = dialect.insert(lockouts)
    kept: UpdateBase = statement.on_conflict_do_update(
        index_elements=["tenant", "address"], set_={name: statement.excluded[name] for name in _KEPT}
    )
    return kept


def _states(keys: Sequence[Key], rows: Iterable[Any]) -> States:
    states = dict.fromkeys(keys, AccountState())
    for tenant, address, found, locked_until in rows:
        binds = tuple(Bind(bind_id, digest, BindState(state), at) for bind_id, digest, state, at in found)
        states[tenant, address] = AccountState(binds, locked_until.timestamp() if locked_until else 0.0)
    return states


def _moved(states: States, now: float, move: Callable[[States], Result]) -> tuple[Result, list[dict[str, Any]]]:
    """Return the result of ``move``, and the rows that it has changed."""
    before = dict(states)
    result = move(states)
    return result, [_row(key, state, now) for key, state in sorted(states.items()) if state != before[key]]


def _row(key: Key, state: AccountState, now: float) -> dict[str, Any]:
    return {
        "tenant": key[0],
        "address": key[1],
        "binds": [[bind.id, bind.digest, bind.state, bind.at] for bind in state.binds],
        "locked_until": moment(state.locked_until) if state.locked_until else None,
        "touched_at": moment(now),
    }
