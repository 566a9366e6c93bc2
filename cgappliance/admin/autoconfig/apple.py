"""Configuration profiles (``.mobileconfig``) for Apple Mail on Mac, iPhone and iPad.

The only comfortable way there: these clients look nothing up that could hold ports of five digits. A profile is for one address and
holds no password; the device asks for it. A signature is only for the green mark at installation.
"""

from __future__ import annotations

import plistlib
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key, pkcs7

from cgappliance.admin.autoconfig.table import MailSetup, NotPublishable
from cgappliance.config.certificates import read_chain
from cgappliance.config.problem import Unfit
from cgappliance.errors import CgapplianceError
from cgappliance.model import MailProtocol

CONTENT_TYPE: Final = "application/x-apple-aspen-config"
SUFFIX: Final = ".mobileconfig"

_ACCOUNT_TYPE: Final = {MailProtocol.IMAP: "EmailTypeIMAP", MailProtocol.POP3: "EmailTypePOP"}
_NAMESPACE: Final = uuid.UUID("6c1e0d0e-6f4a-5c0e-8f0b-0d9a3f3b5a11")  #: of ours: makes the identifiers of accounts
_DESCRIPTION: Final = {
    "en": "Sets up the mail account {address}. The device asks for the password: it is the one of your company's directory.",
    "ja": "メールアカウント {address} を設定します。パスワードは端末が尋ねます。会社のディレクトリのパスワードを入力してください。",
}


class SignerUnfit(CgapplianceError):
    """Certificate or key for signing cannot be used; the message has problem and remedy."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Who vouches for a profile."""

    certificate: x509.Certificate
    key: RSAPrivateKey | EllipticCurvePrivateKey
    chain: tuple[x509.Certificate, ...] = ()  #: intermediates, for the device to find the way to a root


def render(setup: MailSetup, address: str) -> bytes:
    """Return the profile for one address, unsigned.

    The identifiers are the same for the same address each time, so that a new profile replaces the old one; the UUIDs are new ones.

    Raises:
        NotPublishable: mail cannot be read, or not be sent: Apple's account needs both.
    """
    reading = next(iter(setup.incoming), None)
    sending = setup.outgoing
    if reading is None or sending is None:
        raise NotPublishable(
            f"{setup.tenant}: a profile for Apple Mail needs a protocol to read, IMAP or POP3, and SMTP "
            "(let a security profile allow both)"
        )
    identifier = f"cgappliance.{setup.tenant}.{uuid.uuid5(_NAMESPACE, address)}"
    account = {
        **_payload("com.apple.mail.managed", f"{identifier}.mail", setup.name),
        "EmailAccountDescription": setup.name,
        "EmailAccountType": _ACCOUNT_TYPE[reading.protocol],
        "EmailAddress": address,
        **_server("Incoming", reading.host, reading.port, address),
        **_server("Outgoing", sending.host, sending.port, address),  # without a user name a Mac keeps sending switched off
        "OutgoingPasswordSameAsIncomingPassword": True,
    }
    description = _DESCRIPTION[setup.language].format(address=address)
    profile = {
        **_payload("Configuration", identifier, f"{setup.name}: {address}"),
        "PayloadOrganization": setup.name,
        "PayloadDescription": description,
        "PayloadContent": [account],
    }
    return plistlib.dumps(profile, sort_keys=False)


def load_signer(certificate: Path, private_key: Path) -> Signer:
    """Return who signs, from two PEM files. Blocks on them.

    It should be a certificate for this purpose and not that of the mail ports: whoever holds its key can sign profiles.

    Raises:
        SignerUnfit: a file cannot be read, or the two do not belong together.
    """
    try:
        leaf, *chain = read_chain(certificate)
        key = load_pem_private_key(private_key.read_bytes(), password=None)
    except Unfit as unfit:
        raise SignerUnfit(f"{unfit.problem} ({unfit.remedy})") from unfit
    except (OSError, TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise SignerUnfit(f"{private_key} is no private key that can be used (give a PEM file without pass phrase)") from error
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
        raise SignerUnfit(f"{private_key} is of a kind that cannot sign profiles (order a certificate with RSA or ECDSA)")
    if key.public_key() != leaf.public_key():
        raise SignerUnfit(f"{private_key} does not belong to {certificate} (name the key that it was ordered with)")
    return Signer(leaf, key, tuple(chain))


def sign(profile: bytes, signer: Signer) -> bytes:
    """Return the profile inside its signature (CMS signed data, RFC 5652), as devices expect it."""
    builder = pkcs7.PKCS7SignatureBuilder().set_data(profile).add_signer(signer.certificate, signer.key, SHA256())
    for certificate in signer.chain:
        builder = builder.add_certificate(certificate)
    return builder.sign(Encoding.DER, [pkcs7.PKCS7Options.Binary])  # without it line ends would be changed, and the data with them


def _payload(kind: str, identifier: str, name: str) -> dict[str, Any]:
    return {
        "PayloadType": kind,
        "PayloadVersion": 1,
        "PayloadIdentifier": identifier,
        "PayloadUUID": str(uuid.uuid4()).upper(),
        "PayloadDisplayName": name,
    }


def _server(way: str, host: str, port: int, address: str) -> dict[str, Any]:
    return {
        f"{way}MailServerHostName": host,
        f"{way}MailServerPortNumber": port,
        f"{way}MailServerUseSSL": True,
        f"{way}MailServerUsername": address,
        f"{way}MailServerAuthentication": "EmailAuthPassword",
    }
