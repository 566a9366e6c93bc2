"""Accounts from plain values: a control request or the ``--state`` file, which hold the same.

In a TOML file::

    [[accounts]]
    address = "yuki@acme.example"
    app_passwords = ["abcd efgh ijkl mnop"]
    admin = true
    switches = { imap_off = "user" }

    [[accounts.messages]]
    text = \"\"\"
    From: taro@acme.example
    Subject: Hello

    Hello, Yuki.
    \"\"\"
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cgappliance.testing.gmail.directory import Account, ClientGrant
from cgappliance.testing.gmail.state import GmailState
from cgappliance.testing.gmail.switches import apply

#: what may be said of an account besides its address, with its type
FIELDS = {
    "password": str,
    "admin": bool,
    "super_admin": bool,
    "suspended": bool,
    "two_step": bool,
    "given_name": str,
    "family_name": str,
    "org_unit": str,
    "aliases": list,
    "imap_settings": dict,
    "pop_settings": dict,
}


class BadSeed(ValueError):
    """A value that no account has; the message says which."""


def load(state: GmailState, path: Path) -> None:
    """Add the accounts of a TOML file.

    Raises:
        BadSeed: the file holds something else.
        OSError: it cannot be read.
    """
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    unknown = set(content) - {"accounts"}
    if unknown:
        raise BadSeed(f"{path}: unknown keys: {', '.join(sorted(unknown))} (known: accounts)")
    for values in content.get("accounts", []):
        add_account(state, values)


def add_account(state: GmailState, values: Mapping[str, Any]) -> Account:
    """Make the account that ``values`` describe and return it.

    Raises:
        BadSeed: a name or value that no account has, or an address that is taken.
    """
    given = dict(values)
    app_passwords, messages = given.pop("app_passwords", []), given.pop("messages", [])
    try:
        account = state.directory.add(given.pop("address"))
    except (KeyError, ValueError) as error:
        raise BadSeed(f"account {values.get('address', '')!r}: {error}") from error
    change_account(state, account, given)
    for password in app_passwords:
        state.directory.add_app_password(account, "mail", password)
    for message in messages:
        raw = message["text"].lstrip("\n").replace("\r\n", "\n").replace("\n", "\r\n").encode()
        account.mailbox.deliver(raw, state.clock.now(), folder=message.get("folder", "INBOX"))
    return account


def change_account(state: GmailState, account: Account, values: Mapping[str, Any]) -> None:
    """Set what ``values`` name: fields of the account, ``switches``, and ``grants`` to programs (client_id, name, scopes each).

    A new password revokes the app passwords.

    Raises:
        BadSeed: a name or value that no account has.
    """
    for name, value in values.items():
        if name == "switches":
            apply(account.switches, value)
        elif name == "grants":
            account.grants = [_grant(account, grant) for grant in value]
        elif name not in FIELDS or not isinstance(value, FIELDS[name]):
            raise BadSeed(f"account {account.address}: {name}: no such field, or not of its type (known: {', '.join(FIELDS)})")
        elif name == "password":
            state.directory.set_password(account, str(value))
        elif isinstance(value, dict):
            getattr(account, name).update(value)  # what is not named stays
        else:
            setattr(account, name, value)


def _grant(account: Account, values: Mapping[str, Any]) -> ClientGrant:
    try:
        return ClientGrant(str(values["client_id"]), str(values["name"]), tuple(map(str, values["scopes"])))
    except (KeyError, TypeError) as error:
        raise BadSeed(f"account {account.address}: grants: {error!r} (each has client_id, name, scopes)") from error
