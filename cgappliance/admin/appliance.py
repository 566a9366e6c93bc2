"""The running appliance, asked by the web site over its control socket, as the command line does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cgappliance.server.control import ask


def ask_appliance(run_dir: Path, command: str, **arguments: Any) -> Any:
    """Return the running appliance's answer to a command. Blocks cooperatively.

    Raises:
        CgapplianceError: nobody answers, or it could not be done.
    """
    return ask(run_dir, command, **arguments)
