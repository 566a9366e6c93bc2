"""The JSON key file of a service account: read, checked, and what is wrong with it in words an operator can act on.

The text comes as a ``Secret``: no message of this file shows any of it but names of keys.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from google.auth.crypt import RSASigner

from cgappliance.plugin_api import PluginError, Secret
from cgappliance_google.transport import problem_of_url

NEEDED = ("client_email", "client_id", "private_key_id", "private_key", "token_uri")
HOW_TO_GET_ONE = "make a JSON key of a service account: Google Cloud console, IAM, Service accounts, Keys"


@dataclass(frozen=True, slots=True)
class ServiceAccountKey:
    """A checked key file."""

    email: str  #: the service account, issuer of the assertions
    client_id: str  #: the number that is granted domain-wide delegation
    token_uri: str
    signer: RSASigner
    certificates_url: str = ""  #: where Google shows the certificates of its keys; "": the file does not say


class _Unusable(ValueError):
    """The file cannot be used; the message is "problem (remedy)"."""


def check(text: Secret) -> str | None:
    """Return "problem (remedy)" for a key file that cannot be used, else None."""
    try:
        _parse(text)
    except _Unusable as error:
        return str(error)
    return None


def read(text: Secret) -> ServiceAccountKey:
    """Return the checked content of a key file.

    Raises:
        PluginError: it cannot be used; ``check`` says so before.
    """
    try:
        return _parse(text)
    except _Unusable as error:
        raise PluginError(f"service_account_file: {error}") from None


def _parse(text: Secret) -> ServiceAccountKey:
    content = _load(text)
    missing = [key for key in NEEDED if not isinstance(content.get(key), str) or not content[key]]
    if missing:
        raise _Unusable(f"the key file has no {', '.join(missing)} ({HOW_TO_GET_ONE})")
    _check_token_uri(content["token_uri"])
    signer = _signer(content)
    shown_at = content.get("client_x509_cert_url")
    url = shown_at if isinstance(shown_at, str) and problem_of_url(shown_at) is None else ""
    return ServiceAccountKey(content["client_email"], content["client_id"], content["token_uri"], signer, url)


def _load(text: Secret) -> dict[str, Any]:
    try:
        content = json.loads(text.reveal())
    except ValueError:
        content = None  # nothing of the parser's message: it could quote the key
    if not isinstance(content, dict):
        raise _Unusable(f"not a JSON object ({HOW_TO_GET_ONE})")
    kind = content.get("type")
    if kind == "service_account":
        return content
    if "installed" in content or "web" in content:
        raise _Unusable(f"an OAuth client's file, not a service account's ({HOW_TO_GET_ONE})")
    raise _Unusable(f"type is not 'service_account' ({HOW_TO_GET_ONE})")


def _check_token_uri(uri: str) -> None:
    """Refuse an address that would send assertions over the network in the clear."""
    problem = problem_of_url(uri)
    if problem:
        raise _Unusable(f"token_uri {problem} (Google's is https://oauth2.googleapis.com/token)")


def _signer(content: dict[str, Any]) -> RSASigner:
    """Return the signer. The key's arithmetic is not proven: that costs 26 ms for each tenant, and the file is the operator's."""
    try:
        key = load_pem_private_key(content["private_key"].encode(), password=None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise _Unusable(f"private_key is not an RSA key in PEM form ({HOW_TO_GET_ONE})")
    return RSASigner(key, content["private_key_id"])  # type: ignore[no-untyped-call]  # google-auth has no types here
