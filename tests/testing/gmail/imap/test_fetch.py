import pytest

from cgappliance.testing.gmail.imap.fetch import fetch_items, render
from cgappliance.testing.gmail.imap.parse import BadCommand, parse
from cgappliance.testing.gmail.mailbox import Mailbox

RAW = b"From: a@b\r\nTo: c@d\r\n e@f\r\nSubject: x\r\n\r\nbody\r\nmore\r\n"


def fetched(items: bytes, raw: bytes = RAW, *, by_uid: bool = False) -> bytes:
    mailbox = Mailbox()
    mailbox.deliver(raw, 1_800_000_000.0)
    return render(fetch_items(parse(items)[0], by_uid=by_uid), mailbox.folders["INBOX"].entries[0], mailbox)


@pytest.mark.parametrize(
    ("items", "answer"),
    [
        (b"UID", b"UID 1"),
        (b"FLAGS", b"FLAGS ()"),
        (b"RFC822.SIZE", b"RFC822.SIZE %d" % len(RAW)),
        (b"INTERNALDATE", b'INTERNALDATE "15-Jan-2027 08:00:00 +0000"'),
        (b"BODY[]", b"BODY[] {%d}\r\n%b" % (len(RAW), RAW)),
        (b"body.peek[]<5.4>", b"BODY[]<5> {4}\r\n a@b"),
        (b"BODY[]<9999.4>", b"BODY[]<9999> {0}\r\n"),
        (b"RFC822.TEXT", b"RFC822.TEXT {12}\r\nbody\r\nmore\r\n"),
        (b"BODY[TEXT]", b"BODY[TEXT] {12}\r\nbody\r\nmore\r\n"),
        (b"BODY[1]", b"BODY[1] {12}\r\nbody\r\nmore\r\n"),
        (b"BODY[2]", b"BODY[2] {0}\r\n"),
        (b"BODY[HEADER.FIELDS (To)]", b"BODY[HEADER.FIELDS (TO)] {17}\r\nTo: c@d\r\n e@f\r\n\r\n"),
        (b'BODY[HEADER.FIELDS ("to")]', b'BODY[HEADER.FIELDS ("TO")] {17}\r\nTo: c@d\r\n e@f\r\n\r\n'),
        (b"BODY[HEADER.FIELDS.NOT (To From)]", b"BODY[HEADER.FIELDS.NOT (TO FROM)] {14}\r\nSubject: x\r\n\r\n"),
        (b"BODY[HEADER.FIELDS (None)]", b"BODY[HEADER.FIELDS (NONE)] {2}\r\n\r\n"),
        (b"X-GM-LABELS", b'X-GM-LABELS ("\\\\Inbox")'),
        (b"(FLAGS UID)", b"UID 1 FLAGS ()"),
    ],
)
def test_items_are_answered(items: bytes, answer: bytes):
    assert fetched(items) == answer


def test_uid_fetch_always_has_the_uid():
    assert fetched(b"FLAGS", by_uid=True) == b"UID 1 FLAGS ()"


def test_answers_come_in_gmails_order():
    answer = fetched(b"(UID BODY.PEEK[] X-GM-MSGID FLAGS X-GM-LABELS X-GM-THRID)")
    places = [answer.index(name) for name in (b"X-GM-THRID", b"X-GM-MSGID", b"X-GM-LABELS", b"UID", b"FLAGS", b"BODY[]")]

    assert places == sorted(places)


@pytest.mark.parametrize("macro", [b"ALL", b"FAST", b"FULL"])
def test_macros_are_known(macro: bytes):
    assert fetched(macro).startswith(b"RFC822.SIZE ")


@pytest.mark.parametrize("item", [b"WHAT", b"BODY[WHAT]", b"BODY[HEADER.FIELDS]", b"BODY[1.X]"])
def test_unknown_item_is_refused(item: bytes):
    with pytest.raises(BadCommand):
        fetched(item)


@pytest.mark.parametrize(
    ("item", "marks"),
    [(b"BODY[]", True), (b"BODY.PEEK[]", False), (b"RFC822", True), (b"RFC822.HEADER", False), (b"RFC822.TEXT", True)],
)
def test_asking_for_the_text_marks_as_read_unless_peeking(item: bytes, marks: bool):
    assert fetch_items(parse(item)[0], by_uid=False)[0].marks_seen is marks


@pytest.mark.parametrize(
    ("raw", "header", "text"), [(b"\r\nbody", b"\r\n", b"body"), (b"A: b\r\n", b"A: b\r\n", b""), (b"", b"", b"")]
)
def test_message_without_header_or_text_is_split(raw: bytes, header: bytes, text: bytes):
    assert fetched(b"BODY[HEADER]", raw) == b"BODY[HEADER] {%d}\r\n%b" % (len(header), header)
    assert fetched(b"BODY[TEXT]", raw) == b"BODY[TEXT] {%d}\r\n%b" % (len(text), text)
