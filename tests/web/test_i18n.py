from __future__ import annotations

import re

import pytest

from cgappliance.web.i18n import catalogue
from tests.web.site import TestSite, text_of
from tests.web.texts import of_modules, of_reasons, of_templates

FACTS = re.compile(r"%\(\w+\)[.\d]*[sdf]|\{\w+\}")


@pytest.mark.parametrize("source", [of_templates, of_modules, of_reasons])
def test_every_text_is_translated(source) -> None:  # type: ignore[no-untyped-def]
    assert {text for text in source() if text not in catalogue("ja").texts} == set()


def test_translations_hold_the_same_facts() -> None:
    texts = catalogue("ja").texts
    optional = {"{file}", "{days}", "{names}", "{tenant}", "{session}", "{limit}"}  # advice for the command line, and names known
    assert [text for text in texts if set(FACTS.findall(text)) - set(FACTS.findall(texts[text])) - optional] == []


@pytest.mark.parametrize(
    ("english", "japanese"),
    [
        ("wrong password", "パスワードが違います"),
        ("192.0.2.1 is in none of 2 networks", "192.0.2.1 は 2 件のネットワークのいずれにも含まれません"),
        (
            "the account is locked: too many wrong passwords, until 2026-11-24 03:00:00 UTC",
            "アカウントがロックされています: パスワードの間違いが多すぎます",
        ),
        ("networks (10.0.0.5/24): it is empty", "IP アドレス「10.0.0.5/24」: 入力されていません"),
        ("address does not fit (2 networks)", "接続元: 不一致（2 ネットワーク）"),
        ("nobody has translated this", "nobody has translated this"),
    ],
)
def test_sentences_from_below_keep_their_facts(english: str, japanese: str) -> None:
    assert catalogue("ja").sentence(english).startswith(japanese)


@pytest.mark.parametrize(("wanted", "word"), [("ja,en;q=0.5", "ログイン"), ("en-GB", "Log in"), ("fr", "ログイン")])
def test_the_browser_chooses_the_language_and_the_tenant_is_asked_last(site: TestSite, wanted: str, word: str) -> None:
    assert word in text_of(site.get("/acme/admin/login", headers={"Accept-Language": wanted}))


def test_a_chosen_language_is_remembered(site: TestSite) -> None:
    answer = site.post("/_language", {"language": "en", "next": "/acme/admin/login"})
    assert (answer.status_code, answer.location) == (303, "/acme/admin/login")
    assert "Log in" in text_of(site.get("/acme/admin/login", headers={"Accept-Language": "ja"}))


@pytest.mark.parametrize("page", ["/acme/admin/profiles", "/acme/history"])
def test_the_language_is_chosen_on_the_pages_behind_a_login_too(site: TestSite, page: str) -> None:
    site.enter()
    site.enter_user("yuki@acme.example")
    shown = site.get(page).text
    form = shown[shown.index('action="/_language"') :]
    code = re.search(r'name="form_code" value="([0-9a-f]+)"', form)
    assert code is not None
    data = {"form_code": code[1], "language": "en", "next": page}
    answer = site.client.post("/_language", base_url="https://localhost", data=data)
    assert (answer.status_code, answer.location) == (303, page)
