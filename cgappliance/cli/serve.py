"""``cgappliance serve``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cgappliance.cli.common import State, config_option, pass_state

if TYPE_CHECKING:
    from cgappliance.server.site import Site, SiteLife


@click.command()
@config_option()
@pass_state
@click.pass_context
def command(context: click.Context, state: State) -> None:
    """Run the appliance until it is told to stop.

    It serves the good tenants when others are broken, and waits for the first file when there is none. SIGTERM stops it after
    the sessions have ended or drain_timeout_s is over; SIGHUP reads the tenant files again.
    """
    from cgappliance.server.run import serve  # noqa: PLC0415 - the server is large, and the other words need not wait for it

    context.exit(serve(state.config, _make_site))


def _make_site(life: SiteLife) -> Site:
    """Make the web site; its libraries are loaded in its own process, which the supervisor and mail need not carry."""
    from cgappliance.web.process import WebSite  # noqa: PLC0415 - as said

    return WebSite(life.config.settings, life.kinds)
