"""From a tenant's settings to its Google customer, for each of the three providers."""

from pathlib import Path

import pytest
from cgappliance_google import cgappliance_credential_providers

from cgappliance.plugin_api import GoogleFault, GoogleRefused, ProviderKind, Secret, TenantContext

KINDS = {kind.name: kind for kind in cgappliance_credential_providers()}
MAIL = "https://mail.google.com/"


def settings(kind: ProviderKind, **changes) -> dict:
    return {**{setting.key: setting.default for setting in kind.settings}, **changes}


@pytest.fixture
def customer(google):
    made = []

    def customer(name: str, **changes):
        wanted = settings(KINDS[name], **{"service_account_file": Secret(google.key_text), "admin": "API@x.example", **changes})
        made.append(KINDS[name].administration(TenantContext("acme", frozenset(), wanted)))
        return made[-1]

    yield customer
    for one in made:
        one.close()


def mistakes(name: str, **changes) -> list[str]:
    return [f"{mistake.key}: {mistake.problem}" for mistake in KINDS[name].check(settings(KINDS[name], **changes))]


@pytest.mark.parametrize("name", KINDS)
def test_every_provider_can_set_google_up(google, customer, name: str):
    setup = customer(name).setup

    assert (setup.admin, setup.client_id) == ("api@x.example", google.service_account.client_id)
    assert not setup.enables_mail_access


def test_only_a_service_account_needs_the_scope_of_mail(customer):
    assert {name: MAIL in customer(name).setup.scopes for name in KINDS} == {
        "service-account": True,
        "app-password": False,
        "managed-password": False,
    }


def test_own_scope_for_imap_is_needed_besides(customer):
    scope = "https://www.googleapis.com/auth/gmail.imap_admin"

    assert customer("service-account", imap_scope=scope).setup.scopes[:2] == (MAIL, scope)


@pytest.mark.parametrize(
    ("name", "changes", "sets"),
    [
        ("service-account", {}, False),
        ("service-account", {"lock_password": True}, True),
        ("managed-password", {}, True),
        ("managed-password", {"passwords_file": Path("some.toml")}, False),
        ("app-password", {}, False),
    ],
)
def test_who_sets_passwords_at_google(customer, name: str, changes: dict, sets: bool):
    assert customer(name, **changes).setup.sets_passwords is sets


@pytest.mark.parametrize("name", ["app-password", "managed-password"])
def test_without_service_account_google_is_not_configured(customer, name: str):
    with pytest.raises(GoogleRefused) as refused:
        customer(name, service_account_file=None)

    assert refused.value.fault is GoogleFault.NOT_CONFIGURED


def test_lock_of_passwords_needs_an_administrator():
    assert mistakes("service-account", service_account_file=Secret("{}"), lock_password=True) == ["lock_password: needs admin"]


def test_switching_mail_access_on_needs_both():
    problem = "enable_mail_access: needs service_account_file and admin"

    assert mistakes("app-password", enable_mail_access=True) == [problem]


def test_managed_passwords_need_a_source():
    assert mistakes("managed-password") == ["provider: there is no source of passwords"]
    assert mistakes("managed-password", passwords_file=Path("some.toml")) == []
    assert mistakes("managed-password", service_account_file=Secret("{}"), admin="api@x.example") == []


def test_app_passwords_need_nothing_else():
    assert mistakes("app-password") == []


@pytest.mark.parametrize("url", ["http://admin.googleapis.com", "ftp://x", "admin.googleapis.com", "https://", "http://[::1"])
def test_api_in_the_clear_is_refused(url: str):
    (setting,) = (setting for setting in KINDS["service-account"].settings if setting.key == "directory_api")

    assert "https://" in setting.check(url)


@pytest.mark.parametrize(
    "url", ["https://admin.googleapis.com", "http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:8080"]
)
def test_stand_in_on_this_machine_may_do_without_tls(url: str):
    (setting,) = (setting for setting in KINDS["service-account"].settings if setting.key == "gmail_api")

    assert setting.check(url) is None
