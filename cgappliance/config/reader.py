"""A document's tables to typed values, by their declarations; every mistake is noted and reading goes on.

The rule of this file: it knows declarations and places, and no particular key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cgappliance.config.convert import convert, nearest, type_name
from cgappliance.config.document import Document
from cgappliance.config.files import NamedFiles
from cgappliance.config.problem import KeyPath, Problem, Severity, Unfit, render_key
from cgappliance.config.schema import Table, subtables
from cgappliance.config.setting import REQUIRED, Setting


class Reader:
    """Reads one document and collects what is wrong with it."""

    def __init__(self, document: Document, files: NamedFiles) -> None:
        self.document = document
        self.files = files
        self.problems: list[Problem] = list(document.problems)
        self._faults: set[KeyPath] = set()  # where an error was noted
        self._meant: set[KeyPath] = set()  # what an unknown key was most likely meant to be

    @property
    def failed(self) -> bool:
        """True when at least one problem is an error."""
        return any(problem.is_error for problem in self.problems)

    def note(self, path: KeyPath, problem: str, remedy: str, severity: Severity = Severity.ERROR) -> None:
        """Note a problem at the line of ``path``, or of the table around it when the key is not there."""
        line = self.document.line(path)
        self.problems.append(Problem(str(self.document.path), line, render_key(path), problem, remedy, severity))
        if severity is Severity.ERROR:
            self._faults.add(path)

    def faulty(self, path: KeyPath) -> bool:
        """Tell whether an error was noted at ``path`` or inside."""
        return any(fault[: len(path)] == path for fault in self._faults)

    def excused(self, path: KeyPath) -> bool:
        """Tell whether it is no news that the key at ``path`` is missing.

        It is none when it, or the table it should stand in, is misspelt, or may stand in a line that could not be read.
        """
        around = {path[:length] for length in range(1, len(path) + 1)}
        return not self.document.complete or not around.isdisjoint(self._faults | self._meant)

    def raw_table(self, path: KeyPath) -> Mapping[str, Any]:
        """Return the table at ``path`` as TOML has it; empty when it is missing, or no table, which is noted."""
        raw = self.raw_table(path[:-1]).get(str(path[-1]), {}) if path else self.document.data
        if isinstance(raw, dict):
            return raw
        if path not in self._faults:
            self.note(path, f"must be a table, not {type_name(raw)}", f"write [{render_key(path)}] with its keys below")
        return {}

    def values(self, path: KeyPath, settings: Iterable[Setting]) -> dict[str, Any]:
        """Return the typed values of the declared keys of one table, without those that are wrong or missing, which are noted.

        Call ``refuse_unknown`` first, so that a misspelt key is not called missing too.
        """
        raw = self.raw_table(path)
        values = {}
        for setting in settings:
            found = self._value((*path, setting.key), setting, raw)
            if found is not None:
                values[setting.key] = found[0]
        return values

    def _value(self, path: KeyPath, setting: Setting, raw: Mapping[str, Any]) -> tuple[Any] | None:
        if setting.key in raw:

            def report(inside: KeyPath, unfit: Unfit) -> None:
                self.note((*path, *inside), unfit.problem, unfit.remedy)

            return convert(setting, raw[setting.key], self.files, report)
        if setting.default is not REQUIRED:
            return (setting.default,)
        if not self.excused(path):
            self.note(path, "is missing", f"add it: {_first_lower(setting.help)}")
        return None

    def refuse_unknown(self, path: KeyPath, known: Iterable[str], elsewhere: Iterable[Table] = ()) -> None:
        """Note each key of a table that is not declared.

        Args:
            path: of the table.
            known: the declared keys.
            elsewhere: tables of the same file, to tell a key that stands in the wrong one.
        """
        known = list(known)
        for key, value in self.raw_table(path).items():
            if key not in known:
                word = "table" if isinstance(value, dict) else "key"
                self.note((*path, key), f"unknown {word} {key!r}", self._hint(path, key, known, elsewhere))

    def _hint(self, path: KeyPath, key: str, known: list[str], elsewhere: Iterable[Table]) -> str:
        """Return what to do about an unknown key, and remember what it was meant to be."""
        slip = nearest(key, known)
        if slip is not None:
            self._meant.add((*path, slip))
            return f"did you mean {slip!r}?"
        for table in elsewhere:
            place = (table.name,) if table.name else ()
            if key in table.names() and place != path:
                self._meant.add((*place, key))
                return f"{key!r} belongs " + (f"in [{table.name}]" if place else "at the top of the file, above the first [table]")
        return f"remove it; known here: {', '.join(known)}"


def _first_lower(sentence: str) -> str:
    """Return a help sentence as a part of another one."""
    first, rest = sentence[:1], sentence[1:].removesuffix(".")
    return (first if rest[:1].isupper() else first.lower()) + rest


def top_level_keys(tables: Iterable[Table]) -> list[str]:
    """Return what may stand at the top of a file: the keys of the table without a name, and the names of the others."""
    tables = list(tables)
    return [*(key for table in tables if not table.name for key in table.names()), *subtables(tables)]
