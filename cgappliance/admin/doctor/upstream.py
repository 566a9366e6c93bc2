"""Where the mail lives: do the servers of each offered protocol answer, with a certificate that is trusted."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from typing import Final

from cgappliance.admin.doctor.findings import Finding, ok, problem
from cgappliance.admin.doctor.listeners import GREETINGS, LONGEST_GREETING
from cgappliance.model import HostPort, MailProtocol, Tenant

TIMEOUT_S: Final = 10.0  #: for each wait; Gmail answers in half a second


def look_at_upstream(tenant: Tenant) -> Iterator[Finding]:
    """Yield what is to be said of the upstream's servers. Blocks cooperatively."""
    for protocol in tenant.listen.ports:
        yield _server(tenant, protocol, tenant.upstream.servers[protocol])


def _server(tenant: Tenant, protocol: MailProtocol, server: HostPort) -> Finding:
    topic, ca_file = f"upstream {protocol.value}", tenant.upstream.ca_file
    try:
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
        with (
            contextlib.closing(socket.create_connection((server.host, server.port), TIMEOUT_S)) as plain,
            context.wrap_socket(plain, server_hostname=server.host) as stream,
        ):
            greeting = stream.recv(LONGEST_GREETING)
    except ssl.SSLCertVerificationError as error:
        remedy = "is TLS broken open on the way? else name its CA in upstream.ca_file"
        return problem(topic, f"{server}: certificate not accepted: {error.verify_message}", remedy)
    except OSError as error:  # ssl.SSLError is one
        remedy = "look at name resolution and at the firewall between the appliance and the internet"
        return problem(topic, f"{server} does not answer: {error.strerror or error}", remedy)
    if not greeting.startswith(GREETINGS[protocol]):
        remedy = "is it the right server? if it is Gmail's: it may refuse this address for a while"
        return problem(topic, f"{server} does not greet as {protocol.upper()}: {_readable(greeting)}", remedy)
    return ok(topic, f"{server} answers")


def _readable(greeting: bytes) -> str:
    text = greeting.decode(errors="replace").partition("\n")[0]
    return "".join(character if character.isprintable() else " " for character in text).strip() or "it says nothing"
