from pathlib import Path

import pytest
from cgappliance_google.passwords import UNDECIDED_MAX, app_password_provider, managed_password_provider

from cgappliance.plugin_api import GrantMechanism, LoginFailed, MailProtocol, Reason, Secret, TenantContext


@pytest.fixture
def context(tmp_path: Path) -> TenantContext:
    path = tmp_path / "passwords.toml"
    path.write_text('"yuki@acme.example" = "abcd efgh ijkl mnop"\n')
    path.chmod(0o640)
    return TenantContext("acme", frozenset({"acme.example"}), {"passwords_file": path})


class Store:
    """The appliance's store: passwords by kind and address, the likeliest first."""

    def __init__(self, *passwords: str) -> None:
        self.passwords = [Secret(password) for password in passwords]
        self.asked: list[tuple[str, str]] = []

    def __call__(self, kind: str, address: str) -> list[Secret]:
        self.asked.append((kind, address))
        return self.passwords

    def context(self) -> TenantContext:
        return TenantContext("acme", frozenset({"acme.example"}), {"passwords_file": None}, self)


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


@pytest.mark.parametrize(
    ("make", "kind"), [(app_password_provider, "app-password"), (managed_password_provider, "managed-password")]
)
def test_without_a_file_the_store_is_asked(make, kind: str):
    store = Store("abcdefghijklmnop")

    assert grant(make(store.context())).secret == Secret("abcdefghijklmnop")
    assert store.asked == [(kind, "yuki@acme.example")]


def test_new_password_of_the_store_counts_at_once():
    store = Store("old password")
    provider = managed_password_provider(store.context())
    grant(provider)
    store.passwords = [Secret("new password")]

    assert grant(provider).secret == Secret("new password")


def test_store_without_a_password_is_no_credential():
    with pytest.raises(LoginFailed) as failed:
        grant(managed_password_provider(Store().context()))

    assert failed.value.reason is Reason.NO_CREDENTIAL


def test_tenant_without_store_and_file_has_no_credential():
    context = TenantContext("acme", frozenset({"acme.example"}), {"passwords_file": None})

    with pytest.raises(LoginFailed):
        grant(managed_password_provider(context))


def test_of_two_undecided_passwords_the_refused_one_is_followed_by_the_other():
    provider = managed_password_provider(Store("current", "pending").context())

    first, second = grant(provider), grant(provider, fresh=True)

    assert (first.secret, first.from_cache) == (Secret("current"), True)
    assert (second.secret, second.from_cache) == (Secret("pending"), False)


def test_which_of_two_was_good_is_remembered_for_the_next_login():
    provider = managed_password_provider(Store("current", "pending").context())
    grant(provider, fresh=True)

    assert grant(provider).secret == Secret("pending")
    assert grant(provider, fresh=True).secret == Secret("current")
    assert grant(provider).secret == Secret("current")


def test_remembered_accounts_are_bounded():
    provider = managed_password_provider(Store("current", "pending").context())
    for number in range(UNDECIDED_MAX + 1):
        grant(provider, f"u{number}@acme.example", fresh=True)

    assert grant(provider, "u0@acme.example").secret == Secret("current")
    assert grant(provider, f"u{UNDECIDED_MAX}@acme.example").secret == Secret("pending")
