"""A running look-alike with one account, and clients of the standard library. Works unpatched and under gevent's patching."""

import base64
import contextlib
import dataclasses
import imaplib
import os
import poplib
import smtplib
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from cgappliance.testing.gmail import GmailLookAlike, GmailState, ServiceAccount
from cgappliance.testing.gmail.directory import Account
from cgappliance.testing.gmail.tokens import MAIL_SCOPE
from cgappliance.testing.lab.certificates import Authority, KeyPair

ADDRESS = "yuki@acme.example"
MESSAGE = b"From: taro@acme.example\r\nTo: yuki@acme.example\r\nSubject: Hello\r\n\r\nFirst line\r\n.dotted\r\n"
TIMEOUT_S = 10.0


class Talk:
    """A raw connection: what the server says, word for word."""

    def __init__(self, port: int, tls: ssl.SSLContext) -> None:
        plain = socket.create_connection(("localhost", port), TIMEOUT_S)
        self._sock = tls.wrap_socket(plain, server_hostname="localhost")
        self._file = self._sock.makefile("rb")

    def line(self) -> str:
        """Return the next line without CRLF; "" at the end of the connection."""
        return self._file.readline().decode().removesuffix("\r\n")

    def say(self, text: str | bytes) -> None:
        self._sock.sendall((text.encode() if isinstance(text, str) else text) + b"\r\n")

    def ask(self, text: str | bytes) -> str:
        """Send a line and return the next line that comes."""
        self.say(text)
        return self.line()

    def answer(self, text: str | bytes, last: str) -> list[str]:
        """Send a line and return the lines that come, up to the one that starts with ``last``, or to the end: ``""``."""
        self.say(text)
        lines = []
        for line in self._file:
            lines.append(line.decode().removesuffix("\r\n"))
            if lines[-1].startswith(last):
                return lines
        return [*lines, ""]

    def read(self, size: int) -> bytes:
        return self._file.read(size)

    def read_tcp_to_the_end(self) -> None:
        """Read below TLS, which hides the difference between an end and a reset."""
        with socket.socket(fileno=os.dup(self._sock.fileno())) as below:
            below.settimeout(TIMEOUT_S)
            while below.recv(65536):
                pass

    def close(self) -> None:
        self._file.close()
        self._sock.close()


@dataclass
class Lab:
    """The look-alike with its one account, and how to reach it."""

    gmail: GmailLookAlike
    account: Account
    service_account: ServiceAccount
    tls: ssl.SSLContext
    clients: contextlib.ExitStack
    address: str = ADDRESS
    message: bytes = MESSAGE

    @property
    def state(self) -> GmailState:
        return self.gmail.state

    def token(self, scope: str = MAIL_SCOPE, lifetime_s: float = 3599) -> str:
        return self.state.tokens.issue(self.account.id, [scope], lifetime_s).value

    def xoauth2(self, token: str | None = None, user: str = ADDRESS) -> bytes:
        return f"user={user}\x01auth=Bearer {token or self.token()}\x01\x01".encode()

    def xoauth2_line(self, token: str | None = None, user: str = ADDRESS) -> str:
        return base64.b64encode(self.xoauth2(token, user)).decode()

    def talk(self, service: str) -> Talk:
        """Return a raw connection whose greeting has been read."""
        talk = self.silent_talk(service)
        talk.line()
        return talk

    def silent_talk(self, service: str) -> Talk:
        """Return a raw connection of which nothing has been read."""
        talk = Talk(self.gmail.ports[service], self.tls)
        self.clients.callback(talk.close)
        return talk

    def imap_talk_in(self) -> Talk:
        """Return a raw IMAP connection that is logged in."""
        talk = self.talk("imaps")
        talk.answer(f"A0 AUTHENTICATE XOAUTH2 {self.xoauth2_line()}", "A0")
        return talk

    def smtp_talk_in(self) -> Talk:
        """Return a raw SMTP connection that is logged in."""
        talk = self.talk("smtps")
        talk.answer("EHLO client.example", "250 ")
        assert talk.ask(f"AUTH XOAUTH2 {self.xoauth2_line()}") == "235 2.7.0 Accepted"
        return talk

    def imap(self) -> imaplib.IMAP4_SSL:
        client = imaplib.IMAP4_SSL("localhost", self.gmail.ports["imaps"], ssl_context=self.tls, timeout=TIMEOUT_S)
        self.clients.callback(_close, client)
        return client

    def imap_in(self) -> imaplib.IMAP4_SSL:
        client = self.imap()
        client.authenticate("XOAUTH2", lambda _: self.xoauth2())
        return client

    def pop3(self) -> poplib.POP3_SSL:
        client = poplib.POP3_SSL("localhost", self.gmail.ports["pop3s"], context=self.tls, timeout=TIMEOUT_S)
        self.clients.callback(client.close)
        return client

    def pop3_in(self, user: str = ADDRESS) -> poplib.POP3_SSL:
        client = self.pop3()
        client._shortcmd("AUTH XOAUTH2 " + self.xoauth2_line(user=user))
        return client

    def smtp(self) -> smtplib.SMTP_SSL:
        client = smtplib.SMTP_SSL(
            "localhost", self.gmail.ports["smtps"], local_hostname="client.example", context=self.tls, timeout=TIMEOUT_S
        )
        self.clients.callback(client.close)
        return client

    def smtp_in(self) -> smtplib.SMTP_SSL:
        client = self.smtp()
        client.ehlo()
        assert client.docmd("AUTH", "XOAUTH2 " + self.xoauth2_line())[0] == 235
        return client


def _close(client: imaplib.IMAP4_SSL) -> None:
    with contextlib.suppress(OSError):  # logged out already
        client.shutdown()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("gmail-ca"))


@pytest.fixture(scope="session")
def key_pair(authority: Authority) -> KeyPair:
    return authority.issue(file="gmail")


@pytest.fixture(scope="session")
def shared_service_account() -> ServiceAccount:
    """One key for all tests: making one costs a tenth of a second."""
    return ServiceAccount.generate()


@pytest.fixture
def service_account(shared_service_account: ServiceAccount) -> ServiceAccount:
    return dataclasses.replace(shared_service_account, granted=set(shared_service_account.granted))


@pytest.fixture
def lab(authority: Authority, key_pair: KeyPair, service_account: ServiceAccount) -> Iterator[Lab]:
    with GmailLookAlike(key_pair) as gmail, contextlib.ExitStack() as clients:
        account = gmail.state.directory.add(ADDRESS)
        account.mailbox.deliver(MESSAGE, gmail.state.clock.now())
        gmail.state.add_service_account(service_account)
        yield Lab(gmail, account, service_account, ssl.create_default_context(cafile=str(authority.ca_file)), clients)
