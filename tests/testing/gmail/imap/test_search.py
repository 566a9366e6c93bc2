import pytest

from cgappliance.testing.gmail.imap.parse import BadCommand, parse
from cgappliance.testing.gmail.imap.search import matcher, set_text
from cgappliance.testing.gmail.imap.view import View
from cgappliance.testing.gmail.mailbox import Mailbox

DAY = 86400.0
START = 1_800_000_000.0  # 15-Jan-2027 08:00 UTC


@pytest.fixture
def view() -> View:
    mailbox = Mailbox()
    first = b"\r\n".join(
        [
            b"From: Taro <taro@acme.example>",
            b"Subject: =?utf-8?b?44GT44KT44Gr44Gh44Gv?=",
            b"Date: Mon, 1 Jan 2024 00:00:00 +0000",
            b"",
            b"first body",
        ]
    )
    second = b"\r\n".join(
        [
            b"From: hana@acme.example",
            b"To: yuki@acme.example",
            b"X-Mark: blue",
            b"Subject: Report",
            b"",
            b"x" * 80 + b" second body",
        ]
    )
    mailbox.deliver(first, START, flags=frozenset({"\\Seen", "$Junk"}))
    mailbox.deliver(second, START + 2 * DAY)
    return View(mailbox, mailbox.folders["INBOX"], read_only=False)


def found(view: View, keys: str) -> list[int]:
    matches = matcher(parse(keys.encode()), view)
    return [number for number, entry in enumerate(view.entries, 1) if matches(number, entry)]


@pytest.mark.parametrize(
    ("keys", "numbers"),
    [
        ("ALL", [1, 2]),
        ("SEEN", [1]),
        ("UNSEEN", [2]),
        ("undeleted", [1, 2]),
        ("NEW", []),
        ("OLD", [1, 2]),
        ("KEYWORD $Junk", [1]),
        ("UNKEYWORD $Junk", [2]),
        ("FROM taro", [1]),
        ("SUBJECT report", [2]),
        ('CHARSET UTF-8 SUBJECT "こんにちは"', [1]),
        ("HEADER X-Mark BLUE", [2]),
        ("BODY body", [1, 2]),
        ("BODY acme", []),
        ("TEXT acme", [1, 2]),
        ("ON 15-Jan-2027", [1]),
        ("SINCE 16-Jan-2027", [2]),
        ("BEFORE 16-Jan-2027", [1]),
        ("SENTBEFORE 2-Jan-2024", [1]),
        ("SENTSINCE 1-Jan-2027", [2]),
        ("LARGER 150", [2]),
        ("SMALLER 10", []),
        ("UID 2:*", [2]),
        ("1", [1]),
        ("1:*", [1, 2]),
        ("NOT SEEN", [2]),
        ("OR SEEN SUBJECT report", [1, 2]),
        ("SEEN FROM hana", []),
        ("(SEEN (FROM taro))", [1]),
        ("NOT (SEEN FROM taro)", [2]),
    ],
)
def test_keys_find_messages(view: View, keys: str, numbers: list[int]):
    assert found(view, keys) == numbers


def test_modseq_and_message_number_find_messages(view: View):
    entry = view.entries[1]

    assert found(view, f"MODSEQ {entry.modseq}") == [2]
    assert found(view, f"X-GM-MSGID {entry.message.number}") == [2]


@pytest.mark.parametrize("keys", ["WHAT", "FROM", "NOT", "OR SEEN", "SINCE yesterday", "LARGER big", "UID x"])
def test_what_is_no_key_is_refused(view: View, keys: str):
    with pytest.raises(BadCommand):
        found(view, keys)


@pytest.mark.parametrize(("numbers", "text"), [([], ""), ([1], "1"), ([1, 2, 3, 5, 7, 8], "1:3,5,7:8")])
def test_numbers_become_a_set(numbers: list[int], text: str):
    assert set_text(numbers) == text
