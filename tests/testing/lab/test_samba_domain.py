from __future__ import annotations

import base64

import pytest

from cgappliance.testing.lab import samba_domain


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ("plain", "plain"),
        ("a,b", "a\\,b"),
        ('say "x"', 'say \\"x\\"'),
        ("a+b=c", "a\\+b\\=c"),
        ("back\\slash", "back\\\\slash"),
        ("山田", "山田"),
    ],
)
def test_rdn_value_is_escaped(value: str, escaped: str) -> None:
    assert samba_domain.escape_rdn(value) == escaped


def test_mail_address_and_upn_of_an_account_differ() -> None:
    assert all(user.mail != user.upn for user in samba_domain.USERS)


def test_names_are_unique() -> None:
    assert len({user.name for user in samba_domain.USERS}) == len(samba_domain.USERS)


def test_password_is_quoted_utf_16() -> None:
    attribute, _, value = samba_domain.password_line("山").partition(":: ")
    assert attribute == "unicodePwd"
    assert base64.b64decode(value).decode("utf-16-le") == '"山"'


def test_modify_replaces_each_attribute() -> None:
    text = samba_domain.modify("CN=x", "description: a", "lockoutTime: 0")
    assert text.endswith("changetype: modify\nreplace: description\ndescription: a\n-\nreplace: lockoutTime\nlockoutTime: 0\n-\n\n")


def test_groups_are_added_after_their_members() -> None:
    text = samba_domain.records()[0][0]
    places = [
        text.index(base64.b64encode(dn.encode()).decode()) for dn in (samba_domain.INNERMOST_GROUP_DN, samba_domain.INNER_GROUP_DN)
    ]
    assert places == sorted(places)


def test_state_is_changed_after_all_accounts_are_added() -> None:
    first, *later = samba_domain.records()
    assert "changetype: add" in first[0]
    assert "pwdLastSet: 0" not in first[0]
    assert any("pwdLastSet: 0" in text for text, _ in later)
