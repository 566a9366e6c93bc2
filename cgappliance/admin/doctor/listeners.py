"""Where mail clients connect: the certificate, the name, the ports, and whether this tenant answers there.

The ports are tried from this machine. Whether clients elsewhere reach them is their network's matter, and said so.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding

from cgappliance.admin.doctor.findings import Finding, State, ok, problem, skipped, warning
from cgappliance.config.certificates import check_pair, read_chain
from cgappliance.config.problem import Severity, Unfit
from cgappliance.model import MailProtocol, Tenant

TIMEOUT_S: Final = 5.0  #: for each wait; this is the same machine
MANUAL: Final = "4.1 (2)"
GREETINGS: Final = {MailProtocol.IMAP: b"* OK", MailProtocol.POP3: b"+OK", MailProtocol.SMTP: b"220"}
LONGEST_GREETING: Final = 512  #: bytes; enough to see how it begins

#: Where to knock for an address that means all of a family.
_LOOPBACKS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - a comparison, nothing is bound
_NO_SUCH_FAMILY: Final = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}


def look_at_listeners(tenant: Tenant, now: datetime) -> Iterator[Finding]:
    """Yield what is to be said of certificate, name and ports. Blocks cooperatively."""
    yield _certificate(tenant, now)
    yield _name(tenant)
    for protocol, port in tenant.listen.ports.items():
        for address in tenant.listen.addresses:
            yield _port(tenant, protocol, _LOOPBACKS.get(address, address), port)


def _certificate(tenant: Tenant, now: datetime) -> Finding:
    topic, listen = "certificate", tenant.listen
    findings = check_pair(listen.certificate, listen.private_key, listen.hostname, now).findings
    if findings:
        worst = min(findings, key=lambda found: found.severity is not Severity.ERROR)
        state = State.PROBLEM if worst.severity is Severity.ERROR else State.WARNING
        return Finding(topic, state, f"{worst.key}: {worst.problem}", worst.remedy, MANUAL)
    expires = min(link.not_valid_after_utc for link in read_chain(listen.certificate))
    return ok(topic, f"covers {listen.hostname}, good for {(expires - now).days} days")


def _name(tenant: Tenant) -> Finding:
    topic, name = "server name", tenant.listen.hostname
    try:
        found = sorted({str(entry[4][0]) for entry in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)})
    except OSError as error:
        remedy = f"add an A or AAAA record for {name} that leads to this appliance"
        return problem(topic, f"{name} is not found in the DNS: {error.strerror or error}", remedy, MANUAL)
    ours = {address for address in tenant.listen.addresses if not ipaddress.ip_address(address).is_unspecified}
    where = ", ".join(found)
    if ours and ours.isdisjoint(found):
        remedy = (
            "this is right where a load balancer or address translation stands between; else correct the DNS or listen.addresses"
        )
        return warning(topic, f"{name} leads to {where}, and the appliance listens on {', '.join(sorted(ours))}", remedy, MANUAL)
    return ok(topic, f"{name} leads to {where}")


def _port(tenant: Tenant, protocol: MailProtocol, address: str, port: int) -> Finding:
    topic = f"port {protocol.value}s"
    place = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    try:
        with contextlib.closing(socket.create_connection((address, port), TIMEOUT_S)) as plain:
            if tenant.listen.proxy_protocol_from:
                return ok(topic, f"{place} is open (what is behind it only load balancers may see)")
            return _greeting(tenant, protocol, place, plain)
    except OSError as error:
        if ":" in address and error.errno in _NO_SUCH_FAMILY:
            return skipped(topic, f"{place}: this machine has no IPv6")
        remedy = "is the appliance running, and did it load this tenant? ('cgappliance status')"
        return problem(topic, f"nobody answers on {place}: {error.strerror or error}", remedy, MANUAL)


def _greeting(tenant: Tenant, protocol: MailProtocol, place: str, plain: socket.socket) -> Finding:
    """Look at what is said behind TLS. Whether the chain is trusted is the clients' matter, and ``check`` has looked at it."""
    topic = f"port {protocol.value}s"
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with context.wrap_socket(plain, server_hostname=tenant.listen.hostname) as stream:
            shown, greeting = stream.getpeercert(binary_form=True), stream.recv(LONGEST_GREETING)
    except OSError as error:  # ssl.SSLError is one
        remedy = "is it another program's port? ('ss -tlnp' names it)"
        return problem(topic, f"{place} is open and does not speak TLS: {error.strerror or error}", remedy, MANUAL)
    if not greeting.startswith(GREETINGS[protocol]):
        return problem(topic, f"{place} does not greet as {protocol.upper()}", "is it another program's port?", MANUAL)
    if shown != _certificate_bytes(tenant):
        remedy = "run 'cgappliance reload'"
        return warning(topic, f"{place} shows another certificate than the tenant file names", remedy, MANUAL)
    return ok(topic, f"{place} answers")


def _certificate_bytes(tenant: Tenant) -> bytes | None:
    try:
        return read_chain(tenant.listen.certificate)[0].public_bytes(Encoding.DER)
    except Unfit:
        return None  # told as a finding of its own
