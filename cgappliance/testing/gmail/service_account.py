"""A service account of the look-alike: its RSA key, the scopes delegated to it, and the JSON key file as Google writes it.

This file knows no HTTP.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from cgappliance.testing.gmail.tokens import ALL_SCOPES

PROJECT = "cgappliance-lookalike"
KEY_BITS = 2048  #: what Google makes
CERTIFICATES = "/robot/v1/metadata/x509/"  #: where Google shows the certificates of a service account's keys
FOR_EVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)  #: until when the certificate of a key is good that a customer made


@dataclass(slots=True)
class ServiceAccount:
    """A service account with one key and domain-wide delegation for ``granted`` scopes."""

    email: str
    client_id: str  #: the number that an administrator pastes into the admin console
    key_id: str
    key: rsa.RSAPrivateKey
    granted: set[str] = field(default_factory=lambda: set(ALL_SCOPES))
    key_deleted: bool = False  #: the key was deleted in the cloud console
    deleted: bool = False  #: the whole account was
    made_at: float = field(default_factory=time.time)  #: the key, in seconds since 1970

    @classmethod
    def generate(cls, name: str = "mail-proxy", granted: Iterable[str] = ALL_SCOPES) -> ServiceAccount:
        """Make a service account with a new key. Costs some 100 ms of CPU."""
        return cls(
            email=f"{name}@{PROJECT}.iam.gserviceaccount.com",
            client_id=f"1{secrets.randbelow(10**20):020d}",
            key_id=secrets.token_hex(20),
            key=rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS),
            granted=set(granted),
        )

    @classmethod
    def from_key_json(cls, text: str) -> ServiceAccount:
        """Return the service account of a key file that ``key_json`` wrote, all scopes delegated to it.

        Raises:
            ValueError: the text is no such file.
        """
        content = json.loads(text)
        try:
            key = serialization.load_pem_private_key(content["private_key"].encode(), password=None)
            email, client_id, key_id = content["client_email"], content["client_id"], content["private_key_id"]
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a service account's key file: {error!r}") from error
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError("not a service account's key file: the key is not RSA")  # noqa: TRY004 - the value is wrong
        return cls(email, client_id, key_id, key)

    def key_json(self, token_uri: str) -> str:
        """Return the text of the JSON key file; ``token_uri`` leads to the look-alike instead of Google."""
        pem = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        content = {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": self.key_id,
            "private_key": pem,
            "client_email": self.email,
            "client_id": self.client_id,
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": token_uri,
            "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
            "client_x509_cert_url": token_uri.removesuffix("/token") + CERTIFICATES + self.email.replace("@", "%40"),
            "universe_domain": "googleapis.com",
        }
        return json.dumps(content, indent=2) + "\n"

    def certificates(self) -> dict[str, str]:
        """Return the certificates (PEM) of the keys by key id, as Google publishes them; they begin when the key was made."""
        if self.key_deleted or self.deleted:
            return {}
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.email[:64])])
        builder = x509.CertificateBuilder(name, name, self.key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(datetime.fromtimestamp(int(self.made_at), UTC)).not_valid_after(FOR_EVER)
        return {self.key_id: builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()}
