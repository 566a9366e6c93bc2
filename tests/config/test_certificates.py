from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from cgappliance.config.certificates import check_pair, read_chain
from cgappliance.config.problem import Severity, Unfit

from .kit import HOSTNAME, authority, now, write_pair

DAY = timedelta(days=1)


def check(folder: Path, hostname: str = HOSTNAME, at: datetime | None = None) -> list[str]:
    found = check_pair(folder / "acme.crt", folder / "acme.key", hostname, at or now()).findings
    return [f"{'warning: ' if finding.severity is Severity.WARNING else ''}{finding.key}: {finding.problem}" for finding in found]


def self_signed(folder: Path, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, digest: hashes.HashAlgorithm) -> None:
    """Write a pair that trustme would not make: without alternative names, with any key and digest."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOSTNAME)])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now() - DAY, now() + 99 * DAY)
    (folder / "acme.crt").write_bytes(builder.sign(key, digest).public_bytes(Encoding.PEM))
    (folder / "acme.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def test_good_pair_has_no_findings(tmp_path: Path):
    write_pair(tmp_path)
    assert check(tmp_path) == []


@pytest.mark.parametrize(
    ("names", "hostname", "covered"),
    [
        (["a.example", HOSTNAME], HOSTNAME, True),
        ([HOSTNAME], HOSTNAME.upper(), True),
        (["*.cloudgate.example"], HOSTNAME, True),
        (["*.cloudgate.example"], "cloudgate.example", False),
        (["*.cloudgate.example"], "a.b.cloudgate.example", False),
        (["other.example"], HOSTNAME, False),
        (["127.0.0.1"], "127.0.0.1", True),
        (["::1"], "0:0:0:0:0:0:0:1", True),
        (["127.0.0.1"], "127.0.0.2", False),
    ],
)
def test_names_are_compared_as_clients_do(tmp_path: Path, names: list[str], hostname: str, covered: bool):
    write_pair(tmp_path, *names)
    wanted = f"certificate: does not cover {hostname}"
    assert check(tmp_path, hostname) == ([] if covered else [wanted])


def test_unknown_hostname_is_not_compared(tmp_path: Path):
    write_pair(tmp_path)
    assert check(tmp_path, "") == []


def test_common_name_alone_covers_nothing(tmp_path: Path):
    self_signed(tmp_path, ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    assert check(tmp_path) == ["certificate: has no subject alternative name"]


def test_validity_is_told_by_the_second(tmp_path: Path):
    write_pair(tmp_path)
    leaf = read_chain(tmp_path / "acme.crt")[0]
    begins, ends, second = leaf.not_valid_before_utc, leaf.not_valid_after_utc, timedelta(seconds=1)
    assert check(tmp_path, at=ends - 30 * DAY) == []
    assert check(tmp_path, at=ends - 30 * DAY + second)[0].startswith("warning: certificate: the certificate expires in 29 days")
    assert check(tmp_path, at=ends)[0].startswith("warning: certificate: the certificate expires in 0 days")
    assert check(tmp_path, at=ends + second) == [f"certificate: the certificate expired on {ends:%Y-%m-%d}"]
    assert check(tmp_path, at=begins) == []
    assert check(tmp_path, at=begins - second)[0].startswith("certificate: the certificate is not valid before")


def test_findings_hold_until_the_next_turn_of_the_certificate(tmp_path: Path):
    certificate, key = write_pair(tmp_path)
    leaf = read_chain(certificate)[0]
    begins, ends, second = leaf.not_valid_before_utc, leaf.not_valid_after_utc, timedelta(seconds=1)
    turns = [begins, ends - 30 * DAY, ends]
    for before, turn in zip([begins - second, *turns], [*turns, ends + second], strict=True):
        assert check_pair(certificate, key, HOSTNAME, before).good_until == (turn if before < ends else before)


def test_nothing_holds_of_files_that_could_not_be_read(tmp_path: Path):
    moment = now()
    assert check_pair(tmp_path / "a", tmp_path / "b", HOSTNAME, moment).good_until == moment


def test_expired_link_of_the_chain_is_a_warning(tmp_path: Path):
    write_pair(tmp_path)
    expired = trustme.CA(key_type=trustme.KeyType.ECDSA).issue_cert("old.example", not_after=datetime(2020, 1, 1, tzinfo=UTC))
    with (tmp_path / "acme.crt").open("ab") as file:
        file.write(expired.cert_chain_pems[0].bytes())
    assert "warning: certificate: certificate 2 of the chain expired on 2020-01-01" in check(tmp_path)


def test_chain_with_the_intermediate_of_another_time_is_a_warning(tmp_path: Path):
    certificate, _ = write_pair(tmp_path)
    certificate.write_bytes(certificate.read_bytes() + trustme.CA().create_child_ca().cert_pem.bytes())
    (found,) = check(tmp_path)
    assert found.startswith("warning: certificate: certificate 2 of the file did not issue certificate 1: ")


def test_chain_in_order_is_good(tmp_path: Path):
    leaf = authority().create_child_ca().issue_cert(HOSTNAME)
    (tmp_path / "acme.crt").write_bytes(b"".join(part.bytes() for part in leaf.cert_chain_pems))
    (tmp_path / "acme.key").write_bytes(leaf.private_key_pem.bytes())
    assert check(tmp_path) == []


def test_key_of_another_certificate_is_told(tmp_path: Path):
    write_pair(tmp_path)
    (tmp_path / "acme.key").write_bytes(authority().issue_cert(HOSTNAME).private_key_pem.bytes())
    assert check(tmp_path) == [f"private_key: does not belong to the certificate in {tmp_path}/acme.crt"]


def test_chain_in_the_wrong_order_is_told(tmp_path: Path):
    certificate, _ = write_pair(tmp_path)
    certificate.write_bytes(authority().cert_pem.bytes() + certificate.read_bytes())
    assert "certificate: the key belongs to certificate 2 of the file" in check(tmp_path)


def test_key_with_a_pass_phrase_is_told(tmp_path: Path):
    _, path = write_pair(tmp_path)
    key = load_pem_private_key(path.read_bytes(), None)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")))
    assert check(tmp_path) == [f"private_key: {path} is protected by a pass phrase"]


@pytest.mark.parametrize("content", [b"", b"garbage", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_files_that_are_not_pem_are_told_both(tmp_path: Path, content: bytes):
    (tmp_path / "acme.crt").write_bytes(content)
    (tmp_path / "acme.key").write_bytes(content)
    assert check(tmp_path) == [
        f"certificate: {tmp_path}/acme.crt holds no certificate in PEM form",
        f"private_key: {tmp_path}/acme.key holds no private key in PEM form",
    ]


def test_files_that_vanish_between_two_looks_are_told(tmp_path: Path):
    assert check(tmp_path) == [
        f"certificate: {tmp_path}/acme.crt cannot be read: No such file or directory",
        f"private_key: {tmp_path}/acme.key cannot be read: No such file or directory",
    ]


def test_small_rsa_key_is_told(tmp_path: Path):
    self_signed(tmp_path, rsa.generate_private_key(65537, 1024), hashes.SHA256())
    assert "certificate: has an RSA key of 1024 bits" in check(tmp_path, "")


def test_what_only_openssl_objects_to_is_told(tmp_path: Path):
    self_signed(tmp_path, ec.generate_private_key(ec.SECP192R1()), hashes.SHA256())
    assert [text.split(": ")[:2] for text in check(tmp_path, "")] == [["certificate", "OpenSSL does not accept it"]]


def test_ca_file_without_certificate_is_unfit(tmp_path: Path):
    (tmp_path / "ca.pem").write_text("x")
    with pytest.raises(Unfit, match="holds no certificate"):
        read_chain(tmp_path / "ca.pem")
