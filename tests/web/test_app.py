from __future__ import annotations

import re
from pathlib import Path

import pytest

from cgappliance.store.errors import StoreUnavailable
from cgappliance.web import forms
from cgappliance.web.admin import dashboard
from tests.web.site import TestSite, text_of
from tests.web.texts import WEB


def test_every_answer_has_the_headers_that_bind_browsers(site: TestSite) -> None:
    for path in ("/acme/admin/login", "/acme/admin/", "/nothing", "/_static/site.css"):
        answer = site.get(path)
        answer.close()  # a file that was not read to its end
        headers = answer.headers
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Strict-Transport-Security"].startswith("max-age=")


def test_plain_http_promises_no_https(site: TestSite) -> None:
    assert "Strict-Transport-Security" not in site.client.get("/acme/admin/login", base_url="http://localhost").headers


def test_pages_are_not_kept_by_browsers(site: TestSite) -> None:
    assert site.get("/acme/admin/login").headers["Cache-Control"] == "no-store"


def test_cookies_are_for_this_host_only_and_no_script_reads_them(site: TestSite) -> None:
    (cookie,) = site.get("/acme/admin/login").headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-cg-form=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Strict"} <= set(cookie.split("; "))
    (plain,) = site.client.get("/acme/admin/login", base_url="http://localhost").headers.getlist("Set-Cookie")
    assert plain.startswith("cg-form=")


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\nb", "//[evil", ""]
)
def test_nobody_is_sent_to_another_site(target: str) -> None:
    assert forms.own_path(target, "/start") == "/start"


def test_a_path_of_this_site_is_gone_back_to() -> None:
    assert forms.own_path("/acme/admin/history?span=7d", "/") == "/acme/admin/history?span=7d"


def test_a_mistake_of_ours_shows_a_number_and_nothing_of_the_mistake(site: TestSite, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the secret plan")

    monkeypatch.setattr(dashboard, "overview", fail)
    site.enter()
    answer = site.get("/acme/admin/")
    assert answer.status_code == 500
    assert "secret plan" not in answer.text
    assert re.search(r"\b[0-9a-f]{8}\b", text_of(answer))


def test_a_database_that_is_down_is_said_so(site: TestSite, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise StoreUnavailable("locked")

    monkeypatch.setattr(dashboard, "overview", fail)
    site.enter()
    assert site.get("/acme/admin/").status_code == 503


@pytest.mark.parametrize("path", sorted(WEB.rglob("templates/**/*.html")), ids=lambda path: path.name)
def test_templates_hold_no_inline_script_or_style_and_nothing_of_other_hosts(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"<style|style=|\son\w+=|<script(?! src=\"\{\{ asset)|javascript:", text) == []
    assert re.findall(r"<(?!a )[^>]*(?:src|href|action)=\"(?:https?:)?//", text) == []  # a link is followed by who wants to


@pytest.mark.parametrize("path", sorted(WEB.rglob("templates/**/*.html")), ids=lambda path: path.name)
def test_every_form_that_changes_something_carries_its_code(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(re.findall(r'method="post"', text)) == len(re.findall(r"csrf_field\(\)", text))
