"""The manuals of both languages say the same, show what the site shows, and call buttons and menus by their names there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from cgappliance.proto.replies import REPLIES
from cgappliance.testing.demo_pages import PICTURES
from tests.documents import DOCS, ROOT

MANUAL = DOCS / "manual"
TRANSLATIONS = ROOT / "cgappliance/web/translations/ja"
TEMPLATES = ROOT / "cgappliance/web/templates"
BOOKS = ("administrator", "user")
LANGUAGES = ("ja", "en")
PAGES = [MANUAL / language / f"{book}.rst" for language in LANGUAGES for book in BOOKS]


def text(language: str, book: str) -> str:
    return (MANUAL / language / f"{book}.rst").read_text(encoding="utf-8")


def sections(page: str) -> list[str]:
    return re.findall(r"^(\d+(?:\.\d+)*) .+\n[-~^]{3,}$", page, re.MULTILINE)


def pictures(page: str) -> list[str]:
    return re.findall(r"\.\. figure:: \.\./images/\w\w/(\S+)\.png", page)


def labels(page: str) -> set[str]:
    return set(re.findall(r":guilabel:`([^`]+)`", " ".join(page.split())))


def menu(layout: str) -> list[str]:
    """Return the names in a main menu, as the template has them."""
    (loop,) = re.findall(r"for name, endpoint, label in (\[.*?\])\s*(?:if .*?)?%\}", (TEMPLATES / layout).read_text(), re.DOTALL)
    return re.findall(r'_\("([^"]+)"\)', loop)


@pytest.fixture(scope="module")
def japanese() -> dict[str, str]:
    """All texts of the site, English to Japanese."""
    found: dict[str, str] = {}
    for path in TRANSLATIONS.glob("*.po"):
        with path.open("rb") as file:
            found |= {str(message.id): str(message.string) for message in read_po(file, "ja") if message.id}
    return found


@pytest.mark.parametrize("book", BOOKS)
def test_both_languages_have_the_same_sections(book: str) -> None:
    found = sections(text("en", book))
    assert len(found) > 10
    assert sections(text("ja", book)) == found


@pytest.mark.parametrize("book", BOOKS)
def test_both_languages_show_the_same_pictures_in_one_order(book: str) -> None:
    assert pictures(text("ja", book)) == pictures(text("en", book))


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_picture_is_shown_once_in_its_own_language(language: str) -> None:
    shown = [name for book in BOOKS for name in pictures(text(language, book))]
    assert sorted(shown) == sorted(picture.name for picture in PICTURES)
    others = [name for book in BOOKS for name in re.findall(r"images/(\w\w)/", text(language, book)) if name != language]
    assert others == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(MANUAL)))
def test_pictures_that_are_shown_exist(page: Path) -> None:
    found = re.findall(r"\.\. figure:: (\S+)", page.read_text(encoding="utf-8"))
    assert [name for name in found if not (page.parent / name).is_file()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(MANUAL)))
def test_names_of_buttons_and_fields_are_those_of_the_site(page: Path, japanese: dict[str, str]) -> None:
    known = set(japanese) if page.parent.name == "en" else set(japanese.values())
    found = labels(page.read_text(encoding="utf-8"))
    assert len(found) > 10
    assert found - known == set()


@pytest.mark.parametrize(("book", "layout"), [("administrator", "admin/layout.html"), ("user", "user/layout.html")])
def test_every_entry_of_the_menu_is_explained(book: str, layout: str, japanese: dict[str, str]) -> None:
    entries = menu(layout)
    assert len(entries) >= 3
    assert [name for name in entries if name not in labels(text("en", book))] == []
    assert [name for name in entries if japanese[name] not in labels(text("ja", book))] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(MANUAL)))
def test_what_mail_programs_show_is_what_they_are_sent(page: Path) -> None:
    sentences = re.findall(r"``([A-Z][a-z]+ [^`]+)``", " ".join(page.read_text(encoding="utf-8").split()))
    assert sentences
    assert set(sentences) - {reply.text for reply in REPLIES.values()} == set()


def test_sections_are_told_apart_from_other_lines() -> None:
    page = "1 One\n-----\n\n1.1 Two\n~~~~~~~\n\n#. 3 is no section\n\n2.1.3 Three\n^^^^^^^^^^^\n"
    assert sections(page) == ["1", "1.1", "2.1.3"]
