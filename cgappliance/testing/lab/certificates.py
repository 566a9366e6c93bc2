"""Certificates for the lab: an authority of our own, ECDSA P-256 leaves, and the wrong ones that a client must refuse.

Every certificate is a PEM file with its chain, every key a PEM file of mode 0600: as servers want them.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")  #: what a server on this machine is called
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate with its key, as files."""

    certificate: Path  #: PEM: the leaf, then its intermediates
    private_key: Path  #: PEM, mode 0600


class Authority:
    """A certificate authority whose root nobody but the test trusts."""

    def __init__(self, folder: Path, name: str = "lab") -> None:
        """Make the authority. ``folder`` receives ``<name>-ca.pem`` and all that is issued; it must exist."""
        self._folder = folder
        self._ca = trustme.CA(organization_name=f"cgappliance {name} CA")
        self._issuer = self._ca
        self.ca_file = folder / f"{name}-ca.pem"
        self._ca.cert_pem.write_to_path(str(self.ca_file))

    def use_intermediate(self) -> None:
        """From now on issue through an intermediate, as public authorities do; it is part of each certificate file."""
        self._issuer = self._ca.create_child_ca()

    def issue(
        self,
        *names: str,
        file: str = "server",
        not_before: datetime | None = None,
        not_after: datetime | None = None,
    ) -> KeyPair:
        """Return a new server certificate.

        Args:
            names: host names and IP addresses of the SAN; default: ``LOCAL_NAMES``. The first one is also the common name.
            file: the files are ``<file>.crt`` and ``<file>.key``.
            not_before: default: the year 2000.
            not_after: default: the year 2038.
        """
        identities = names or LOCAL_NAMES
        leaf = self._issuer.issue_cert(*identities, common_name=identities[0], not_before=not_before, not_after=not_after)
        chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
        return _write(self._folder, file, chain, leaf.private_key_pem.bytes())

    def wrong_host(self, file: str = "wrong-host") -> KeyPair:
        """Return a good certificate of a host that nobody asks for."""
        return self.issue("somebody-else.invalid", file=file)

    def expired(self, *names: str, file: str = "expired") -> KeyPair:
        """Return a certificate that ended yesterday."""
        now = datetime.now(UTC)
        return self.issue(*names, file=file, not_before=now - 30 * DAY, not_after=now - DAY)

    def not_yet_valid(self, *names: str, file: str = "not-yet-valid") -> KeyPair:
        """Return a certificate that begins tomorrow."""
        now = datetime.now(UTC)
        return self.issue(*names, file=file, not_before=now + DAY, not_after=now + 30 * DAY)


def self_signed(folder: Path, *names: str, file: str = "self-signed") -> KeyPair:
    """Return a valid certificate that no authority has signed. ``names`` as in ``Authority.issue``."""
    identities = names or LOCAL_NAMES
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, identities[0])])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number(), now - DAY, now + 30 * DAY)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in identities]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    key_pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return _write(folder, file, certificate.public_bytes(serialization.Encoding.PEM), key_pem)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write(folder: Path, file: str, certificate: bytes, key: bytes) -> KeyPair:
    pair = KeyPair(folder / f"{file}.crt", folder / f"{file}.key")
    pair.private_key.touch(mode=0o600)
    pair.private_key.write_bytes(key)
    pair.certificate.write_bytes(certificate)
    return pair
