from __future__ import annotations

import pytest

from cgappliance.admin.strength import SCORE_MAX, assess, classes
from cgappliance.password_change import PasswordRules
from cgappliance.secret import Secret

NONE = PasswordRules()


@pytest.mark.parametrize(
    ("password", "lowest", "highest"), [("password", 0, 0), ("acme2026", 0, 2), ("correct horse battery", 4, 4)]
)
def test_a_password_is_as_strong_as_it_is_hard_to_guess(password: str, lowest: int, highest: int):
    assert lowest <= assess(Secret(password), NONE).score <= highest


def test_ones_own_name_is_no_secret():
    password = Secret("yamadahanako")
    assert assess(password, NONE, ("yamadahanako@acme.example",)).score < assess(password, NONE).score


def test_a_very_long_one_is_judged_in_bounded_time():
    assert assess(Secret("Tr0ub4dor&3 " * 100), NONE).score == SCORE_MAX


@pytest.mark.parametrize(("text", "kinds"), [("a", 1), ("aA", 2), ("aA1", 3), ("aA1!", 4), ("あア", 1), ("aあ", 2), ("", 0)])
def test_kinds_of_characters_are_counted(text: str, kinds: int):
    assert classes(text) == kinds


def test_rules_that_are_known_are_applied():
    rules = PasswordRules(min_length=8, classes=3)
    short, long = assess(Secret("aaaaaaa"), rules), assess(Secret("aaaaaA1!"), rules)
    assert (short.long_enough, short.mixed_enough) == (False, False)
    assert (long.long_enough, long.mixed_enough) == (True, True)


def test_rules_that_are_not_known_are_not_judged():
    found = assess(Secret("aaaaaaa"), NONE)
    assert (found.long_enough, found.mixed_enough) == (None, None)


@pytest.mark.parametrize(("password", "troublesome"), [('a"b', True), ("a\\b", True), ("パス", True), ("plain-1", False)])
def test_characters_that_mail_clients_stumble_over_are_pointed_out(password: str, troublesome: bool):
    assert assess(Secret(password), NONE).troublesome is troublesome
