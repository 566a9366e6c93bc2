"""The report as a whole: every way, each part by itself, within bounds. What cannot be asked is said; it never counts as closed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import gevent

from cgappliance.admin.autoconfig.internet import Internet
from cgappliance.admin.bypass.by_hand import by_hand
from cgappliance.admin.bypass.clients import Bounds, Progress, look_at_clients, own_app_passwords, users_of
from cgappliance.admin.bypass.findings import Finding, State, Way
from cgappliance.admin.bypass.passwords import look_at_passwords
from cgappliance.admin.bypass.service_account import look_at_delegation, look_at_key
from cgappliance.admin.bypass.setting_up import look_at_setting_up
from cgappliance.admin.desk import Desk
from cgappliance.administration import GoogleAdministration, GoogleFault, GoogleRefused
from cgappliance.config.values import WebSettings
from cgappliance.errors import CgapplianceError
from cgappliance.model import Tenant
from cgappliance.store.errors import StoreUnavailable

ACCOUNTS_MAX: Final = 500  #: asked about at Google: two requests each, at most ten a second
ACCOUNTS_S: Final = 300.0  #: for all of them together: 500 accounts take two minutes where Google is quick
PART_S: Final = 120.0  #: for each other part: a list of users, twenty tokens, the web pages of a few domains


@dataclass(frozen=True, slots=True)
class Budget:
    """How much of Google's time may be spent."""

    accounts: int = ACCOUNTS_MAX
    accounts_s: float = ACCOUNTS_S
    part_s: float = PART_S


@dataclass(frozen=True, slots=True)
class Means:
    """What the report needs from outside."""

    google: Callable[[Tenant], AbstractContextManager[GoogleAdministration]]
    internet: Internet
    web: WebSettings | None  #: None: there is no web site
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class Report:
    """What was found."""

    at: datetime
    findings: tuple[Finding, ...]

    @property
    def is_open(self) -> bool:
        """Whether some way is open."""
        return any(finding.state is State.OPEN for finding in self.findings)

    def of(self, way: Way) -> list[Finding]:
        """Return what was found of one way, the worst first."""
        order = [State.OPEN, State.WATCH, State.UNSEEN, State.CLOSED]
        return sorted((one for one in self.findings if one.way is way), key=lambda one: order.index(one.state))


def examine(
    desk: Desk, tenant: Tenant, means: Means, budget: Budget | None = None, progress: Progress = lambda _stage, _count: None
) -> Report:
    """Look at every way round the appliance. Blocks cooperatively: some minutes, as ``budget`` says. Changes nothing.

    Raises:
        StoreUnavailable: the database cannot be asked.
    """
    work = _Work(desk, tenant, means, budget or Budget(), progress)
    work.run()
    return Report(desk.now(), tuple(work.findings))


@dataclass(slots=True)
class _Work:
    """The parts, and what they have found so far."""

    desk: Desk
    tenant: Tenant
    means: Means
    budget: Budget
    progress: Progress
    findings: list[Finding] = field(default_factory=list)

    def run(self) -> None:
        client_id = admin = ""
        try:
            with self.means.google(self.tenant) as google:
                client_id, admin = google.setup.client_id, google.setup.admin
                self._at_google(google)
        except GoogleRefused as refused:
            self.findings += _without_google(refused)
        self.progress("autoconfig", 0)
        now = self.desk.now()
        self._part(
            Way.AUTOCONFIG,
            lambda: look_at_setting_up(self.desk, self.tenant, self.means.web, self.means.internet, now),
            self.budget.part_s,
        )
        self.findings += by_hand(client_id, admin)

    def _at_google(self, google: GoogleAdministration) -> None:
        part_s = self.budget.part_s
        self._part(Way.KEY, lambda: iter([look_at_key(google, self.desk.now())]), part_s)
        self._part(Way.DELEGATION, lambda: look_at_delegation(google), part_s)
        with gevent.Timeout(part_s, GoogleRefused(GoogleFault.UNREACHABLE, f"the list of users did not come within {part_s:g} s")):
            users = users_of(google, self.progress)
        self._part(Way.PASSWORDS, lambda: look_at_passwords(self.desk, self.tenant, google, users), part_s)
        bounds = Bounds(self.budget.accounts, self.budget.accounts_s, self.means.clock)
        own = own_app_passwords(self.desk, self.tenant)
        self._part(Way.CLIENTS, lambda: look_at_clients(google, own, users, bounds, self.progress), bounds.seconds + part_s)

    def _part(self, way: Way, look: Callable[[], Iterator[Finding]], within_s: float) -> None:
        """Add what a part finds; what keeps it from looking is a finding too."""
        try:
            with gevent.Timeout(within_s, CgapplianceError(f"it took longer than {within_s:g} s")):
                self.findings += look()
        except StoreUnavailable:
            raise
        except GoogleRefused as refused:
            self.findings.append(_not_seen(way, _said(refused), refused.fault.remedy))
        except CgapplianceError as error:
            self.findings.append(_not_seen(way, str(error), "put this right, and look again"))


def _not_seen(way: Way, why: str, remedy: str) -> Finding:
    return Finding(way, State.WATCH, f"this could not be looked at: {why}", remedy)


def _said(refused: GoogleRefused) -> str:
    return f"{refused.fault.sentence}: {refused.detail}" if refused.detail else refused.fault.sentence


def _without_google(refused: GoogleRefused) -> Iterator[Finding]:
    """Yield that Google was not asked: what depends on it is unknown."""
    if refused.fault is GoogleFault.NOT_CONFIGURED:
        for way in (Way.CLIENTS, Way.PASSWORDS, Way.DELEGATION, Way.KEY):
            sentence = "this cannot be seen from here, because the tenant file gives no access to Google's APIs"
            yield Finding(way, State.UNSEEN, sentence, refused.fault.remedy)
        return
    for way in (Way.CLIENTS, Way.PASSWORDS):
        yield _not_seen(way, _said(refused), refused.fault.remedy)
