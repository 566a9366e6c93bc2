"""Certificate, key and CA files: what a mail client, or the TLS library at the next start, would object to.

Everything is found here, at ``check``, and not by the first client of the morning.
"""

from __future__ import annotations

import ipaddress
import ssl
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from OpenSSL import crypto

from cgappliance.config.problem import Severity, Unfit

WARN_BEFORE: Final = timedelta(days=30)  #: certbot renews at 30 days: what is still not renewed then needs a look
MIN_RSA_BITS: Final = 2048  #: OpenSSL's security level 2, Debian's default, refuses smaller keys

_RENEW = "renew it"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with one of the two files."""

    key: str  #: "certificate" or "private_key"
    problem: str
    remedy: str
    severity: Severity = Severity.ERROR


@dataclass(frozen=True, slots=True)
class Checked:
    """A listener's chain and key, looked at."""

    findings: list[Finding]
    good_until: datetime  #: when time alone may change the findings


def check_pair(certificate: Path, private_key: Path, hostname: str, now: datetime) -> Checked:
    """Check a listener's chain and key. Blocks on both files.

    Args:
        certificate: PEM, the server's certificate first.
        private_key: PEM, without pass phrase.
        hostname: what mail clients connect to; "": not known, not compared.
        now: with a time zone.
    """
    findings = []
    chain: list[x509.Certificate] = []
    key: PrivateKeyTypes | None = None
    try:
        chain = read_chain(certificate)
        findings += [*_validity(chain, now), *_names(chain[0], hostname), *_strength(chain[0]), *_links(chain)]
    except Unfit as unfit:
        findings.append(Finding("certificate", unfit.problem, unfit.remedy))
    try:
        key = _read_key(private_key)
    except Unfit as unfit:
        findings.append(Finding("private_key", unfit.problem, unfit.remedy))
    if chain and key is not None:
        findings += _match(chain, key, certificate)
    if chain and not any(finding.severity is Severity.ERROR for finding in findings):
        findings += _accepted_by_openssl(certificate, private_key)
    return Checked(findings, min((moment for link in chain for moment in _turning_points(link) if moment > now), default=now))


def read_chain(path: Path) -> list[x509.Certificate]:
    """Return the certificates of a PEM file, at least one. Blocks on the file.

    Raises:
        Unfit: there is none, or one cannot be read.
    """
    try:
        with warnings.catch_warnings():  # cryptography warns of what old CAs wrote into certificates: not the operator's doing
            warnings.simplefilter("ignore")
            return x509.load_pem_x509_certificates(path.read_bytes())
    except (ValueError, UnsupportedAlgorithm):
        raise Unfit(f"{path} holds no certificate in PEM form", "it should begin with -----BEGIN CERTIFICATE-----") from None
    except OSError as error:
        raise Unfit(f"{path} cannot be read: {error.strerror}", "correct the path, or put the file there") from None


def _read_key(path: Path) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(path.read_bytes(), password=None)
    except TypeError:
        raise Unfit(f"{path} is protected by a pass phrase", "remove it: openssl pkey -in OLD -out NEW") from None
    except (ValueError, UnsupportedAlgorithm):
        raise Unfit(f"{path} holds no private key in PEM form", "it should begin with -----BEGIN PRIVATE KEY-----") from None
    except OSError as error:
        raise Unfit(f"{path} cannot be read: {error.strerror}", "correct the path, or put the file there") from None


def _validity(chain: list[x509.Certificate], now: datetime) -> Iterator[Finding]:
    for number, certificate in enumerate(chain, 1):
        which = f"certificate {number} of the chain" if number > 1 else "the certificate"
        begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        if now > ends:
            # clients may know a newer path than the chain's: Let's Encrypt sent an expired root for years, on purpose
            severity = Severity.WARNING if number > 1 else Severity.ERROR
            yield Finding("certificate", f"{which} expired on {ends:%Y-%m-%d}", _RENEW, severity)
        elif now < begins:
            yield Finding("certificate", f"{which} is not valid before {begins:%Y-%m-%d %H:%M} UTC", "wait, or check the clock")
        elif ends - now < WARN_BEFORE:
            days = (ends - now).days
            yield Finding("certificate", f"{which} expires in {days} days, on {ends:%Y-%m-%d}", _RENEW, Severity.WARNING)


