"""The backend ``local``: an embedded directory for trying out, and the example for authors of backends.

Three files, to be read in this order: this one says what a tenant file may say; ``backend`` answers logins; ``users`` knows the
file and the hashes. Nothing of the appliance is imported but ``cgappliance.plugin_api``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cgappliance.plugin_api import BackendKind, Mistake, Setting, SettingType, hookimpl
from cgappliance_local import users
from cgappliance_local.backend import LocalBackend

SETTINGS = (
    Setting("users_file", SettingType.FILE, "File of addresses and password hashes, made by `cgappliance local passwd`."),
    Setting(
        "concurrency",
        SettingType.INTEGER,
        "Passwords verified at the same time; each takes a core for a tenth of a second, and 64 MiB of memory.",
        default=2,
        minimum=1,
        maximum=32,
    ),
)


def check(settings: Mapping[str, Any]) -> list[Mistake]:
    """Return what is wrong with the file: asked by ``cgappliance check``, and again at each reload."""
    path = settings["users_file"]
    try:
        users.read(path)
        exposed = users.readable_by_everybody(path)
    except OSError as error:
        return [Mistake("users_file", f"{path}: {error.strerror}", "make it with cgappliance local passwd")]
    except users.UsersFileError as error:
        return [Mistake("users_file", str(error), "repair or remove the line")]
    if exposed:
        return [Mistake("users_file", f"everybody on this machine may read the hashes in {path}", f"chmod 0640 {path}")]
    return []


@hookimpl
def cgappliance_auth_backends() -> list[BackendKind]:
    """Register the one kind of this plugin."""
    return [BackendKind("local", LocalBackend, SETTINGS, check)]
