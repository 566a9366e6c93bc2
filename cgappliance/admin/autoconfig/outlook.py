"""Autodiscover as Outlook speaks it: POX ("plain old XML") questions and answers, and the JSON that points to them.

The questions come from anybody: they are bounded, and an XML parser that knows neither DTD nor entities reads them. Specifications:
MS-OXDSCLI for POX, MS-ASCMD 2.2.3.64 for the error codes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from xml.etree import ElementTree as ET

from defusedxml import DefusedXmlException
from defusedxml import ElementTree as Defused

from cgappliance.admin.autoconfig.table import MailService, MailSetup
from cgappliance.errors import CgapplianceError
from cgappliance.model import MailProtocol

CONTENT_TYPE: Final = "text/xml; charset=utf-8"
REQUEST_MAX: Final = 16_384  #: bytes; Outlook's questions have some 400
ADDRESS_MAX: Final = 320  #: characters: 64 before and 255 behind the @ (RFC 5321 4.5.3.1)
ERROR_CHARACTERS: Final = 200  #: of a client's words in an answer

ENVELOPE: Final = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
SETTINGS: Final = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
PATH: Final = "/autodiscover/autodiscover.xml"

INVALID_REQUEST: Final = 600
NO_PROVIDER: Final = 601  # for the schema that the client can read

_TYPE: Final = {MailProtocol.IMAP: "IMAP", MailProtocol.POP3: "POP3", MailProtocol.SMTP: "SMTP"}


class BadQuestion(CgapplianceError):
    """The question cannot be answered; ``code`` is what the client is told."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Question:
    """What Outlook asks."""

    address: str  #: as typed, one line
    schema: str  #: of the answer

    @property
    def domain(self) -> str:
        """The part behind the last ``@``, lower case."""
        return self.address.rpartition("@")[2].lower()


def ask(address: str) -> bytes:
    """Return the question that Outlook would post for an address."""
    root = ET.Element("Autodiscover", xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006")
    request = ET.SubElement(root, "Request")
    ET.SubElement(request, "EMailAddress").text = address
    ET.SubElement(request, "AcceptableResponseSchema").text = SETTINGS
    return _written(root)


def parse(body: bytes) -> Question:
    """Return what a client asks.

    Raises:
        BadQuestion: it is too long, no XML, hostile XML, has no address, or wants a schema other than that of mail settings.
    """
    root = read_xml(body)
    address = (root.findtext("{*}Request/{*}EMailAddress") or "").strip()
    local, at, domain = address.rpartition("@")
    if not (local and at and domain and address.isprintable() and " " not in address and len(address) <= ADDRESS_MAX):
        raise BadQuestion(INVALID_REQUEST, "Invalid Request")
    wanted = [(schema.text or "").strip() for schema in root.findall("{*}Request/{*}AcceptableResponseSchema")]
    if SETTINGS not in wanted:
        raise BadQuestion(NO_PROVIDER, "Provider is not available")
    return Question(address, SETTINGS)


def read_xml(body: bytes) -> ET.Element:
    """Return the root of a stranger's XML, at most REQUEST_MAX bytes of it, without DTD, entities and references outside.

    Raises:
        BadQuestion: it is none.
    """
    if len(body) > REQUEST_MAX:
        raise BadQuestion(INVALID_REQUEST, "Invalid Request")
    try:
        root: ET.Element = Defused.fromstring(body, forbid_dtd=True)
    except (ET.ParseError, DefusedXmlException, LookupError, ValueError) as error:  # the last two: encodings that are none
        raise BadQuestion(INVALID_REQUEST, "Invalid Request") from error
    return root


def answer(setup: MailSetup, question: Question) -> bytes:
    """Return the settings; the login name is the address, whoever it belongs to."""
    root = ET.Element("Autodiscover", xmlns=ENVELOPE)
    account = ET.SubElement(ET.SubElement(root, "Response", xmlns=question.schema), "Account")
    _texts(account, ("AccountType", "email"), ("Action", "settings"))
    for service in setup.services:
        _protocol(account, service, question.address)
    return _written(root)


def refusal(error: BadQuestion, now: datetime) -> bytes:
    """Return what a client is told whose question cannot be answered."""
    root = ET.Element("Autodiscover", xmlns=ENVELOPE)
    response = ET.SubElement(root, "Response")
    told = ET.SubElement(response, "Error", Time=f"{now:%H:%M:%S.%f}", Id="0")
    _texts(told, ("ErrorCode", str(error.code)), ("Message", str(error)))
    ET.SubElement(told, "DebugData")
    return _written(root)


def pointer(protocol: str, url: str) -> tuple[int, dict[str, str]]:
    """Return HTTP status and JSON for a question of version 2: where POX is; any other protocol is not here."""
    if protocol.lower() == "autodiscoverv1":
        return 200, {"Protocol": "Autodiscoverv1", "Url": url}
    shown = protocol[:ERROR_CHARACTERS]
    return 400, {
        "ErrorCode": "InvalidProtocol" if protocol else "MandatoryParameterMissing",
        "ErrorMessage": f"The given protocol value '{shown}' is invalid. Supported values are 'AutodiscoverV1'.",
    }


def _protocol(account: ET.Element, service: MailService, address: str) -> None:
    protocol = ET.SubElement(account, "Protocol")
    _texts(
        protocol,
        ("Type", _TYPE[service.protocol]),
        ("Server", service.host),
        ("Port", str(service.port)),
        ("DomainRequired", "off"),
        ("LoginName", address),
        ("SPA", "off"),
        ("SSL", "on"),  # "on" and "off" are the only words that Outlook knows
        ("Encryption", "SSL"),  # "TLS" would be STARTTLS, and it wins over SSL (MS-OXDSCLI 2.2.4.1.1.2.6.22)
        ("AuthRequired", "on"),
    )
    if service.protocol is MailProtocol.SMTP:
        _texts(protocol, ("UsePOPAuth", "on"), ("SMTPLast", "off"))


def _texts(parent: ET.Element, *pairs: tuple[str, str]) -> None:
    for name, text in pairs:
        ET.SubElement(parent, name).text = text


def _written(root: ET.Element) -> bytes:
    ET.indent(root)
    rendered: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return rendered + b"\n"
