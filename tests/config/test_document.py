import os
from pathlib import Path

import pytest

from cgappliance.config.document import MAX_FILE_BYTES, MAX_SYNTAX_ERRORS, Document, read_document


def read(folder: Path, content: str | bytes) -> Document:
    path = folder / "acme.toml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_document(path)


def places(document: Document) -> list[tuple[int, str]]:
    return [(problem.line, problem.problem) for problem in document.problems]


def test_good_file_gives_values_and_lines(tmp_path: Path):
    document = read(tmp_path, 'name = "x"\n\n[listen]\nimaps = 10993\n')
    assert document.data == {"name": "x", "listen": {"imaps": 10993}}
    assert document.line(("listen", "imaps")) == 4
    assert document.problems == ()
    assert document.complete


def test_outline_knows_lines_of_the_tables_that_were_asked_for_and_nothing_else(tmp_path: Path):
    outline = read(tmp_path, 'name = "x"\n\n[listen]\nimaps = 10993\n[auth]\n').outline({"listen"})
    assert (outline.data, outline.content, set(outline.lines)) == ({}, b"", {("listen",), ("listen", "imaps")})
    assert outline.line(("listen", "imaps")) == 4


def test_folder_is_absolute_even_when_the_path_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "acme.toml").touch()
    document = read_document(Path("acme.toml"))
    assert document.folder == tmp_path
    assert str(document.path) == "acme.toml"


def test_missing_file_is_a_problem_of_the_whole_file(tmp_path: Path):
    document = read_document(tmp_path / "acme.toml")
    assert places(document) == [(0, "cannot be read: No such file or directory")]
    assert not document.complete


def test_folder_and_pipe_are_refused_without_waiting(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "folder.toml").mkdir()
    assert places(read_document(tmp_path / "pipe.toml")) == [(0, "is not a regular file")]
    assert places(read_document(tmp_path / "folder.toml")) == [(0, "is not a regular file")]


def test_file_larger_than_the_limit_is_refused(tmp_path: Path):
    assert read(tmp_path, "#" * MAX_FILE_BYTES).problems == ()
    assert places(read(tmp_path, "#" * (MAX_FILE_BYTES + 1))) == [(0, f"is larger than {MAX_FILE_BYTES} bytes")]


@pytest.mark.parametrize(
    ("row", "problem", "remedy"),
    [
        ("name = ACME", "invalid value at column 8", "texts stand in quotes"),
        ('name = "ACME', "illegal character '\\n' at column 13", "close the quotation mark"),
        ('"b" "c"', "expected '=' after a key in a key/value pair at column 5", "write key = value"),
        ("!!", "invalid statement at column 1", "see https://toml.io"),
        ('name = "C:\\data"', "unescaped '\\' in a string at column 13", "write \\\\ for a backslash"),
        ("good = 2", "cannot overwrite a value at column 9", "the key stands twice"),
        ('name = ["a", "b]', "illegal character '\\n' at column 17", "close the quotation mark"),
    ],
)
def test_syntax_error_is_told_at_its_line_with_a_remedy(tmp_path: Path, row: str, problem: str, remedy: str):
    document = read(tmp_path, f"good = 1\n{row}\nother = 3\n")
    assert places(document) == [(2, problem)]
    assert document.problems[0].remedy.startswith(remedy)


def test_lines_around_a_broken_one_are_still_read(tmp_path: Path):
    document = read(tmp_path, 'a = 1\nb = ACME\nc = "x\nd = [ "y, "z" ] # why\n[e]\nf = 2\nf = 3\ng = 4\n')
    assert [line for line, _ in places(document)] == [2, 3, 4, 7]
    assert document.data == {"a": 1, "e": {"f": 2, "g": 4}}
    assert document.line(("e", "g")) == 8
    assert not document.complete


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = [1,\nb = 2\n\nc = 3\n", 2),  # a list left open swallows what follows
        ("a = 1\n[listen\nb = 2\n", 2),  # keys of a lost header would seem to be of another table
        ("[a]\nb = 1\n[a]\nc = 2\n", 3),
        ('a = """x\nb = 2\n', 3),  # a text left open goes on to the end
        ("a = { b = 1\nc = 2\n", 1),
        ("a = [\n", 2),
    ],
)
def test_error_that_other_lines_depend_on_is_told_alone(tmp_path: Path, text: str, line: int):
    document = read(tmp_path, text)
    assert [line for line, _ in places(document)] == [line]
    assert document.data == {}
    assert not document.complete


def test_broken_lines_are_told_up_to_a_limit(tmp_path: Path):
    document = read(tmp_path, "".join(f"k{number} = x\n" for number in range(100)))
    assert len(document.problems) == MAX_SYNTAX_ERRORS


def test_deep_nesting_is_a_problem_and_no_crash(tmp_path: Path):
    document = read(tmp_path, f"a = {'[' * 100_000}\n")
    assert [problem for _, problem in places(document)] == ["brackets are nested too deeply"]


def test_byte_order_mark_is_a_problem_that_hides_no_other(tmp_path: Path):
    document = read(tmp_path, b'\xef\xbb\xbfname = "x"\nb = ACME\n')
    assert places(document) == [(1, "starts with a byte order mark"), (2, "invalid value at column 5")]
    assert document.data == {"name": "x"}


def test_other_encoding_is_told_at_the_line_of_its_first_byte(tmp_path: Path):
    document = read(tmp_path, b"a = 1\n# " + "東京".encode("shift_jis") + b"\nb = 2\n")
    assert places(document) == [(2, "byte 0x93 is not UTF-8")]
    assert document.data == {"a": 1, "b": 2}
