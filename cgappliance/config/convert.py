"""One TOML value to the Python value that its ``Setting`` promises, or to what is wrong with it.

The table of this file: one small function for each ``SettingType``.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any

from cgappliance.config.files import NamedFiles
from cgappliance.config.networks import parse_host_port, parse_network
from cgappliance.config.problem import KeyPath, Unfit, split_remedy
from cgappliance.config.setting import Setting, SettingType
from cgappliance.plugins import BROKEN

#: How many items a list may have; a security profile with more networks than this wants another tool.
MAX_ITEMS = 4096

Report = Callable[[KeyPath, Unfit], None]  #: takes the place inside the value, () or (index,), and what is wrong there


class _Wrong(Exception):
    """The value is wrong, and every reason has been reported."""


def convert(setting: Setting, raw: Any, files: NamedFiles, report: Report) -> tuple[Any] | None:
    """Return the value, alone in a tuple, or None when it is wrong; then each reason has been reported."""
    try:
        if setting.type in _ITEMS:
            value = _list(setting, raw, report)
        else:
            value = _CONVERTERS[setting.type](setting, raw, files)
            _check_choice(setting, value)
        _check_range(setting, value)
        if setting.check is not None:
            _ask(setting.check, value)
    except Unfit as unfit:
        report((), unfit)
        return None
    except _Wrong:
        return None
    return (value,)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that ``word`` is most likely a slip of, or None."""
    matches = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


def type_name(raw: Any) -> str:
    """Return what TOML calls the type of a value, with its article."""
    names: tuple[tuple[type, str], ...] = (
        (bool, "a boolean"),
        (int, "an integer"),
        (float, "a float"),
        (str, "a string"),
        (datetime, "a date with a time"),
        (date, "a date"),
        (list, "a list"),
        (dict, "a table"),
    )
    return next((name for kind, name in names if isinstance(raw, kind)), "a time")


def _mismatch(raw: Any, wanted: str, remedy: str) -> Unfit:
    return Unfit(f"must be {wanted}, not {type_name(raw)}", remedy)


def _string(setting: Setting, raw: Any, _files: NamedFiles | None = None) -> str:
    if not isinstance(raw, str):
        raise _mismatch(raw, "a string", 'put the text in quotes: "..."')
    if not raw.strip() and raw != setting.default:
        raise Unfit("is empty", f"give a value, or leave out {setting.key}" if setting.default is None else "give a value")
    return raw


def _integer(_setting: Setting, raw: Any, _files: NamedFiles) -> int:
    if not isinstance(raw, int) or isinstance(raw, bool):
        raise _mismatch(raw, "an integer", "write a whole number without quotes")
    return raw


def _number(_setting: Setting, raw: Any, _files: NamedFiles) -> float:
    if not isinstance(raw, int | float) or isinstance(raw, bool) or not math.isfinite(raw):
        raise _mismatch(raw, "a finite number", "write a number without quotes, like 2.5")
    return float(raw)


def _duration(setting: Setting, raw: Any, files: NamedFiles) -> float:
    seconds = _number(setting, raw, files)
    if seconds <= 0:
        raise Unfit(f"must be greater than 0 s, not {raw}", "every wait has a deadline: write how many seconds")
    return seconds


def _boolean(_setting: Setting, raw: Any, _files: NamedFiles) -> bool:
    if not isinstance(raw, bool):
        raise _mismatch(raw, "a boolean", "write true or false, without quotes")
    return raw


def _date(_setting: Setting, raw: Any, _files: NamedFiles) -> date:
    if not isinstance(raw, date) or isinstance(raw, datetime):
        raise _mismatch(raw, "a date", "write it without quotes and without a time, like 2026-04-01")
    return raw


def _table(_setting: Setting, raw: Any, _files: NamedFiles) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise _mismatch(raw, "a table", "write it as [table] with keys below")
    return raw


_CONVERTERS: dict[SettingType, Callable[[Setting, Any, NamedFiles], Any]] = {
    SettingType.STRING: _string,
    SettingType.INTEGER: _integer,
    SettingType.FLOAT: _number,
    SettingType.BOOLEAN: _boolean,
    SettingType.DURATION: _duration,
    SettingType.DATE: _date,
    SettingType.TABLE: _table,
    SettingType.HOST_PORT: lambda setting, raw, _: parse_host_port(_string(setting, raw)),
    SettingType.FILE: lambda setting, raw, files: files.file(_string(setting, raw)),
    SettingType.PRIVATE_FILE: lambda setting, raw, files: files.private_file(_string(setting, raw)),
    SettingType.SECRET_FILE: lambda setting, raw, files: files.secret(_string(setting, raw)),
}

_ITEMS: dict[SettingType, Callable[[str], Any]] = {
    SettingType.STRINGS: str,
    SettingType.NETWORKS: parse_network,
}


def _list(setting: Setting, raw: Any, report: Report) -> tuple[Any, ...]:
    """Convert a list item by item, so that each wrong item is told at its own place."""
    if not isinstance(raw, list):
        raise _mismatch(raw, f"a {setting.type.value}", '["...", "..."]')
    if len(raw) > MAX_ITEMS:
        raise Unfit(f"has {len(raw)} items", f"at most {MAX_ITEMS}")
    values = []
    for index, item in enumerate(raw):
        try:
            values.append(_item(setting, item))
        except Unfit as unfit:
            report((index,), unfit)
    if len(values) < len(raw):
        raise _Wrong
    return tuple(values)


def _item(setting: Setting, raw: Any) -> Any:
    text = _string(setting, raw)
    _check_choice(setting, text)
    value = _ITEMS[setting.type](text)
    if setting.item_check is not None:
        _ask(setting.item_check, value)
    return value


def _check_choice(setting: Setting, value: Any) -> None:
    if setting.choices and value not in setting.choices:
        slip = nearest(value, setting.choices)
        hint = f"did you mean {slip!r}? " if slip else ""
        raise Unfit(f"{value!r} is not a choice", f"{hint}choices: {', '.join(setting.choices)}")


def _check_range(setting: Setting, value: Any) -> None:
    """Compare a number, or the length of a list, with the setting's bounds."""
    size, what = (len(value), f"has {len(value)} items") if isinstance(value, tuple) else (value, f"{value} is out of range")
    unit = f" {setting.unit}" if setting.unit else ""
    if setting.minimum is not None and size < setting.minimum:
        raise Unfit(what, f"at least {setting.minimum:g}{unit}")
    if setting.maximum is not None and size > setting.maximum:
        raise Unfit(what, f"at most {setting.maximum:g}{unit}")


def _ask(check: Callable[[Any], str | None], value: Any) -> None:
    """Raise what a declared check finds; it may be a plugin's, and one that breaks must not hide the other mistakes."""
    try:
        text = check(value)
        found = None if text is None else split_remedy(text)
    except BROKEN as error:
        # the type alone: the message may quote a secret
        problem = f"its check failed with {type(error).__name__}"
        raise Unfit(problem, "this is a mistake of the program that declares the setting: tell its author") from None
    if found is not None:
        raise Unfit(*found)
