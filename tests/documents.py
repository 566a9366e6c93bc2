"""What the documents hold: pages, code blocks with their captions, shell commands. For ``test_docs.py`` and the README's test."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"

PAGES = sorted(path for path in DOCS.rglob("*.rst") if "_build" not in path.parts)
MARKDOWN = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
SHELLS = ("console", "sh", "shell", "bash")

_DIRECTIVE = re.compile(r"^( *)\.\. code-block:: *(\S+)\n", re.MULTILINE)
_OPTION = re.compile(r" *:([a-z-]+):(?: (.*))?")
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ENDS_COMMAND = re.compile(r"[();|&]+")
_IN_A_SENTENCE = re.compile(r"``(cgappliance [^`]+)``")
_ASSIGNMENT = re.compile(r"\w+=")


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of code in a page."""

    page: Path
    line: int  #: of the page, where its directive stands
    language: str
    caption: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(*languages: str) -> list[Block]:
    """Return all code blocks of these languages, from all pages."""
    found = [block for page in PAGES for block in _of_rst(page)] + [block for page in MARKDOWN for block in _of_markdown(page)]
    return [block for block in found if block.language in languages]


def of_page(name: str, *languages: str) -> list[Block]:
    """Return the code blocks of one page; ``name`` is its path in the repository."""
    return [block for block in blocks(*languages) if block.page == ROOT / name]


def _of_rst(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in _DIRECTIVE.finditer(text):
        caption, body = "", []
        for line in text[found.end() :].splitlines():
            if line.strip() and not line.startswith(found[1] + "   "):
                break
            option = _OPTION.fullmatch(line)
            if option and not any(body):
                caption = (option[2] or "") if option[1] == "caption" else caption
            else:
                body.append(line.removeprefix(found[1] + "   "))
        yield Block(page, text.count("\n", 0, found.start()) + 1, found[2], caption, "\n".join(body).strip("\n") + "\n")


def _of_markdown(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        yield Block(page, text.count("\n", 0, found.start()) + 1, found[1], "", found[2])


def typed_lines(block: Block) -> list[str]:
    """Return what a reader types: all lines of a script, the lines behind a prompt of a console."""
    lines = block.text.splitlines()
    if block.language != "console":
        return lines
    return [line[2:] for line in lines if line.startswith(("$ ", "# "))]


def commands(block: Block) -> Iterator[list[str]]:
    """Yield each simple command as its words, without variables in front of it and redirections behind it."""
    for line in typed_lines(block):
        yield from _simple_commands(line)


def named_in_sentences(page: Path) -> list[list[str]]:
    """Return the command lines of ours that stand in the sentences and tables of a page, as their words."""
    text = page.read_text(encoding="utf-8")
    quoted = (" ".join(found[1].split()) for found in _IN_A_SENTENCE.finditer(text))
    return [words for line in quoted for words in _simple_commands(line)]


def _simple_commands(line: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    tokens = iter([*lexer, ";"])
    for token in tokens:
        if token.strip("<>") == "":  # a redirection: its descriptor and its file are no words of the command
            del words[len(words) - words[-1].isdigit() :]
            next(tokens)
        elif not _ENDS_COMMAND.fullmatch(token):
            words.append(token)
        else:
            while words and _ASSIGNMENT.match(words[0]):
                words.pop(0)
            if words:
                yield words
            words = []
