"""What the pages work with: one object for each application, made by ``process.py``, or by a test with fakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

from flask import current_app

from cgappliance.admin import outside, trial
from cgappliance.admin.autoconfig.internet import Internet, Outside
from cgappliance.admin.desk import Actor, Desk, utc_now
from cgappliance.admin.live import Ask
from cgappliance.admin.own_app_password import Trials
from cgappliance.admin.own_password import OwnPasswords
from cgappliance.admin.sign_in import Entrance
from cgappliance.administration import Directory, GoogleAdministration, WritableDirectory
from cgappliance.config.values import Settings, WebSettings
from cgappliance.model import Tenant
from cgappliance.plugins import Kinds
from cgappliance.secret import Secret
from cgappliance.store.engine import Store
from cgappliance.store.vault import Vault
from cgappliance.store.web_sessions import Lifetime
from cgappliance.web.tasks import Tasks


@dataclass(slots=True)
class Services:
    """All that a page may need beside its request."""

    settings: Settings
    web: WebSettings
    store: Store
    vault: Vault
    entrance: Entrance
    own: OwnPasswords  #: what users do for themselves
    ask: Ask  #: the running appliance, over its control socket
    kinds: Kinds  #: reads and changes directories
    google: Callable[[Tenant], AbstractContextManager[GoogleAdministration]]  #: lends a customer; raises as ``outside.google_of``
    form_key: bytes  #: signs what forms carry
    tenants: Mapping[str, Tenant] = field(default_factory=dict)  #: replaced as a whole at a reload
    now: Callable[[], datetime] = utc_now
    try_password: Callable[[Tenant, str, Secret], str] = trial.try_password  #: logs in at Gmail; may raise TrialFailed
    internet: Internet = field(default_factory=Outside)  #: as a mail client outside sees it
    app_password_trials: Trials = field(default_factory=Trials)
    tasks: Tasks = field(init=False)
    reports: Tasks = field(init=False)  #: looks at ways round; beside ``tasks``, so that neither waits for the other

    def __post_init__(self) -> None:
        """Make room for tasks; they go by the same clock."""
        self.tasks, self.reports = Tasks(self.now), Tasks(self.now)

    def keep_tasks(self, tenants: Mapping[str, object]) -> None:
        """End the tasks of tenants that are no more. Does not block."""
        self.tasks.keep(tenants)
        self.reports.keep(tenants)

    @property
    def lifetime(self) -> Lifetime:
        """How long a login lasts."""
        return Lifetime(timedelta(seconds=self.web.session_idle_s), timedelta(seconds=self.web.session_max_s))

    def desk(self, actor: Actor) -> Desk:
        """Return the desk of somebody."""
        return Desk(self.store, actor, self.now)

    def directory(self, tenant: Tenant) -> AbstractContextManager[Directory]:
        """Lend what reads a tenant's directory. Raises: as ``outside.directory_of``."""
        return outside.directory_of(self.kinds, tenant)

    def managed_directory(self, tenant: Tenant) -> AbstractContextManager[WritableDirectory]:
        """Lend what changes a tenant's directory. Raises: as ``outside.managed_directory_of``."""
        return outside.managed_directory_of(self.kinds, tenant)

    def manages_people(self, tenant: Tenant) -> bool:
        """Tell whether people of the tenant's directory are made and removed here (edition "light"). Asks nobody."""
        return outside.manages_people(self.kinds, tenant)


def services() -> Services:
    """Return the services of the application that handles this request."""
    return cast(Services, current_app.extensions["cgappliance"])
