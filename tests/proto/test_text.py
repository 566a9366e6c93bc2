import pytest

from cgappliance.proto.text import printable, said

TOKEN = "ya29.a0AfB_byC-0123456789abcdefghijklmnopqrstuvwxyz"


def test_control_characters_become_visible_marks() -> None:
    assert printable(b"a\r\nb\x1b[31m\x00", 100) == "a\ufffd\ufffdb\ufffd[31m\ufffd"


def test_japanese_text_stays() -> None:
    assert printable("日本".encode(), 100) == "日本"


def test_bytes_that_are_no_utf8_are_replaced() -> None:
    assert printable(b"\xff\xfe", 100) == "\ufffd\ufffd"


def test_text_is_cut_at_its_limit() -> None:
    assert printable("x" * 500, 200) == "x" * 200


def test_said_strips_the_line_end_and_bounds_the_text() -> None:
    assert said(b"  Temporary System Problem " + b"x" * 400, limit=24) == "Temporary System Problem"


@pytest.mark.parametrize("echoed", [TOKEN, TOKEN[:20], TOKEN[:8]])
def test_a_secret_or_its_start_is_masked_wherever_it_is_echoed(echoed: str) -> None:
    text = said(f"BAD cannot parse {echoed} here".encode(), [TOKEN])

    assert text == "BAD cannot parse **** here"


def test_a_secret_is_masked_each_time_it_occurs() -> None:
    assert said(f"{TOKEN}{TOKEN} {TOKEN}".encode(), [TOKEN]) == "******** ****"


def test_a_secret_that_straddles_the_limit_is_masked_before_the_cut() -> None:
    assert TOKEN[:10] not in said(b"x" * 15 + TOKEN.encode(), [TOKEN], limit=30)


def test_fewer_characters_of_a_secret_are_just_text() -> None:
    assert said(f"BAD {TOKEN[:7]} x".encode(), [TOKEN]) == f"BAD {TOKEN[:7]} x"


def test_a_short_secret_is_masked_whole() -> None:
    assert said(b"you sent ok", ["ok"]) == "you sent ****"


def test_an_empty_secret_masks_nothing() -> None:
    assert said(b"fine", [""]) == "fine"
