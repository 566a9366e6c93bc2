import socket
import ssl
import stat
import threading
from pathlib import Path

import pytest

from cgappliance.testing.lab.certificates import Authority, KeyPair, self_signed


def handshake(pair: KeyPair, ca_file: Path, host: str = "127.0.0.1") -> None:
    """Let a client that trusts ``ca_file`` shake hands over a socket pair with a server that shows ``pair``."""
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(pair.certificate, pair.private_key)
    near, far = socket.socketpair()

    def serve() -> None:
        try:
            server_context.wrap_socket(far, server_side=True).close()
        except OSError:
            far.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        ssl.create_default_context(cafile=ca_file).wrap_socket(near, server_hostname=host).close()
    finally:
        near.close()
        thread.join(5)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_leaf_is_good_for_this_machine(tmp_path: Path, host: str) -> None:
    authority = Authority(tmp_path)
    handshake(authority.issue(), authority.ca_file, host)


def test_leaf_of_an_intermediate_brings_its_chain(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.use_intermediate()
    pair = authority.issue("mail.example")
    assert pair.certificate.read_text().count("BEGIN CERTIFICATE") == 2
    handshake(pair, authority.ca_file, "mail.example")


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [("wrong_host", "IP address mismatch"), ("expired", "certificate has expired"), ("not_yet_valid", "not yet valid")],
)
def test_wrong_leaf_is_refused_for_its_own_reason(tmp_path: Path, kind: str, complaint: str) -> None:
    authority = Authority(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match=complaint):
        handshake(getattr(authority, kind)(), authority.ca_file)


def test_self_signed_leaf_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="self-signed certificate"):
        handshake(self_signed(tmp_path), Authority(tmp_path).ca_file)


def test_leaf_of_another_authority_is_refused(tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger").issue(file="stranger")
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        handshake(stranger, Authority(tmp_path).ca_file)


def test_private_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    for pair in (Authority(tmp_path).issue(), self_signed(tmp_path)):
        assert stat.S_IMODE(pair.private_key.stat().st_mode) == 0o600
