"""The service notice: what a customer's administrator is told when the service begins (manual 1.2), in Japanese or English.

First the facts, then words for them, then text or HTML: each step knows nothing of the next one.
"""

from __future__ import annotations

import enum
import html
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from cgappliance.model import MailProtocol, Tenant

#: In the order in which a mail client asks for them.
_PORTS: Final = ((MailProtocol.IMAP, "IMAPS"), (MailProtocol.POP3, "POP3S"), (MailProtocol.SMTP, "SMTPS"))


class Language(enum.StrEnum):
    """Of the notice."""

    JAPANESE = "ja"
    ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the notice says, in no language."""

    customer: str
    starts_on: date | None
    ends_on: date | None
    seats: int | None
    domains: Sequence[str]
    server: str
    ports: Mapping[str, int]  #: "IMAPS" to 10993, those that are offered
    urls: Mapping[str, str]  #: "admin", "password", "login", "logout"; empty: there is no web site


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with lines of label and value under it."""

    heading: str
    lines: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Notice:
    """The notice in one language."""

    language: Language
    title: str
    salutation: str
    opening: Sequence[str]  #: paragraphs
    sections: Sequence[Section]
    remarks: Sequence[str]


def facts_of(tenant: Tenant, site: str) -> Facts:
    """Return what a tenant file says.

    Args:
        tenant: the customer.
        site: the web site's address, without path; "": there is none.
    """
    base = f"{site.rstrip('/')}/{tenant.id}"
    pages = {"admin": "/admin/", "password": "/password", "login": "/login", "logout": "/logout"} if site else {}
    return Facts(
        customer=tenant.name,
        starts_on=tenant.starts_on,
        ends_on=tenant.ends_on,
        seats=tenant.seats,
        domains=sorted(tenant.domains),
        server=tenant.listen.hostname,
        ports={word: tenant.listen.ports[protocol] for protocol, word in _PORTS if protocol in tenant.listen.ports},
        urls={name: base + path for name, path in pages.items()},
    )


def write(facts: Facts, language: Language) -> Notice:
    """Return the notice in a language."""
    return _japanese(facts) if language is Language.JAPANESE else _english(facts)


def as_text(notice: Notice) -> str:
    """Return the notice for a mail or a letter; labels stand under each other, Japanese ones too."""
    blocks = [notice.title, notice.salutation, *notice.opening]
    for section in notice.sections:
        width = max(_columns(label) for label, _ in section.lines)
        lines = [f"  {label}{' ' * (width - _columns(label))}  {value}" for label, value in section.lines]
        blocks.append("\n".join([section.heading, *lines]))
    blocks.append("\n".join(f"* {remark}" for remark in notice.remarks))
    return "\n\n".join(block for block in blocks if block) + "\n"


def as_html(notice: Notice) -> str:
    """Return the notice as one HTML page, which needs nothing from anywhere."""
    sections = "".join(
        f"<h2>{_escaped(section.heading)}</h2>\n<table>\n"
        + "".join(f'<tr><th scope="row">{_escaped(label)}</th><td>{_linked(value)}</td></tr>\n' for label, value in section.lines)
        + "</table>\n"
        for section in notice.sections
    )
    opening = "".join(f"<p>{_escaped(paragraph)}</p>\n" for paragraph in (notice.salutation, *notice.opening))
    remarks = "".join(f"<li>{_escaped(remark)}</li>\n" for remark in notice.remarks)
    title = _escaped(notice.title)
    return (
        f'<!DOCTYPE html>\n<html lang="{notice.language}">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{opening}{sections}<ul>\n{remarks}</ul>\n</body>\n</html>\n"
    )


_STYLE: Final = (
    "body{font-family:sans-serif;line-height:1.6;max-width:46em;margin:2em auto;padding:0 1em;color:#222}"
    "h1{font-size:1.4em;border-bottom:2px solid #2a5d9f}h2{font-size:1.1em;margin-top:1.6em}"
    "table{border-collapse:collapse;width:100%}th,td{border:1px solid #bbb;padding:.35em .7em;text-align:left}"
    "th{background:#f2f5f9;width:14em;font-weight:normal}"
)


