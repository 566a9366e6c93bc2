"""The ``active-directory`` backend: mail address and password are checked against Microsoft Active Directory.

Read in this order: ``settings`` (what the tenant file says), ``policy`` (one login, top to bottom), ``verbs`` (what is asked),
``connect`` (over which connections), ``diagnostics`` (what a refused bind means). Fail-over and pools are the host's. For
administrators: ``people`` (the domain as a whole); for users: ``own_password``.
"""

from __future__ import annotations

from cgappliance.plugin_api import BackendKind, hookimpl
from cgappliance_active_directory.own_password import OwnPassword
from cgappliance_active_directory.people import People
from cgappliance_active_directory.policy import ActiveDirectory
from cgappliance_active_directory.settings import SETTINGS, check


@hookimpl
def cgappliance_auth_backends() -> list[BackendKind]:
    """Register the backend."""
    return [BackendKind("active-directory", ActiveDirectory, SETTINGS, check, People, OwnPassword)]
