"""TLS on both sides: what a client may use, and whom the appliance takes for Gmail."""

import socket
import ssl
import warnings

import pytest

from cgappliance.testing.gmail.process import GmailProcess
from cgappliance.testing.lab.certificates import Authority, self_signed
from cgappliance.testing.lab.world import TARO, YUKI

from .seen import touched
from .talking import ACCEPTED, IMAP, POP3, PROTOCOLS, SMTP, UNAVAILABLE

pytestmark = pytest.mark.usefixtures("tidy")

V = ssl.TLSVersion


def trusting(world, lowest, highest, alpn=None):
    context = ssl.create_default_context(cafile=str(world.authority.ca_file))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of the versions that are to be refused
        context.set_ciphers("ALL:@SECLEVEL=0")  # or OpenSSL itself would not even try them
        context.minimum_version, context.maximum_version = lowest, highest
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("version", [V.TLSv1_2, V.TLSv1_3])
def test_version_is_accepted(world, talk, protocol, version):
    client = talk(protocol, context=trusting(world, version, version))
    assert client.sock.version() == {V.TLSv1_2: "TLSv1.2", V.TLSv1_3: "TLSv1.3"}[version]
    assert client.log_in_as(TARO).startswith(ACCEPTED[protocol])


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("version", [V.TLSv1, V.TLSv1_1])
def test_old_version_is_refused(world, talk, protocol, version):
    with pytest.raises(ssl.SSLError, match="alert protocol version"):
        talk(protocol, context=trusting(world, version, version))


NAMES = {IMAP: "imap", POP3: "pop3", SMTP: "smtp"}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("others", [[], ["h2", "http/1.1"]])
def test_alpn_of_the_protocol_is_accepted_and_confirmed(world, talk, protocol, others):
    client = talk(protocol, context=trusting(world, V.TLSv1_2, V.TLSv1_3, [*others, NAMES[protocol]]))
    assert client.sock.selected_alpn_protocol() == NAMES[protocol]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("version", [V.TLSv1_2, V.TLSv1_3])
def test_alpn_of_other_protocols_is_refused_with_the_alert(world, talk, protocol, version):
    wrong = ["http/1.1", "h2", *(name for other, name in NAMES.items() if other is not protocol)]
    with pytest.raises(ssl.SSLError, match="no application protocol"):
        talk(protocol, context=trusting(world, version, version, wrong))


def test_client_without_alpn_is_accepted(world, talk):
    assert talk(IMAP).sock.selected_alpn_protocol() is None


def test_certificate_is_that_of_the_tenant_file(world, talk):
    shown = talk(IMAP).sock.getpeercert(binary_form=True)
    assert ssl.DER_cert_to_PEM_cert(shown) in world.certificate.certificate.read_text()


def test_there_is_no_plain_text_listener(world):
    for protocol in PROTOCOLS:
        with socket.create_connection(("127.0.0.1", world.ports.of(protocol)), timeout=0.3) as client, pytest.raises(TimeoutError):
            client.recv(1)


def test_tls_session_can_be_resumed(world, trust):
    port, session = world.ports.imaps, None
    for expected in (False, True):
        with (
            socket.create_connection(("127.0.0.1", port), timeout=5) as raw,
            trust.wrap_socket(raw, server_hostname="localhost", session=session) as client,
        ):
            client.recv(1)
            assert client.session_reused is expected
            session = client.session


# ---- towards Gmail


def test_gmail_is_asked_by_its_name_over_a_new_tls(world, talk):
    world.gmail.control.clear_records()
    for protocol in PROTOCOLS:
        talk(protocol).log_in_as(TARO)
    seen = touched(world.gmail.control)
    assert {(record["server"], record["server_name"], record["tls_version"]) for record in seen} == {
        (protocol.value, "localhost", "TLSv1.3") for protocol in PROTOCOLS
    }


def test_tls_session_with_gmail_is_resumed(world, talk):
    world.gmail.control.clear_records()
    for _ in range(2):
        assert talk(IMAP).log_in_as(TARO).startswith(b"OK")
    assert touched(world.gmail.control)[-1]["tls_resumed"]


@pytest.fixture(scope="module")
def impostor(world, tmp_path_factory):
    """Return a function that runs another look-alike, with a certificate of one's choice, in Gmail's place."""
    folder = tmp_path_factory.mktemp("impostor")
    started = []

    def run(kind):
        other = Authority(folder, kind) if kind == "unknown-ca" else world.authority
        pairs = {
            "wrong-host": world.authority.wrong_host,
            "expired": world.authority.expired,
            "not-yet-valid": world.authority.not_yet_valid,
            "self-signed": lambda: self_signed(folder),
            "unknown-ca": lambda: other.issue(file="unknown-ca"),
        }
        fake = GmailProcess(folder / kind, other, key_pair=pairs[kind]()).start()
        started.append(fake)
        return fake

    yield run
    for fake in started:
        fake.stop()


WORDS = {
    "wrong-host": "Hostname mismatch",
    "expired": "certificate has expired",
    "not-yet-valid": "certificate is not yet valid",
    "self-signed": "self-signed certificate",
    "unknown-ca": "unable to get local issuer certificate",
}


@pytest.mark.parametrize("kind", WORDS)
def test_whoever_is_not_gmail_gets_nothing_and_the_client_no_wrong_password(world, talk, log, impostor, kind):
    fake = impostor(kind)
    upstream = f'{fake.upstream()}ca_file = "{world.authority.ca_file}"'
    world.appliance.tenant("acme", world.tenant_file(upstream=upstream))
    world.appliance.ask("reload")
    try:
        told = {protocol: talk(protocol).log_in_as(YUKI) for protocol in PROTOCOLS}
    finally:
        world.appliance.tenant("acme", world.tenant_file())
        world.appliance.ask("reload")
    assert told == UNAVAILABLE
    assert {entry["reason"] for entry in log()} == {"upstream_tls"}
    assert all(WORDS[kind] in entry["detail"] for entry in log())
    assert touched(fake.control) == []
    assert talk(IMAP).log_in_as(YUKI).startswith(b"OK")
