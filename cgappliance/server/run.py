"""``cgappliance serve``: from the configuration file to a running supervisor."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Final

import gevent

from cgappliance import log
from cgappliance.config import Settings
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
    status = _prepare_apart(config.settings)
    return status or Supervisor(config, kinds, make_site).run()


def _prepare_apart(settings: Settings) -> int:
    """Prepare store and key file in a process of its own, and return 0, or the exit status: it takes libraries and threads along.

    What makes a first database is 11 MB of code, which nobody needs afterwards, and the supervisor forks: it must have no threads.
    """
    pid = gevent.os.fork_and_watch()
    if pid == 0:
        status = os.EX_SOFTWARE
        try:
            status = _prepare(settings)
        except BaseException:  # noqa: BLE001 - nothing may go up from here into the supervisor's code
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    _pid, ended = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(ended)
    return code if code >= 0 else os.EX_SOFTWARE  # below: a signal


def _prepare(settings: Settings) -> int:
    try:
        prepare(settings)
    except StoreUnavailable as error:
        log.get().error("store.unavailable", detail=str(error))
        return EXIT_TEMPORARY
    except (ConfigurationError, StoreError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - what an operator starts by hand shows
        return EXIT_CONFIGURATION
    return 0
