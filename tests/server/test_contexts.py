import weakref
from pathlib import Path

import pytest

from cgappliance.model import HostPort, MailProtocol
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


def test_who_dials_the_same_server_the_same_way_shares_what_is_learnt_about_it(authority: Authority):
    contexts, gmail = Contexts(), HostPort("imap.gmail.com", 993)
    first = contexts.dialer(gmail, authority.ca_file, 30.0)
    assert contexts.dialer(gmail, authority.ca_file, 30.0) is first


def test_dialer_knows_one_server_one_trust_and_one_time_out(authority: Authority, tmp_path: Path):
    contexts, gmail = Contexts(), HostPort("imap.gmail.com", 993)
    (tmp_path / "elsewhere").mkdir()
    different = [
        contexts.dialer(server, authorities.ca_file, timeout_s)
        for server, authorities, timeout_s in (
            (gmail, authority, 30.0),
            (HostPort("imap.gmail.com", 994), authority, 30.0),
            (gmail, Authority(tmp_path / "elsewhere"), 30.0),
            (gmail, authority, 5.0),
        )
    ]
    assert len(set(different)) == len(different)


def test_dialer_goes_with_the_last_that_uses_it(authority: Authority):
    contexts, gmail = Contexts(), HostPort("imap.gmail.com", 993)
    users = [contexts.dialer(gmail, authority.ca_file, 30.0) for _ in range(2)]
    dialer = weakref.ref(users.pop())
    assert dialer() is users[0]
    users.clear()
    assert dialer() is None
