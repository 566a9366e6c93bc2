import pytest
from cgappliance_google.service_account import IMAP_ADMIN_SCOPE, MAIL_SCOPE, SETTINGS, ServiceAccountProvider

from cgappliance.plugin_api import GrantMechanism, LoginFailed, MailProtocol, Reason

TIMEOUT_S = 5.0


@pytest.fixture
def make(google, request: pytest.FixtureRequest):
    """Make a provider with changed settings; it is stopped at the end."""

    def make_one(**changes):
        provider = ServiceAccountProvider(google.context(**changes))
        provider.start()
        request.addfinalizer(provider.stop)
        return provider

    return make_one


def grant(provider, address, protocol=MailProtocol.IMAP, *, fresh=False):
    return provider.grant(address, protocol, fresh=fresh, timeout_s=TIMEOUT_S)


def scopes(google) -> list[tuple[str, ...]]:
    return [request.scopes for request in google.gmail.state.records.requests]


def test_grant_is_a_token_for_xoauth2(google, make):
    given = grant(make(), google.address)

    assert given.mechanism is GrantMechanism.XOAUTH2
    assert given.username == google.address
    assert 3500 < given.expires_in_s <= 3599
    assert google.gmail.state.tokens.check(given.secret.reveal())


def test_second_login_gets_the_kept_token(google, make):
    provider = make()

    first, second = grant(provider, google.address), grant(provider, google.address)

    assert first.secret == second.secret
    assert [first.from_cache, second.from_cache] == [False, True]


def test_protocols_share_a_token_of_the_same_scope(google, make):
    provider = make()
    for protocol in MailProtocol:
        grant(provider, google.address, protocol)

    assert scopes(google) == [(MAIL_SCOPE,)]


def test_imap_scope_is_for_imap_alone(google, make):
    provider = make(imap_scope=IMAP_ADMIN_SCOPE)
    for protocol in MailProtocol:
        grant(provider, google.address, protocol)

    assert scopes(google) == [(IMAP_ADMIN_SCOPE,), (MAIL_SCOPE,)]


def test_minimum_life_is_the_protocols_own(google, make):
    google.gmail.state.token_endpoint.token_lifetime_s = 2000
    provider = make()
    grant(provider, google.address, MailProtocol.SMTP)

    grant(provider, google.address, MailProtocol.POP3)
    grant(provider, google.address, MailProtocol.IMAP)

    assert len(scopes(google)) == 2  # IMAP wants 3000 s


def test_stop_forgets_all_tokens(google, make):
    provider = make()
    first = grant(provider, google.address)

    provider.stop()

    assert grant(provider, google.address).secret != first.secret


def test_failure_of_one_account_is_not_the_others(google, make):
    provider = make()
    with pytest.raises(LoginFailed) as failed:
        grant(provider, "nobody@contract.example")

    assert failed.value.reason is Reason.GOOGLE_USER_UNKNOWN
    assert grant(provider, google.address).secret


@pytest.mark.parametrize(
    ("address", "good"), [("admin@acme.example", True), ("admin", False), ("@acme.example", False), ("a@b", False)]
)
def test_admin_is_a_mail_address(address: str, good: bool):
    check = next(setting for setting in SETTINGS if setting.key == "admin").check

    assert (check(address) is None) is good
