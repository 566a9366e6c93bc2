"""The tables ``[auth]`` and ``[google]``: one key of ours names the plugin's kind, the kind declares and checks the others."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from cgappliance.config.convert import nearest
from cgappliance.config.problem import KeyPath
from cgappliance.config.reader import Reader
from cgappliance.config.schema import Table
from cgappliance.config.setting import Mistake
from cgappliance.model import PluginChoice
from cgappliance.plugin_api import BackendKind, ProviderKind
from cgappliance.plugins import BROKEN


def read_choice(
    reader: Reader, table: Table, kinds: Mapping[str, BackendKind] | Mapping[str, ProviderKind], default: str | None
) -> PluginChoice | None:
    """Return the kind that the table names, with its settings; None when something is wrong, which is noted.

    Args:
        reader: of the tenant file.
        table: with the one fixed key.
        kinds: the installed ones by name.
        default: the name when the key is left out; None: it cannot be known, because of another mistake.
    """
    path: KeyPath = (table.name,)
    (chooser,) = table.settings
    name = reader.values(path, table.settings).get(chooser.key)
    if name is None or chooser.key not in reader.raw_table(path):
        name = None if reader.excused((*path, chooser.key)) else default
    if name is None or reader.faulty(path):
        return None
    kind = kinds.get(name)
    if kind is None:
        _note_missing(reader, (*path, chooser.key), name, kinds)
        return None
    reader.refuse_unknown(path, [chooser.key, *(setting.key for setting in kind.settings)])
    values = reader.values(path, kind.settings)
    _cross_check(reader, path, kind, values)
    return None if reader.faulty(path) else PluginChoice(name, MappingProxyType(values))


def _note_missing(reader: Reader, path: KeyPath, name: str, installed: Mapping[str, Any]) -> None:
    slip = nearest(name, installed)
    hint = f"did you mean {slip!r}? " if slip else ""
    known = ", ".join(sorted(installed)) or "none"
    reader.note(path, f"there is no {path[-1]} {name!r}", f"{hint}installed: {known}; others come as packages")


def _cross_check(reader: Reader, path: KeyPath, kind: BackendKind | ProviderKind, values: Mapping[str, Any]) -> None:
    """Ask the kind for mistakes across its settings, also when some are wrong: those are left out, and it may stumble over that."""
    whole = len(values) == len(kind.settings)
    try:
        for mistake in kind.check(MappingProxyType(dict(values))):
            _note_mistake(reader, path, mistake)
    except KeyError as error:
        if whole:
            _note_failure(reader, path, kind.name, error)
    except BROKEN as error:  # it must not hide other mistakes
        _note_failure(reader, path, kind.name, error)


def _note_failure(reader: Reader, path: KeyPath, name: str, error: BaseException) -> None:
    # the type alone: the message may quote a secret
    problem = f"the check of {name!r} failed with {type(error).__name__}"
    reader.note(path, problem, "this is a mistake of its plugin: tell the plugin's author")


def _note_mistake(reader: Reader, path: KeyPath, mistake: Mistake) -> None:
    inside = _parse_key(mistake.key)
    if not reader.faulty((*path, *inside[:1])):  # a value that is wrong by itself has been told
        reader.note((*path, *inside), mistake.problem, mistake.remedy)


def _parse_key(text: str) -> KeyPath:
    """Return ("servers", 0) for "servers[0]"; a name that is not of this form is one name."""
    name, bracket, index = text.partition("[")
    number = index.removesuffix("]")
    if bracket and number.isascii() and number.isdigit():
        return name, int(number)
    return (text,)
