"""One login from greeting to relay, straight-line, top to bottom: start reading here.

The dialogue blocks in ``client`` and in the ports; each wait has its deadline there. The parsing is in ``proto``, the rules are in
``policy``, the directory and Google are plugins; this file knows only the order, and why it is this order.
"""

from __future__ import annotations

from cgappliance.errors import DeadlineExceeded, Dismissed, LoginFailed
from cgappliance.model import Credentials, GrantMechanism, Reason
from cgappliance.proto.events import Close, Farewell, Front, LoginAttempt, NeedData, Send
from cgappliance.session.ports import Attempt, Mailbox, Ports, Stream


def run(client: Stream, front: Front, ports: Ports) -> Mailbox | None:
    """Bring one client from greeting to an open mailbox, or return None when it left or was sent away (the reply is sent).

    A refused client may try again as often as the front allows. Whatever the client pipelined behind its login waits in
    ``front.unread()``.

    Raises:
        PeerGone: the client's connection was lost.
    """
    client.sendall(front.greeting())
    while True:
        credentials = _next_credentials(client, front, ports)
        if credentials is None:
            return None
        attempt = ports.begin(credentials)
        try:
            mailbox = _record(attempt, _let_in(attempt, ports), ports)
        except LoginFailed as failure:
            attempt.reason, attempt.detail = failure.reason, failure.detail
            ports.finished(attempt)
            client.sendall(front.refuse(failure.reason))
            continue
        try:
            client.sendall(front.accept(mailbox.accepted))
        except BaseException:
            mailbox.stream.close()
            raise
        return mailbox


def _next_credentials(client: Stream, front: Front, ports: Ports) -> Credentials | None:
    """Talk to the client until it asks to be let in; None when it leaves or its budget of time or commands is spent."""
    try:
        while True:
            event = front.next_event()
            if isinstance(event, NeedData):
                data = ports.next_data(client)
                if not data:
                    return None
                front.feed(data)
            elif isinstance(event, Send):
                client.sendall(event.data)
            elif isinstance(event, LoginAttempt):
                return event.credentials
            elif isinstance(event, Close):
                client.sendall(event.data)
                return None
    except DeadlineExceeded:
        client.sendall(front.bye(Farewell.TIMEOUT))
        return None
    except Dismissed:
        client.sendall(front.bye(Farewell.SHUTDOWN))
        return None


def _let_in(attempt: Attempt, ports: Ports) -> Mailbox:
    """Ask policy, directory, credential provider and Gmail, in this order, each only after the one before has said yes.

    Policy first, so that the directory is not asked for somebody who may not come in anyway. The directory before Google, so that
    no byte of an unauthenticated client, and no trace of its attempt, reaches Google. The number of sessions is looked at between
    the two: a stranger must not learn how many an account has.
    """
    verdict = ports.decide(attempt)
    if verdict is not Reason.ACCEPTED:
        raise LoginFailed(verdict)
    answer = ports.authenticate(attempt)
    attempt.identity = answer.identity
    if not answer.accepted:
        raise LoginFailed(answer.reason, answer.detail)
    ports.admit(attempt)
    try:
        return _open_mailbox(attempt, ports, fresh=False)
    except LoginFailed as failure:
        if failure.reason is not Reason.CREDENTIAL_REFUSED or not attempt.another_try:
            raise
    # a token can be revoked while it is still fresh in a cache, or nobody knows which of two passwords Google has: one more try
    return _open_mailbox(attempt, ports, fresh=True)


def _record(attempt: Attempt, mailbox: Mailbox, ports: Ports) -> Mailbox:
    """Have an accepted login on the disk before its client hears OK: none may ever be missing from the history."""
    try:
        ports.finished(attempt)
    except BaseException:
        mailbox.stream.close()
        raise
    return mailbox


def _open_mailbox(attempt: Attempt, ports: Ports, *, fresh: bool) -> Mailbox:
    grant = ports.grant(attempt, fresh=fresh)
    attempt.mechanism, attempt.expires_in_s = grant.mechanism, grant.expires_in_s
    attempt.another_try = grant.mechanism is GrantMechanism.XOAUTH2 or grant.from_cache
    stream, back = ports.upstream(attempt)
    return ports.log_in(attempt, stream, back, grant)
