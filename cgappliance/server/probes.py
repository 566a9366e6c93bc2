"""Tries the parts of a tenant's way when no login has done so lately; what is found stands in the tenant's ``Health``.

The directory is asked for an address that cannot exist: that needs its server, its TLS and the appliance's own account, and is no
wrong password of anybody. So is the token endpoint, which looks at the appliance's key, clock and delegation before it says that it
knows no such user: nobody's token is made. Gmail is greeted and left.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Final

import gevent
from gevent.pool import Pool

from cgappliance.errors import LoginFailed, PeerGone
from cgappliance.model import AuthAnswer, Credentials, MailProtocol, Reason, Tenant
from cgappliance.net.health import Part
from cgappliance.plugins import BROKEN
from cgappliance.secret import Secret
from cgappliance.server.health_board import TRIAL, Row, rows_of
from cgappliance.server.tenant_service import TenantService

LOCAL_PART: Final = "cgappliance-health-probe"  #: of an address that nobody has
AT_ONCE: Final = 8  #: probes at a time: a directory that does not answer holds one for ten seconds


def parts_of(tenant: Tenant) -> list[tuple[Part, str]]:
    """Return what can be tried of a tenant."""
    return [(Part.DIRECTORY, ""), (Part.TOKEN, TRIAL), *((Part.UPSTREAM, protocol.value) for protocol in tenant.listen.ports)]


def probe_all(wanted: Iterable[tuple[TenantService, Part, str]]) -> list[Row]:
    """Try parts of tenants and return all that is known of these tenants now. Blocks for at most their time-outs."""
    wanted = list(wanted)
    pool = Pool(AT_ONCE)
    for service, part, which in wanted:
        pool.spawn(probe, service, part, which)
    pool.join()
    services = {service.tenant.id: service for service, _, _ in wanted}
    return [row for name, service in services.items() for row in rows_of(name, service.health)]


def probe(service: TenantService, part: Part, which: str) -> None:
    """Try one part of a tenant's way. Blocks for at most its time-out; does not raise."""
    with service.in_use():
        if part is Part.DIRECTORY:
            answer = _ask_directory(service)
            service.health.note(Part.DIRECTORY, answer.reason, answer.detail)
        elif part is Part.TOKEN:
            service.health.note(Part.TOKEN, *_ask_provider(service), which=which)
        else:
            try:
                stream, _back = service.handlers[MailProtocol(which)].open_upstream()
            except (LoginFailed, PeerGone):
                return  # it has been noted
            stream.close()


def _address(tenant: Tenant) -> str:
    return f"{LOCAL_PART}@{min(tenant.domains)}"


def _ask_directory(service: TenantService) -> AuthAnswer:
    timeout_s = service.timeouts.directory_s
    address = _address(service.tenant)
    nobody = Credentials(address, address, Secret(secrets.token_hex(16)), "PROBE")
    try:
        with gevent.Timeout(timeout_s):
            return service.backend.authenticate(nobody, timeout_s)
    except gevent.Timeout:
        return AuthAnswer(Reason.DIRECTORY_TIMEOUT, f"no answer within {timeout_s:g} s")
    except LoginFailed as failure:
        return AuthAnswer(failure.reason, failure.detail)
    except BROKEN as error:  # a plugin can raise anything
        return AuthAnswer(Reason.BACKEND_FAILED, type(error).__name__)


def _ask_provider(service: TenantService) -> tuple[Reason, str]:
    """Return what the provider says of an address that Google cannot know; that it does not is what is hoped for."""
    timeout_s = service.timeouts.token_s
    protocol = next(iter(service.tenant.listen.ports))
    try:
        with gevent.Timeout(timeout_s):
            service.provider.grant(_address(service.tenant), protocol, fresh=False, timeout_s=timeout_s)
    except gevent.Timeout:
        return Reason.TOKEN_UNAVAILABLE, f"no answer within {timeout_s:g} s"
    except LoginFailed as failure:
        return (Reason.ACCEPTED, "") if failure.reason is Reason.GOOGLE_USER_UNKNOWN else (failure.reason, failure.detail)
    except BROKEN as error:  # a plugin can raise anything
        return Reason.PROVIDER_FAILED, type(error).__name__
    return Reason.ACCEPTED, ""
