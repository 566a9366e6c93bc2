from pathlib import Path

import pytest

from tests.wire.script import Malformed, Step, expand, matches, parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text", b"plain text"),
        ("日本語", "日本語".encode()),
        (r"a\r\n\t\0\\b\x20\xff", b"a\r\n\t\0\\b \xff"),
        ("{3*ab}c", b"abababc"),
        (r"{b64:\0login\0pass word}", b"AGxvZ2luAHBhc3Mgd29yZA=="),
        ("{b64:{3*x}}", b"eHh4"),
        ("a {5+} literal {*}", b"a {5+} literal {*}"),
    ],
)
def test_text_expands(text: str, expected: bytes) -> None:
    assert expand(text) == expected


def test_anything_matches_only_where_it_stands() -> None:
    assert matches(b"+OK {*} ready\r\n", b"+OK a.b ready\r\n")
    assert not matches(b"+OK {*} ready\r\n", b"+OK a.b ready \r\n")
    assert not matches(b"a.c", b"abc")


def test_file_becomes_steps_with_line_numbers(tmp_path: Path) -> None:
    path = tmp_path / "001-x.txt"
    path.write_text("# why\n! option size 5\n\nS: hi\nC+ ab\n! login a@b.example p w\n! unjoined because\n")

    script = parse(path)

    assert script.steps == [
        Step(4, "S", b"hi\r\n"),
        Step(5, "C", b"ab"),
        Step(6, "!", b"", "login", "a@b.example p w"),
    ]
    assert (script.options, script.joinable) == ({"size": "5"}, False)


@pytest.mark.parametrize("line", ["X: what", "S:text", r"C: \q", "! unjoined"])
def test_malformed_line_is_named_with_its_place(tmp_path: Path, line: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_text(f"S: hi\n{line}\n")

    with pytest.raises(Malformed, match=r"bad\.txt:2: "):
        parse(path)
