"""A user's POP and IMAP switches in the Gmail API, as values and requests. Pure: ``customer.py`` sends what is made here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from cgappliance.plugin_api import MailAccess

POP_OFF = "disabled"
POP_ON = "allMail"  #: "fromNowOn" would hide what is there already


def path_of(address: str, kind: str) -> str:
    """Return the path of the settings "imap" or "pop" of a user."""
    return f"/gmail/v1/users/{quote(address, safe='@')}/settings/{kind}"


def access_of(imap: Mapping[str, Any], pop: Mapping[str, Any]) -> MailAccess:
    """Return what both settings say together."""
    return MailAccess(bool(imap.get("enabled")), pop_is_on(pop), str(pop.get("disposition", "")))


def pop_is_on(pop: Mapping[str, Any]) -> bool:
    """Return whether POP is on, for all mail or for new mail."""
    return pop.get("accessWindow", POP_OFF) not in (POP_OFF, "accessWindowUnspecified")


def imap_switched_on(imap: Mapping[str, Any]) -> dict[str, Any]:
    """Return IMAP settings with IMAP on, and everything else as it was."""
    return {**imap, "enabled": True}


def pop_switched_on(pop: Mapping[str, Any]) -> dict[str, Any]:
    """Return POP settings with POP on for all mail; what Gmail does with fetched messages stays the user's choice."""
    return {**pop, "accessWindow": POP_ON}
