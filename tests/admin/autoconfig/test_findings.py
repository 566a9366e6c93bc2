from __future__ import annotations

import pytest

from cgappliance.admin.autoconfig.findings import Server, is_google


@pytest.mark.parametrize("host", ["imap.gmail.com", "aspmx.l.google.com.", "GOOGLE.com", "alt1.aspmx.l.googlemail.com"])
def test_googles_names(host: str):
    assert is_google(host)


@pytest.mark.parametrize("host", ["acme.example", "notgoogle.com", "google.com.example", ""])
def test_others_names(host: str):
    assert not is_google(host)


def test_a_server_says_what_is_wrong_with_it():
    assert str(Server("imap", "imap.gmail.com", 993, True, False)) == "imap imap.gmail.com:993, without password"
    assert str(Server("smtp", "x.example", 587, False, True)) == "smtp x.example:587, not over TLS from the first byte"
