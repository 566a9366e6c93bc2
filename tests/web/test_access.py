"""Who may do what: every route of the URL map, for every role, and for administrators of another tenant."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

import pytest
from flask import Flask

from cgappliance.model import AdminSite
from cgappliance.store.administrators import Role
from cgappliance.store.web_sessions import Site
from cgappliance.web import access
from cgappliance.web.access import access_of
from tests.web.site import NOW, TestSite

VALUES = {"tenant": "acme", "address": "yuki@acme.example", "name": "office", "session": "s-1", "filename": "site.css"}

#: What those may do who may not do everything; the rest is for administrators. To let them do more, add it here, knowingly.
READING = {
    *("admin.dashboard", "admin.accounts", "admin.account", "admin.export_accounts", "admin.profiles", "admin.profile"),
    *(
        "admin.history",
        "admin.export_history",
        "admin.explain",
        "admin.sessions",
        "admin.audit",
        "admin.export_audit",
        "admin.bypass",
    ),
}
HELPING = {"admin.unlock_account", "admin.google_account", "admin.reset_google_password"}
ENTERING = {"admin.login", "admin.log_in", "admin.logout"}


def routes(site: TestSite) -> Iterator[tuple[str, str, str]]:
    """Yield endpoint, method and address of everything that the application answers to."""
    adapter = site.client.application.url_map.bind("localhost")
    for rule in site.client.application.url_map.iter_rules():
        values = {name: VALUES.get(name, "x") for name in rule.arguments}
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule.endpoint, method, adapter.build(rule.endpoint, values, method=method)


def admin_routes(site: TestSite) -> list[tuple[str, str, str]]:
    return [route for route in routes(site) if route[0].startswith("admin.") and route[0] not in ENTERING]


def send(site: TestSite, method: str, path: str) -> int:
    answer = site.get(path) if method == "GET" else site.post(path, form="/acme/admin/profiles")
    return answer.status_code


def test_every_view_says_who_may_use_it(site: TestSite) -> None:
    app = site.client.application
    assert all(access_of(view) is not None for view in app.view_functions.values())
    app.view_functions["forgotten"] = lambda: ""
    with pytest.raises(AssertionError, match="forgotten"):
        access.check_all(app)


def test_roles_are_as_listed_here(site: TestSite) -> None:
    found: dict[Role | None, set[str]] = {}
    for endpoint, view in site.client.application.view_functions.items():
        said = access_of(view)
        if said is not None and said.site is Site.ADMIN and endpoint not in ENTERING:
            found.setdefault(said.role, set()).add(endpoint)
    assert (found[Role.AUDITOR], found[Role.HELPDESK]) == (READING, HELPING)
    assert found.keys() == {Role.AUDITOR, Role.HELPDESK, Role.ADMINISTRATOR}


def test_changes_are_posts_and_posts_are_no_reading(site: TestSite) -> None:
    posts = {endpoint for endpoint, method, _ in admin_routes(site) if method == "POST"}
    assert posts & READING == set()


@pytest.mark.parametrize("role", Role)
def test_every_route_lets_in_exactly_the_roles_that_may(site: TestSite, role: Role) -> None:
    wrong = []
    for endpoint, method, path in admin_routes(site):
        site.enter(role)
        needed = access_of(site.client.application.view_functions[endpoint])
        assert needed is not None
        assert needed.role is not None
        refused = send(site, method, path) == 403
        if refused is role.includes(needed.role):
            wrong.append((endpoint, method))
    assert wrong == []


def test_nobody_who_is_not_logged_in_sees_anything(site: TestSite) -> None:
    for endpoint, method, path in admin_routes(site):
        answer = site.get(path) if method == "GET" else site.post(path)
        assert (answer.status_code, answer.location.partition("?")[0]) == (303, "/acme/admin/login"), endpoint


def test_an_administrator_of_one_tenant_reaches_nothing_of_another(site: TestSite) -> None:
    site.enter(tenant="globex", subject="gina")
    for endpoint, method, path in admin_routes(site):
        answer = site.get(path) if method == "GET" else site.post(path)
        assert (answer.status_code, answer.location.partition("?")[0]) == (303, "/acme/admin/login"), endpoint


def test_the_token_of_one_tenant_is_worth_nothing_under_the_name_of_another(site: TestSite) -> None:
    site.enter(tenant="globex", subject="gina")
    cookie = site.client.get_cookie("__Host-cg-admin-globex")
    assert cookie is not None
    site.client.set_cookie("__Host-cg-admin-acme", cookie.value, secure=True, path="/")
    assert {send_bare(site, method, path) for _, method, path in admin_routes(site)} == {303}


def send_bare(site: TestSite, method: str, path: str) -> int:
    answer = site.get(path) if method == "GET" else site.post(path, form="/globex/admin/profiles")
    return answer.status_code if (answer.location or "").startswith("/acme/admin/login") else answer.status_code * 1000


def test_a_form_without_its_code_changes_nothing(site: TestSite) -> None:
    site.enter()
    site.enter_user("yuki@acme.example")
    for endpoint, method, path in routes(site):
        if method == "POST":
            answer = site.client.post(path, base_url="https://localhost", data={"address": "yuki@acme.example"})
            assert answer.status_code in (403, 405), endpoint


def test_a_form_of_somebody_else_changes_nothing(site: TestSite) -> None:
    site.enter(subject="hana")
    code = re.search(r'name="form_code" value="([0-9a-f]+)"', site.get("/acme/admin/profiles").text)
    assert code is not None
    site.enter(subject="other")
    answer = site.client.post("/acme/admin/accounts/new", base_url="https://localhost", data={"form_code": code[1]})
    assert answer.status_code == 403


def test_a_form_that_comes_from_another_site_changes_nothing(site: TestSite) -> None:
    site.enter()
    answer = site.post("/acme/admin/accounts/new", form="/acme/admin/profiles", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403


def test_the_network_list_is_for_the_login_too(site: TestSite) -> None:
    site.enter()
    site.set_tenant(admin_site=AdminSite(networks=(ipaddress.ip_network("203.0.113.0/24"),)))
    assert {site.get(path).status_code for endpoint, method, path in routes(site) if method == "GET" and "/admin/" in path} == {403}
    site.set_tenant(admin_site=AdminSite(networks=(ipaddress.ip_network("127.0.0.0/8"),)))
    assert site.get("/acme/admin/").status_code == 200


def test_a_tenant_that_is_gone_has_no_pages(site: TestSite) -> None:
    site.enter()
    site.services.tenants = {name: tenant for name, tenant in site.services.tenants.items() if name != "acme"}
    assert site.get("/acme/admin/").status_code == 404


def test_a_login_ends_when_nobody_uses_it_and_after_a_working_day(site: TestSite) -> None:
    site.enter()
    site.now[0] += site.services.lifetime.idle
    assert site.get("/acme/admin/").status_code == 303
    site.enter()
    answers = []
    while site.now[0] - NOW < site.services.lifetime.absolute + 2 * site.services.lifetime.idle:
        site.now[0] += site.services.lifetime.idle / 2
        answers.append(site.get("/acme/admin/").status_code)
    assert (answers[0], answers[-1]) == (200, 303)


def test_a_user_of_one_tenant_reaches_no_page_of_another(site: TestSite) -> None:
    site.enter_user("gina@globex.example", tenant="globex")
    own = [
        (method, path)
        for endpoint, method, path in routes(site)
        if access_of_endpoint(site, endpoint).login and "/admin" not in path
    ]
    assert len(own) >= 4
    for method, path in own:
        answer = site.get(path) if method == "GET" else site.post(path, form="/acme/login")
        assert (answer.status_code, answer.location.partition("?")[0]) == (303, "/acme/login"), path


def access_of_endpoint(site: TestSite, endpoint: str) -> access.Access:
    found = access_of(site.client.application.view_functions[endpoint])
    assert found is not None
    return found


def test_unknown_addresses_are_404(site: TestSite) -> None:
    assert isinstance(site.client.application, Flask)
    assert [site.get(path).status_code for path in ("/", "/nobody/admin/", "/acme/", "/acme/admin/nothing")] == [404] * 4
