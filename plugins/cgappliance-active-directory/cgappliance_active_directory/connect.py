"""Connections to a domain controller: TLS before anything else, every wait within the login's deadline.

ldap3 does the protocol; three things are done here instead of there:

* The certificate is checked by OpenSSL, as for any TLS client: ldap3's own check of the host name knows no IP addresses on Python
  3.12, and loads the CA file anew for each connection.
* Deadlines: ldap3's are whole seconds for each read; ours is one moment for everything, name resolution included.
* TCP_NODELAY: without it each request that needs two packets waits 40 ms for the acknowledgement of the first.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gevent
import ldap3
from ldap3.core.exceptions import LDAPExceptionError
from ldap3.core.results import RESULT_BUSY, RESULT_SUCCESS, RESULT_UNAVAILABLE

from cgappliance.plugin_api import Deadline, DirectoryServer, OpeningRefused, Secret, ServerFailed, ServerTimedOut, SharedContexts

Connection = ldap3.Connection

#: results by which a server says that it cannot serve now (RFC 4511 A.2); another one can
PASSING_RESULTS = frozenset({RESULT_BUSY, RESULT_UNAVAILABLE})
#: gevent's timers count from the loop's own, slightly older, idea of now: what ends this close to the deadline has timed out
TIMER_SLACK_S = 0.02
MAX_MESSAGE_CHARACTERS = 300  #: of a server's words in a detail; Microsoft's are about 100

_contexts = SharedContexts()


@dataclass(frozen=True, slots=True)
class LdapResult:
    """How a server ended an operation."""

    code: int
    message: str  #: the server's words, at most MAX_MESSAGE_CHARACTERS, without the NUL that Microsoft adds

    @property
    def success(self) -> bool:
        """True when it was done."""
        return self.code == RESULT_SUCCESS


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return what a domain controller's certificate is checked with; None: the system's CAs. Reads files.

    Raises:
        OSError: the file cannot be read or holds no certificate.
    """
    return _contexts.get(lambda: _make_context(ca_file), ca_file)


def _make_context(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # every supported Windows Server has it; older ones are a downgrade
    # Python 3.13 asks for extensions that older domain CAs do not set; chain, dates and host name are checked either way
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


class _CheckedTls(ldap3.Tls):
    """Puts TLS on a connection's socket, for LDAPS and StartTLS alike."""

    def __init__(self, context: ssl.SSLContext, host: str, deadline: Deadline) -> None:
        super().__init__()
        self._context = context
        self._host = host
        self._deadline = deadline

    def wrap_socket(self, connection: Connection, do_handshake: bool = False) -> None:  # noqa: ARG002 - ldap3's signature
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.socket.settimeout(self._deadline.left_s)
        # in two steps: a handshake that gevent interrupts must leave a socket that somebody can close
        connection.socket = self._context.wrap_socket(connection.socket, server_hostname=self._host, do_handshake_on_connect=False)
        connection.socket.do_handshake()


@contextlib.contextmanager
def asking(connection: Connection, deadline: Deadline) -> Iterator[None]:
    """Let the block talk over the connection until the deadline; what goes wrong on the way is the server's failure.

    Raises:
        ServerTimedOut: the deadline passed.
        ServerFailed: anything else that kept the server from answering.
    """
    left_s = deadline.left_s
    if not left_s:
        raise ServerTimedOut("no time left")
    timer = gevent.Timeout.start_new(left_s)  # for all waits together; it needs the monkey patching
    try:
        if connection.socket is not None:
            connection.socket.settimeout(left_s)  # for each wait; it works without
        yield
    except gevent.Timeout as expired:
        if expired is not timer:
            raise
        raise ServerTimedOut("no answer in time") from None
    except (LDAPExceptionError, OSError) as error:
        if deadline.left_s < TIMER_SLACK_S:
            raise ServerTimedOut("no answer in time") from error
        raise ServerFailed(str(error)) from error
    finally:
        timer.close()


def result_of(connection: Connection) -> LdapResult:
    """Return how the last operation ended.

    Raises:
        ServerFailed: by saying that the server cannot serve now.
    """
    words = str(connection.result["message"] or connection.result["description"]).strip("\0 ")
    result = LdapResult(int(connection.result["result"]), words[:MAX_MESSAGE_CHARACTERS])
    if result.code in PASSING_RESULTS:
        raise ServerFailed(result.message)
    return result


def simple_bind(connection: Connection, deadline: Deadline, name: str, password: Secret) -> LdapResult:
    """Log in on the connection and return the server's answer.

    Raises:
        ServerFailed: there was none.
    """
    if connection.closed:
        # ldap3 would open it again by itself, but without StartTLS: the password would travel in the clear
        raise ServerFailed("the connection was closed")
    try:
        with asking(connection, deadline):
            # bytes: ldap3 would put text through SASLprep, which turns one half-width kana into another character
            connection.rebind(name, password.reveal().encode(), authentication=ldap3.SIMPLE, read_server_info=False)
    finally:
        connection.password = connection.request = None  # ldap3 keeps both, and the connection lives on
    return result_of(connection)


class Opener:
    """Opens connections that nobody is logged in on: for checking passwords."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context

    def open(self, server: DirectoryServer, deadline: Deadline) -> Connection:
        """Return a connection with TLS up. The caller closes it.

        Raises:
            ServerFailed: there is none to be had.
        """
        target = ldap3.Server(
            server.host,
            server.port,
            use_ssl=not server.starttls,
            tls=_CheckedTls(self._context, server.host, deadline),
            get_info=ldap3.NONE,
            connect_timeout=deadline.left_s,
        )  # one for each connection: ldap3 keeps a connection's state there
        connection = ldap3.Connection(target, auto_referrals=False, check_names=False)
        try:
            with asking(connection, deadline):
                connection.open(read_server_info=False)
                if server.starttls:
                    connection.start_tls(read_server_info=False)
        except BaseException:
            self.close(connection)
            raise
        return connection

    def close(self, connection: Connection) -> None:
        """Close the connection, whatever state it is in."""
        sock = connection.socket  # ldap3 forgets it, and leaves it open when the connection did not get far
        with contextlib.suppress(LDAPExceptionError, OSError):
            connection.unbind()  # seven bytes into the kernel's buffer: it does not wait for the server
        if sock is not None:
            sock.close()


class ServiceOpener(Opener):
    """Opens connections that are logged in with the tenant's search account."""

    def __init__(self, context: ssl.SSLContext, bind_dn: str, password: Secret) -> None:
        super().__init__(context)
        self._bind_dn = bind_dn
        self._password = password

    def open(self, server: DirectoryServer, deadline: Deadline) -> Connection:
        """Return a connection that may search. The caller closes it.

        Raises:
            ServerFailed: there is none to be had.
            OpeningRefused: the domain controller does not let the search account in.
        """
        connection = super().open(server, deadline)
        try:
            result = simple_bind(connection, deadline, self._bind_dn, self._password)
            if not result.success:
                raise OpeningRefused(f"{server} refuses {self._bind_dn}: {result.message}")
        except BaseException:
            self.close(connection)
            raise
        return connection
