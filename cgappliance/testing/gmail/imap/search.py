"""SEARCH: from the keys of a command to a function that says whether a message matches (RFC 3501 6.4.4).

Pure. Text is compared without case in the decoded header or in the raw bytes of the body.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from email import message_from_bytes, policy
from email.message import Message
from email.utils import parsedate_to_datetime

from cgappliance.testing.gmail.imap.parse import Argument, BadCommand, word
from cgappliance.testing.gmail.imap.view import View
from cgappliance.testing.gmail.mailbox import Entry

Match = Callable[[int, Entry], bool]

FLAG_KEYS = {"SEEN": "\\Seen", "ANSWERED": "\\Answered", "FLAGGED": "\\Flagged", "DELETED": "\\Deleted", "DRAFT": "\\Draft"}
HEADER_KEYS = ("FROM", "TO", "CC", "BCC", "SUBJECT")
DATE_KEYS = ("SINCE", "BEFORE", "ON", "SENTSINCE", "SENTBEFORE", "SENTON")


def matcher(arguments: list[Argument], view: View) -> Match:
    """Return the function for all keys of a SEARCH together.

    Raises:
        BadCommand: a key that does not exist, or without its argument.
    """
    keys = iter(arguments)
    matches = []
    for key in keys:
        if not isinstance(key, list) and key.upper() == b"CHARSET":
            next(keys, None)
        else:
            matches.append(_key(key, keys, view))
    return lambda number, entry: all(match(number, entry) for match in matches)


def set_text(numbers: list[int]) -> str:
    """Return rising numbers as a sequence set: ``1:3,7``."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(str(low) if low == high else f"{low}:{high}" for low, high in ranges)


def _key(key: Argument, keys: Iterator[Argument], view: View) -> Match:
    if isinstance(key, list):
        return matcher(key, view)
    name = key.decode("utf-8", "replace").upper()
    if name == "NOT":
        inner = _key(_next(keys), keys, view)
        return lambda number, entry: not inner(number, entry)
    if name == "OR":
        one, other = _key(_next(keys), keys, view), _key(_next(keys), keys, view)
        return lambda number, entry: one(number, entry) or other(number, entry)
    return _flag_key(name) or _argument_key(name, keys, view) or _set_key(name, view, by_uid=False)


def _next(keys: Iterator[Argument]) -> Argument:
    for key in keys:
        return key
    raise BadCommand("Could not parse command")


def _flag_key(name: str) -> Match | None:
    """Return the match for a key without argument, or None when it is not one."""
    if name in ("ALL", "OLD"):
        return lambda _number, _entry: True
    if name in ("NEW", "RECENT"):  # Gmail never reports \Recent
        return lambda _number, _entry: False
    wanted = not name.startswith("UN")
    flag = FLAG_KEYS.get(name if wanted else name[2:])
    return None if flag is None else lambda _number, entry: (flag in entry.message.flags) is wanted


def _argument_key(name: str, keys: Iterator[Argument], view: View) -> Match | None:
    """Return the match for a key with an argument, or None when it is not one."""
    if name in HEADER_KEYS:
        return _header_match(name, word(_next(keys)))
    if name in DATE_KEYS:
        return _date_match(name, word(_next(keys)))
    match name:
        case "HEADER":
            return _header_match(word(_next(keys)), word(_next(keys)))
        case "BODY" | "TEXT" | "X-GM-RAW":
            return _text_match(name, word(_next(keys)))
        case "KEYWORD" | "UNKEYWORD":
            flag, wanted = word(_next(keys)), name == "KEYWORD"
            return lambda _number, entry: (flag in entry.message.flags) is wanted
        case "LARGER" | "SMALLER" | "X-GM-MSGID" | "X-GM-THRID" | "MODSEQ":
            return _number_match(name, word(_next(keys)))
        case "UID":
            return _set_key(word(_next(keys)), view, by_uid=True)
    return None


def _set_key(numbers: str, view: View, *, by_uid: bool) -> Match:
    chosen = {id(entry) for _, entry in view.select(numbers, by_uid=by_uid)}
    return lambda _number, entry: id(entry) in chosen


def _number_match(name: str, text: str) -> Match:
    if not text.isdigit():
        raise BadCommand("Could not parse command")
    wanted = int(text)
    tests: dict[str, Match] = {
        "LARGER": lambda _number, entry: len(entry.message.raw) > wanted,
        "SMALLER": lambda _number, entry: len(entry.message.raw) < wanted,
        "MODSEQ": lambda _number, entry: entry.modseq >= wanted,
    }
    return tests.get(name, lambda _number, entry: entry.message.number == wanted)


def _header(entry: Entry) -> Message:
    return message_from_bytes(entry.message.raw.partition(b"\r\n\r\n")[0], policy=policy.default)


def _header_match(name: str, text: str) -> Match:
    wanted = text.lower()
    return lambda _number, entry: any(wanted in str(value).lower() for value in _header(entry).get_all(name, []))


def _text_match(name: str, text: str) -> Match:
    wanted = text.encode().lower()

    def matches(_number: int, entry: Entry) -> bool:
        raw = entry.message.raw
        return wanted in (raw.partition(b"\r\n\r\n")[2] if name == "BODY" else raw).lower()

    return matches


def _date_match(name: str, text: str) -> Match:
    try:
        wanted = datetime.strptime(text, "%d-%b-%Y").replace(tzinfo=UTC).date()
    except ValueError as error:
        raise BadCommand("Invalid date") from error
    day = _sent_day if name.startswith("SENT") else _received_day
    compare: Callable[[date], bool] = {
        "SINCE": lambda found: found >= wanted,
        "BEFORE": lambda found: found < wanted,
        "ON": lambda found: found == wanted,
    }[name.removeprefix("SENT")]
    return lambda _number, entry: compare(day(entry))


def _received_day(entry: Entry) -> date:
    return datetime.fromtimestamp(entry.message.received_at, UTC).date()


def _sent_day(entry: Entry) -> date:
    try:
        return parsedate_to_datetime(str(_header(entry).get("Date", ""))).date()
    except ValueError:
        return _received_day(entry)
