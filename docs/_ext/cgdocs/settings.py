"""Settings as their declarations say: tables of ``cgappliance.toml`` and of tenant files, and the keys of a backend or provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cgappliance.config.schema import Table
from cgappliance.config.schema_appliance import APPLIANCE
from cgappliance.config.schema_tenant import TENANT
from cgappliance.config.setting import REQUIRED, Setting, SettingType
from cgappliance.model import HostPort
from cgappliance.plugin_api import BackendKind, ProviderKind
from cgappliance.plugins import discover
from cgdocs.text import heading, indented, number, prose

FIRST_VERSION = "0.1.0"  #: what has been there from the start does not say since when it is
FILES: dict[str, tuple[Table, ...]] = {"appliance": APPLIANCE, "tenant": TENANT}
LISTS = (SettingType.STRINGS, SettingType.NETWORKS)


def render(what: str, name: str = "", *, index: bool = True) -> str:
    """Return all settings of "appliance" or "tenant", or those of the "backend" or "provider" called ``name``."""
    if what in FILES:
        return tables(what, index=index)
    kinds: Mapping[str, BackendKind] | Mapping[str, ProviderKind]
    table, kinds = ("auth", discover().backends) if what == "backend" else ("google", discover().providers)
    # two backends may have a key of the same name, so these have no entry in the index but a label: openldap-servers
    return "\n".join(f".. _{name}-{each.key}:\n\n{entry('tenant', table, each, index=False)}" for each in kinds[name].settings)


def tables(file: str, *, index: bool) -> str:
    """Return a section for each table of a file."""
    parts = []
    for table in FILES[file]:
        parts += [heading(f"[{table.name}]" if table.name else "Top of the file", 0), prose(table.help), ""]
        parts += [entry(file, table.name, setting, index=index) for setting in table.settings]
    return "\n".join(parts)


def entry(file: str, table: str, setting: Setting, *, index: bool) -> str:
    """Return the description of one setting, which the role ``:appliance:`` or ``:tenant:`` links to."""
    name = f"{table}.{setting.key}" if table else setting.key
    lines = [f".. {file}-setting:: {name}", *([] if index else ["   :no-index:"]), ""]
    lines += [indented(prose(setting.help)), "", indented(f"*{kind(setting)}.* {default(setting)}."), ""]
    if setting.since != FIRST_VERSION:
        lines += [indented(f".. versionadded:: {setting.since}"), ""]
    return "\n".join(lines)


def kind(setting: Setting) -> str:
    """Return what the value may be: its type, its choices, its bounds."""
    text = setting.type.value.capitalize()
    if setting.choices:
        text += ", each one of " if setting.type in LISTS else ", one of "
        text += ", ".join(toml(choice) for choice in setting.choices)
    return text + bounds(setting)


def bounds(setting: Setting) -> str:
    """Return the least and the greatest number, or number of items."""
    least, most = setting.minimum, setting.maximum
    unit = " items" if setting.type in LISTS else ""
    if least is not None and most is not None:
        return f", {least:g} to {number(most)}{unit}"
    if least is not None:
        return f", at least {number(least)}{unit.removesuffix('s') if least == 1 else unit}"
    return f", at most {number(most)}{unit}" if most is not None else ""


def default(setting: Setting) -> str:
    """Return the default as it is written in TOML."""
    if setting.default is REQUIRED:
        return "Must be given"
    return "May be left out" if setting.default is None else f"Default: ``{toml(setting.default)}``"


def toml(value: Any) -> str:
    """Return a value as it is written in TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{toml(key)} = {toml(item)}' for key, item in value.items())} }}" if value else "{}"
    if isinstance(value, str | HostPort):
        return f'"{value}"'
    raise TypeError(f"no way to write a default of type {type(value).__name__} (add one to docs/_ext/cgdocs/settings.py)")
