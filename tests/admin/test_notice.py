from __future__ import annotations

from dataclasses import replace
from datetime import date
from html import unescape
from html.parser import HTMLParser

import pytest

from cgappliance.admin import notice
from cgappliance.admin.notice import Language
from cgappliance.model import MailProtocol, Tenant
from tests.policy.factories import tenant

SITE = "https://acme.cloudgate.example:8443"


@pytest.fixture
def acme() -> Tenant:
    made = tenant(name="ACME <Corp>", seats=1250, starts_on=date(2026, 4, 1), ends_on=date(2027, 3, 31))
    ports = {MailProtocol.SMTP: 10465, MailProtocol.IMAP: 10993, MailProtocol.POP3: 10995}
    return replace(made, listen=replace(made.listen, ports=ports))


def text(tenant: Tenant, language: Language = Language.ENGLISH, site: str = SITE) -> str:
    return notice.as_text(notice.write(notice.facts_of(tenant, site), language))


def page(tenant: Tenant, language: Language = Language.JAPANESE) -> str:
    return notice.as_html(notice.write(notice.facts_of(tenant, SITE), language))


def test_facts_come_from_the_tenant_file(acme: Tenant) -> None:
    facts = notice.facts_of(acme, SITE + "/")
    assert (facts.customer, facts.seats, facts.domains, facts.server) == (
        "ACME <Corp>",
        1250,
        ["acme.example"],
        "acme.cloudgate.example",
    )
    assert list(facts.ports.items()) == [("IMAPS", 10993), ("POP3S", 10995), ("SMTPS", 10465)]
    assert facts.urls["password"] == f"{SITE}/acme/password"


def test_english_text_says_it_all(acme: Tenant) -> None:
    lines = text(acme).splitlines()
    for line in (
        "  Customer        ACME <Corp>",
        "  Service period  from 1 April 2026 to 31 March 2027",
        "  Users           1,250",
        f"  Administration      {SITE}/acme/admin/",
        "  Server name     acme.cloudgate.example",
        "  Port for IMAPS  10993",
        "  User name  the whole mail address",
    ):
        assert line in lines


def test_japanese_text_says_it_all(acme: Tenant) -> None:
    lines = text(acme, Language.JAPANESE).splitlines()
    for line in (
        "  お客様名        ACME <Corp> 様",
        "  ご利用期間      2026年4月1日 から 2027年3月31日 まで",
        "  ご利用人数      1,250 名",
        "  メールドメイン  acme.example",
        "  IMAPS のポート番号  10993",
        "  サーバー名          acme.cloudgate.example",
    ):
        assert line in lines


@pytest.mark.parametrize(
    ("start", "end", "english", "japanese"),
    [
        (date(2026, 4, 1), None, "from 1 April 2026", "2026年4月1日 から"),
        (None, date(2026, 4, 1), "until 1 April 2026", "2026年4月1日 まで"),
        (None, None, "open", "期限の定めなし"),
    ],
)
def test_period_may_be_open(acme: Tenant, start: date | None, end: date | None, english: str, japanese: str) -> None:
    open_ended = replace(acme, starts_on=start, ends_on=end)
    assert f"  Service period  {english}\n" in text(open_ended)
    assert f"  ご利用期間      {japanese}\n" in text(open_ended, Language.JAPANESE)


def test_seats_may_be_without_limit(acme: Tenant) -> None:
    assert "  Users           no limit\n" in text(replace(acme, seats=None))
    assert "上限なし" in text(replace(acme, seats=None), Language.JAPANESE)


def test_only_what_is_offered_is_named(acme: Tenant) -> None:
    shown = text(replace(acme, listen=replace(acme.listen, ports={MailProtocol.IMAP: 10993})))
    assert "POP3S" not in shown
    assert "SMTPS" not in shown


def test_without_a_site_there_are_no_pages(acme: Tenant) -> None:
    assert "Web pages" not in text(acme, site="")
    assert "https://" not in text(acme, site="")


@pytest.mark.parametrize("language", list(Language))
def test_page_is_well_formed_names_its_language_and_asks_nobody(acme: Tenant, language: Language) -> None:
    html = page(acme, language)
    tags = Tags()
    tags.feed(html)
    assert tags.open == []
    assert ("html", [("lang", language.value)]) in tags.seen
    assert not {"script", "link", "img"} & {tag for tag, _ in tags.seen}
    assert f'<a href="{SITE}/acme/admin/">' in html


def test_page_escapes_what_customers_are_called(acme: Tenant) -> None:
    assert "<Corp>" not in page(acme)
    assert "ACME &lt;Corp&gt;" in page(acme)


@pytest.mark.parametrize("language", list(Language))
def test_page_and_text_say_the_same(acme: Tenant, language: Language) -> None:
    written = notice.write(notice.facts_of(acme, SITE), language)
    html, plain = unescape(notice.as_html(written)), notice.as_text(written)
    for section in written.sections:
        for label, value in section.lines:
            assert (label in html, label in plain, value in html, value in plain) == (True,) * 4


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, list]] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.seen.append((tag, attrs))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
