"""The SASL messages that Gmail understands, decoded; and the JSON with which it refuses a token.

Pure: text in, values out. RFC 4616 (PLAIN), RFC 7628 (OAUTHBEARER), Google's XOAUTH2 page.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

#: the challenge that Gmail sends before it refuses a token, byte for byte
TOKEN_CHALLENGE = base64.b64encode(b'{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}').decode()

TOKEN_MECHANISMS = ("XOAUTH2", "OAUTHBEARER")


class BadMessage(ValueError):
    """The client's SASL message cannot be decoded."""


@dataclass(frozen=True, slots=True)
class Plain:
    """A name with a password."""

    username: str
    password: str


@dataclass(frozen=True, slots=True)
class Bearer:
    """A name with an access token."""

    username: str
    token: str


def decode_base64(line: bytes) -> bytes:
    """Return the octets of a SASL line; ``=`` stands for none (RFC 4954 4).

    Raises:
        BadMessage: not base64.
    """
    if line == b"=":
        return b""
    try:
        return base64.b64decode(line, validate=True)
    except binascii.Error as error:
        raise BadMessage("not base64") from error


def decode(mechanism: str, line: bytes) -> Plain | Bearer:
    """Return what a client's base64 line of PLAIN, XOAUTH2 or OAUTHBEARER says.

    Raises:
        BadMessage: it is not what the mechanism wants.
    """
    try:
        text = decode_base64(line).decode()
    except UnicodeDecodeError as error:
        raise BadMessage("not UTF-8") from error
    if mechanism == "PLAIN":
        return _plain(text)
    return _xoauth2(text) if mechanism == "XOAUTH2" else _oauthbearer(text)


def _plain(text: str) -> Plain:
    parts = text.split("\0")
    if len(parts) != 3:
        raise BadMessage("PLAIN wants two NULs")
    return Plain(parts[1], parts[2])


def _xoauth2(text: str) -> Bearer:
    fields = dict(field.partition("=")[::2] for field in text.split("\x01") if field)
    return _bearer(fields.get("user", ""), fields.get("auth", ""))


def _oauthbearer(text: str) -> Bearer:
    header, _, rest = text.partition("\x01")
    parts = header.split(",")
    fields = dict(field.partition("=")[::2] for field in rest.split("\x01") if field)
    username = next((part[2:] for part in parts if part.startswith("a=")), "")
    return _bearer(username, fields.get("auth", ""))


def _bearer(username: str, auth: str) -> Bearer:
    scheme, _, token = auth.partition(" ")
    if not username or scheme.lower() != "bearer" or not token:
        raise BadMessage("no user or no bearer token")
    return Bearer(username, token.strip())
