"""SASL on both sides, as pure functions: PLAIN and LOGIN of a client, XOAUTH2 and PLAIN towards Gmail.

It may import ``model``, ``secret``, ``text`` and the standard library. Rules: a mechanism is a function of the answers so far, so
there is no state to corrupt; ``credentials`` is the only maker of Credentials; nothing here prints or keeps what it is given.

A client's own token (XOAUTH2, OAUTHBEARER) would be a way round the policy. It is not looked at: ``client_token`` makes
Credentials that carry the name, for the history, no secret, and the defect CLIENT_TOKEN. A front hands that out as a LoginAttempt
at once, without asking for a token that did not come with the command; outside it looks like any refusal.
"""

from __future__ import annotations

import binascii
import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from cgappliance.model import Credentials, Grant, MailProtocol, Reason
from cgappliance.proto.text import printable
from cgappliance.secret import Secret

#: RFC 5321 section 4.5.3.1: a path has 256 with its angle brackets, which leaves a domain less than its own 255.
LOCAL_PART_OCTETS = 64
ADDRESS_OCTETS = 254
#: As typed, for the history: the longest address and a little more, so that a mistake can be seen.
LOGIN_CHARACTERS = 320

#: Gmail's POP3 mode "last 30 days, whatever other clients fetched".
RECENT_PREFIX = "recent:"

#: Mechanisms by which a client would bring a token of its own.
TOKEN_MECHANISMS = frozenset({"XOAUTH", "XOAUTH2", "OAUTHBEARER", "PLAIN-CLIENTTOKEN"})

#: CR and LF end a line, NUL a field of PLAIN, \\x01 one of XOAUTH2.
_ENDS_A_FIELD = re.compile("[\r\n\0\x01]")

_BASE64 = re.compile(rb"[A-Za-z0-9+/]*={0,2}")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
#: RFC 5321 Dot-string "@" Domain, lower case, ASCII: Google has no other accounts. A quoted local part is none of its either.
_ADDRESS = re.compile(rf"(?P<local>{_ATOM}(?:\.{_ATOM})*)@{_LABEL}(?:\.{_LABEL})*")
#: The name in a client's XOAUTH2 (``user=``) or OAUTHBEARER (gs2 header ``n,a=``) message.
_TOKEN_NAME = re.compile(rb"(?:user=|[ny],a=)([^\x00-\x20,\x7f]{1,1024})")


class Cancelled(Exception):
    """The client answered a challenge with ``*``."""


class Malformed(Exception):
    """The client's answer is not base64, or not what the mechanism's grammar allows."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """Send this (in base64) and ask again with the client's answer behind the others."""

    data: bytes


Mechanism = Callable[[Sequence[bytes], MailProtocol], Challenge | Credentials]


def decode(line: bytes) -> bytes:
    """Return a client's answer to a challenge, decoded; an empty line is an empty answer.

    Raises:
        Cancelled: the line is ``*``.
        Malformed: it is not base64 with its padding, complete and at the end (RFC 4648 section 4).
    """
    if line == b"*":
        raise Cancelled
    if len(line) % 4 or not _BASE64.fullmatch(line):
        raise Malformed("not base64")
    return binascii.a2b_base64(line)


def decode_initial(argument: bytes) -> bytes:
    """Return an initial response, decoded; ``=`` is the empty one (RFC 4959 section 3, RFC 4954 section 4, RFC 5034 section 4).

    Raises:
        Malformed: it is not base64. ``*`` is not special here.
    """
    if argument == b"=":
        return b""
    try:
        return decode(argument)
    except Cancelled:
        raise Malformed("not base64") from None


def encode(data: bytes) -> bytes:
    """Return ``data`` in base64 on one line."""
    return binascii.b2a_base64(data, newline=False)


def plain(answers: Sequence[bytes], protocol: MailProtocol) -> Challenge | Credentials:
    """RFC 4616: one message, ``[authzid] NUL authcid NUL passwd``. A further NUL falls to the password, where it is refused.

    Raises:
        Malformed: there are fewer than two NULs.
    """
    if not answers:
        return Challenge(b"")
    parts = answers[0].split(b"\0", 2)
    if len(parts) != 3:
        raise Malformed("not a PLAIN message")
    authzid, authcid, password = parts
    return credentials(authcid, password, "PLAIN", protocol, authzid=authzid)


def login(answers: Sequence[bytes], protocol: MailProtocol) -> Challenge | Credentials:
    """draft-murchison-sasl-login: name, then password, with the prompts that everybody sends instead of the draft's."""
    if not answers:
        return Challenge(b"Username:")
    if len(answers) == 1:
        return Challenge(b"Password:")
    return credentials(answers[0], answers[1], "LOGIN", protocol)


