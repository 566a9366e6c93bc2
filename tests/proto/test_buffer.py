import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgappliance.proto.buffer import LineBuffer, TooLong


def filled(data: bytes) -> LineBuffer:
    buffer = LineBuffer()
    buffer.feed(data)
    return buffer


def lines_of(pieces: list[bytes], limit: int) -> tuple[list[bytes | str], int]:
    """Feed the pieces, reading lines after each; return lines ("too long" for those) and the most octets held between reads."""
    buffer, lines, most = LineBuffer(), [], 0
    for piece in pieces:
        buffer.feed(piece)
        lines += list(_ready(buffer, limit))
        most = max(most, len(buffer))
    return lines, most


def _ready(buffer: LineBuffer, limit: int) -> Iterator[bytes | str]:
    while True:
        try:
            line = buffer.next_line(limit)
        except TooLong:
            yield "too long"
            continue
        if line is None:
            return
        yield line


def test_lines_come_in_order_without_their_ends() -> None:
    buffer = filled(b"one\r\ntwo\r\n")

    assert [buffer.next_line(10), buffer.next_line(10), buffer.next_line(10)] == [b"one", b"two", None]


def test_an_unfinished_line_stays() -> None:
    buffer = filled(b"on")
    assert buffer.next_line(10) is None

    buffer.feed(b"e\r\n")
    assert buffer.next_line(10) == b"one"


def test_a_bare_lf_ends_a_line() -> None:
    assert filled(b"one\n").next_line(10) == b"one"


def test_an_empty_line_is_a_line() -> None:
    buffer = filled(b"\n\r\n")
    assert [buffer.next_line(10), buffer.next_line(10), buffer.next_line(10)] == [b"", b"", None]


def test_only_one_cr_belongs_to_the_line_end() -> None:
    assert filled(b"a\rb\r\r\n").next_line(10) == b"a\rb\r"


def test_a_line_as_long_as_its_limit_passes() -> None:
    assert filled(b"12345678\r\n").next_line(10) == b"12345678"


@pytest.mark.parametrize("data", [b"123456789\r\n", b"1234567890", b"12345678901234567890\r\n"])
def test_a_line_longer_than_its_limit_raises_with_or_without_its_end(data: bytes) -> None:
    with pytest.raises(TooLong):
        filled(data).next_line(10)


def test_the_line_behind_a_too_long_one_is_read() -> None:
    lines, most = lines_of([b"x" * 12, b"y" * 12, b"z\r\nnext\r\n"], 10)

    assert lines == ["too long", b"next"]
    assert most == 0


def test_the_line_behind_a_too_long_one_is_read_when_both_came_together() -> None:
    assert lines_of([b"x" * 12 + b"\r\nnext\r\n"], 10) == (["too long", b"next"], 0)


def test_take_gives_exactly_that_many_octets_whatever_they_are() -> None:
    buffer = filled(b"a\r\n\0b rest")
    assert buffer.take(5) == b"a\r\n\0b"
    assert buffer.unread() == b" rest"


def test_take_waits_until_all_octets_are_there() -> None:
    buffer = filled(b"abc")
    assert buffer.take(4) is None

    buffer.feed(b"d")
    assert buffer.take(4) == b"abcd"


def test_take_of_nothing_is_at_once_there() -> None:
    assert filled(b"").take(0) == b""


def test_skip_drops_octets_that_have_come_and_those_to_come_and_holds_none() -> None:
    buffer = filled(b"12345")
    buffer.skip(1_000_000)
    for _ in range(99):
        buffer.feed(b"x" * 10_000)
        assert len(buffer) == 0

    buffer.feed(b"x" * (1_000_000 - 5 - 990_000) + b"next\r\n")
    assert buffer.next_line(10) == b"next"


def test_skip_leaves_what_is_behind() -> None:
    buffer = filled(b"12345next\r\n")
    buffer.skip(5)
    assert buffer.next_line(10) == b"next"


def test_unread_gives_the_rest_once() -> None:
    buffer = filled(b"one\r\nA2 SELECT INBOX\r\n")
    buffer.next_line(10)

    assert buffer.unread() == b"A2 SELECT INBOX\r\n"
    assert buffer.unread() == b""


@given(st.lists(st.binary(max_size=12) | st.sampled_from([b"\r", b"\n", b"\r\n", b"longer than ten"]), max_size=20))
def test_how_bytes_are_cut_does_not_change_the_lines(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    whole, _ = lines_of([data], 10)
    cut, most_cut = lines_of(pieces, 10)
    single, most_single = lines_of([bytes([octet]) for octet in data], 10)

    assert whole == cut == single
    assert max(most_cut, most_single) < 10


def test_reading_is_linear_in_what_is_fed_byte_by_byte() -> None:
    def seconds(octets: int) -> float:
        buffer, started = LineBuffer(), time.process_time()
        for _ in range(octets):
            buffer.feed(b"x")
            buffer.next_line(10_000_000)
        return time.process_time() - started

    small = min(seconds(10_000) for _ in range(3))
    assert seconds(160_000) < 16 * small * 4  # a rescan from the start would take 256 times as long


def test_taking_many_lines_from_one_large_piece_is_linear() -> None:
    def seconds(count: int) -> float:
        buffer, started = filled(b"NOOP\r\n" * count), time.process_time()
        while buffer.next_line(100) is not None:
            pass
        return time.process_time() - started

    small = min(seconds(10_000) for _ in range(3))
    assert seconds(160_000) < 16 * small * 4
