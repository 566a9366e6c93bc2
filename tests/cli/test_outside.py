import pytest

from cgappliance.cli.outside import watched


class Terminal:
    """Standard error where somebody sits at a terminal."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self.text = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None: ...


def test_what_is_watched_comes_as_it_is(capsys: pytest.CaptureFixture[str]):
    assert list(watched(iter("abc"), "Working", 3)) == ["a", "b", "c"]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("length", [3, None])
def test_somebody_at_a_terminal_sees_how_far_it_is(monkeypatch: pytest.MonkeyPatch, length: int | None):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    assert list(watched(iter("abc"), "Working", length)) == ["a", "b", "c"]
    assert "Working" in terminal.text
    assert "3" in terminal.text
