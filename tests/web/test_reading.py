from __future__ import annotations

from io import BytesIO

import pytest

from cgappliance.web import reading
from cgappliance.web.reading import HEAD_MAX_BYTES, Body, Head


def test_headers_may_have_their_limit_and_not_a_byte_more() -> None:
    line = b"x" * (HEAD_MAX_BYTES // 2 - 1) + b"\n"
    head = Head(BytesIO(line * 2 + b"\n"))
    assert [head.readline(), head.readline(65_537)] == [line, line]
    with pytest.raises(ValueError, match="too long"):
        head.readline()


def test_a_line_without_end_is_not_read_to_its_end() -> None:
    source = BytesIO(b"x" * 10 * HEAD_MAX_BYTES)
    with pytest.raises(ValueError, match="too long"):
        Head(source).readline()
    assert source.tell() == HEAD_MAX_BYTES + 1


def test_a_body_ends_where_it_said_and_leaves_the_next_request_alone() -> None:
    source = BytesIO(b"a=1\nb=2GET /")
    body = Body(source, 7, socket=None, chunked=False)
    assert (body.readline(), body.read(), body.read()) == (b"a=1\n", b"b=2", b"")
    assert (body.finish(), source.read()) == (True, b"GET /")


def test_without_a_length_there_is_no_body() -> None:
    assert Body(BytesIO(b"GET /"), None, socket=None, chunked=False).read() == b""


@pytest.mark.parametrize(("length", "goes_on"), [(99, True), (100, False)])
def test_what_nobody_wants_is_read_up_to_the_limit(monkeypatch: pytest.MonkeyPatch, length: int, goes_on: bool) -> None:
    monkeypatch.setattr(reading, "REQUEST_MAX_BYTES", 100)
    source = BytesIO(b"x" * 200)
    assert Body(source, length, socket=None, chunked=False).finish() is goes_on
    assert source.tell() == length


def test_a_body_that_breaks_off_lets_no_request_follow() -> None:
    assert not Body(BytesIO(b"half"), 9, socket=None, chunked=False).finish()
    assert not Body(BytesIO(b"5\r\nhalf"), None, socket=None, chunked=True).finish()
