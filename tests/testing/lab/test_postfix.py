from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from cgappliance.testing.lab import dovecot as dovecot_lab
from cgappliance.testing.lab import postfix as lab
from cgappliance.testing.lab.certificates import Authority
from cgappliance.testing.lab.dovecot import Dovecot, Mailbox
from cgappliance.testing.lab.postfix import Postfix
from cgappliance.testing.lab.process import port_open, wait_until

REASON = lab.unavailable() or dovecot_lab.unavailable()
pytestmark = [pytest.mark.integration, pytest.mark.skipif(bool(REASON), reason=REASON)]

YUKI = Mailbox("yuki@lab.test", "app password 秘密")
KEN = Mailbox("ken@lab.test", "app-password-2")
TIMEOUT_S = 5.0


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("postfix"))


@pytest.fixture(scope="module")
def dovecot(introspection, authority: Authority) -> Iterator[Dovecot]:
    introspection.tokens["ya29.yuki"] = YUKI.address
    with Dovecot([YUKI, KEN], authority, introspection_url=introspection.url) as server:
        yield server


@pytest.fixture(scope="module")
def postfix(dovecot: Dovecot, authority: Authority) -> Iterator[Postfix]:
    with Postfix(dovecot, authority) as server:
        yield server


@pytest.fixture
def client(postfix: Postfix) -> Iterator[smtplib.SMTP_SSL]:
    context = ssl.create_default_context(cafile=postfix.ca_file)
    with smtplib.SMTP_SSL("localhost", postfix.smtps_port, context=context, timeout=TIMEOUT_S) as connected:
        connected.ehlo()
        yield connected


def message(subject: str, recipient: str) -> EmailMessage:
    made = EmailMessage()
    made["Subject"] = subject
    made["From"] = YUKI.address
    made["To"] = recipient
    made.set_content("text\n")
    return made


def arrived(dovecot: Dovecot, recipient: str, subject: str) -> bool:
    return any(f"Subject: {subject}\n" in mail.read_text() for mail in dovecot.folder.glob(f"mail/{recipient}/Maildir/new/*"))


def test_token_logs_in_and_the_message_arrives(dovecot: Dovecot, client: smtplib.SMTP_SSL, xoauth2, b64) -> None:
    assert client.docmd("AUTH", f"XOAUTH2 {b64(xoauth2(YUKI.address, 'ya29.yuki'))}")[0] == 235
    client.send_message(message("by token", KEN.address))
    wait_until(lambda: arrived(dovecot, KEN.address, "by token"), "message delivered", TIMEOUT_S)


@pytest.mark.parametrize(("address", "token"), [(YUKI.address, "ya29.unknown"), (KEN.address, "ya29.yuki")])
def test_token_that_is_unknown_or_somebody_elses_is_refused(
    client: smtplib.SMTP_SSL, xoauth2, b64, address: str, token: str
) -> None:
    code, _text = client.docmd("AUTH", f"XOAUTH2 {b64(xoauth2(address, token))}")
    if code == 334:  # the error comes as a challenge first, as Gmail's does; Dovecot 2.4 leaves that out for somebody else's token
        code, _text = client.docmd("")
    assert code == 535


@pytest.mark.parametrize("mechanism", ["plain", "login"])
def test_password_logs_in_with_each_mechanism(client: smtplib.SMTP_SSL, mechanism: str) -> None:
    client.user, client.password = KEN.address, KEN.password
    assert client.auth(mechanism, getattr(client, f"auth_{mechanism}"))[0] == 235


def test_password_may_be_any_text(client: smtplib.SMTP_SSL, b64) -> None:
    response = f"\0{YUKI.address}\0{YUKI.password}".encode()
    assert client.docmd("AUTH", f"PLAIN {b64(response)}")[0] == 235


def test_wrong_password_is_refused(client: smtplib.SMTP_SSL) -> None:
    with pytest.raises(smtplib.SMTPAuthenticationError):
        client.login(KEN.address, "wrong")


def test_nothing_is_sent_without_login(client: smtplib.SMTP_SSL) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        client.send_message(message("anonymous", KEN.address))


def test_nothing_leaves_the_lab(client: smtplib.SMTP_SSL) -> None:
    client.login(KEN.address, KEN.password)
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        client.send_message(message("outside", "somebody@elsewhere.test"))


def test_large_message_is_announced_as_gmail_announces_it(client: smtplib.SMTP_SSL) -> None:
    assert client.esmtp_features["size"] == "35882577"
    assert {"8bitmime", "smtputf8", "chunking", "pipelining"} <= client.esmtp_features.keys()


def test_server_starts_again_and_the_folder_does_not_survive_the_block(dovecot: Dovecot, tmp_path: Path) -> None:
    with Postfix(dovecot, Authority(tmp_path)) as server:
        server.stop()
        assert not port_open(server.host, server.smtps_port)
        server.start()
        assert port_open(server.host, server.smtps_port)
    assert not server.folder.exists()
