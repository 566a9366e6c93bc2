"""``config-v1.1.xml``: what Thunderbird, K-9, Evolution, KMail and many others read.

The format is Mozilla's (draft-ietf-mailmaint-autoconfig). Version 1.1 and the order of elements are those of Mozilla's own database
of providers, which every reader has met. OAuth2 is never offered: such a client would go to Google's own login, past the appliance.
"""

from __future__ import annotations

from typing import Final
from xml.etree import ElementTree as ET

from cgappliance.admin.autoconfig.table import MailService, MailSetup
from cgappliance.model import MailProtocol

CONTENT_TYPE: Final = "text/xml; charset=utf-8"
DISPLAY_NAME_MAX: Final = 60  #: characters, by the draft
SHORT_NAME_MAX: Final = 20

_HELP: Final = {
    "en": "How to set up other mail clients",
    "ja": "その他のメールクライアントの設定方法",
}


def render(setup: MailSetup, domain: str) -> bytes:
    """Return the file for the addresses of one domain; the client puts the address in itself."""
    root = ET.Element("clientConfig", version="1.1")
    provider = ET.SubElement(root, "emailProvider", id=domain)
    _texts(
        provider,
        ("domain", domain),
        ("displayName", setup.name[:DISPLAY_NAME_MAX]),
        ("displayShortName", setup.name[:SHORT_NAME_MAX]),
    )
    for service in setup.incoming:
        _server(provider, "incomingServer", service)
    if setup.outgoing is not None:
        _server(provider, "outgoingServer", setup.outgoing)
    if setup.help_url:
        page = ET.SubElement(provider, "documentation", url=setup.help_url)
        for language, text in _HELP.items():
            ET.SubElement(page, "descr", lang=language).text = text
    ET.indent(root)
    rendered: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return rendered + b"\n"


def _server(provider: ET.Element, element: str, service: MailService) -> None:
    server = ET.SubElement(provider, element, type=service.protocol.value)
    _texts(
        server,
        ("hostname", service.host),
        ("port", str(service.port)),
        ("socketType", "SSL"),
        ("username", "%EMAILADDRESS%"),
        ("authentication", "password-cleartext"),  # inside TLS; the directory needs the password itself
    )
    if service.protocol is MailProtocol.POP3:
        # Gmail stops handing out messages that a client leaves on the server (manual 2.3.1 and 4.3)
        _texts(ET.SubElement(server, "pop3"), ("leaveMessagesOnServer", "false"))


def _texts(parent: ET.Element, *pairs: tuple[str, str]) -> None:
    for name, text in pairs:
        ET.SubElement(parent, name).text = text
