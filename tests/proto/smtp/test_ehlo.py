import pytest

from cgappliance.proto.smtp.ehlo import GMAIL_KEYWORDS, Ehlo, offered, parse_ehlo


def test_keywords_keep_their_order_and_parameters_and_auth_is_apart() -> None:
    lines = [b"SIZE 35882577", b"8BITMIME", b"AUTH LOGIN plain XOAUTH2", b"Pipelining"]

    assert parse_ehlo(lines) == Ehlo(("SIZE 35882577", "8BITMIME", "Pipelining"), frozenset({"LOGIN", "PLAIN", "XOAUTH2"}))


def test_mechanisms_of_several_auth_lines_add_up() -> None:
    assert parse_ehlo([b"AUTH PLAIN", b"auth LOGIN"]).mechanisms == {"PLAIN", "LOGIN"}


@pytest.mark.parametrize("line", [b"", b" ", b"-X", b"AUTH=PLAIN", b"caf\xe9", b"SIZE  1", b"X\x01", b"X \x7f", b"X\tY", b"X\r\nY"])
def test_line_that_is_no_keyword_is_left_out(line: bytes) -> None:
    assert parse_ehlo([line]) == Ehlo((), frozenset())


def test_space_at_the_end_is_forgiven() -> None:
    assert parse_ehlo([b"DSN "]).keywords == ("DSN",)


@pytest.mark.parametrize(
    "line", ["STARTTLS", "starttls", "AUTH PLAIN", "XCLIENT NAME", "XFORWARD NAME", "CLIENTID", "X\r\nDSN", ""]
)
def test_keyword_that_ends_here_is_not_offered(line: str) -> None:
    assert offered(["DSN", line, "SIZE 1"]) == ("DSN", "SIZE 1")


def test_keywords_of_gmail_are_all_offered() -> None:
    assert offered(GMAIL_KEYWORDS) == GMAIL_KEYWORDS
