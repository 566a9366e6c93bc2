"""Google's public record of a service account's keys: a certificate for each, which begins when the key was made. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cryptography import x509

from cgappliance.plugin_api import GoogleFault, GoogleRefused


def made_at(certificates: Mapping[str, Any], key_id: str) -> datetime | None:
    """Return when a key was made; None: the record has none of this id.

    Raises:
        GoogleRefused: the record is not one.
    """
    if key_id not in certificates:
        return None
    try:
        certificate = x509.load_pem_x509_certificate(str(certificates[key_id]).encode())
    except ValueError as error:
        raise GoogleRefused(GoogleFault.INVALID, "the record of keys holds no certificate") from error
    return certificate.not_valid_before_utc
