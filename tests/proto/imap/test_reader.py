from cgappliance.proto.buffer import LineBuffer
from cgappliance.proto.imap.grammar import Token, TokenKind
from cgappliance.proto.imap.reader import Command, CommandReader, Continuation, Invalid
from cgappliance.proto.limits import PreLoginLimits

SMALL = PreLoginLimits(
    imap_command=60, imap_login_literal=8, imap_login_literals=12, imap_nonsync_literal=20, imap_id_value=10, imap_arguments=6
)


def reader_of(data: bytes, limits: PreLoginLimits = SMALL) -> tuple[CommandReader, LineBuffer]:
    buffer = LineBuffer()
    buffer.feed(data)
    return CommandReader(buffer, limits), buffer


def read_all(data: bytes, limits: PreLoginLimits = SMALL) -> list[object]:
    reader, _ = reader_of(data, limits)
    results = []
    while (result := reader.next()) is not None:
        results.append(result)
    return results


def string(value: bytes) -> Token:
    return Token(TokenKind.STRING, value)


def atom(value: bytes) -> Token:
    return Token(TokenKind.ATOM, value)


def test_commands_come_one_by_one_and_what_follows_stays_unread() -> None:
    reader, buffer = reader_of(b"a noop\r\nb login u p\r\nc select inbox\r\n")

    assert reader.next() == Command(b"a", "NOOP")
    assert reader.next() == Command(b"b", "LOGIN", (atom(b"u"), atom(b"p")))
    assert buffer.unread() == b"c select inbox\r\n"


def test_a_literal_is_one_word_whatever_its_octets_are() -> None:
    assert read_all(b'a LOGIN {5+}\r\n"\r\n\0( {2+}\r\npw\r\n') == [Command(b"a", "LOGIN", (string(b'"\r\n\0('), string(b"pw")))]


def test_leave_is_given_once_per_literal() -> None:
    results = read_all(b"a LOGIN {1}\r\nu {2}\r\npw\r\n")

    assert results == [Continuation(), Continuation(), Command(b"a", "LOGIN", (string(b"u"), string(b"pw")))]


def test_a_literal_that_has_not_come_whole_waits() -> None:
    reader, buffer = reader_of(b"a LOGIN u {4+}\r\npa")
    assert reader.next() is None

    buffer.feed(b"ss\r\n")
    assert reader.next() == Command(b"a", "LOGIN", (atom(b"u"), string(b"pass")))


def test_literals_of_a_login_together_have_a_limit() -> None:
    assert read_all(b"a LOGIN {8+}\r\n12345678 {5}\r\n") == [Invalid(b"a", "Literal too large")]


def test_literals_as_large_as_their_limits_are_taken() -> None:
    assert read_all(b"a LOGIN {8+}\r\n12345678 {4+}\r\n1234\r\n") == [
        Command(b"a", "LOGIN", (string(b"12345678"), string(b"1234")))
    ]


def test_a_literal_over_its_limit_is_drained_and_the_next_command_read() -> None:
    results = read_all(b"a LOGIN u {9+}\r\nb NOOP\r\nx\r\nc NOOP\r\n")

    assert results == [Invalid(b"a", "Literal too large"), Command(b"c", "NOOP")]


def test_literal_larger_than_what_may_come_unasked_is_fatal() -> None:
    assert read_all(b"a LOGIN u {21+}\r\n") == [Invalid(b"a", "Literal too large", "literal_too_large")]


def test_a_command_over_the_limit_is_fatal_even_before_its_end() -> None:
    assert read_all(b"x" * 60) == [Invalid(b"*", "Command line too long", "line_too_long")]


def test_all_lines_of_a_command_count_together_with_their_ends() -> None:
    first, second = b"a ID (x {1+}\r\n", b" " + b"y" * 42 + b")\r\n"
    assert len(first) + len(second) == SMALL.imap_command

    assert [type(result) for result in read_all(first + b"v" + second)] == [Command]
    assert read_all(first + b"v" + b" " + second) == [Invalid(b"a", "Command line too long", "line_too_long")]


def test_lines_of_two_commands_do_not_count_together() -> None:
    line = b"a SEARCH " + b"x" * 40 + b"\r\n"
    assert [type(result) for result in read_all(line * 3)] == [Command] * 3


def test_words_are_counted() -> None:
    assert read_all(b"a X 1 2 3 4 5 6\r\n") == [Command(b"a", "X", tuple(atom(b"%d" % number) for number in range(1, 7)))]
    assert read_all(b"a X 1 2 3 4 5 6 7\r\n") == [Invalid(b"a", "Too many arguments")]


def test_draining_a_malformed_command_holds_nothing() -> None:
    reader, buffer = reader_of(b"")
    for _ in range(50):
        reader, buffer = reader_of(b'a LOGIN " {20+}\r\n')
        assert reader.next() is None
        buffer.feed(b"y" * 19)
        assert reader.next() is None
        assert len(buffer) == 0


def test_only_the_useful_part_of_an_id_value_is_kept() -> None:
    value = b"v" * 1000
    (command,) = read_all(b"a ID (name {1000+}\r\n" + value + b")\r\n", PreLoginLimits())

    assert isinstance(command, Command)
    assert command.arguments[2].value == value[:200]


def test_nothing_of_a_command_shows_in_a_repr() -> None:
    assert "geheim" not in repr(read_all(b"a LOGIN u geheim\r\n"))
