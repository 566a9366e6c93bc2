import hashlib

import pytest

from cgappliance.testing.gmail.stored_password import BadPassword, StoredPassword, checked


@pytest.mark.parametrize("function", ["", "MD5", "SHA-1"])
def test_right_password_matches_and_others_do_not(function: str):
    text = {
        "": "Right-passw0rd",
        "MD5": hashlib.md5(b"Right-passw0rd").hexdigest().upper(),
        "SHA-1": hashlib.sha1(b"Right-passw0rd").hexdigest(),
    }[function]
    stored = checked(text, function)

    assert stored.matches("Right-passw0rd")
    assert not stored.matches("right-passw0rd")
    assert not stored.matches("")


@pytest.mark.parametrize("salt", ["$6$saltsalt", "$5$saltsalt", "$1$saltsalt", "$6$rounds=5000$saltsalt"])
def test_crypt_is_checked_by_the_systems_library(salt: str):
    hashed = StoredPassword(salt, "crypt")._hashed("Right-passw0rd")

    stored = checked(hashed, "crypt")

    assert stored.matches("Right-passw0rd")
    assert not stored.matches("wrong")


def test_account_without_password_matches_nothing():
    assert not StoredPassword("").matches("")


@pytest.mark.parametrize(
    ("text", "function"),
    [
        ("short", ""),
        ("x" * 101, ""),
        ("日本語のパスワード", ""),
        ("not hex", "MD5"),
        ("0" * 39, "SHA-1"),
        ("$2b$12$abcdefghijklmnopqrstuv", "crypt"),
        ("$6$rounds=10001$saltsalt$abc", "crypt"),
        ("0" * 64, "SHA-256"),
    ],
)
def test_what_google_would_not_take_is_refused(text: str, function: str):
    with pytest.raises(BadPassword):
        checked(text, function)
