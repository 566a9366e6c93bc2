from __future__ import annotations

import imaplib
import poplib
import signal
import smtplib
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from cgappliance.testing.lab import dovecot as lab
from cgappliance.testing.lab.certificates import Authority
from cgappliance.testing.lab.dovecot import Dovecot, Mailbox
from cgappliance.testing.lab.process import port_open, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.skipif(bool(lab.unavailable()), reason=lab.unavailable())]

YUKI = Mailbox("yuki@lab.test", 'pa:ss "\\ 秘密')
KEN = Mailbox("ken@lab.test", "app-password-2")
TIMEOUT_S = 5.0


@pytest.fixture(scope="module")
def dovecot(introspection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dovecot]:
    introspection.tokens["ya29.yuki"] = YUKI.address
    authority = Authority(tmp_path_factory.mktemp("dovecot"))
    with Dovecot([YUKI, KEN], authority, introspection_url=introspection.url) as server:
        yield server


@pytest.fixture
def imap(dovecot: Dovecot) -> Iterator[imaplib.IMAP4_SSL]:
    context = ssl.create_default_context(cafile=dovecot.ca_file)
    with imaplib.IMAP4_SSL("localhost", dovecot.ports.imaps, ssl_context=context, timeout=TIMEOUT_S) as client:
        yield client


@pytest.fixture
def pop3(dovecot: Dovecot) -> Iterator[poplib.POP3_SSL]:
    context = ssl.create_default_context(cafile=dovecot.ca_file)
    client = poplib.POP3_SSL("localhost", dovecot.ports.pop3s, context=context, timeout=TIMEOUT_S)
    yield client
    client.close()


def message(subject: str) -> EmailMessage:
    made = EmailMessage()
    made["Subject"] = subject
    made["From"] = "somebody@elsewhere.test"
    made.set_content("text\n")
    return made


def subjects(client: imaplib.IMAP4_SSL) -> bytes:
    client.select()
    return repr(client.fetch("1:*", "(BODY[HEADER.FIELDS (SUBJECT)])")).encode()


def test_token_logs_in_over_imap(imap: imaplib.IMAP4_SSL, xoauth2: Callable[[str, str], bytes]) -> None:
    assert imap.authenticate("XOAUTH2", lambda _: xoauth2(YUKI.address, "ya29.yuki"))[0] == "OK"


def test_token_logs_in_over_pop3(pop3: poplib.POP3_SSL, xoauth2, b64) -> None:
    assert pop3._shortcmd(f"AUTH XOAUTH2 {b64(xoauth2(YUKI.address, 'ya29.yuki'))}").startswith(b"+OK")


@pytest.mark.parametrize(("address", "token"), [(YUKI.address, "ya29.unknown"), (KEN.address, "ya29.yuki")])
def test_token_that_is_unknown_or_somebody_elses_is_refused(imap: imaplib.IMAP4_SSL, xoauth2, address: str, token: str) -> None:
    answers = iter([xoauth2(address, token), b""])
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        imap.authenticate("XOAUTH2", lambda _: next(answers))


def test_password_logs_in_over_imap(imap: imaplib.IMAP4_SSL) -> None:
    assert imap.authenticate("PLAIN", lambda _: f"\0{YUKI.address}\0{YUKI.password}".encode())[0] == "OK"


def test_password_logs_in_over_pop3(pop3: poplib.POP3_SSL) -> None:
    pop3.user(KEN.address)
    assert pop3.pass_(KEN.password).startswith(b"+OK")


def test_refusals_are_not_answered_later_and_later(dovecot: Dovecot) -> None:
    context = ssl.create_default_context(cafile=dovecot.ca_file)
    for _ in range(5):  # with Dovecot's own defaults the last one would be answered after TIMEOUT_S
        client = imaplib.IMAP4_SSL("localhost", dovecot.ports.imaps, ssl_context=context, timeout=TIMEOUT_S)
        with client, pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
            client.login(KEN.address, "wrong")


def test_delivered_message_is_in_the_mailbox(dovecot: Dovecot, imap: imaplib.IMAP4_SSL) -> None:
    dovecot.deliver(message("delivered"), KEN.address)
    imap.login(KEN.address, KEN.password)
    assert b"Subject: delivered" in subjects(imap)


def test_message_to_nobody_is_refused(dovecot: Dovecot) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        dovecot.deliver(message("lost"), "nobody@lab.test")


def test_folders_have_the_names_of_gmail(imap: imaplib.IMAP4_SSL) -> None:
    imap.login(KEN.address, KEN.password)
    listed = b"\n".join(imap.list()[1])
    assert b"\\All" in listed
    assert b"[Gmail]/Sent Mail" in listed


def test_certificate_is_of_the_given_authority(dovecot: Dovecot, tmp_path: Path) -> None:
    stranger = ssl.create_default_context(cafile=Authority(tmp_path).ca_file)
    with pytest.raises(ssl.SSLCertVerificationError):
        imaplib.IMAP4_SSL("localhost", dovecot.ports.imaps, ssl_context=stranger, timeout=TIMEOUT_S)


def test_mail_survives_a_stop_and_the_folder_does_not_survive_the_block(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with Dovecot([KEN], authority) as server:
        server.deliver(message("kept"), KEN.address)
        server.stop()
        assert not port_open(server.host, server.ports.imaps)
        server.start()
        context = ssl.create_default_context(cafile=authority.ca_file)
        with imaplib.IMAP4_SSL("localhost", server.ports.imaps, ssl_context=context, timeout=TIMEOUT_S) as client:
            client.login(KEN.address, KEN.password)
            assert b"Subject: kept" in subjects(client)
    assert not server.folder.exists()


def test_server_ends_when_its_starter_is_killed(tmp_path: Path) -> None:
    script = """
import pathlib, sys, time
from cgappliance.testing.lab.certificates import Authority
from cgappliance.testing.lab.dovecot import Dovecot
server = Dovecot([], Authority(pathlib.Path(sys.argv[1]))).start()
print(server.ports.imaps, server.folder, flush=True)
time.sleep(60)
"""
    starter = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    port, folder = starter.stdout.readline().split()
    starter.send_signal(signal.SIGKILL)
    starter.communicate()
    wait_until(lambda: not port_open("127.0.0.1", int(port)), "dovecot gone")
    subprocess.run(["rm", "-r", folder], check=True)
