"""``cgappliance serve``: from the configuration file to a running supervisor."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from cgappliance import log
from cgappliance.config.load import load
from cgappliance.errors import ConfigurationError, PluginError
from cgappliance.plugins import discover
from cgappliance.server.supervisor import Supervisor

EXIT_CONFIGURATION: Final = 2  #: systemd does not restart after this (RestartPreventExitStatus): only the operator can mend it


def serve(config_path: Path) -> int:
    """Serve until told to stop; return the exit status: 0 after a drain, 2 when its configuration is wrong. Blocks."""
    try:
        config = load(config_path, discover())
    except (ConfigurationError, PluginError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - before the log is configured, and what an operator starts by hand shows
        return EXIT_CONFIGURATION
    log.configure(config.settings.log.level, config.settings.log.format)
    return Supervisor(config, discover()).run()
