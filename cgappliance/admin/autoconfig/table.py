"""What mail clients of a tenant may be told: host and port of each protocol. All formats are written from here.

A protocol that no profile of the tenant allows is left out: a client that is told of it would only be refused. Nothing here depends
on an account, so that known and unknown addresses cannot be told apart by an answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cgappliance.config.certificates import check_pair
from cgappliance.config.problem import Severity
from cgappliance.config.values import WebSettings
from cgappliance.errors import CgapplianceError
from cgappliance.model import MailProtocol, Profile, Tenant
from cgappliance.store import profiles
from cgappliance.store.engine import Store

#: In the order in which clients that have a choice should take them.
PREFERENCE: Final = (MailProtocol.IMAP, MailProtocol.POP3, MailProtocol.SMTP)

HTTPS_PORT: Final = 443


class NotPublishable(CgapplianceError):
    """There is nothing that a mail client could be told, or it would be refused with a certificate of another name."""


@dataclass(frozen=True, slots=True)
class MailService:
    """One row of the table: a protocol over implicit TLS, the login name being the whole mail address."""

    protocol: MailProtocol
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class MailSetup:
    """A tenant's table, and what clients show beside it."""

    tenant: str
    name: str  #: of the customer, on one line, printable
    language: str
    domains: tuple[str, ...]
    services: tuple[MailService, ...]  #: at least one, in the order of PREFERENCE
    help_url: str = ""  #: the tenant's set-up page; "": there is no web site

    @property
    def incoming(self) -> tuple[MailService, ...]:
        """The services that mail is read by."""
        return tuple(service for service in self.services if service.protocol is not MailProtocol.SMTP)

    @property
    def outgoing(self) -> MailService | None:
        """The service that mail is sent by."""
        return next((service for service in self.services if service.protocol is MailProtocol.SMTP), None)

    @property
    def host(self) -> str:
        """The name that clients connect to."""
        return self.services[0].host


def mail_setup(tenant: Tenant, made: Mapping[str, Profile], help_url: str = "") -> MailSetup:
    """Return a tenant's table.

    Args:
        tenant: with the profiles of its file.
        made: profiles that administrators made, by name; one of the file hides one of the same name.
        help_url: of the tenant's set-up page.

    Raises:
        NotPublishable: no profile allows a protocol that the tenant listens for.
    """
    allowed = {protocol for profile in {**made, **tenant.profiles}.values() for protocol in profile.mail_access}
    ports = tenant.listen.ports
    services = tuple(
        MailService(protocol, tenant.listen.hostname, ports[protocol])
        for protocol in PREFERENCE
        if protocol in allowed and protocol in ports
    )
    if not services:
        raise NotPublishable(
            f"{tenant.id}: no security profile allows a protocol that the tenant offers, so there is nothing to tell mail clients "
            f"(make one: cgappliance profile create {tenant.id} ...)"
        )
    return MailSetup(tenant.id, _one_line(tenant.name), tenant.language, tuple(sorted(tenant.domains)), services, help_url)


def load_setup(store: Store, tenant: Tenant, help_url: str = "") -> MailSetup:
    """Return a tenant's table with the profiles of the store. Blocks cooperatively.

    Raises:
        NotPublishable: no profile allows a protocol that the tenant listens for.
        StoreUnavailable: the database cannot be asked.
    """
    with store.read() as connection:
        made = {stored.name: stored.profile for stored in profiles.of_tenant(connection, tenant.id)}
    return mail_setup(tenant, made, help_url)


def ensure_certificate(tenant: Tenant, now: datetime) -> None:
    """Refuse a tenant whose clients would meet a certificate that they do not take for ``listen.hostname``. Blocks on the files.

    Raises:
        NotPublishable: with all that is wrong.
    """
    listen = tenant.listen
    checked = check_pair(listen.certificate, listen.private_key, listen.hostname, now)
    wrong = [finding for finding in checked.findings if finding.severity is Severity.ERROR]
    if wrong:
        told = "\n".join(f"{tenant.id}: listen.{finding.key}: {finding.problem} ({finding.remedy})" for finding in wrong)
        raise NotPublishable(f"mail clients are not told of a server that they would refuse:\n{told}")


def site_of(tenant: Tenant, web: WebSettings | None) -> str:
    """Return the address of a tenant's pages, without a slash at the end; "" when there is no web site.

    Behind a reverse proxy nobody but the operator knows the port that browsers see; 443 is what such a proxy is for.
    """
    if web is None:
        return ""
    host = f"[{tenant.listen.hostname}]" if ":" in tenant.listen.hostname else tenant.listen.hostname
    port = f":{web.port}" if web.tls and web.port != HTTPS_PORT else ""
    return f"https://{host}{port}/{tenant.id}"


def setup_page(tenant: Tenant, web: WebSettings | None) -> str:
    """Return the address of a tenant's set-up page; "" when there is no web site."""
    site = site_of(tenant, web)
    return f"{site}/setup" if site else ""


def _one_line(text: str) -> str:
    """Return text that every format can hold: XML and property lists have no control characters."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
