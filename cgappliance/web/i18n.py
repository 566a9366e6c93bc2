"""Languages of the pages: English, which the code is written in, and Japanese, from ``translations/ja``.

The files there are read as they are (there is no compiled form that could be older); each group of pages may have its own. A text
that has no translation is shown in English. Sentences that come from below (reasons, explanations, errors) are translated here
too: those with facts in them have places in braces in their msgid: ``{ip} is in none of {count} networks``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

from babel.messages.pofile import read_po
from flask import g, has_request_context, request
from markupsafe import Markup

LANGUAGES: Final = {"ja": "日本語", "en": "English"}
COOKIE: Final = "cg-language"  #: remembers the choice; no secret
_PLACE: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class _Pattern:
    shape: re.Pattern[str]
    translation: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One language's texts."""

    texts: Mapping[str, str]
    patterns: tuple[_Pattern, ...]

    def text(self, text: str) -> str:
        """Return a text's translation, or itself."""
        return self.texts.get(text) or text

    def sentence(self, sentence: str) -> str:
        """Return the translation of a sentence from below, its facts kept; each line, and what stands around ``: ``, by itself."""
        if "\n" in sentence:
            return "\n".join(map(self.sentence, sentence.split("\n")))
        if sentence in self.texts:
            return self.texts[sentence]
        head, colon, tail = sentence.partition(": ")
        if colon and head in self.texts:
            return f"{self.texts[head]}: {self.sentence(tail)}"
        for pattern in self.patterns:
            match = pattern.shape.fullmatch(sentence)
            if match is not None:
                facts = {name: self.sentence(value) for name, value in match.groupdict().items()}
                return pattern.translation.format_map(facts)
        return f"{self.sentence(head)}: {self.sentence(tail)}" if colon and tail else sentence


@functools.cache
def catalogue(language: str) -> Catalogue:
    """Return a language's catalogue; that of English is empty. Blocks on the files the first time."""
    if language == "en":
        return Catalogue({}, ())
    messages: list[Any] = []
    for path in resources.files("cgappliance.web").joinpath("translations", language).iterdir():
        with path.open("rb") as file:
            messages += [message for message in read_po(file, language) if message.id and message.string]
    texts = {str(message.id): str(message.string) for message in messages}
    with_places = [text for text in texts if _PLACE.search(text)]
    with_places.sort(key=lambda text: -len(_PLACE.sub("", text)))  # the most particular first
    patterns = tuple(_pattern(text, texts[text]) for text in with_places)
    return Catalogue(texts, patterns)


def language() -> str:
    """Return the language of this request: as chosen, else as the browser likes it, else as the tenant does."""
    if not has_request_context():
        return "en"
    chosen = request.cookies.get(COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    liked = request.accept_languages.best_match(list(LANGUAGES))
    tenant = g.get("tenant")
    return liked or (tenant.language if tenant is not None else "en")


def gettext(message: str, /, **facts: Any) -> str:
    """Return a text in the language of this request, with facts put in for ``%(name)s``."""
    text = catalogue(language()).text(message)
    return text % facts if facts else text


def ngettext(one: str, many: str, number: int, /, **facts: Any) -> str:
    """Return the singular or plural text; Japanese has one form for both, filed under the plural."""
    return gettext(one if number == 1 and language() == "en" else many, num=number, **facts)


def sentence(text: object) -> str:
    """Return a sentence from below in the language of this request."""
    return catalogue(language()).sentence(str(text))


def template_gettext(message: str, /, **facts: Any) -> Markup:
    """Return a text for a template: its own tags stand, the facts in it are escaped."""
    text = Markup(catalogue(language()).text(message))  # noqa: S704 - texts are ours; the facts are escaped by the operator below
    return text % facts if facts else text


def template_ngettext(one: str, many: str, number: int, /, **facts: Any) -> Markup:
    """Return the singular or plural text for a template."""
    return template_gettext(one if number == 1 and language() == "en" else many, num=number, **facts)


_ = gettext


def _pattern(text: str, translation: str) -> _Pattern:
    """Return the pattern of a text with places, which hold no colon of a further sentence; what is around them must fit."""
    shape, at = "", 0
    for place in _PLACE.finditer(text):
        shape += re.escape(text[at : place.start()]) + f"(?P<{place[1]}>(?:(?!: ).)+?)"
        at = place.end()
    return _Pattern(re.compile(shape + re.escape(text[at:]), re.DOTALL), translation)
