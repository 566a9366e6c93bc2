"""What comes out of the configuration files: frozen values, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cgappliance.config.problem import Problem, sort_key
from cgappliance.model import HostPort, IPNetwork, Tenant

if TYPE_CHECKING:  # a plugin imports this package, and drafts know the plugins
    from cgappliance.config.tenant import Draft

DEFAULT_PATH: Final = Path("/etc/cgappliance/cgappliance.toml")


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the appliance waits for others, in seconds, and how much it keeps; declared in ``schema_appliance.LIMITS``."""

    tls_handshake_timeout_s: float
    command_timeout_s: float
    login_timeout_s: float
    directory_timeout_s: float
    token_timeout_s: float
    upstream_timeout_s: float
    refusal_delay_s: float
    imap_idle_timeout_s: float
    pop3_idle_timeout_s: float
    smtp_idle_timeout_s: float
    directory_recheck_s: float
    warm_connections: int  #: connections to a tenant's upstream kept ready, for each protocol and worker
    connections_per_address: int
    connections_before_login: int
    sessions_per_account: int
    sessions_per_tenant: int
    sessions: int
    worker_hang_s: float
    health_interval_s: float


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What is logged, and how."""

    level: str  #: "debug", "info", "warning", "error"
    format: str  #: "text", "json"


@dataclass(frozen=True, slots=True)
class WebSettings:
    """The web site; declared in ``schema_appliance.WEB``."""

    addresses: tuple[str, ...]
    port: int
    tls: bool
    certificate: Path | None  #: for names that are no tenant's
    private_key: Path | None
    trusted_proxies: tuple[IPNetwork, ...]
    session_idle_s: float
    session_max_s: float
    profile_certificate: Path | None = None  #: signs profiles for Apple devices; None: they are not signed
    profile_private_key: Path | None = None


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """Where metrics and health are shown."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """Who is told what, and how often; declared in ``schema_appliance.ALERTS``."""

    mail_to: tuple[str, ...]
    mail_from: str
    smtp_server: HostPort
    webhook_url_file: Path | None
    after_s: float
    repeat_s: float
    max_per_hour: int
    certificate_days: int

    @property
    def wanted(self) -> bool:
        """Whether anybody is to be told."""
        return bool(self.mail_to or self.webhook_url_file)


@dataclass(frozen=True, slots=True)
class Settings:
    """``cgappliance.toml``, checked."""

    source: Path  #: as the operator named it
    conf_d: Path  #: as the operator named it: relative when ``source`` is
    store: str
    key_file: Path
    run_dir: Path
    node: str  #: this machine's name in the history
    workers: int  #: 0: one for each core
    stop_notice_s: float
    drain_timeout_s: float
    limits: Limits
    log: LogSettings
    alerts: AlertSettings
    metrics: MetricsSettings | None = None  #: None: they are shown nowhere
    web: WebSettings | None = None  #: None: there is no site


@dataclass(frozen=True, slots=True)
class Config:
    """The settings, and all tenant files of one moment."""

    settings: Settings
    tenants: Mapping[str, Tenant] = field(default_factory=dict)  #: those without error, by id
    broken: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)  #: all problems of each tenant with an error, by id
    warnings: tuple[Problem, ...] = ()  #: of the tenants without error
    drafts: tuple[Draft, ...] = field(default=(), repr=False, compare=False)  #: what the next ``load_tenants`` need not read again

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Every problem of every tenant file, in reading order."""
        everything = [*self.warnings, *(problem for problems in self.broken.values() for problem in problems)]
        return tuple(sorted(everything, key=sort_key))
