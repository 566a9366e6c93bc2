"""The users of the Directory API: how an account looks in JSON, and what a request may change of it.

This file knows no HTTP.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cgappliance.testing.gmail.api_errors import Refused
from cgappliance.testing.gmail.directory import CUSTOMER, Account, AppPassword, ClientGrant, Directory, DuplicateAddress
from cgappliance.testing.gmail.stored_password import BadPassword, StoredPassword, checked


def user_json(account: Account) -> dict[str, Any]:
    """Return an account as the API shows it; a password is never shown."""
    name = {"givenName": account.given_name, "familyName": account.family_name}
    return {
        "kind": "admin#directory#user",
        "id": account.id,
        "etag": f'"{account.id}/{account.version}"',
        "primaryEmail": account.address,
        "name": {**name, "fullName": " ".join(part for part in name.values() if part)},
        "isAdmin": account.super_admin,
        "isDelegatedAdmin": account.admin and not account.super_admin,
        "creationTime": _time(account.created_at),
        "lastLoginTime": "1970-01-01T00:00:00.000Z",
        "suspended": account.suspended,
        **({"suspensionReason": "ADMIN"} if account.suspended else {}),
        "archived": False,
        "changePasswordAtNextLogin": account.change_password,
        "emails": [{"address": account.address, "primary": True}, *({"address": alias} for alias in account.aliases)],
        **({"aliases": list(account.aliases)} if account.aliases else {}),
        "customerId": CUSTOMER,
        "orgUnitPath": account.org_unit,
        "isMailboxSetup": not account.switches.no_mailbox,
        "isEnrolledIn2Sv": account.two_step,
        "isEnforcedIn2Sv": False,
    }


def asp_json(account: Account, password: AppPassword) -> dict[str, Any]:
    """Return an app password as the API shows it, without the password."""
    return {
        "kind": "admin#directory#asp",
        "codeId": password.code_id,
        "name": password.name,
        "creationTime": str(int(password.created_at * 1000)),
        "lastTimeUsed": str(int((password.last_used_at or 0) * 1000)),
        "userKey": account.id,
    }


def grant_json(account: Account, grant: ClientGrant) -> dict[str, Any]:
    """Return a user's consent to a program as the API shows it."""
    return {
        "kind": "admin#directory#token",
        "clientId": grant.client_id,
        "displayText": grant.name,
        "anonymous": False,
        "nativeApp": False,
        "userKey": account.id,
        "scopes": list(grant.scopes),
    }


def insert(directory: Directory, values: dict[str, Any]) -> Account:
    """Make the account that a request describes.

    Raises:
        Refused: a field is missing or wrong, or the address is taken.
    """
    address, name = values.get("primaryEmail"), values.get("name") or {}
    for field, value in (
        ("primaryEmail", address),
        ("name.givenName", name.get("givenName")),
        ("name.familyName", name.get("familyName")),
        ("password", values.get("password")),
    ):
        if not isinstance(value, str) or not value:
            raise Refused("required", f"Missing required field: {field}")
    password = _password(values)
    try:
        account = directory.add(str(address))
    except DuplicateAddress:
        raise Refused("duplicate") from None
    account.password = password or account.password
    _change_fields(account, values)
    return account


def change(directory: Directory, account: Account, values: dict[str, Any]) -> None:
    """Change what a request names, and nothing else (PUT and PATCH alike).

    Raises:
        Refused: a value is wrong, or the new address is taken; nothing is changed then.
    """
    password = _password(values)
    address = str(values.get("primaryEmail", account.address))
    if address.lower() != account.address:
        try:
            directory.rename(account, address)
        except DuplicateAddress:
            raise Refused("duplicate") from None
    if password is not None:
        account.take_password(password)
    _change_fields(account, values)
    account.version += 1


def _password(values: dict[str, Any]) -> StoredPassword | None:
    if "password" not in values:
        return None
    try:
        return checked(str(values["password"]), str(values.get("hashFunction") or ""))
    except BadPassword as error:
        raise Refused("invalid", str(error)) from error


def _change_fields(account: Account, values: dict[str, Any]) -> None:
    name = values.get("name") or {}
    account.given_name = str(name.get("givenName", account.given_name))
    account.family_name = str(name.get("familyName", account.family_name))
    account.suspended = bool(values.get("suspended", account.suspended))
    account.change_password = bool(values.get("changePasswordAtNextLogin", account.change_password))
    account.org_unit = str(values.get("orgUnitPath", account.org_unit))


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