def _turning_points(certificate: x509.Certificate) -> tuple[datetime, ...]:
    """Return the moments at which ``_validity`` changes its mind."""
    ends = certificate.not_valid_after_utc
    return certificate.not_valid_before_utc, ends - WARN_BEFORE, ends


def _names(certificate: x509.Certificate, hostname: str) -> Iterator[Finding]:
    """Compare names as mail clients do: subject alternative names only, a wildcard for one label (RFC 7817, RFC 6125 6.4.3)."""
    if not hostname:
        return
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        yield Finding("certificate", "has no subject alternative name", f"clients want {hostname} there: order it so")
        return
    known = [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]
    if not any(_covers(name, hostname) for name in known):
        covered = ", ".join(known) or "nothing that clients compare"
        yield Finding(
            "certificate", f"does not cover {hostname}", f"it covers {covered}: order one for listen.hostname, or correct that"
        )


def _covers(name: str, hostname: str) -> bool:
    name, hostname = name.lower().removesuffix("."), hostname.lower()
    if name == hostname or _same_address(name, hostname):
        return True
    star, _, parent = name.partition(".")
    return star == "*" and bool(parent) and hostname.partition(".")[2] == parent


def _same_address(name: str, hostname: str) -> bool:
    try:
        return ipaddress.ip_address(name) == ipaddress.ip_address(hostname)
    except ValueError:
        return False


def _strength(certificate: x509.Certificate) -> Iterator[Finding]:
    key = certificate.public_key()
    if isinstance(key, RSAPublicKey) and key.key_size < MIN_RSA_BITS:
        yield Finding("certificate", f"has an RSA key of {key.key_size} bits", f"at least {MIN_RSA_BITS}; better ECDSA P-256")


def _links(chain: list[x509.Certificate]) -> Iterator[Finding]:
    """Have OpenSSL verify each certificate of the chain by the next one, as a client will: CAs change their intermediates.

    Whether a client trusts the end of the chain is not asked: a company's own CA is as good as any, to its own machines.
    """
    for number, (link, issuer) in enumerate(pairwise(chain), 1):
        store = crypto.X509Store()
        store.add_cert(crypto.X509.from_cryptography(issuer))
        store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
        store.set_time(max(link.not_valid_before_utc, issuer.not_valid_before_utc))  # ``_validity`` has told the dates already
        try:
            crypto.X509StoreContext(store, crypto.X509.from_cryptography(link)).verify_certificate()
        except crypto.X509StoreContextError as error:
            yield Finding(
                "certificate",
                f"certificate {number + 1} of the file did not issue certificate {number}: {error}",
                "put the intermediate certificates there that your CA gives with the server's",
                Severity.WARNING,
            )


def _match(chain: list[x509.Certificate], key: PrivateKeyTypes, certificate: Path) -> Iterator[Finding]:
    wanted = _spki(key.public_key())
    numbers = [number for number, link in enumerate(chain, 1) if _spki(link.public_key()) == wanted]
    if not numbers:
        yield Finding(
            "private_key", f"does not belong to the certificate in {certificate}", "name the key that it was ordered with"
        )
    elif numbers[0] > 1:
        yield Finding(
            "certificate",
            f"the key belongs to certificate {numbers[0]} of the file",
            "put the server's certificate first, then its chain",
        )


def _spki(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _accepted_by_openssl(certificate: Path, private_key: Path) -> Iterator[Finding]:
    """Load both files as the listeners will: OpenSSL's security level knows weak curves and digests that we need not list."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, private_key, password="")  # "": never ask a terminal
    except OSError as error:  # ssl.SSLError is one
        reason = getattr(error, "reason", None) or error.strerror or "no reason given"
        yield Finding("certificate", f"OpenSSL does not accept it: {reason}", "order one with ECDSA P-256 or RSA 2048, and SHA-256")
