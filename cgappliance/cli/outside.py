"""What commands share that ask a tenant's directory or Google: who is asked, and how the wait is shown."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Final, TypeVar

import click

from cgappliance.admin import outside
from cgappliance.administration import Directory, GoogleAdministration, WritableDirectory
from cgappliance.model import Tenant
from cgappliance.plugins import Kinds, discover

Item = TypeVar("Item")

BAR_WIDTH: Final = 30  #: columns


def kinds() -> Kinds:
    """Return what the installed plugins register. Raises: as ``plugins.discover``."""
    return discover()


def open_directory(tenant: Tenant) -> AbstractContextManager[Directory]:
    """Lend what reads the tenant's directory. Raises: as ``outside.directory_of``."""
    return outside.directory_of(discover(), tenant)


def open_managed_directory(tenant: Tenant) -> AbstractContextManager[WritableDirectory]:
    """Lend what changes the tenant's directory. Raises: as ``outside.managed_directory_of``."""
    return outside.managed_directory_of(discover(), tenant)


def open_google(tenant: Tenant) -> AbstractContextManager[GoogleAdministration]:
    """Lend what sets the tenant's Google customer up. Raises: as ``outside.google_of``."""
    return outside.google_of(discover(), tenant)


def watched(items: Iterable[Item], label: str, length: int | None = None) -> Iterator[Item]:
    """Yield items, with a progress bar on standard error where somebody sits at a terminal.

    Args:
        items: as they come.
        label: what is being done.
        length: how many there will be; None: nobody knows.
    """
    if not sys.stderr.isatty():
        yield from items
        return
    with click.progressbar(items, length, label, file=sys.stderr, width=BAR_WIDTH, show_pos=True) as bar:
        yield from bar
