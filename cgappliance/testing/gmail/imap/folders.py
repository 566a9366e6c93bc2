"""IMAP commands about folders, good in every state after login: SELECT, LIST, STATUS, CREATE, APPEND, ENABLE, quota, namespace."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from cgappliance.testing.gmail.imap.parse import Argument, Atom, BadCommand, word, words
from cgappliance.testing.gmail.imap.texts import PERMANENT_FLAGS
from cgappliance.testing.gmail.imap.view import View
from cgappliance.testing.gmail.mailbox import SPECIAL_FOLDERS, UID_VALIDITY, Folder

if TYPE_CHECKING:
    from cgappliance.testing.gmail.imap.session import Command, ImapSession

NO_SUCH_FOLDER = "NO [NONEXISTENT] Unknown Mailbox (Failure)"
QUOTA_LIMIT_KIB = 15 * 1024 * 1024


def _select(session: ImapSession, arguments: list[Argument]) -> str:
    return _open(session, arguments, read_only=False)


def _examine(session: ImapSession, arguments: list[Argument]) -> str:
    return _open(session, arguments, read_only=True)


def _open(session: ImapSession, arguments: list[Argument], *, read_only: bool) -> str:
    folder = session.mailbox.folder(word(arguments[0]))
    session.view = None
    if folder is None:
        return NO_SUCH_FOLDER
    session.view = View(session.mailbox, folder, read_only=read_only)
    session.untagged(f"FLAGS ({PERMANENT_FLAGS})")
    permanent = "" if read_only else f"{PERMANENT_FLAGS} \\*"
    session.untagged(f"OK [PERMANENTFLAGS ({permanent})] Flags permitted.")
    session.untagged(f"OK [UIDVALIDITY {UID_VALIDITY}] UIDs valid.")
    session.untagged(f"{len(folder.entries)} EXISTS")
    session.untagged("0 RECENT")
    session.untagged(f"OK [UIDNEXT {folder.next_uid}] Predicted next UID.")
    session.untagged(f"OK [HIGHESTMODSEQ {session.mailbox.modseq}]")
    state = "READ-ONLY" if read_only else "READ-WRITE"
    return f"OK [{state}] {word(arguments[0])} selected. (Success)"


def _list(session: ImapSession, arguments: list[Argument]) -> str:
    """Answer LIST with its extensions: selection options, several patterns, RETURN (STATUS (...)) (RFC 5258, 5819)."""
    options = {option.upper() for option in words(arguments[0])} if isinstance(arguments[0], list) else set()
    rest = arguments[1:] if isinstance(arguments[0], list) else arguments
    reference, patterns = word(rest[0]), words(rest[1])
    status = _status_wanted(rest[2:])
    if patterns == [""]:
        session.untagged('LIST (\\Noselect) "/" "/"')
        return "OK Success"
    for name in _matching(session, [reference + pattern for pattern in patterns]):
        _show(session, "LIST", name, options)
        if status and name in session.mailbox.folders:
            session.untagged(_status_line(session, session.mailbox.folders[name], status))
    return "OK Success"


def _xlist(session: ImapSession, arguments: list[Argument]) -> str:
    for name in _matching(session, [word(arguments[0]) + word(arguments[1])]):
        _show(session, "XLIST", name, set())
    return "OK Success"


def _lsub(session: ImapSession, arguments: list[Argument]) -> str:
    for name in _matching(session, [word(arguments[0]) + word(arguments[1])]):
        _show(session, "LSUB", name, {"SUBSCRIBED"})
    return "OK Success"


def _status_wanted(arguments: list[Argument]) -> list[str]:
    if len(arguments) < 2 or word(arguments[0]).upper() != "RETURN" or not isinstance(arguments[1], list):
        return []
    options = arguments[1]
    for index, option in enumerate(options):
        if isinstance(option, Atom) and option.upper() == b"STATUS" and index + 1 < len(options):
            return [item.upper() for item in words(options[index + 1])]
    return []


def _matching(session: ImapSession, patterns: Iterable[str]) -> list[str]:
    """Return the folder names that match: ``*`` is anything, ``%`` anything but a slash; INBOX without case."""
    expressions = [
        re.compile("".join({"*": ".*", "%": "[^/]*"}.get(char, re.escape(char)) for char in pattern), re.IGNORECASE | re.DOTALL)
        for pattern in patterns
    ]
    names = ["INBOX", "[Gmail]", *(name for name in session.mailbox.folders if name != "INBOX")]
    return [name for name in names if any(expression.fullmatch(name) for expression in expressions)]


def _show(session: ImapSession, verb: str, name: str, options: set[str]) -> None:
    folder = session.mailbox.folders.get(name)
    special = SPECIAL_FOLDERS.get(name, ())
    if ("SUBSCRIBED" in options and folder is not None and not folder.subscribed) or ("SPECIAL-USE" in options and not special):
        return
    attributes = ["\\HasNoChildren" if folder else "\\HasChildren", *(special if folder else ("\\Noselect",))]
    if verb == "XLIST" and name == "INBOX":
        attributes.append("\\Inbox")
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    session.untagged(f'{verb} ({" ".join(attributes)}) "/" "{quoted}"')


def _status(session: ImapSession, arguments: list[Argument]) -> str:
    folder = session.mailbox.folder(word(arguments[0]))
    if folder is None:
        return NO_SUCH_FOLDER
    session.untagged(_status_line(session, folder, [item.upper() for item in words(arguments[1])]))
    return "OK Success"


def _status_line(session: ImapSession, folder: Folder, items: list[str]) -> str:
    messages = [entry.message for entry in folder.entries]
    values = {
        "MESSAGES": len(messages),
        "RECENT": 0,
        "UIDNEXT": folder.next_uid,
        "UIDVALIDITY": UID_VALIDITY,
        "UNSEEN": sum("\\Seen" not in message.flags for message in messages),
        "HIGHESTMODSEQ": session.mailbox.modseq,
        "SIZE": sum(len(message.raw) for message in messages),
    }
    unknown = [item for item in items if item not in values]
    if unknown:
        raise BadCommand("Could not parse command")
    return f'STATUS "{folder.name}" ({" ".join(f"{item} {values[item]}" for item in items)})'


def _create(session: ImapSession, arguments: list[Argument]) -> str:
    name = word(arguments[0]).rstrip("/")
    if not name or session.mailbox.folder(name) is not None:
        return "NO [ALREADYEXISTS] Duplicate folder name (Failure)"
    session.mailbox.folders[name] = Folder(name)
    return "OK Success"


def _delete(session: ImapSession, arguments: list[Argument]) -> str:
    name = word(arguments[0])
    if name in SPECIAL_FOLDERS or name.upper() == "INBOX":
        return "NO [CANNOT] System folder cannot be deleted (Failure)"
    if session.mailbox.folders.pop(name, None) is None:
        return NO_SUCH_FOLDER
    return "OK Success"


def _rename(session: ImapSession, arguments: list[Argument]) -> str:
    old, new = word(arguments[0]), word(arguments[1])
    if old in SPECIAL_FOLDERS:
        return "NO [CANNOT] System folder cannot be renamed (Failure)"
    if session.mailbox.folder(new) is not None:
        return "NO [ALREADYEXISTS] Duplicate folder name (Failure)"
    folder = session.mailbox.folders.pop(old, None)
    if folder is None:
        return NO_SUCH_FOLDER
    folder.name = new
    session.mailbox.folders[new] = folder
    return "OK Success"


def _subscribe(session: ImapSession, arguments: list[Argument]) -> str:
    return _set_subscribed(session, arguments, subscribed=True)


def _unsubscribe(session: ImapSession, arguments: list[Argument]) -> str:
    return _set_subscribed(session, arguments, subscribed=False)


def _set_subscribed(session: ImapSession, arguments: list[Argument], *, subscribed: bool) -> str:
    folder = session.mailbox.folder(word(arguments[0]))
    if folder is None:
        return NO_SUCH_FOLDER
    folder.subscribed = subscribed
    return "OK Success"


def _append(session: ImapSession, arguments: list[Argument]) -> str:
    """Answer APPEND: folder, optional flags, optional date, literal."""
    folder = session.mailbox.folder(word(arguments[0]))
    if folder is None:
        return "NO [TRYCREATE] No folder (Failure)"
    flags: frozenset[str] = frozenset()
    received_at = session.state.clock.now()
    for argument in arguments[1:-1]:
        if isinstance(argument, list):
            flags = frozenset(words(argument))
        else:
            received_at = _date(word(argument))
    raw = arguments[-1]
    if isinstance(raw, list) or len(arguments) < 2:
        raise BadCommand("Could not parse command")
    entry = session.mailbox.append(folder, raw, received_at, flags)
    return f"OK [APPENDUID {UID_VALIDITY} {entry.uid}] (Success)"


def _date(text: str) -> float:
    try:
        return datetime.strptime(text.strip(), "%d-%b-%Y %H:%M:%S %z").timestamp()
    except ValueError as error:
        raise BadCommand("Invalid date") from error


def _namespace(session: ImapSession, _arguments: list[Argument]) -> str:
    session.untagged('NAMESPACE (("" "/")) NIL NIL')
    return "OK Success"


def _get_quota(session: ImapSession, _arguments: list[Argument]) -> str:
    used = sum(len(entry.message.raw) for entry in session.mailbox.folders["[Gmail]/All Mail"].entries) // 1024
    session.untagged(f'QUOTA "" (STORAGE {used} {QUOTA_LIMIT_KIB})')
    return "OK Success"


def _get_quota_root(session: ImapSession, arguments: list[Argument]) -> str:
    session.untagged(f'QUOTAROOT "{word(arguments[0])}" ""')
    return _get_quota(session, arguments)


def _enable(session: ImapSession, arguments: list[Argument]) -> str:
    """Answer ENABLE, which Gmail refuses once a folder is selected."""
    if session.view is not None:
        return "BAD ENABLE not allowed now."
    known = {word(argument).upper() for argument in arguments} & {"UTF8=ACCEPT", "CONDSTORE"}
    session.enabled |= known
    session.untagged(" ".join(["ENABLED", *sorted(known)]))
    return "OK Success"


def _compress(_session: ImapSession, arguments: list[Argument]) -> str:
    """Answer COMPRESS DEFLATE; the session switches over behind the tagged OK (RFC 4978)."""
    if word(arguments[0]).upper() != "DEFLATE":
        return "NO Unknown compression"
    return f"OK Success (zlib {zlib.ZLIB_VERSION})"


COMMANDS: dict[str, Command] = {
    "SELECT": _select,
    "EXAMINE": _examine,
    "LIST": _list,
    "XLIST": _xlist,
    "LSUB": _lsub,
    "STATUS": _status,
    "CREATE": _create,
    "DELETE": _delete,
    "RENAME": _rename,
    "SUBSCRIBE": _subscribe,
    "UNSUBSCRIBE": _unsubscribe,
    "APPEND": _append,
    "NAMESPACE": _namespace,
    "GETQUOTA": _get_quota,
    "GETQUOTAROOT": _get_quota_root,
    "ENABLE": _enable,
    "COMPRESS": _compress,
}
