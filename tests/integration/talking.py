"""How the tests talk to the appliance byte by byte: all ways to log in, and the words that must come back.

The expected words stand here again, apart from the product's own table: a slip in that one shall not go unnoticed.
"""

import base64
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from cgappliance.model import MailProtocol

IMAP, POP3, SMTP = MailProtocol.IMAP, MailProtocol.POP3, MailProtocol.SMTP
PROTOCOLS = (IMAP, POP3, SMTP)

CRLF = b"\r\n"
TIMEOUT_S = 10.0

#: what a client hears, IMAP without its tag (DESIGN section 5)
REFUSED = {
    IMAP: b"NO [AUTHENTICATIONFAILED] You are not allowed to access this server",
    POP3: b"-ERR [AUTH] You are not allowed to access this server",
    SMTP: b"535 5.7.8 You are not allowed to access this server",
}
UNAVAILABLE = {
    IMAP: b"NO [UNAVAILABLE] The service is temporarily unavailable, please try again later",
    POP3: b"-ERR [SYS/TEMP] The service is temporarily unavailable, please try again later",
    SMTP: b"454 4.7.0 The service is temporarily unavailable, please try again later",
}
MISCONFIGURED = {
    IMAP: b"NO [CONTACTADMIN] Mail access is not set up correctly, please tell your administrator",
    POP3: b"-ERR [SYS/PERM] Mail access is not set up correctly, please tell your administrator",
    SMTP: b"454 4.7.0 Mail access is not set up correctly, please tell your administrator",
}
LIMITED = {
    IMAP: b"NO [LIMIT] Too many connections, please close some and try again",
    POP3: b"-ERR [IN-USE] Too many connections, please close some and try again",
    SMTP: b"421 4.7.0 Too many connections, please close some and try again",
}
THROTTLED = {
    IMAP: b"NO [LIMIT] Too many attempts, please try again later",
    POP3: b"-ERR [LOGIN-DELAY] Too many attempts, please try again later",
    SMTP: b"451 4.3.2 Too many attempts, please try again later",
}
SHUTDOWN = {
    IMAP: b"* BYE The service is restarting, please connect again",
    POP3: b"-ERR [SYS/TEMP] The service is restarting, please connect again",
    SMTP: b"421 4.3.2 The service is restarting, please connect again",
}
#: how Gmail's success begins
ACCEPTED = {IMAP: b"OK ", POP3: b"+OK Welcome", SMTP: b"235 2.7.0 Accepted"}


class Conversation:
    """A connection whose bytes the test writes itself; the greeting has been read."""

    def __init__(self, protocol, port, context, source=None, *, host="127.0.0.1"):
        raw = socket.create_connection((host, port), timeout=TIMEOUT_S, source_address=source and (source, 0))
        self.protocol = protocol
        self.sock, self.read = raw, b""
        try:
            self.sock = context.wrap_socket(raw, server_hostname="localhost")
            self.greeting = self.line()
        except BaseException:
            self.sock.close()
            raw.close()  # of which a handshake that failed has left the rest
            raise

    def send(self, data):
        self.sock.sendall(data)

    def say(self, line):
        self.send(line + CRLF)

    def expect(self, wanted):
        """Read until ``wanted`` has come and return everything up to its end."""
        while wanted not in self.read:
            data = self.sock.recv(65536)
            assert data, f"closed before {wanted!r} came; got {self.read!r}"
            self.read += data
        at = self.read.index(wanted) + len(wanted)
        got, self.read = self.read[:at], self.read[at:]
        return got

    def line(self):
        """Return the next line without its end."""
        return self.expect(CRLF).removesuffix(CRLF)

    def answer(self):
        """Return the line that ends the answer to a command: IMAP without its tag, SMTP's last."""
        while True:
            line = self.line()
            if self.protocol is IMAP and line.startswith(b"* ") and not line.startswith(b"* BYE"):
                continue
            if self.protocol is SMTP and line[3:4] == b"-":
                continue
            return line.removeprefix(b"a1 ") if self.protocol is IMAP else line

    def ask(self, line):
        self.say(line)
        return self.answer()

    def rest(self):
        """Return what comes until the server closes."""
        got, self.read = self.read, b""
        try:
            while data := self.sock.recv(65536):
                got += data
        except (ssl.SSLEOFError, ConnectionError):
            pass
        return got

    def log_in(self, address, password, way=None):
        """Log in and return the answer that decides: the last one, or the first that says no."""
        answer = b""
        for message in (way or WAY[self.protocol]).messages(address.encode(), password.encode()):
            answer = self.ask(message)
            if answer[:1] in (b"N", b"B", b"-", b"4", b"5", b"*"):
                break
        return answer

    def log_in_as(self, person, way=None):
        return self.log_in(person.address, person.password, way)

    def close(self):
        self.sock.close()


