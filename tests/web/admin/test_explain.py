"""Why refused: reached by one click from wherever a refusal is shown, and never a page of its own mistakes."""

from __future__ import annotations

import html
import re

import pytest

from cgappliance.admin import accounts
from cgappliance.model import Peer, Reason
from cgappliance.store.history_writer import HistoryWriter
from tests.store.records import record
from tests.web.site import NOW, TestSite, text_of

ENGLISH = {"Accept-Language": "en"}
PAGE = "/acme/admin/explain"
YUKI = "yuki@acme.example"


@pytest.fixture
def refused(site: TestSite) -> TestSite:
    """Yuki was refused from an address that the profile does not let in, and somebody whose name is no address was too."""
    accounts.create(site.desk(), site.services.tenants["acme"], YUKI)
    writer = HistoryWriter(site.store, node="n1", incarnation="i1", now=lambda: NOW)
    writer.start()
    writer.login(record(reason=Reason.IP_NOT_ALLOWED, peer=Peer.of("192.0.2.9", 1), detail="192.0.2.9 is in none of 1 networks"))
    writer.login(record(session="s-2", reason=Reason.BAD_LOGIN_NAME, login="yuki", address=""))
    writer.stop(5)
    site.enter()
    return site


def links(site: TestSite, path: str) -> list[str]:
    """Return where a page leads to for an explanation of a refusal."""
    page = site.get(path, headers=ENGLISH).text
    return [html.unescape(found) for found in re.findall(rf'href="({PAGE}\?[^"]*reason=[^"]*)"', page)]


@pytest.mark.parametrize("path", ["/acme/admin/history", f"/acme/admin/accounts/{YUKI}"])
def test_a_refusal_leads_to_its_explanation_by_one_click(refused: TestSite, path: str) -> None:
    found = [text_of(refused.get(link, headers=ENGLISH)) for link in links(refused, path)]
    (text,) = (one for one in found if "Refused: the security profile" in one)
    assert "What happened at that time: the security profile does not allow this remote address" in text
    assert "192.0.2.9 is in none of 1 networks" in text


def test_every_refused_row_of_the_history_has_its_link(refused: TestSite) -> None:
    found = links(refused, "/acme/admin/history")
    assert len(found) == 2
    assert {refused.get(link).status_code for link in found} == {200}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("account=yuki&ip=192.0.2.9", "login name"),
        ("account=yuki@acme.example&ip=nonsense", "nonsense"),
        ("account=yuki@acme.example&ip=192.0.2.9&at=never", "never"),
        ("account=yuki@globex.example&ip=192.0.2.9", "Refused:"),
    ],
)
def test_whatever_is_typed_gets_an_answer(refused: TestSite, query: str, said: str) -> None:
    answer = refused.get(f"{PAGE}?{query}", headers=ENGLISH)
    assert answer.status_code == 200
    assert said in text_of(answer)
