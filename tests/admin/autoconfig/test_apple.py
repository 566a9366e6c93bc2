from __future__ import annotations

import plistlib
import subprocess
from datetime import timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from cgappliance.admin.autoconfig.apple import SignerUnfit, load_signer, render, sign
from cgappliance.admin.autoconfig.table import NotPublishable
from cgappliance.model import MailProtocol
from tests.admin.autoconfig.tables import HOST, setup
from tests.config.kit import authority, write_pair, write_private

ADDRESS = "taro@acme.example"
COMBINATIONS = [some for size in (1, 2, 3) for some in combinations(MailProtocol, size)]


def account(*protocols: MailProtocol) -> dict[str, Any]:
    found: dict[str, Any] = plistlib.loads(render(setup(*protocols), ADDRESS))["PayloadContent"][0]
    return found


@pytest.mark.parametrize("protocols", COMBINATIONS, ids="+".join)
def test_a_profile_reads_by_imap_where_it_can_and_needs_smtp(protocols: tuple[MailProtocol, ...]):
    if MailProtocol.SMTP not in protocols or len(protocols) == 1:
        with pytest.raises(NotPublishable, match="IMAP or POP3, and SMTP"):
            render(setup(*protocols), ADDRESS)
    else:
        wanted = ("EmailTypeIMAP", 10993) if MailProtocol.IMAP in protocols else ("EmailTypePOP", 10995)
        found = account(*protocols)
        assert (found["EmailAccountType"], found["IncomingMailServerPortNumber"]) == wanted


@pytest.mark.parametrize(("way", "port"), [("Incoming", 10993), ("Outgoing", 10465)])
def test_both_servers_have_name_port_tls_and_login_name(way: str, port: int):
    found = {key.removeprefix(f"{way}MailServer"): value for key, value in account().items() if key.startswith(f"{way}MailServer")}
    assert found == {
        "HostName": HOST,
        "PortNumber": port,
        "UseSSL": True,
        "Username": ADDRESS,
        "Authentication": "EmailAuthPassword",
    }


def test_the_payload_is_a_mail_account_without_a_password():
    found = account()
    assert (found["PayloadType"], found["EmailAddress"], found["OutgoingPasswordSameAsIncomingPassword"]) == (
        "com.apple.mail.managed",
        ADDRESS,
        True,
    )
    assert not {key for key in found if key.endswith("Password") and key != "OutgoingPasswordSameAsIncomingPassword"}


def test_identifiers_stay_and_uuids_do_not():
    one, two = (plistlib.loads(render(setup(), ADDRESS)) for _ in range(2))
    assert (
        one["PayloadIdentifier"] == two["PayloadIdentifier"] == one["PayloadContent"][0]["PayloadIdentifier"].removesuffix(".mail")
    )
    assert one["PayloadUUID"] != two["PayloadUUID"]
    assert one["PayloadIdentifier"] != plistlib.loads(render(setup(), "yuki@acme.example"))["PayloadIdentifier"]


def test_the_signature_holds_the_profile_and_openssl_verifies_it(tmp_path: Path):
    profile = render(setup(name="アクメ\r\n"), ADDRESS)
    certificate, key = write_pair(tmp_path, "signing.example")
    (tmp_path / "signed").write_bytes(sign(profile, load_signer(certificate, key)))
    authority().cert_pem.write_to_path(tmp_path / "ca.pem")
    argv = ["openssl", "cms", "-verify", "-inform", "DER", "-in", "signed", "-CAfile", "ca.pem", "-purpose", "any", "-binary"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, check=False, timeout=30)
    assert done.stdout == profile, done.stderr


def test_intermediates_are_in_the_signature(tmp_path: Path):
    intermediate = authority().create_child_ca(key_type=trustme.KeyType.ECDSA)
    leaf = intermediate.issue_cert("signing.example", not_after=None, key_type=trustme.KeyType.ECDSA)
    (tmp_path / "chain.pem").write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    signer = load_signer(tmp_path / "chain.pem", write_private(tmp_path / "key.pem", leaf.private_key_pem.bytes()))
    assert len(signer.chain) == 1


def test_a_key_of_another_certificate_is_refused(tmp_path: Path):
    certificate, _ = write_pair(tmp_path, "one.example", stem="one")
    _, key = write_pair(tmp_path, "two.example", stem="two")
    with pytest.raises(SignerUnfit, match=r"two.key does not belong to .*one.crt"):
        load_signer(certificate, key)


@pytest.mark.parametrize("content", [b"", b"nonsense", None], ids=["empty", "nonsense", "missing"])
def test_a_key_that_is_none_is_refused(tmp_path: Path, content: bytes | None):
    certificate, _ = write_pair(tmp_path, "one.example")
    if content is not None:
        write_private(tmp_path / "bad.key", content)
    with pytest.raises(SignerUnfit, match=r"bad.key is no private key"):
        load_signer(certificate, tmp_path / "bad.key")


def test_a_kind_of_key_that_cms_cannot_sign_with_is_refused(tmp_path: Path):
    certificate, _ = write_pair(tmp_path, "one.example", expires=timedelta(days=90))
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(SignerUnfit, match="of a kind that cannot sign"):
        load_signer(certificate, write_private(tmp_path / "ed.key", pem))


def test_a_certificate_that_is_none_is_refused(tmp_path: Path):
    with pytest.raises(SignerUnfit, match="cannot be read"):
        load_signer(tmp_path / "none.crt", tmp_path / "none.key")
