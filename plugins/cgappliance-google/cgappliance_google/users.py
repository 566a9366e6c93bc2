"""The Directory API's users, app passwords and tokens, as requests and as values. Pure: ``customer.py`` sends what is made here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from cgappliance.plugin_api import AppPassword, ClientGrant, GoogleUser, NewGoogleUser, Secret

PATH = "/admin/directory/v1/users"
FIELDS = "id,primaryEmail,suspended,archived,isAdmin,isDelegatedAdmin,isEnrolledIn2Sv,isMailboxSetup"
PAGE_USERS = 500  #: the most that Google gives at once

#: How Google is told a password: a hash, so that no log on the way has the password. SHA-1 is enough for 40 random characters, and
#: the only function that Google takes and Python has without a further library.
HASH_FUNCTION = "SHA-1"


def path_of(key: str) -> str:
    """Return the path of one user, by address or id."""
    return f"{PATH}/{quote(key, safe='@')}"


def list_params(page_token: str) -> dict[str, str]:
    """Return the query of one page of all users."""
    params = {"customer": "my_customer", "maxResults": str(PAGE_USERS), "fields": f"nextPageToken,users({FIELDS})"}
    return {**params, "pageToken": page_token} if page_token else params


def user_of(content: Mapping[str, Any]) -> GoogleUser:
    """Return a user as the API shows it."""
    return GoogleUser(
        id=str(content.get("id", "")),
        address=str(content.get("primaryEmail", "")).lower(),
        suspended=bool(content.get("suspended") or content.get("archived")),
        is_admin=bool(content.get("isAdmin") or content.get("isDelegatedAdmin")),
        two_step=bool(content.get("isEnrolledIn2Sv")),
        has_mailbox=bool(content.get("isMailboxSetup", True)),
    )


def new_user(user: NewGoogleUser, password: Secret) -> dict[str, Any]:
    """Return the request's content for a new user."""
    name = {"givenName": user.given_name, "familyName": user.family_name}
    return {"primaryEmail": user.address, "name": name, **new_password(password)}


def new_password(password: Secret) -> dict[str, Any]:
    """Return the request's content for a new password."""
    digest = hashlib.sha1(password.reveal().encode(), usedforsecurity=False).hexdigest()
    return {"password": digest, "hashFunction": HASH_FUNCTION, "changePasswordAtNextLogin": False}


def app_password_of(content: Mapping[str, Any]) -> AppPassword:
    """Return an app password as the API shows it."""
    return AppPassword(
        int(content["codeId"]),
        str(content.get("name", "")),
        _moment(content.get("creationTime")),
        _moment(content.get("lastTimeUsed")),
    )


def grant_of(content: Mapping[str, Any]) -> ClientGrant:
    """Return a user's consent to a program."""
    scopes = tuple(str(scope) for scope in content.get("scopes") or ())
    return ClientGrant(str(content.get("clientId", "")), str(content.get("displayText", "")), scopes)


def _moment(milliseconds: object) -> datetime | None:
    """Return a moment of the API: milliseconds since 1970, as text; 0 is never."""
    text = str(milliseconds or "0")
    return datetime.fromtimestamp(int(text) / 1000, UTC) if text.isascii() and text.isdigit() and int(text) else None
