"""Where mail clients end up that set themselves up: the check of ``autoconfig``, as part of the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from cgappliance.admin.autoconfig import findings
from cgappliance.admin.autoconfig.check import check
from cgappliance.admin.autoconfig.findings import Verdict
from cgappliance.admin.autoconfig.internet import Internet
from cgappliance.admin.autoconfig.table import NotPublishable, ensure_certificate, load_setup, setup_page
from cgappliance.admin.bypass.findings import Finding, State, Way
from cgappliance.admin.desk import Desk
from cgappliance.config.values import WebSettings
from cgappliance.model import Tenant

_STATES: Final[Mapping[Verdict, State]] = {
    Verdict.APPLIANCE: State.CLOSED,
    Verdict.BYPASS: State.OPEN,
    Verdict.BY_HAND: State.WATCH,  # whoever types may type Google's server
    Verdict.ELSEWHERE: State.WATCH,
    Verdict.UNKNOWN: State.WATCH,
}


def look_at_setting_up(desk: Desk, tenant: Tenant, web: WebSettings | None, internet: Internet, now: datetime) -> Iterator[Finding]:
    """Yield one finding for each kind of client and domain. Blocks cooperatively, up to minutes.

    Raises:
        StoreUnavailable: the database cannot be asked.
    """
    try:
        setup = load_setup(desk.store, tenant, setup_page(tenant, web))
    except NotPublishable:
        sentence = "there is nothing to tell mail clients, because no security profile allows a protocol that the tenant offers"
        yield Finding(Way.AUTOCONFIG, State.WATCH, sentence, "make a security profile that allows one")
        return
    try:
        ensure_certificate(tenant, now)
    except NotPublishable:
        sentence = "mail clients are told nothing, because they would refuse the certificate of the server"
        yield Finding(
            Way.AUTOCONFIG, State.WATCH, sentence, "put the certificate right: 'cgappliance tenant doctor' says what is wrong"
        )
        return
    yield from map(_finding, check(setup, internet))


def _finding(found: findings.Finding) -> Finding:
    place = f"{found.client} ({found.domain})" if found.domain else found.client
    return Finding(Way.AUTOCONFIG, _STATES[found.verdict], f"{place}: {found.sentence}", found.remedy)
