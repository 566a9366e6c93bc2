import pytest

from cgappliance.proto.lineback import Garbled
from cgappliance.proto.smtp.reply import ReplyReader, SmtpReply


@pytest.fixture
def reader() -> ReplyReader:
    return ReplyReader(octets_limit=100)


def test_line_with_a_space_or_nothing_behind_the_code_is_a_reply(reader: ReplyReader) -> None:
    assert reader.take(b"250 2.0.0 OK", 8) == SmtpReply(250, (b"2.0.0 OK",), b"250 2.0.0 OK")
    assert reader.take(b"250", 8) == SmtpReply(250, (b"",), b"250")
    assert reader.take(b"334 ", 8) == SmtpReply(334, (b"",), b"334 ")


def test_lines_with_a_hyphen_wait_for_the_last(reader: ReplyReader) -> None:
    assert reader.take(b"250-one", 8) is None
    assert reader.take(b"250-", 8) is None

    assert reader.take(b"250 two", 8) == SmtpReply(250, (b"one", b"", b"two"), b"250-one\r\n250-\r\n250 two")


@pytest.mark.parametrize(
    "line", [b"", b"25", b"2500 OK", b"250_OK", b"150 OK", b"650 OK", b"abc OK", b" 250 OK", b"+OK", "２50 OK".encode()]
)
def test_line_that_is_no_reply_is_garbled(reader: ReplyReader, line: bytes) -> None:
    with pytest.raises(Garbled, match="no SMTP reply"):
        reader.take(line, 8)


def test_second_code_in_one_reply_is_garbled(reader: ReplyReader) -> None:
    reader.take(b"535-no", 8)

    with pytest.raises(Garbled, match="two codes"):
        reader.take(b"235 yes", 8)


def test_one_line_too_many_is_garbled(reader: ReplyReader) -> None:
    reader.take(b"220-1", 2)
    reader.take(b"220-2", 2)

    with pytest.raises(Garbled, match="too long"):
        reader.take(b"220 3", 2)


def test_one_octet_too_many_is_garbled(reader: ReplyReader) -> None:
    reader.take(b"220-" + b"x" * 44, 8)  # 50 with its CRLF
    assert reader.take(b"220 " + b"x" * 44, 8) is not None
    assert reader.take(b"220 " + b"x" * 94, 8) is not None

    reader.take(b"220-" + b"x" * 44, 8)
    with pytest.raises(Garbled, match="too long"):
        reader.take(b"220 " + b"x" * 45, 8)
