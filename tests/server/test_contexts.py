from pathlib import Path

import pytest

from cgappliance.model import MailProtocol
from cgappliance.server import contexts as module
from cgappliance.server.contexts import Contexts
from cgappliance.testing.lab.certificates import Authority

IMAP, POP3 = MailProtocol.IMAP, MailProtocol.POP3


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def pair(authority: Authority):
    return authority.issue()


def test_same_certificate_and_protocol_share_a_context(pair, tmp_path: Path):
    contexts = Contexts()
    copy = tmp_path / "copy.crt"
    copy.write_bytes(pair.certificate.read_bytes())
    first = contexts.server(pair.certificate, pair.private_key, IMAP)
    assert contexts.server(copy, pair.private_key, IMAP) is first
    assert contexts.server(pair.certificate, pair.private_key, POP3) is not first  # another ALPN


def test_renewed_certificate_of_the_same_name_gives_a_new_context(authority: Authority, pair):
    contexts = Contexts()
    before = contexts.server(pair.certificate, pair.private_key, IMAP)
    renewed = authority.issue(file="renewed")
    renewed.certificate.replace(pair.certificate)
    renewed.private_key.replace(pair.private_key)
    assert contexts.server(pair.certificate, pair.private_key, IMAP) is not before


def test_same_cas_share_a_context(authority: Authority, tmp_path: Path):
    contexts = Contexts()
    trusting = contexts.client(authority.ca_file)
    (tmp_path / "elsewhere").mkdir()
    assert contexts.client(authority.ca_file) is trusting
    assert contexts.client(Authority(tmp_path / "elsewhere").ca_file) is not trusting


def test_system_cas_are_loaded_once(monkeypatch: pytest.MonkeyPatch):
    contexts = Contexts()
    first = contexts.client(None)
    monkeypatch.setattr(module, "client_context", None)  # nobody may call it
    assert contexts.client(None) is first


def test_missing_file_is_an_os_error(tmp_path: Path):
    with pytest.raises(OSError, match="missing"):
        Contexts().client(tmp_path / "missing")
