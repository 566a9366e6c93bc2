"""A tenant's directory and its Google customer, lent to administrators' tools for the length of one task."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from cgappliance.administration import Directory, GoogleAdministration, GoogleFault, GoogleRefused, WritableDirectory
from cgappliance.errors import CgapplianceError
from cgappliance.model import Tenant
from cgappliance.plugin_api import TenantContext
from cgappliance.plugins import Kinds


@contextlib.contextmanager
def directory_of(kinds: Kinds, tenant: Tenant) -> Iterator[Directory]:
    """Lend what reads a tenant's directory. Asks nobody.

    Raises:
        CgapplianceError: the backend of the tenant file cannot list its people, or cannot be made.
    """
    make = kinds.backends[tenant.auth.name].directory
    if make is None:
        raise CgapplianceError(f"{tenant.id}: the backend {tenant.auth.name!r} cannot list its people (use 'account import')")
    try:
        directory = make(TenantContext(tenant.id, tenant.domains, tenant.auth.settings))
    except OSError as error:
        raise CgapplianceError(f"{tenant.id}: the backend {tenant.auth.name!r} cannot begin: {error}") from error
    with contextlib.closing(directory):
        yield directory


@contextlib.contextmanager
def managed_directory_of(kinds: Kinds, tenant: Tenant) -> Iterator[WritableDirectory]:
    """Lend what changes a tenant's directory. Asks nobody.

    Raises:
        CgapplianceError: the backend of the tenant file cannot do that.
    """
    with directory_of(kinds, tenant) as directory:
        if not isinstance(directory, WritableDirectory):
            raise CgapplianceError(
                f"{tenant.id}: people are managed in the directory behind the backend {tenant.auth.name!r}, not here "
                "(make the change there, and run 'cgappliance account sync')"
            )
        yield directory


def lists_people(kinds: Kinds, tenant: Tenant) -> bool:
    """Tell whether the people of the tenant's directory can be listed, and so synchronised. Asks nobody."""
    return kinds.backends[tenant.auth.name].directory is not None


def manages_people(kinds: Kinds, tenant: Tenant) -> bool:
    """Tell whether people of the tenant's directory are made and removed here (edition "light"). Asks nobody."""
    try:
        with managed_directory_of(kinds, tenant):
            return True
    except CgapplianceError:
        return False


@contextlib.contextmanager
def google_of(kinds: Kinds, tenant: Tenant) -> Iterator[GoogleAdministration]:
    """Lend what sets a tenant's Google customer up. Asks nobody.

    Raises:
        GoogleRefused: NOT_CONFIGURED, the tenant file gives no access to Google's APIs, or its provider has none.
    """
    make = kinds.providers[tenant.google.name].administration
    if make is None:
        raise GoogleRefused(GoogleFault.NOT_CONFIGURED, f"the provider {tenant.google.name!r} cannot ask Google about users")
    with contextlib.closing(make(TenantContext(tenant.id, tenant.domains, tenant.google.settings))) as google:
        yield google