#: The mechanisms that are offered; what a front advertises is made from its keys.
MECHANISMS: Mapping[str, Mechanism] = MappingProxyType({"PLAIN": plain, "LOGIN": login})


def credentials(login: bytes, password: bytes, mechanism: str, protocol: MailProtocol, *, authzid: bytes = b"") -> Credentials:
    """Return what the client typed as Credentials, with the first defect found, if any.

    Args:
        login: the name as it came, any bytes.
        password: the password as it came, any bytes.
        mechanism: the way it came: "LOGIN", "PLAIN", "USER".
        protocol: POP3 alone knows ``recent:``.
        authzid: the identity to act as, where the mechanism has one; the same as ``login`` but for case is as good as none.
    """
    address, recent, defect = _address(login, protocol)
    text, password_defect = _password(password)
    if defect is None and authzid and authzid.lower() != login.lower():
        defect = Reason.OTHER_IDENTITY
    return Credentials(
        login=printable(login, LOGIN_CHARACTERS),
        address=address,
        password=Secret(text),
        mechanism=mechanism,
        recent=recent,
        defect=defect or password_defect,
    )


def client_token(mechanism: str, initial: bytes, protocol: MailProtocol) -> Credentials:
    """Return Credentials without a secret for a client that tries to log in with a token of its own.

    Args:
        mechanism: one of TOKEN_MECHANISMS, as the client named it.
        initial: the initial response, still in base64; b"" or anything unreadable gives an empty name.
        protocol: the front's.
    """
    try:
        found = _TOKEN_NAME.match(decode_initial(initial))
    except Malformed:
        found = None
    name = found.group(1) if found else b""
    address, _, _ = _address(name, protocol)
    return Credentials(printable(name, LOGIN_CHARACTERS), address, Secret(""), mechanism, defect=Reason.CLIENT_TOKEN)


def fits_a_login(grant: Grant) -> bool:
    """Tell whether user name and secret can be sent: none of them ends a line or a field of any login and so begins another.

    Dovecot had this bug.
    """
    return not _ENDS_A_FIELD.search(grant.username) and not _ENDS_A_FIELD.search(grant.secret.reveal())


def xoauth2_response(grant: Grant) -> bytes:
    """Return the XOAUTH2 message for a token grant, in base64. The caller sends it and keeps no copy."""
    return encode(f"user={grant.username}\x01auth=Bearer {grant.secret.reveal()}\x01\x01".encode())


def plain_response(grant: Grant) -> bytes:
    """Return the PLAIN message for a password grant, in base64. The caller sends it and keeps no copy."""
    return encode(f"\0{grant.username}\0{grant.secret.reveal()}".encode())


def error_challenge(data: bytes) -> str | None:
    """Return the JSON text of a challenge by which a server says that it refuses a token, or None for any other challenge.

    Gmail (``{"status":"400",...}``) and RFC 7628 section 3.2.2 alike. The real refusal only comes after an answer: an empty line
    for XOAUTH2.
    """
    try:
        text = decode(data).decode("utf-8")
        told = json.loads(text)
    except (Cancelled, Malformed, ValueError, RecursionError):
        return None
    return text if isinstance(told, dict) and "status" in told else None


def _address(login: bytes, protocol: MailProtocol) -> tuple[str, bool, Reason | None]:
    """Return address, recent mode and defect of a login name; the address is "" when there is a defect."""
    name = _decoded(login)
    if name is None:
        return "", False, Reason.BAD_CHARACTERS
    recent = protocol is MailProtocol.POP3 and name[: len(RECENT_PREFIX)].lower() == RECENT_PREFIX
    address = name[len(RECENT_PREFIX) :] if recent else name
    # isascii first: lower() folds a few letters of other scripts (the Kelvin sign) into ASCII ones.
    found = _ADDRESS.fullmatch(address.lower()) if address.isascii() and len(address) <= ADDRESS_OCTETS else None
    if not found or len(found["local"]) > LOCAL_PART_OCTETS:
        return "", recent, Reason.BAD_LOGIN_NAME
    return found[0], recent, None


def _password(password: bytes) -> tuple[str, Reason | None]:
    """Return the password's text and defect. RFC 4513 5.1.2: an empty one would be an anonymous bind, which succeeds."""
    text = _decoded(password)
    if text is None:
        return "", Reason.BAD_CHARACTERS
    return text, None if text else Reason.EMPTY_PASSWORD


def _decoded(data: bytes) -> str | None:
    """Return UTF-8 text without control characters, or None: CR, LF and NUL would split the commands of the next protocol."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if text.isprintable():  # nearly always
        return text
    return None if any(unicodedata.category(character) == "Cc" for character in text) else text
