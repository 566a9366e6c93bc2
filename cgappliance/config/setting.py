"""One declaration per setting: key, type, default, unit, help. Parser, ``check``, reference docs and plugins read the same one.

This file knows how a setting is described, not where its values come from. It imports nothing of the project but ``model``.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final


class _Required:
    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Final = _Required()  #: the default of a setting that has none


class SettingType(enum.Enum):
    """What a value may be, and what Python gets for it."""

    STRING = "string"  #: str; "" only where that is the default
    INTEGER = "integer"  #: int
    FLOAT = "number"  #: float
    BOOLEAN = "boolean"  #: bool
    DURATION = "seconds"  #: float, greater than zero; key ends in ``_s``
    DATE = "date"  #: datetime.date
    STRINGS = "list of strings"  #: tuple[str, ...]
    NETWORKS = "list of networks"  #: tuple[IPv4Network | IPv6Network, ...]
    HOST_PORT = "host:port"  #: model.HostPort
    FILE = "file"  #: pathlib.Path of a file that the service can read; relative to the tenant file's folder
    PRIVATE_FILE = "private file"  #: like FILE; others may not read the file
    SECRET_FILE = "secret file"  #: Secret: the file's text without its last newline; others may not read the file
    TABLE = "table"  #: Mapping[str, Any], passed as it is


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of a TOML table."""

    key: str
    type: SettingType
    help: str  #: one sentence for the reference, first word upper case, full stop
    default: Any = REQUIRED  #: as Python gets it, not as TOML; None: absent
    unit: str = ""  #: "s", "bytes", ...
    choices: tuple[str, ...] = ()  #: for STRING and each of STRINGS: the only values
    minimum: float | None = None  #: of a number; of a list: how many items
    maximum: float | None = None  #: likewise
    check: Callable[[Any], str | None] | None = None  #: returns "problem (remedy)" or None; must not block
    item_check: Callable[[Any], str | None] | None = None  #: the same for each item of a list, reported at ``key[i]``
    since: str = "0.1.0"


@dataclass(frozen=True, slots=True)
class Mistake:
    """What a cross-check of several settings found: rendered as ``file:line: key: problem (remedy)``."""

    key: str  #: "servers[0]", "ca_file": relative to the table that was checked
    problem: str  #: lower case, no full stop
    remedy: str


CrossCheck = Callable[[Mapping[str, Any]], "list[Mistake]"]
