"""Gmail's settings API for IMAP and POP: ``/gmail/v1/users/<me or address>/settings/imap`` and ``/pop``.

Reading is allowed to any mail scope, writing to gmail.settings.basic alone. What is written here switches the mail servers.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, Response

from cgappliance.testing.gmail.api import Api, Caller, body
from cgappliance.testing.gmail.api_errors import Refused
from cgappliance.testing.gmail.state import GmailState
from cgappliance.testing.gmail.tokens import MAIL_SCOPE, SETTINGS_SCOPE

PREFIX = "/gmail/v1/users/<user>/settings"
READ = frozenset(
    {
        MAIL_SCOPE,
        SETTINGS_SCOPE,
        "https://www.googleapis.com/auth/gmail.modify",
        "https://www.googleapis.com/auth/gmail.readonly",
    }
)
WRITE = frozenset({SETTINGS_SCOPE})

#: the values that each field may have
FIELDS: dict[str, dict[str, tuple[object, ...]]] = {
    "imap": {
        "enabled": (True, False),
        "autoExpunge": (True, False),
        "expungeBehavior": ("archive", "trash", "deleteForever"),
        "maxFolderSize": (0, 1000, 2000, 5000, 10000),
    },
    "pop": {
        "accessWindow": ("disabled", "fromNowOn", "allMail"),
        "disposition": ("leaveInInbox", "archive", "trash", "markRead"),
    },
}


def add_routes(app: Flask, state: GmailState) -> None:
    """Serve the settings API of ``state``."""
    service = SettingsApi(state)
    app.add_url_rule(f"{PREFIX}/<any(imap, pop):kind>", "settings.get", service.get, methods=["GET"])
    app.add_url_rule(f"{PREFIX}/<any(imap, pop):kind>", "settings.update", service.update, methods=["PUT"])


class SettingsApi:
    """getImap, getPop, updateImap and updatePop."""

    def __init__(self, state: GmailState) -> None:
        self._api = Api(state, state.settings_api)

    def get(self, user: str, kind: str) -> Response:
        """Return the settings as they are."""
        return self._api.answer(READ, lambda caller: _settings(caller, user, kind))

    def update(self, user: str, kind: str) -> Response:
        """Set what the request holds, and answer with it, also where an administrator's switch makes it a no-op."""

        def work(caller: Caller) -> dict[str, object]:
            settings, values = _settings(caller, user, kind), _checked(kind, body())
            if not caller.account.switches.settings_frozen:
                settings.update(values)
            return {**settings, **values}

        return self._api.answer(WRITE, work)


def _settings(caller: Caller, user: str, kind: str) -> dict[str, object]:
    account = caller.account
    if user.lower() not in ("me", account.address):
        raise Refused("delegation_denied", f"Delegation denied for {account.address}")
    if account.switches.no_mailbox:
        raise Refused("failed_precondition")
    return account.imap_settings if kind == "imap" else account.pop_settings


def _checked(kind: str, values: dict[str, Any]) -> dict[str, Any]:
    for name, value in values.items():
        allowed = FIELDS[kind].get(name, ())
        if not any(value == choice and type(value) is type(choice) for choice in allowed):
            raise Refused("invalid", f"Invalid value for {name}")
    return values
