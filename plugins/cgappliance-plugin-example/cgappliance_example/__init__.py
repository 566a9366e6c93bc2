"""The backend ``one-password``: everybody logs in with the same one. A whole plugin, and nothing for real life."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cgappliance.plugin_api import (
    AuthAnswer,
    BackendKind,
    Credentials,
    Mistake,
    Reason,
    Setting,
    SettingType,
    TenantContext,
    hookimpl,
)

SETTINGS = (
    Setting("password_file", SettingType.SECRET_FILE, "File with the password."),
    Setting("minimum_length", SettingType.INTEGER, "Characters that the password must have.", default=8, minimum=1),
)


def check(settings: Mapping[str, Any]) -> list[Mistake]:
    """Find what is wrong with settings that are good one by one: ``cgappliance check`` prints it with file and line."""
    length = len(settings["password_file"].reveal())
    if length < settings["minimum_length"]:
        return [Mistake("password_file", f"the password has {length} characters", f"give it {settings['minimum_length']} or more")]
    return []


class OnePassword:
    """Verifies passwords for one tenant: the host makes one object per tenant file that names ``one-password``."""

    def __init__(self, context: TenantContext) -> None:
        self._password = context.settings["password_file"]  # a Secret: read from the file by the host, and never printed

    def start(self) -> None:
        """Open what you need, without waiting: a directory that is down is told by ``authenticate``."""

    def stop(self) -> None:
        """Close what you have opened."""

    def authenticate(self, credentials: Credentials, timeout_s: float) -> AuthAnswer:  # noqa: ARG002 - nothing here waits
        """Answer one login. A real backend asks its directory here, and may wait for ``timeout_s`` seconds, with gevent."""
        if not credentials.password:
            return AuthAnswer(Reason.EMPTY_PASSWORD)
        right = credentials.password == self._password  # secrets are compared in constant time
        return AuthAnswer(Reason.ACCEPTED if right else Reason.WRONG_PASSWORD)


@hookimpl
def cgappliance_auth_backends() -> list[BackendKind]:
    """Tell the host what tenant files may name."""
    return [BackendKind("one-password", OnePassword, SETTINGS, check)]
