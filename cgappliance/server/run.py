"""``cgappliance serve``: from the configuration file to a running supervisor."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from cgappliance import log
from cgappliance.config.load import load
from cgappliance.config.tenant import any_profile
from cgappliance.errors import ConfigurationError, PluginError
from cgappliance.plugins import discover
from cgappliance.server.persistence import prepare
from cgappliance.server.site import MakeSite
from cgappliance.server.supervisor import Supervisor
from cgappliance.store.errors import StoreError, StoreUnavailable

EXIT_CONFIGURATION: Final = 2  #: systemd does not restart after this (RestartPreventExitStatus): only the operator can mend it
EXIT_TEMPORARY: Final = 75  #: EX_TEMPFAIL of sysexits(3): the database is down; systemd tries again


def serve(config_path: Path, make_site: MakeSite | None = None) -> int:
    """Serve until told to stop; return the exit status: 0 after a drain, 2 or 75 when it cannot start. Blocks.

    Args:
        config_path: of ``cgappliance.toml``.
        make_site: makes the web site, where the settings want one.
    """
    try:
        kinds = discover()
        config = load(config_path, kinds, any_profile)
    except (ConfigurationError, PluginError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - before the log is configured, and what an operator starts by hand shows
        return EXIT_CONFIGURATION
    log.configure(config.settings.log.level, config.settings.log.format)
    try:
        prepare(config.settings)
    except StoreUnavailable as error:
        log.get().error("store.unavailable", detail=str(error))
        return EXIT_TEMPORARY
    except StoreError as error:
        print(error, file=sys.stderr)  # noqa: T201 - as above
        return EXIT_CONFIGURATION
    return Supervisor(config, kinds, make_site).run()
