"""The check of a service account's JWT, as Google's token endpoint does it: RS256, key, audience, times, subject, scopes.

Written against RFC 7519 and Google's page rather than with google-auth, which the appliance uses to make the JWT: a mistake
shared by both sides would not show.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from cgappliance.testing.gmail.service_account import ServiceAccount
from cgappliance.testing.gmail.state import GmailState

AUDIENCE = "https://oauth2.googleapis.com/token"  #: constant, whatever the endpoint's address
MAX_LIFE_S = 3600
CLOCK_TOLERANCE_S = 300  #: how far ``iat`` may lie in the future


class Refused(Exception):
    """The token endpoint says no; the message is a name in ``token_errors.py``."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """Who wants a token for whom, checked."""

    issuer: ServiceAccount
    subject: str
    scopes: tuple[str, ...]


def check(state: GmailState, text: str, now: float) -> Assertion:
    """Return what a signed JWT asks for.

    Raises:
        Refused: signature, audience, times or scopes are not good; the subject is not looked up here.
    """
    header, claims, signed, signature = _split(text)
    issuer = state.service_accounts.get(str(claims.get("iss")))
    if issuer is None or issuer.deleted:
        raise Refused("account_deleted")
    if header.get("alg") != "RS256" or header.get("kid") != issuer.key_id or issuer.key_deleted:
        raise Refused("signature")
    try:
        issuer.key.public_key().verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        raise Refused("signature") from None
    _check_times(claims, now)
    if claims.get("aud") != AUDIENCE:
        raise Refused("invalid_request")
    scopes = tuple(str(claims.get("scope", "")).split())
    if not scopes or not set(scopes) <= issuer.granted:
        raise Refused("unauthorized_client" if scopes else "invalid_scope")
    return Assertion(issuer, str(claims.get("sub", "")), scopes)


def _check_times(claims: dict[str, Any], now: float) -> None:
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int) or not isinstance(expires, int):
        raise Refused("clock")
    if expires <= now or issued > now + CLOCK_TOLERANCE_S or not 0 < expires - issued <= MAX_LIFE_S:
        raise Refused("clock")


def _split(text: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    """Return header, claims, the signed octets and the signature."""
    try:
        header, claims, signature = text.split(".")
        decoded = (json.loads(_decode(header)), json.loads(_decode(claims)))
        if not all(isinstance(part, dict) for part in decoded):
            raise Refused("invalid_request")
        return *decoded, f"{header}.{claims}".encode(), _decode(signature)
    except (ValueError, binascii.Error) as error:
        raise Refused("invalid_request") from error


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
