from pathlib import Path

import pytest

from cgappliance.testing.gmail.seed import BadSeed, add_account, change_account, load
from cgappliance.testing.gmail.state import GmailState
from cgappliance.testing.gmail.switches import UnknownSwitch

TEXT = '''
[[accounts]]
address = "yuki@acme.example"
app_passwords = ["abcd efgh ijkl mnop"]
admin = true
switches = { imap_off = "user" }

[[accounts.messages]]
text = """
From: taro@acme.example
Subject: Hello

Hello, Yuki.
"""
'''


@pytest.fixture
def state() -> GmailState:
    return GmailState()


def test_file_makes_accounts_with_passwords_switches_and_mail(state: GmailState, tmp_path: Path):
    (tmp_path / "state.toml").write_text(TEXT)

    load(state, tmp_path / "state.toml")

    account = state.directory.get("yuki@acme.example")
    assert account.admin
    assert account.switches.imap_off == "user"
    assert account.app_passwords[0].password == "abcdefghijklmnop"
    raw = b"From: taro@acme.example\r\nSubject: Hello\r\n\r\nHello, Yuki.\r\n"
    assert account.mailbox.folders["INBOX"].entries[0].message.raw == raw


def test_example_of_the_docstring_loads(state: GmailState, tmp_path: Path):
    example = (load.__globals__["__doc__"]).partition("::\n")[2].replace("\n    ", "\n")
    (tmp_path / "state.toml").write_text(example)

    load(state, tmp_path / "state.toml")

    assert len(list(state.directory)) == 1


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"address": "yuki@acme.example", "colour": "red"},
        {"address": "yuki@acme.example", "admin": "yes"},
        {"address": "taken@acme.example"},
    ],
)
def test_what_no_account_has_is_refused(state: GmailState, values: dict[str, object]):
    state.directory.add("taken@acme.example")

    with pytest.raises(BadSeed):
        add_account(state, values)


def test_unknown_table_is_refused(state: GmailState, tmp_path: Path):
    (tmp_path / "state.toml").write_text("[acounts]\n")

    with pytest.raises(BadSeed, match="unknown keys: acounts"):
        load(state, tmp_path / "state.toml")


def test_unknown_switch_is_refused(state: GmailState):
    with pytest.raises(UnknownSwitch):
        add_account(state, {"address": "yuki@acme.example", "switches": {"x": 1}})


def test_changed_password_revokes_app_passwords(state: GmailState):
    account = add_account(state, {"address": "yuki@acme.example", "app_passwords": ["abcd"]})

    change_account(state, account, {"password": "new", "suspended": True})

    assert (account.password.text, account.suspended, account.app_passwords) == ("new", True, [])


def test_settings_that_are_not_named_stay(state: GmailState):
    account = add_account(state, {"address": "yuki@acme.example", "imap_settings": {"enabled": False}})

    change_account(state, account, {"pop_settings": {"accessWindow": "disabled"}})

    assert (account.imap_settings["enabled"], account.imap_settings["autoExpunge"]) == (False, True)
    assert account.pop_settings == {"accessWindow": "disabled", "disposition": "leaveInInbox"}


def test_programs_that_the_user_lets_act_are_set(state: GmailState):
    account = add_account(state, {"address": "yuki@acme.example"})

    change_account(state, account, {"grants": [{"client_id": "7.apps", "name": "Thunderbird", "scopes": ["mail"]}]})

    assert [(grant.client_id, grant.name, grant.scopes) for grant in account.grants] == [("7.apps", "Thunderbird", ("mail",))]


def test_program_without_a_name_is_refused(state: GmailState):
    account = add_account(state, {"address": "yuki@acme.example"})

    with pytest.raises(BadSeed, match="grants"):
        change_account(state, account, {"grants": [{"client_id": "7.apps"}]})
