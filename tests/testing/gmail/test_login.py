import pytest

from cgappliance.model import MailProtocol
from cgappliance.testing.gmail.directory import Account
from cgappliance.testing.gmail.login import by_password, by_token
from cgappliance.testing.gmail.state import GmailState
from cgappliance.testing.gmail.switches import Refusal
from cgappliance.testing.gmail.tokens import IMAP_ADMIN_SCOPE, MAIL_SCOPE, SETTINGS_SCOPE

IMAP, POP3, SMTP = MailProtocol
ADDRESS = "yuki@acme.example"


@pytest.fixture
def state() -> GmailState:
    state = GmailState()
    account = state.directory.add(ADDRESS, "own password")
    state.directory.add_app_password(account, "mail", "abcdefghijklmnop")
    return state


@pytest.fixture
def account(state: GmailState) -> Account:
    return state.directory.get(ADDRESS)


def with_token(state: GmailState, account: Account, protocol: MailProtocol = IMAP, scope: str = MAIL_SCOPE, name: str = ADDRESS):
    return by_token(state, protocol, name, state.tokens.issue(account.id, [scope], 60).value)


def with_password(state: GmailState, password: str, protocol: MailProtocol = IMAP, name: str = ADDRESS):
    return by_password(state, protocol, name, password)


def test_app_password_lets_in_with_and_without_spaces(state: GmailState, account: Account):
    for password in ("abcdefghijklmnop", "abcd efgh ijkl mnop"):
        assert with_password(state, password).refusal is None
    assert account.app_passwords[0].last_used_at is not None


def test_own_password_is_refused_unless_switched_on(state: GmailState, account: Account):
    assert with_password(state, "own password").refusal is Refusal.BAD_CREDENTIALS

    account.switches.password_enabled = True

    assert with_password(state, "own password").refusal is None


def test_own_password_gets_the_hint_when_two_step_is_on(state: GmailState, account: Account):
    account.switches.needs_app_password = True

    assert with_password(state, "own password").refusal is Refusal.APP_PASSWORD_REQUIRED
    assert with_password(state, "wrong").refusal is Refusal.BAD_CREDENTIALS


def test_account_without_password_takes_no_empty_one(state: GmailState):
    state.directory.add("new@acme.example").switches.password_enabled = True

    assert with_password(state, "", name="new@acme.example").refusal is Refusal.BAD_CREDENTIALS


@pytest.mark.parametrize("protocol", MailProtocol)
def test_mail_scope_is_good_for_all_protocols(state: GmailState, account: Account, protocol: MailProtocol):
    decision = with_token(state, account, protocol)

    assert decision.refusal is None
    assert decision.expires_at is not None


@pytest.mark.parametrize(("protocol", "refusal"), [(IMAP, None), (POP3, Refusal.BAD_CREDENTIALS), (SMTP, Refusal.BAD_CREDENTIALS)])
def test_imap_admin_scope_is_good_for_imap_alone(state: GmailState, account: Account, protocol: MailProtocol, refusal):
    assert with_token(state, account, protocol, IMAP_ADMIN_SCOPE).refusal is refusal


def test_other_scope_is_not_good_for_mail(state: GmailState, account: Account):
    assert with_token(state, account, scope=SETTINGS_SCOPE).refusal is Refusal.BAD_CREDENTIALS


def test_anothers_token_is_refused(state: GmailState):
    other = state.directory.add("taro@acme.example")

    assert with_token(state, other).refusal is Refusal.BAD_CREDENTIALS


def test_unknown_and_suspended_accounts_are_refused(state: GmailState, account: Account):
    assert with_token(state, account, name="nobody@acme.example").refusal is Refusal.BAD_CREDENTIALS

    account.suspended = True

    assert with_token(state, account).refusal is Refusal.BAD_CREDENTIALS
    assert with_password(state, "abcdefghijklmnop").refusal is Refusal.BAD_CREDENTIALS


def test_web_login_stands_in_the_way_of_a_good_credential_only(state: GmailState, account: Account):
    account.switches.web_login = True

    assert with_token(state, account).refusal is Refusal.WEB_LOGIN
    assert with_password(state, "wrong").refusal is Refusal.BAD_CREDENTIALS


@pytest.mark.parametrize(("off", "refusal"), [("user", Refusal.OFF_FOR_USER), ("domain", Refusal.OFF_FOR_DOMAIN)])
def test_protocols_are_switched_off_one_by_one(state: GmailState, account: Account, off: str, refusal: Refusal):
    account.switches.imap_off = off

    assert [with_token(state, account, protocol).refusal for protocol in MailProtocol] == [refusal, None, None]


def test_gmail_settings_switch_protocols_off(state: GmailState, account: Account):
    account.imap_settings["enabled"] = False
    account.pop_settings["accessWindow"] = "disabled"

    refusals = [with_token(state, account, protocol).refusal for protocol in MailProtocol]

    assert refusals == [Refusal.OFF_FOR_USER, Refusal.OFF_FOR_USER, None]


def test_pop_that_says_it_later_lets_in(state: GmailState, account: Account):
    account.switches.pop_off, account.switches.pop_off_at = "user", "stat"

    assert with_token(state, account, POP3).refusal is None


def test_sixteenth_imap_session_is_refused(state: GmailState, account: Account):
    state.live[(IMAP, account.id)] = 14
    assert with_token(state, account).refusal is None
    state.live[(IMAP, account.id)] = 15
    assert with_token(state, account).refusal is Refusal.TOO_MANY_CONNECTIONS


def test_second_pop_session_is_refused_when_the_maildrop_is_locked(state: GmailState, account: Account):
    state.live[(POP3, account.id)] = 1
    assert with_token(state, account, POP3).refusal is None

    account.switches.pop_lock = True

    assert with_token(state, account, POP3).refusal is Refusal.IN_USE


def test_planned_refusals_come_in_order_and_once(state: GmailState, account: Account):
    state.servers[IMAP].refuse_next = [Refusal.UNAVAILABLE]
    account.switches.refuse_next = [Refusal.BAD_CREDENTIALS]

    refusals = [with_token(state, account).refusal for _ in range(3)]

    assert refusals == [Refusal.UNAVAILABLE, Refusal.BAD_CREDENTIALS, None]


@pytest.mark.parametrize(("protocol", "refused"), [(POP3, False), (IMAP, True)])
def test_recent_is_a_word_of_pop3_alone(state: GmailState, account: Account, protocol: MailProtocol, refused: bool):
    decision = with_token(state, account, protocol, name=f"Recent:{ADDRESS}")

    assert (decision.refusal is not None) is refused
    assert decision.recent is not refused
