import pytest

from cgappliance.testing.gmail.imap.structure import body_structure, envelope, quoted, section_of_part

MULTIPART = b"\r\n".join(
    [
        b'Content-Type: multipart/mixed; boundary="b"',
        b"",
        b"--b",
        b"Content-Type: text/plain; charset=utf-8",
        b"Content-Transfer-Encoding: 8bit",
        b"",
        "本文".encode(),
        b"second line",
        b"--b",
        b'Content-Type: application/pdf; name="a.pdf"',
        b'Content-Disposition: attachment; filename="a.pdf"',
        b"Content-Transfer-Encoding: base64",
        b"",
        b"AAAA",
        b"--b--",
        b"",
    ]
)
FORWARDED = b"\r\n".join(
    [b"Content-Type: message/rfc822", b"Subject: outer", b"", b"From: inner@x.example", b"Subject: inner", b"", b"inner body", b""]
)


def test_envelope_of_a_message():
    raw = (
        b'Date: Tue, 24 Nov 2026 10:00:00 +0900\r\nSubject: Hello "you"\r\nFrom: Yuki <yuki@acme.example>\r\n'
        b"To: taro@acme.example, hana@acme.example\r\nMessage-ID: <1@x>\r\n\r\n"
    )
    yuki = b'(("Yuki" NIL "yuki" "acme.example"))'
    to = b'((NIL NIL "taro" "acme.example")(NIL NIL "hana" "acme.example"))'
    fields = [b'"Tue, 24 Nov 2026 10:00:00 +0900"', b'"Hello \\"you\\""', yuki, yuki, yuki, to, b"NIL", b"NIL", b"NIL", b'"<1@x>"']
    assert envelope(raw) == b"(" + b" ".join(fields) + b")"


@pytest.mark.parametrize("raw", [b"", b"\r\n", b"no header at all", b"From: \r\n\r\n", b"\xff\xfe: \xff\r\n\r\n"])
def test_envelope_of_anything(raw: bytes):
    assert envelope(raw).startswith(b"(")


def test_structure_of_plain_text():
    assert body_structure(b"Subject: x\r\n\r\none\r\ntwo\r\n", extended=False) == (
        b'("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 10 2)'
    )


def test_structure_of_parts():
    assert body_structure(MULTIPART, extended=True) == (
        b'(("TEXT" "PLAIN" ("CHARSET" "utf-8") NIL NIL "8BIT" 19 1 NIL NIL NIL NIL)'
        b'("APPLICATION" "PDF" ("NAME" "a.pdf") NIL NIL "BASE64" 4 NIL ("ATTACHMENT" ("FILENAME" "a.pdf")) NIL NIL)'
        b' "MIXED" ("BOUNDARY" "b") NIL NIL NIL)'
    )


def test_structure_of_a_message_in_a_message():
    structure = body_structure(FORWARDED, extended=False)

    assert structure.startswith(b'("MESSAGE" "RFC822" NIL NIL NIL "7BIT" ')
    assert b'"inner"' in structure


@pytest.mark.parametrize(
    ("numbers", "what", "data"),
    [
        ([1], "", "本文\r\nsecond line".encode()),
        ([1], "MIME", b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"),
        ([2], "", b"AAAA"),
        ([3], "", b""),
        ([1, 1], "", "本文\r\nsecond line".encode()),
        ([1, 2], "", b""),
    ],
)
def test_parts_are_found_by_number(numbers: list[int], what: str, data: bytes):
    assert section_of_part(MULTIPART, numbers, what) == data


@pytest.mark.parametrize(
    ("what", "data"), [("HEADER", b"From: inner@x.example\r\nSubject: inner\r\n\r\n"), ("TEXT", b"inner body\r\n")]
)
def test_message_in_a_message_has_header_and_text(what: str, data: bytes):
    assert section_of_part(FORWARDED, [1], what) == data


@pytest.mark.parametrize(
    ("value", "string"),
    [
        (None, b"NIL"),
        ("", b'""'),
        ('a"\\', b'"a\\"\\\\"'),
        ("é", b"{2}\r\n\xc3\xa9"),
        ("a\r\nb", b"{4}\r\na\r\nb"),
        ("\udcff", b"{1}\r\n\xff"),
    ],
)
def test_strings_are_quoted_or_literals(value: str | None, string: bytes):
    assert quoted(value) == string
