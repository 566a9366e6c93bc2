"""IMAP commands about the messages of the selected folder: FETCH, STORE, SEARCH, COPY, MOVE, EXPUNGE, CLOSE."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from cgappliance.testing.gmail.imap.fetch import fetch_items, render
from cgappliance.testing.gmail.imap.parse import Argument, BadCommand, word, words
from cgappliance.testing.gmail.imap.search import matcher, set_text
from cgappliance.testing.gmail.imap.view import View, flags_text
from cgappliance.testing.gmail.mailbox import UID_VALIDITY, Entry, Folder

if TYPE_CHECKING:
    from cgappliance.testing.gmail.imap.session import Command, ImapSession

READ_ONLY = "NO [READ-ONLY] Folder is read-only (Failure)"
NO_SUCH_FOLDER = "NO [TRYCREATE] No folder (Failure)"
BY_NUMBER = frozenset({"FETCH", "STORE", "SEARCH"})  #: commands during which no EXPUNGE may be sent (RFC 3501 7.4.1)


def _view(session: ImapSession) -> View:
    assert session.view is not None
    return session.view


def _fetch(session: ImapSession, arguments: list[Argument], *, by_uid: bool) -> str:
    view = _view(session)
    items = fetch_items(arguments[1], by_uid=by_uid)
    since = _changed_since(arguments[2:])
    for number, entry in view.select(word(arguments[0]), by_uid=by_uid):
        if entry.modseq > since:
            if any(item.marks_seen for item in items) and not view.read_only and "\\Seen" not in entry.message.flags:
                entry.message.flags.add("\\Seen")
                view.mailbox.touch(entry)
            session.send(b"* %d FETCH (" % number + render(items, entry, view.mailbox) + b")\r\n")
    session.tell(expunges=by_uid)
    return "OK Success"


def _changed_since(arguments: list[Argument]) -> int:
    """Return the number in ``(CHANGEDSINCE n)`` (RFC 7162 3.1.4.1); -1 when it is not there."""
    modifiers = words(arguments[0]) if arguments else []
    if len(modifiers) >= 2 and modifiers[0].upper() == "CHANGEDSINCE" and modifiers[1].isdigit():
        return int(modifiers[1])
    return -1


def _store(session: ImapSession, arguments: list[Argument], *, by_uid: bool) -> str:
    view = _view(session)
    if view.read_only:
        return READ_ONLY
    chosen = view.select(word(arguments[0]), by_uid=by_uid)
    rest = arguments[2:] if isinstance(arguments[1], list) else arguments[1:]  # (UNCHANGEDSINCE n) in front
    action, flags = word(rest[0]).upper(), {flag for argument in rest[1:] for flag in words(argument)}
    for number, entry in chosen:
        _change_flags(entry, action, flags)
        view.mailbox.touch(entry)
        if not action.endswith(".SILENT"):
            uid = f"UID {entry.uid} " if by_uid else ""
            session.untagged(f"{number} FETCH ({uid}MODSEQ ({entry.modseq}) FLAGS ({flags_text(entry)}))")
    view.forget_changes()
    return "OK Success"


def _change_flags(entry: Entry, action: str, flags: set[str]) -> None:
    match action.removesuffix(".SILENT"):
        case "+FLAGS":
            entry.message.flags |= flags
        case "-FLAGS":
            entry.message.flags -= flags
        case "FLAGS":
            entry.message.flags = set(flags)
        case "+X-GM-LABELS" | "-X-GM-LABELS" | "X-GM-LABELS":
            pass  # labels are folders here; STORE of labels is accepted and changes nothing
        case _:
            raise BadCommand("Could not parse command")


def _search(session: ImapSession, arguments: list[Argument], *, by_uid: bool) -> str:
    view = _view(session)
    options: list[str] | None = None
    if len(arguments) >= 2 and _keyword(arguments[0]) == "RETURN":
        options, arguments = [option.upper() for option in words(arguments[1])] or ["ALL"], arguments[2:]
    matches = matcher(arguments, view)
    found = [entry.uid if by_uid else number for number, entry in enumerate(view.entries, 1) if matches(number, entry)]
    if options is None:
        session.untagged(" ".join(["SEARCH", *map(str, found)]))
    else:
        session.untagged(_esearch(session.tag, options, found, by_uid=by_uid))
    return "OK SEARCH completed (Success)"


def _keyword(argument: Argument) -> str:
    """Return a string argument in upper case, "" for a list."""
    return "" if isinstance(argument, list) else word(argument).upper()


def _esearch(tag: str, options: list[str], found: list[int], *, by_uid: bool) -> str:
    """Return the answer to SEARCH RETURN (RFC 4731)."""
    parts = [f'ESEARCH (TAG "{tag}")', *(["UID"] if by_uid else [])]
    if "COUNT" in options:
        parts.append(f"COUNT {len(found)}")
    if found and "MIN" in options:
        parts.append(f"MIN {found[0]}")
    if found and "MAX" in options:
        parts.append(f"MAX {found[-1]}")
    if found and "ALL" in options:
        parts.append(f"ALL {set_text(found)}")
    return " ".join(parts)


def _copy(session: ImapSession, arguments: list[Argument], *, by_uid: bool) -> str:
    copied = _copy_entries(session, arguments, by_uid=by_uid)
    return NO_SUCH_FOLDER if copied is None else f"OK {copied[1]}(Success)"


def _move(session: ImapSession, arguments: list[Argument], *, by_uid: bool) -> str:
    view = _view(session)
    if view.read_only:
        return READ_ONLY
    copied = _copy_entries(session, arguments, by_uid=by_uid)
    if copied is None:
        return NO_SUCH_FOLDER
    session.untagged(f"OK {copied[1]}(Success)")
    view.mailbox.remove(view.folder, copied[0])
    session.tell(expunges=True)
    return "OK (Success)"


def _copy_entries(session: ImapSession, arguments: list[Argument], *, by_uid: bool) -> tuple[list[Entry], str] | None:
    """Copy messages and return them with the COPYUID code (RFC 4315 3), or None when there is no such folder."""
    view = _view(session)
    target: Folder | None = view.mailbox.folder(word(arguments[1]))
    if target is None:
        return None
    entries = [entry for _, entry in view.select(word(arguments[0]), by_uid=by_uid)]
    copies = [view.mailbox.copy(entry.message, target) for entry in entries]
    if not entries:
        return entries, ""
    sources, targets = (",".join(str(entry.uid) for entry in group) for group in (entries, copies))
    return entries, f"[COPYUID {UID_VALIDITY} {sources} {targets}] "


def _expunge(session: ImapSession, arguments: list[Argument], *, by_uid: bool) -> str:
    view = _view(session)
    if view.read_only:
        return READ_ONLY
    chosen = view.select(word(arguments[0]), by_uid=True) if by_uid else list(enumerate(view.entries, 1))
    _remove_deleted(view, [entry for _, entry in chosen])
    return "OK Success"


def _remove_deleted(view: View, entries: list[Entry]) -> None:
    view.mailbox.remove(view.folder, [entry for entry in entries if "\\Deleted" in entry.message.flags])


def _close(session: ImapSession, _arguments: list[Argument]) -> str:
    view = _view(session)
    if not view.read_only:
        _remove_deleted(view, view.entries)
    session.view = None
    return "OK Returned to authenticated state. (Success)"


def _unselect(session: ImapSession, _arguments: list[Argument]) -> str:
    session.view = None
    return "OK Returned to authenticated state. (Success)"


def _check(_session: ImapSession, _arguments: list[Argument]) -> str:
    return "OK Success"


COMMANDS: dict[str, Command] = {
    "FETCH": partial(_fetch, by_uid=False),
    "UID FETCH": partial(_fetch, by_uid=True),
    "STORE": partial(_store, by_uid=False),
    "UID STORE": partial(_store, by_uid=True),
    "SEARCH": partial(_search, by_uid=False),
    "UID SEARCH": partial(_search, by_uid=True),
    "COPY": partial(_copy, by_uid=False),
    "UID COPY": partial(_copy, by_uid=True),
    "MOVE": partial(_move, by_uid=False),
    "UID MOVE": partial(_move, by_uid=True),
    "EXPUNGE": partial(_expunge, by_uid=False),
    "UID EXPUNGE": partial(_expunge, by_uid=True),
    "CLOSE": _close,
    "UNSELECT": _unselect,
    "CHECK": _check,
}