@dataclass(frozen=True, slots=True)
class Way:
    """One way to log in: the lines that a client sends, each after the answer to the one before."""

    protocol: MailProtocol
    name: str
    messages: Callable[[bytes, bytes], list[bytes]]

    def __str__(self):
        return f"{self.protocol}-{self.name}"


def b64(data):
    return base64.b64encode(data)


def quoted(text):
    return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def sized(text, plus=b""):
    return b"{%d%s}" % (len(text), plus)


def plain(address, password):
    return b64(b"\0" + address + b"\0" + password)


def _imap(command):
    return b"a1 " + command


WAYS = (
    Way(IMAP, "login-quoted", lambda a, p: [_imap(b"LOGIN " + quoted(a) + b" " + quoted(p))]),
    Way(IMAP, "login-literals", lambda a, p: [_imap(b"LOGIN " + sized(a)), a + b" " + sized(p), p]),
    Way(
        IMAP,
        "login-literals-plus",
        lambda a, p: [_imap(b"LOGIN " + sized(a, b"+") + CRLF + a + b" " + sized(p, b"+") + CRLF + p)],
    ),
    Way(IMAP, "login-atom-and-literal", lambda a, p: [_imap(b"LOGIN " + a + b" " + sized(p)), p]),
    Way(IMAP, "plain", lambda a, p: [_imap(b"AUTHENTICATE PLAIN"), plain(a, p)]),
    Way(IMAP, "plain-initial", lambda a, p: [_imap(b"AUTHENTICATE PLAIN " + plain(a, p))]),
    Way(IMAP, "sasl-login", lambda a, p: [_imap(b"AUTHENTICATE LOGIN"), b64(a), b64(p)]),
    Way(IMAP, "sasl-login-initial", lambda a, p: [_imap(b"AUTHENTICATE LOGIN " + b64(a)), b64(p)]),
    Way(POP3, "user-pass", lambda a, p: [b"USER " + a, b"PASS " + p]),
    Way(POP3, "plain", lambda a, p: [b"AUTH PLAIN", plain(a, p)]),
    Way(POP3, "plain-initial", lambda a, p: [b"AUTH PLAIN " + plain(a, p)]),
    Way(POP3, "sasl-login", lambda a, p: [b"AUTH LOGIN", b64(a), b64(p)]),
    Way(POP3, "sasl-login-initial", lambda a, p: [b"AUTH LOGIN " + b64(a), b64(p)]),
    Way(SMTP, "plain", lambda a, p: [b"EHLO client.example", b"AUTH PLAIN", plain(a, p)]),
    Way(SMTP, "plain-initial", lambda a, p: [b"EHLO client.example", b"AUTH PLAIN " + plain(a, p)]),
    Way(SMTP, "sasl-login", lambda a, p: [b"EHLO client.example", b"AUTH LOGIN", b64(a), b64(p)]),
    Way(SMTP, "sasl-login-initial", lambda a, p: [b"EHLO client.example", b"AUTH LOGIN " + b64(a), b64(p)]),
)

#: the first way of each protocol, for tests that mean any
WAY = {protocol: next(way for way in WAYS if way.protocol is protocol) for protocol in PROTOCOLS}
