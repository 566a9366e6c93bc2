"""The dialogue with Gmail, in two halves: what may happen before a user is known, and what may not.

Both block in ``stream``; the caller stands inside a deadline and closes the stream when something is raised.
"""

from __future__ import annotations

from cgappliance.errors import LoginFailed
from cgappliance.model import Grant, Reason
from cgappliance.proto.events import Accepted, Back, BackEvent, Greeted, NeedData, Refused, Send
from cgappliance.session.ports import Mailbox, Stream


def greet(stream: Stream, back: Back) -> None:
    """Bring a new connection to where a login may start. Carries nothing of any user, so it may be done ahead of need.

    Raises:
        LoginFailed: the upstream does not greet as one of its protocol.
        PeerGone: the connection was lost.
    """
    event = _until_decided(stream, back)
    if not isinstance(event, Greeted):
        raise LoginFailed(Reason.UPSTREAM_PROTOCOL, f"unexpected {type(event).__name__} before the login")


def log_in(stream: Stream, back: Back, grant: Grant) -> Mailbox:
    """Return the mailbox that ``grant`` opens over a greeted connection.

    Raises:
        LoginFailed: Gmail's refusal, told apart.
        PeerGone: the connection was lost.
    """
    back.login(grant)
    event = _until_decided(stream, back)
    if not isinstance(event, Accepted):
        raise LoginFailed(Reason.UPSTREAM_PROTOCOL, f"unexpected {type(event).__name__} after the login")
    return Mailbox(stream, back, event)


def _until_decided(stream: Stream, back: Back) -> BackEvent:
    while True:
        event = back.next_event()
        if isinstance(event, NeedData):
            data = stream.recv()
            if not data:
                raise LoginFailed(Reason.UPSTREAM_UNAVAILABLE, "the upstream closed the connection during the login")
            back.feed(data)
        elif isinstance(event, Send):
            stream.sendall(event.data)
        elif isinstance(event, Refused):
            raise LoginFailed(event.reason, event.text)
        else:
            return event
