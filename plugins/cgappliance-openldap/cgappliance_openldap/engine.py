"""libldap as a protocol engine: requests come out as bytes, answers go in as bytes, and nothing in it ever waits.

Why not let libldap talk to the server itself, in gevent's threadpool? It was tried first:

* Its network timeout does not reach the TLS handshake of ``ldaps://`` (Debian's libldap with GnuTLS, 2.5): a server that accepts
  connections and says nothing holds the thread for as long as it likes, and burns a core meanwhile when a timeout is set.
* python-ldap guards ``initialize`` with a lock of ``threading``. Imported after gevent's patching it is gevent's lock, which loses
  wake-ups between native threads: a few dozen logins at the same time, and all hang for good.
* It costs more: 83 us of CPU for a bind through an idle threadpool, 56 us this way.

So libldap gets one end of a socket pair that it may neither wait on nor fill, and ``connection`` carries the bytes.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import ldap
from ldap.controls.libldap import SimplePagedResultsControl

from cgappliance_openldap.policy import PolicyControl

#: python-ldap's trace, switched on by an environment variable, prints the arguments of every call: passwords too
ldap._trace_level = 0

#: Most that libldap may have to say at once: a request with the longest address, password and DN stays far below.
REQUEST_LIMIT_BYTES = 64 * 1024
POLL = 0  # python-ldap: look, and return at once
WHOLE_ANSWER = 1  # python-ldap: an entry is not handed out before the result that follows it

#: Response controls that are decoded; others are left out
CONTROLS = {control.controlType: control for control in (PolicyControl, SimplePagedResultsControl)}

Handle = Any  # ldap.ldapobject.LDAPObject: python-ldap has no types
Request = Callable[[Handle], int]  # calls one of the handle's methods that send, and returns its message id


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer."""

    data: Sequence[tuple[str | None, Any]]  #: search results: DN and attributes; None and URLs for a referral
    controls: Sequence[Any]  #: decoded response controls


class Engine:
    """The protocol state of one connection."""

    def __init__(self) -> None:
        self._near, far = socket.socketpair()
        self._near.setblocking(False)
        far.setblocking(False)
        # the URL is for libldap's messages only; it closes the descriptor in unbind
        self._ldap: Handle = ldap.initialize("ldap://engine", fileno=far.detach())
        self._ldap.set_option(ldap.OPT_REFERRALS, 0)  # following one would send the password to whom the answer names

    def send(self, request: Request) -> tuple[int, bytes]:
        """Return the message id of a new request, and the bytes that ask it.

        Raises:
            ldap.LDAPError: libldap cannot express it: ``FILTER_ERROR``, ``ENCODING_ERROR``.
        """
        message = request(self._ldap)
        return message, self._near.recv(REQUEST_LIMIT_BYTES)

    def receive(self, data: bytes) -> None:
        """Take bytes from the server. Call ``answer`` after each piece.

        Raises:
            BlockingIOError: libldap has not taken what it was given before.
        """
        self._near.sendall(data)

    def answer(self, message: int) -> Answer | None:
        """Return the answer, or None when bytes are missing.

        Raises:
            ldap.LDAPError: the answer is an error result, or is no LDAP.
        """
        kind, data, _, controls, _, _ = self._ldap.result4(message, WHOLE_ANSWER, POLL, resp_ctrl_classes=CONTROLS)
        return None if kind is None else Answer(data, controls)

    def close(self) -> None:
        """Free it. May be called in any state, but once."""
        with contextlib.suppress(ldap.LDAPError):  # it wants to say good-bye over a pair whose other end may be full or closed
            self._ldap.unbind_ext()
        self._near.close()
