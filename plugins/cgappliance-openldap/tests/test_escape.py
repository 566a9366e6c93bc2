import pytest
from cgappliance_openldap import escape


@pytest.mark.parametrize(
    ("typed", "filter_"),
    [
        ("yuki@lab.test", "(mail=yuki@lab.test)"),
        ("*)(uid=*))(|(uid=*", r"(mail=\2a\29\28uid=\2a\29\29\28|\28uid=\2a)"),
        (r"back\slash", r"(mail=back\5cslash)"),
        ("nul\0", r"(mail=nul\00)"),
        ("山田@lab.test", "(mail=山田@lab.test)"),
        ("yuki,ou=x", "(mail=yuki,ou=x)"),
    ],
)
def test_what_was_typed_stays_a_value(typed: str, filter_: str) -> None:
    assert escape.equals("mail", typed) == filter_


def test_dn_with_its_own_escapes_stays_a_value() -> None:
    assert escape.equals("member", r"cn=Yamada\, (Taro)*,dc=lab") == r"(member=cn=Yamada\5c, \28Taro\29\2a,dc=lab)"


def test_filters_are_combined() -> None:
    assert escape.every("(a=1)", "(b=2)") == "(&(a=1)(b=2))"
    assert escape.either("(a=1)", "(b=2)") == "(|(a=1)(b=2))"
