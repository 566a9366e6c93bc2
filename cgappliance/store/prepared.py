"""Statements that are compiled once and run for many rows, for what happens at every login.

SQLAlchemy builds, caches and looks up a statement each time it runs, which costs more than the database does for a short one. Here
it compiles a statement once; its column types still turn values into what the driver takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Dialect, Select
from sqlalchemy.sql.dml import UpdateBase

Row = tuple[Any, ...] | dict[str, Any]
Statement = UpdateBase | Select[Any]


class Prepared:
    """One statement for one kind of database."""

    __slots__ = ("_binds", "_positional", "_results", "sql")

    def __init__(self, statement: Statement, dialect: Dialect, columns: Sequence[str] = ()) -> None:
        """Compile ``statement``; ``columns`` are those that it sets from values of the same names."""
        compiled = statement.compile(dialect=dialect, column_keys=list(columns) or None)
        self.sql = str(compiled)
        self._positional = bool(compiled.positiontup)
        names = compiled.positiontup or list(compiled.binds)
        self._binds = [(name, _converter(compiled.binds[name].type, dialect), compiled.binds[name].value) for name in names]
        found = statement.selected_columns if isinstance(statement, Select) else ()
        self._results = [_reader(column.type, dialect) for column in found]

    @property
    def is_query(self) -> bool:
        """Whether it returns rows."""
        return bool(self._results)

    def found(self, row: Sequence[Any]) -> tuple[Any, ...]:
        """Return the values of a row that the driver has found."""
        return tuple(convert(value) for convert, value in zip(self._results, row, strict=True))

    def rows(self, values: Sequence[Mapping[str, Any]]) -> list[Row]:
        """Return the driver's parameters for each mapping; a name that it lacks has the statement's own constant."""
        if self._positional:
            return [tuple(convert(row.get(name, constant)) for name, convert, constant in self._binds) for row in values]
        return [{name: convert(row.get(name, constant)) for name, convert, constant in self._binds} for row in values]


def _converter(kind: Any, dialect: Dialect) -> Callable[[Any], Any]:
    processor = kind.dialect_impl(dialect).bind_processor(dialect)
    return _as_it_is if processor is None else processor


def _reader(kind: Any, dialect: Dialect) -> Callable[[Any], Any]:
    processor = kind.dialect_impl(dialect).result_processor(dialect, None)
    return _as_it_is if processor is None else processor


def _as_it_is(value: Any) -> Any:
    return value
