from pathlib import Path

import pytest
from cgappliance_google.passwords import app_password_provider, managed_password_provider

from cgappliance.plugin_api import GrantMechanism, LoginFailed, MailProtocol, Reason, Secret, TenantContext


@pytest.fixture
def context(tmp_path: Path) -> TenantContext:
    path = tmp_path / "passwords.toml"
    path.write_text('"yuki@acme.example" = "abcd efgh ijkl mnop"\n')
    path.chmod(0o640)
    return TenantContext("acme", frozenset({"acme.example"}), {"passwords_file": path})


def grant(provider, address: str = "yuki@acme.example", *, fresh: bool = False):
    return provider.grant(address, MailProtocol.IMAP, fresh=fresh, timeout_s=5.0)


def test_app_password_loses_its_spaces(context: TenantContext):
    assert grant(app_password_provider(context)).secret == Secret("abcdefghijklmnop")


def test_managed_password_stays_as_it_is(context: TenantContext):
    assert grant(managed_password_provider(context)).secret == Secret("abcd efgh ijkl mnop")


def test_grant_is_a_password_that_does_not_expire(context: TenantContext):
    given = grant(managed_password_provider(context))

    assert given.mechanism is GrantMechanism.PASSWORD
    assert given.username == "yuki@acme.example"
    assert given.expires_in_s is None
    assert not given.from_cache


def test_account_without_password_has_no_credential(context: TenantContext):
    with pytest.raises(LoginFailed) as failed:
        grant(app_password_provider(context), "taro@acme.example")

    assert failed.value.reason is Reason.NO_CREDENTIAL


def test_stop_forgets_and_the_next_login_reads_again(context: TenantContext):
    provider = managed_password_provider(context)
    grant(provider)
    provider.stop()
    context.settings["passwords_file"].unlink()

    with pytest.raises(LoginFailed):
        grant(provider)
