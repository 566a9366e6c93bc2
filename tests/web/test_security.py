"""What holds for every route, now and later: the URL map is walked, and what is new must fit or be named here with its reason."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from cgappliance.admin import accounts, administrators, profiles
from cgappliance.model import MailProtocol, Network, ProfileRule
from cgappliance.secret import Secret
from cgappliance.store import audit
from cgappliance.store.administrators import Role
from cgappliance.store.schema import metadata
from cgappliance.web.access import access_of
from cgappliance.web.app import CONTENT_SECURITY_POLICY
from tests.web.admin.test_google import Customer
from tests.web.site import TestSite
from tests.web.test_access import VALUES, routes
from tests.web.test_user_pages import OLD, People, people

__all__ = ["people"]

YUKI, GINA = "yuki@acme.example", "gina@globex.example"
MACHINES: Final = {"client_setup.for_outlook"}  #: posts that come from no form of ours: they are questions, and change nothing

#: Posts that leave no line in the audit log, and why.
NOT_LOGGED: Final = {
    "admin.ask_before_apply": "asks before a change",
    "admin.preview_sync": "looks what a change would be",
    "admin.look_for_bypass": "looks",
    "admin.logout": "ends one's own login",
    "client_setup.for_outlook": "answers a question",
    "language": "sets a cookie of one's own browser",
    "user.log_in": "begins one's own login, which changes nothing of anybody's",
    "user.logout": "ends one's own login",
}

#: Posts whose line in the audit log another test proves: they need a directory or Gmail.
LOGGED_ELSEWHERE: Final = {
    "admin.apply_sync": "admin/test_sync.py: test_what_was_shown_is_done_and_in_the_log_under_the_administrators_name",
    "admin.create_person": "admin/test_people.py: test_a_person_is_made_and_the_password_is_shown_once",
    "admin.set_initial_password": "admin/test_people.py: test_an_initial_password_is_set_and_wrong_ones_are_forgotten",
    "app_password.enter": "test_app_password.py: test_who_did_it_and_from_where_is_in_the_audit_log",
    "app_password.forget": "test_app_password.py: test_who_did_it_and_from_where_is_in_the_audit_log",
    "user.change_password": "test_user_pages.py: test_a_change_is_in_the_audit_log_without_a_password",
}

_ACCOUNT = f"accounts/{YUKI}"
_RULE = {"rules": "1", "access": "1", "rule-0-action": "allow", "rule-0-protocol": ["imap"]}
THEIRS = "203.0.113.77"  #: stands in a profile of the other tenant
PASSWORD = "a sentence that is long"

#: One change by each other post: where, and with what.
CHANGES: Final[Mapping[str, tuple[str, dict[str, Any]]]] = {
    "admin.log_in": ("login", {"name": "hana", "password": PASSWORD}),
    "admin.create_account": ("accounts/new", {"address": "new@acme.example"}),
    "admin.give_profile": (f"{_ACCOUNT}/profile", {"profile": "branch"}),
    "admin.apply_profile": ("accounts/apply/confirmed", {"address": [YUKI], "profile": "branch"}),
    "admin.disable_account": (f"{_ACCOUNT}/disable", {}),
    "admin.enable_account": (f"{_ACCOUNT}/enable", {}),
    "admin.unlock_account": (f"{_ACCOUNT}/unlock", {}),
    "admin.delete_account": (f"{_ACCOUNT}/delete", {}),
    "admin.import_accounts": ("accounts/import", {"op": "apply", "content": "operation,address\nCREATE,jiro@acme.example\n"}),
    "admin.reset_google_password": (f"{_ACCOUNT}/google/reset", {}),
    "admin.enable_google_mail_access": (f"{_ACCOUNT}/google/mail-access", {}),
    "admin.end_session": ("sessions/s-1/end", {}),
    "admin.create_profile": ("profiles/new", {"name": "made", "op": "save", **_RULE}),
    "admin.save_profile": ("profiles/branch", {"version": "1", "op": "confirmed", "rule-0-remark": "other", **_RULE}),
    "admin.copy_profile": ("profiles/branch/copy", {"new_name": "copied"}),
    "admin.delete_profile": ("profiles/branch/delete", {}),
}


@pytest.fixture
def full(site: TestSite) -> TestSite:
    """Two tenants with something in them, and an administrator of the first one logged in."""
    for tenant, address, network in (("acme", YUKI, "192.0.2.0/24"), ("globex", GINA, f"{THEIRS}/32")):
        accounts.create(site.desk(), site.services.tenants[tenant], address)
        rule = ProfileRule(allow=True, protocols=frozenset(MailProtocol), networks=(Network(ipaddress.ip_network(network)),))
        profiles.create(site.desk(), site.services.tenants[tenant], "branch", [rule])
    site.appliance.add(YUKI)
    site.appliance.add(GINA, tenant="globex", session="g-1")
    customer = Customer()
    site.services.google = lambda _tenant: closing(customer)  # type: ignore[assignment, return-value]
    site.enter()
    return site


@pytest.fixture
def hana(full: TestSite) -> None:
    """She can log in."""
    administrators.create(full.desk(), full.services.tenants["acme"], "hana", Role.ADMINISTRATOR, Secret(PASSWORD))


def prepare(site: TestSite, endpoint: str) -> None:
    """Have something to change."""
    if endpoint == "admin.log_in":
        administrators.create(site.desk(), site.services.tenants["acme"], "hana", Role.ADMINISTRATOR, Secret(PASSWORD))
    if endpoint == "admin.enable_account":
        accounts.set_enabled(site.desk(), site.services.tenants["acme"], [YUKI], enabled=False)
    if endpoint == "admin.unlock_account":
        log_in(site, name=YUKI, password="wrong")
        site.enter()


def posts(site: TestSite) -> set[str]:
    return {endpoint for endpoint, method, _path in routes(site) if method == "POST"}


def log_size(site: TestSite) -> int:
    return len(list(audit.walk(site.store, audit.Filter())))


def log_size_of(site: TestSite, target: str) -> int:
    return sum(entry.target == target for entry in audit.walk(site.store, audit.Filter()))


def answers(site: TestSite) -> Iterator[tuple[str, TestResponse]]:
    """Yield the answer of every route, to a visitor, an administrator and a user; forms without their code."""
    for enter in (lambda: None, site.enter, lambda: site.enter_user(YUKI)):
        enter()
        for endpoint, method, path in routes(site):
            answer = site.get(path) if method == "GET" else site.client.post(path, base_url="https://localhost")
            yield endpoint, answer
            answer.close()


def log_in(site: TestSite, target: str = "", *, name: str = "hana", password: str = PASSWORD) -> TestResponse:
    """Log in by the form, as a browser without a login does."""
    site.client.delete_cookie("__Host-cg-admin-acme", path="/")
    return site.post("/acme/admin/login", {"name": name, "password": password, "next": target})


def choose_language(site: TestSite, target: str) -> TestResponse:
    shown = site.get("/acme/admin/profiles").text
    code = re.search(r'name="form_code" value="([0-9a-f]+)"', shown[shown.index('action="/_language"') :])
    assert code is not None
    data = {"form_code": code[1], "language": "ja", "next": target}
    return site.client.post("/_language", base_url="https://localhost", data=data)


# ---- changes


def test_every_post_is_one_of_those_that_are_known_here(site: TestSite) -> None:
    known = [*CHANGES, *NOT_LOGGED, *LOGGED_ELSEWHERE]
    assert (posts(site), len(known)) == (set(known), len(set(known)))


@pytest.mark.parametrize("endpoint", CHANGES)
def test_every_change_is_in_the_audit_log(full: TestSite, endpoint: str) -> None:
    path, data = CHANGES[endpoint]
    prepare(full, endpoint)
    before = log_size(full)
    answer = log_in(full) if endpoint == "admin.log_in" else full.post(f"/acme/admin/{path}", data, form="/acme/admin/profiles")
    assert (answer.status_code, log_size(full) > before) == (303, True)
    entry = audit.page(full.store, audit.Filter(), limit=1)[0]
    assert (entry.tenant, entry.actor, entry.origin) == ("acme", "hana", "127.0.0.1")


@pytest.mark.parametrize("place", LOGGED_ELSEWHERE.values())
def test_a_test_that_is_pointed_to_exists_and_looks_into_the_log(place: str) -> None:
    file, _, name = place.partition(": ")
    text = (Path(__file__).parent / file).read_text(encoding="utf-8")
    body = text.partition(f"def {name}(")[2].partition("\ndef ")[0]
    assert re.search(r"actions\(|audit\.|last\(", body)


def test_no_form_without_its_code_changes_anything(full: TestSite) -> None:
    full.enter_user(YUKI)
    before = contents(full)
    for endpoint, method, path in routes(full):
        if method == "POST" and endpoint not in MACHINES:
            answer = full.client.post(path, base_url="https://localhost", data={"op": "confirmed", "address": YUKI})
            assert answer.status_code == 403, endpoint
    assert (contents(full), full.appliance.kicked) == (before, [])


def test_views_for_machines_are_those_that_are_known_here(site: TestSite) -> None:
    found = {name: access_of(view) for name, view in site.client.application.view_functions.items()}
    assert {name for name in posts(site) if (said := found[name]) is not None and not said.form} == MACHINES


# ---- isolation


def contents(site: TestSite, tenant: str | None = None) -> dict[str, list[Any]]:
    """Return all rows of the database, or those of a tenant; logins are used by looking, and left out."""
    found = {}
    with site.store.read() as connection:
        for table in metadata.sorted_tables:
            if table.name != "web_sessions" and (tenant is None or "tenant" in table.c):
                query = select(table) if tenant is None else select(table).where(table.c.tenant == tenant)
                found[table.name] = sorted(map(repr, connection.execute(query)))
    return found


def test_the_names_of_another_tenants_things_lead_to_none_of_them(full: TestSite) -> None:
    theirs = VALUES | {"address": GINA, "name": "branch", "session": "g-1"}
    before = contents(full, "globex")
    adapter = full.client.application.url_map.bind("localhost")
    for rule in full.client.application.url_map.iter_rules():
        if not rule.endpoint.startswith("admin.") or rule.endpoint in {"admin.logout", "admin.log_in"}:
            continue
        values = {name: theirs.get(name, "x") for name in rule.arguments}
        path = adapter.build(rule.endpoint, values)
        answer = full.get(path) if "GET" in (rule.methods or ()) else full.post(path, _everything(), form="/acme/admin/profiles")
        assert THEIRS not in answer.text, rule.endpoint
        assert answer.status_code != 500, rule.endpoint
    assert (contents(full, "globex"), "g-1" in full.appliance.kicked) == (before, False)


def _everything() -> dict[str, Any]:
    """Return what any form may ask for, filled in with what belongs to the other tenant."""
    wanted = {"address": GINA, "op": "confirmed", "confirmed": "1", "profile": "branch", "reason": "x", "new_name": "copied"}
    return {**wanted, "content": f"operation,address\nDELETE,{GINA}\n", "version": "1", "tenant": "globex", **_RULE}


def test_the_other_tenants_session_is_not_listed(full: TestSite) -> None:
    pages = [full.get(f"/acme/admin/{path}").text for path in ("", "sessions", "accounts", "history", "audit", "accounts.csv")]
    assert [GINA in page for page in pages] == [False] * len(pages)


# ---- what browsers are told


def test_every_answer_binds_the_browser(full: TestSite) -> None:
    for endpoint, answer in answers(full):
        headers = answer.headers
        assert headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY, endpoint
        assert headers["X-Frame-Options"] == "DENY", endpoint
        assert headers["X-Content-Type-Options"] == "nosniff", endpoint
        assert headers["Strict-Transport-Security"].startswith("max-age="), endpoint


def test_the_policy_allows_neither_inline_nor_foreign_code() -> None:
    rules = dict(part.strip().partition(" ")[::2] for part in CONTENT_SECURITY_POLICY.split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["frame-ancestors"] == "'none'"
    assert {rules[name] for name in ("script-src", "style-src", "img-src", "form-action")} == {"'self'"}


def test_no_page_has_inline_code_or_anything_of_another_host(full: TestSite) -> None:
    for endpoint, answer in answers(full):
        if answer.mimetype == "text/html":
            assert re.findall(r"<style|\sstyle=|\son\w+=\"|<script(?![^>]* src=)|javascript:", answer.text) == [], endpoint
            assert re.findall(r"<(?:script|img|link|form|iframe)[^>]*(?:src|href|action)=\"(?:[a-z]+:)?//", answer.text) == [], (
                endpoint
            )


@pytest.mark.usefixtures("hana")
def test_every_cookie_is_for_this_host_over_https_and_no_script_reads_it(full: TestSite) -> None:
    seen = [cookie for _, answer in answers(full) for cookie in answer.headers.getlist("Set-Cookie")]
    for given in (log_in(full), choose_language(full, "/")):
        seen += given.headers.getlist("Set-Cookie")
    names = set()
    for cookie in seen:
        name, _, rest = cookie.partition("=")
        names.add(name)
        marks = {part.strip() for part in rest.split(";")[1:]}
        assert {"Secure", "HttpOnly", "Path=/"} <= marks, cookie
        assert ("SameSite=Lax" if name == "cg-language" else "SameSite=Strict") in marks, cookie
        assert name == "cg-language" or name.startswith("__Host-"), cookie
        assert not any(mark.startswith("Domain") for mark in marks), cookie
    assert {"__Host-cg-admin-acme", "__Host-cg-form", "cg-language"} <= names


def test_the_token_of_a_user_changes_at_each_login(full: TestSite, people: People) -> None:
    full.enter_user(YUKI)
    before = full.client.get_cookie("__Host-cg-user-acme")
    answer = full.post("/acme/login", {"address": YUKI, "password": OLD}, form="/acme/password")
    after = full.client.get_cookie("__Host-cg-user-acme")
    assert (answer.status_code, before is not None, after is not None) == (303, True, True)
    assert before != after
    full.client.set_cookie("__Host-cg-user-acme", before.value, secure=True, path="/")  # type: ignore[union-attr]
    assert full.get("/acme/history").status_code == 303


# ---- redirects

ELSEWHERE: Final = (
    *("https://evil.example/", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/\\/evil.example"),
    *("/\t/evil.example", "/\n/evil.example", "\t//evil.example", " //evil.example", "https:evil.example", "https:/evil.example"),
    *("javascript:alert(1)", "data:text/html,x", "//evil.example/acme/admin/", "http://localhost@evil.example/", "//localhost:9/"),
    *("%2f%2fevil.example", "/%2fevil.example", "/%5cevil.example", "/acme/admin/\r\nLocation: //evil.example", "//[evil", "?x"),
)


HERE: Final = ("https", "localhost")


def lands_on(location: str) -> tuple[str, str]:
    """Return scheme and host that a browser goes to: it drops tabs and line ends, and takes a backslash for a slash."""
    cleaned = re.sub(r"[\t\r\n]", "", location).replace("\\", "/")
    target = urlsplit(urljoin("https://localhost/acme/admin/login", cleaned))
    return target.scheme, target.netloc


@pytest.mark.usefixtures("hana")
def test_nobody_is_sent_to_another_site_behind_a_login(full: TestSite) -> None:
    for target in ("//evil.example", "/\\evil.example", "//[evil"):  # the others: below, where no password takes its time
        answer = log_in(full, target)
        assert (answer.status_code, lands_on(answer.location)) == (303, HERE), target


def test_nobody_is_sent_to_another_site_who_is_logged_in(full: TestSite) -> None:
    full.enter_user(YUKI)
    for target in ELSEWHERE:
        pages = [full.get(path, query_string={"next": target}) for path in ("/acme/admin/login", "/acme/login")]
        for answer in (*pages, choose_language(full, target)):
            assert (answer.status_code, lands_on(answer.location)) == (303, HERE), target


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "https://localhost:8443", "https://[evil", "https://localhost.evil.example", ""]
)
def test_a_form_of_another_origin_changes_nothing(full: TestSite, origin: str) -> None:
    path, data = CHANGES["admin.create_account"]
    answer = full.post(f"/acme/admin/{path}", data, form="/acme/admin/profiles", headers={"Origin": origin})
    assert (answer.status_code, log_size_of(full, "new@acme.example")) == (403, 0)
