"""Configurations of others, read as clients read them: which servers does this page name?

Pages come from anywhere: they are read by an XML parser that knows neither DTD nor entities, and what does not parse is no
configuration.
"""

from __future__ import annotations

from typing import Final
from xml.etree import ElementTree as ET

from defusedxml import DefusedXmlException
from defusedxml import ElementTree as Defused

from cgappliance.admin.autoconfig.findings import Server
from cgappliance.admin.autoconfig.table import MailSetup
from cgappliance.model import MailProtocol

SERVERS_MAX: Final = 20  #: that are looked at; a provider has four or five

_ON: Final = "on"


def thunderbird_servers(body: bytes) -> list[Server] | None:
    """Return the servers of a ``config-v1.1.xml``, or None where Thunderbird would look on.

    It wants one to read by and one to send by, and tries the next source where either is missing (Thunderbird 153).
    """
    root = _root(body)
    provider = root.find("emailProvider") if root is not None and root.tag == "clientConfig" else None
    if provider is None:
        return None
    incoming = [_thunderbird_server(element) for element in provider.findall("incomingServer")[:SERVERS_MAX]]
    outgoing = [_thunderbird_server(element) for element in provider.findall("outgoingServer")[:SERVERS_MAX]]
    return [*incoming, *outgoing] if incoming and outgoing else None


def outlook_servers(body: bytes) -> list[Server] | None:
    """Return the mail servers of an Autodiscover answer, or None when it is an error, or something else."""
    root = _root(body)
    if root is None or not root.tag.endswith("}Autodiscover"):
        return None
    found = root.findall("{*}Response/{*}Account/{*}Protocol")[:SERVERS_MAX]
    return [_outlook_server(element) for element in found] or None


def same_servers(setup: MailSetup, servers: list[Server]) -> bool:
    """Tell whether servers are exactly those of the table."""
    ours = {Server(service.protocol.value, service.host, service.port, tls=True, password=True) for service in setup.services}
    return set(servers) == ours


def _root(body: bytes) -> ET.Element | None:
    try:
        root: ET.Element = Defused.fromstring(body, forbid_dtd=True)
    except (ET.ParseError, DefusedXmlException, LookupError, ValueError):
        return None
    return root


def _thunderbird_server(element: ET.Element) -> Server:
    return Server(
        protocol=element.get("type", ""),
        host=_text(element, "hostname").lower(),
        port=_port(_text(element, "port")),
        tls=_text(element, "socketType") == "SSL",
        password=_text(element, "authentication").startswith("password-"),  # the first one is the one that is taken
    )


def _outlook_server(element: ET.Element) -> Server:
    kind = _text(element, "{*}Type").upper()
    return Server(
        protocol={name.value.upper(): name.value for name in MailProtocol}.get(kind, kind),
        host=_text(element, "{*}Server").lower(),
        port=_port(_text(element, "{*}Port")),
        tls=_text(element, "{*}Encryption").upper() in {"", "SSL"} and _text(element, "{*}SSL").lower() == _ON,
        password=_text(element, "{*}SPA").lower() != _ON,
    )


def _text(element: ET.Element, name: str) -> str:
    return (element.findtext(name) or "").strip()


def _port(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else 0
