"""What the pages work with: one object for each application, made by ``process.py``, or by a test with fakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

from flask import current_app

from cgappliance.admin.desk import Actor, Desk, utc_now
from cgappliance.admin.live import Ask
from cgappliance.admin.own_password import OwnPasswords
from cgappliance.admin.sign_in import Entrance
from cgappliance.administration import GoogleAdministration
from cgappliance.config.values import Settings, WebSettings
from cgappliance.model import Tenant
from cgappliance.store.engine import Store
from cgappliance.store.vault import Vault
from cgappliance.store.web_sessions import Lifetime


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
    google: Callable[[Tenant], GoogleAdministration | None]  #: None: the tenant's provider cannot; may raise GoogleRefused
    form_key: bytes  #: signs what forms carry
    tenants: Mapping[str, Tenant] = field(default_factory=dict)  #: replaced as a whole at a reload
    now: Callable[[], datetime] = utc_now

    @property
    def lifetime(self) -> Lifetime:
        """How long a login lasts."""
        return Lifetime(timedelta(seconds=self.web.session_idle_s), timedelta(seconds=self.web.session_max_s))

    def desk(self, actor: Actor) -> Desk:
        """Return the desk of somebody."""
        return Desk(self.store, actor, self.now)


def services() -> Services:
    """Return the services of the application that handles this request."""
    return cast(Services, current_app.extensions["cgappliance"])
