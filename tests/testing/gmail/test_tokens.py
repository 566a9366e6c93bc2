import pytest

from cgappliance.testing.gmail.clock import Clock
from cgappliance.testing.gmail.tokens import MAIL_SCOPE, Tokens


@pytest.mark.parametrize(("later_s", "good"), [(59, True), (60, False), (61, False)])
def test_token_is_good_until_its_end(later_s: float, good: bool):
    clock = Clock(source=lambda: 1000.0)
    tokens = Tokens(clock)
    value = tokens.issue("1", [MAIL_SCOPE], 60).value

    clock.advance(later_s)

    assert (tokens.check(value) is not None) is good


def test_token_knows_whose_and_for_what():
    token = Tokens(Clock()).issue("1", [MAIL_SCOPE], 60)

    assert (token.account_id, token.scopes) == ("1", {MAIL_SCOPE})
    assert token.value.startswith("ya29.")


def test_revoked_tokens_are_of_one_account():
    tokens = Tokens(Clock())
    mine, others = tokens.issue("1", [MAIL_SCOPE], 60), tokens.issue("2", [MAIL_SCOPE], 60)

    tokens.revoke("1")

    assert tokens.check(mine.value) is None
    assert tokens.check(others.value) is others
