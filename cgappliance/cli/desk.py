"""What the administrator's commands share: the desk that they work at, tenants by name, and options that several have."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from cgappliance.admin.desk import Actor, Desk
from cgappliance.admin.moments import parse_moment
from cgappliance.cli.common import State
from cgappliance.config.convert import nearest
from cgappliance.config.load import inspect, load_settings, load_tenants
from cgappliance.config.values import Config
from cgappliance.errors import CgapplianceError
from cgappliance.model import Tenant
from cgappliance.plugins import Kinds, discover
from cgappliance.store import migrate, profiles
from cgappliance.store.engine import Store
from cgappliance.store.vault import Vault

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

ORIGIN: Final = "command line"  #: where a change came from, in the audit log


@contextmanager
def open_store(state: State) -> Iterator[Store]:
    """Lend the store of the settings, whatever its schema.

    Raises:
        ConfigurationError: ``cgappliance.toml`` is wrong.
    """
    with Store.open(load_settings(state.config).store) as store:
        yield store


@contextmanager
def open_desk(state: State) -> Iterator[Desk]:
    """Lend the desk of whoever types.

    Raises:
        ConfigurationError: ``cgappliance.toml`` is wrong.
        SchemaMismatch: the database has another schema.
        StoreUnavailable: it cannot be reached.
    """
    with open_store(state) as store:
        migrate.check(store)
        yield Desk(store, actor())


def actor() -> Actor:
    """Return whoever types: behind sudo, the person and not root."""
    return Actor(os.environ.get("SUDO_USER") or getpass.getuser(), ORIGIN)


def vault_of(state: State) -> Vault:
    """Return the vault of the settings.

    Raises:
        KeyProblem: the key file is missing, unsafe or damaged.
    """
    return Vault(load_settings(state.config).key_file)


def tenant_named(state: State, store: Store, name: str) -> Tenant:
    """Return a tenant whose file has no error.

    Raises:
        CgapplianceError: there is none of this name, or its file is wrong: every mistake is told.
    """

    def made_profiles(tenant: str) -> Container[str]:
        with store.read() as connection:
            return {stored.name for stored in profiles.of_tenant(connection, tenant)}

    config = load_tenants(load_settings(state.config), discover(), more_profiles=made_profiles)
    if name in config.tenants:
        return config.tenants[name]
    raise CgapplianceError(_missing(config, name))


def _missing(config: Config, name: str) -> str:
    if name in config.broken:
        return "\n".join(str(problem) for problem in config.broken[name])
    known = sorted([*config.tenants, *config.broken])
    slip = nearest(name, known)
    hint = f"did you mean {slip!r}?" if slip else f"known: {', '.join(known) or 'none'}"
    return f"there is no tenant {name!r} ({hint})"


def complete_tenant(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the tenants that a half-typed name may mean."""
    found = inspect(context.ensure_object(State).config, Kinds())
    names = {*found.config.tenants, *found.config.broken} if found.config is not None else set()
    return sorted(name for name in names if name.startswith(incomplete))


tenant_argument = click.argument("tenant", metavar="TENANT", shell_complete=complete_tenant)
yes_option = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")


def one_of(kind: type[StrEnum]) -> click.Choice[str]:
    """Return an option's type: one of the values of an enumeration, as they stand in JSON (click itself would take their names)."""
    return click.Choice([member.value for member in kind])


def moment(text: str | None, zone: tzinfo) -> datetime | None:
    """Return the moment of an option, or None when it was not given.

    Raises:
        RecordInvalid: it means none.
    """
    return None if text is None else parse_moment(text, zone, datetime.now(UTC))


def write_chunks(chunks: Iterable[str], output: Path | None) -> None:
    """Write text to a new file that only its owner can read, or to standard output.

    Raises:
        CgapplianceError: there is a file of this name, or it cannot be written.
    """
    if output is None:
        for chunk in chunks:
            sys.stdout.write(chunk)
        return
    try:
        handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.writelines(chunks)
    except OSError as error:
        raise CgapplianceError(f"{output}: {error.strerror} (choose another name)") from error


def local_time(when: datetime | None, zone: tzinfo) -> str:
    """Return a moment as a table shows it."""
    return "-" if when is None else when.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
