"""The first page: what is wrong comes first, then how the day went, then what the contract says."""

from __future__ import annotations

from flask import g, render_template
from flask.typing import ResponseReturnValue

from cgappliance.admin.autoconfig.table import site_of
from cgappliance.admin.overview import BUCKET, overview
from cgappliance.store.administrators import Role
from cgappliance.web import login_session, plots
from cgappliance.web.access import needs
from cgappliance.web.admin.pages import blueprint
from cgappliance.web.services import services


@blueprint.get("/")
@needs(Role.AUDITOR)
def dashboard() -> ResponseReturnValue:
    """Show how the tenant is."""
    found = overview(login_session.desk(), services().ask, g.tenant)
    plot = plots.stacked(found.counts, found.since, found.until, BUCKET, g.tenant.timezone)
    site = site_of(g.tenant, services().web)
    return render_template("admin/dashboard.html", page="dashboard", found=found, plot=plot, site=site)
