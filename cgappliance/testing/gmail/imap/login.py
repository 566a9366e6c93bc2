"""IMAP before login: CAPABILITY, LOGIN and AUTHENTICATE, with Gmail's untagged CAPABILITY in front of the tagged OK."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cgappliance.testing.gmail.imap.parse import Argument, word
from cgappliance.testing.gmail.imap.texts import CAPABILITY_AFTER, CAPABILITY_BEFORE, REFUSALS, WEB_ALERT
from cgappliance.testing.gmail.sasl import TOKEN_CHALLENGE, TOKEN_MECHANISMS, BadMessage, Bearer, Plain, decode
from cgappliance.testing.gmail.switches import Refusal

if TYPE_CHECKING:
    from cgappliance.testing.gmail.imap.session import Command, ImapSession


def capability(session: ImapSession, _arguments: list[Argument]) -> str:
    """Answer CAPABILITY, before login and after."""
    session.untagged(CAPABILITY_BEFORE if session.account is None else CAPABILITY_AFTER)
    return f"OK Thats all she wrote! {session.id}" if session.account is None else "OK Success"


def _login(session: ImapSession, arguments: list[Argument]) -> str:
    return _answer(session, "LOGIN", Plain(word(arguments[0]), word(arguments[1])))


def _authenticate(session: ImapSession, arguments: list[Argument]) -> str:
    mechanism = word(arguments[0]).upper()
    if mechanism not in ("PLAIN", *TOKEN_MECHANISMS):
        return f"NO [CANNOT] Unsupported authentication mechanism {session.id}"
    line = word(arguments[1]).encode() if len(arguments) > 1 else session.continuation()
    if line == b"*":
        return f"BAD Authentication cancelled {session.id}"
    try:
        message = decode(mechanism, line)
    except BadMessage:
        return f"BAD Invalid SASL argument. {session.id}"
    return _answer(session, mechanism, message)


def _answer(session: ImapSession, mechanism: str, message: Plain | Bearer) -> str:
    refusal = session.try_login(mechanism, message)
    if refusal is None:
        assert session.account is not None
        session.untagged(CAPABILITY_AFTER)
        return f"OK {session.account.address} authenticated (Success)"
    if refusal is Refusal.BAD_CREDENTIALS and isinstance(message, Bearer):
        session.continuation(TOKEN_CHALLENGE)
    if refusal is Refusal.WEB_LOGIN:
        session.untagged(WEB_ALERT)
    return f"NO {REFUSALS[refusal]}"


COMMANDS: dict[str, Command] = {"LOGIN": _login, "AUTHENTICATE": _authenticate}
