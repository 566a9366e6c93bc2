"""What a table of a configuration file may hold: the unit that parser, ``check`` and reference read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cgappliance.config.setting import Setting


@dataclass(frozen=True, slots=True)
class Table:
    """A table and its declared keys."""

    name: str  #: as in its header; "": the top of the file; "profiles.*": one table for each name
    help: str  #: one sentence for the reference
    settings: tuple[Setting, ...]
    since: str = "0.1.0"

    def names(self) -> tuple[str, ...]:
        """Return the names of the declared keys."""
        return tuple(setting.key for setting in self.settings)


def subtables(tables: Iterable[Table]) -> dict[str, Table]:
    """Return the tables that stand below the top of the file, by the first name of their header."""
    return {table.name.split(".")[0]: table for table in tables if table.name}