def _english(facts: Facts) -> Notice:
    contract = [
        ("Customer", facts.customer),
        ("Service period", _ENGLISH_DATES.write(facts)),
        ("Users", "no limit" if facts.seats is None else f"{facts.seats:,}"),
        ("Mail domains", ", ".join(facts.domains)),
    ]
    names = {"admin": "Administration", "password": "Change of password", "login": "User's page", "logout": "Log out"}
    ports = [(f"Port for {word}", str(port)) for word, port in facts.ports.items()]
    return Notice(
        Language.ENGLISH,
        "Your mail access service is ready",
        f"To the administrators of {facts.customer}",
        [
            "Mail programs of your users reach Gmail through the server named below, under the rules that you set. Please keep "
            "this notice: it holds what you need to administer the service and to set mail programs up."
        ],
        _sections(
            ("Contract", contract),
            ("Web pages", [(names[name], url) for name, url in facts.urls.items()]),
            ("Server for mail programs", [("Server name", facts.server), *ports, ("Encryption", "SSL/TLS (not STARTTLS)")]),
            ("Login", [("User name", "the whole mail address"), ("Password", "that of your directory, not a Google password")]),
        ),
        [
            "Port numbers always have five digits.",
            "Use the server name as it is written here: Gmail's own servers do not accept these passwords.",
            "Whoever changes the password has to type the new one into the mail program.",
        ],
    )


def _japanese(facts: Facts) -> Notice:
    contract = [
        ("お客様名", f"{facts.customer} 様"),
        ("ご利用期間", _JAPANESE_DATES.write(facts)),
        ("ご利用人数", "上限なし" if facts.seats is None else f"{facts.seats:,} 名"),
        ("メールドメイン", "、".join(facts.domains)),
    ]
    names = {"admin": "管理者サイト", "password": "パスワードの変更", "login": "ログイン", "logout": "ログアウト"}
    ports = [(f"{word} のポート番号", str(port)) for word, port in facts.ports.items()]
    return Notice(
        Language.JAPANESE,
        "メールアクセスサービス ご利用開始のお知らせ",
        f"{facts.customer} 管理者様",
        [
            "お申し込みいただいたサービスの準備が整いました。ご利用の皆様のメールソフトは、下記のサーバーを通り、管理者様が決めた"
            "条件に従って Gmail に接続します。管理とメールソフトの設定に必要な情報ですので、大切に保管してください。"
        ],
        _sections(
            ("ご契約の内容", contract),
            ("ウェブページ", [(names[name], url) for name, url in facts.urls.items()]),
            (
                "メールソフトの接続先",
                [("サーバー名", facts.server), *ports, ("暗号化の方式", "SSL/TLS（STARTTLS ではありません）")],
            ),
            (
                "メールソフトに入力する情報",
                [
                    ("ユーザー名", "メールアドレス全体（@ より後ろも含みます）"),
                    ("パスワード", "社内ディレクトリのパスワード（Google のパスワードではありません）"),
                ],
            ),
        ),
        [
            "ポート番号は必ず 5 桁です。",
            "サーバー名は上記のとおりに入力してください。Gmail のサーバー名ではログインできません。",
            "パスワードを変更した後は、メールソフトにも新しいパスワードを入力してください。",
        ],
    )


def _sections(*given: tuple[str, Sequence[tuple[str, str]]]) -> list[Section]:
    return [Section(heading, lines) for heading, lines in given if lines]


@dataclass(frozen=True, slots=True)
class _Dates:
    """How a language writes a period."""

    both: str
    only_start: str
    only_end: str
    neither: str
    day: Callable[[date], str]

    def write(self, facts: Facts) -> str:
        start, end = facts.starts_on, facts.ends_on
        if start is not None and end is not None:
            return self.both.format(start=self.day(start), end=self.day(end))
        if start is not None:
            return self.only_start.format(start=self.day(start))
        return self.neither if end is None else self.only_end.format(end=self.day(end))


_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_ENGLISH_DATES: Final = _Dates(
    "from {start} to {end}", "from {start}", "until {end}", "open", lambda day: f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
)
_JAPANESE_DATES: Final = _Dates(
    "{start} から {end} まで",
    "{start} から",
    "{end} まで",
    "期限の定めなし",
    lambda day: f"{day.year}年{day.month}月{day.day}日",
)


def _escaped(text: str) -> str:
    return html.escape(text)


def _linked(value: str) -> str:
    escaped = html.escape(value)
    return f'<a href="{escaped}">{escaped}</a>' if value.startswith("https://") else escaped


def _columns(text: str) -> int:
    """Return how many columns a text takes in a letter of fixed width: Japanese characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
