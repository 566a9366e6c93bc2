"""Python's own clients, as scripts all over the world use them."""

import imaplib
import poplib
import smtplib
from email.message import EmailMessage

import pytest

from cgappliance.testing.lab.world import TARO, YUKI

pytestmark = pytest.mark.usefixtures("tidy")


def quoted(password):
    return '"' + password.replace("\\", "\\\\").replace('"', '\\"') + '"'


def test_imaplib_fetches_a_message(imap):
    imap.login(TARO.address, TARO.password)
    assert imap.select()[0] == "OK"


def test_imaplib_sees_the_capabilities_of_gmail_after_login(imap):
    assert "AUTH=XOAUTH2" not in imap.capabilities
    imap.login(TARO.address, TARO.password)
    assert b"UIDPLUS" in imap.capability()[1][0]


def test_imaplib_authenticates_with_sasl_plain(imap):
    answer = imap.authenticate("PLAIN", lambda _: f"\0{YUKI.address}\0{YUKI.password}".encode())
    assert answer[0] == "OK"
    imap.select()
    assert b"Subject: Welcome" in imap.fetch("1", "(BODY[])")[1][0][1]


def test_imaplib_is_refused_with_a_wrong_password(imap):
    with pytest.raises(imaplib.IMAP4.error, match=r"\[AUTHENTICATIONFAILED\] You are not allowed to access this server"):
        imap.login(YUKI.address, "wrong")


def test_poplib_fetches_a_message(pop3):
    pop3.user(YUKI.address)
    pop3._encoding = "utf-8"
    pop3.pass_(YUKI.password)
    assert b"Subject: Welcome" in pop3.retr(1)[1]


def test_poplib_is_refused_with_a_wrong_password(pop3):
    pop3.user(YUKI.address)
    with pytest.raises(poplib.error_proto, match=r"-ERR \[AUTH\] You are not allowed to access this server"):
        pop3.pass_("wrong")


def test_smtplib_sends_a_message(smtp, world):
    smtp.login(TARO.address, TARO.password)
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = TARO.address, YUKI.address, "by smtplib"
    message.set_content("hello\n")
    assert smtp.send_message(message) == {}
    assert any(b"Subject: by smtplib" in raw for raw in world.gmail.control.messages(YUKI.address))


def test_smtplib_is_refused_with_a_wrong_password(smtp):
    with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
        smtp.login(TARO.address, "wrong")
    assert refused.value.smtp_code == 535
    assert b"You are not allowed to access this server" in refused.value.smtp_error
