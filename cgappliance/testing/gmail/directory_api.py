"""The Directory API, as far as an appliance needs it: users, app passwords, tokens of programs, sign-out, 2-Step Verification.

``/admin/directory/v1``. The token must be of an administrator; what it may do follows from its scopes.
"""

from __future__ import annotations

import base64
import re
from typing import Any

from flask import Flask, Response, request

from cgappliance.testing.gmail.api import Api, Caller, body
from cgappliance.testing.gmail.api_errors import Refused
from cgappliance.testing.gmail.directory import CUSTOMER, Account, AppPassword, ClientGrant
from cgappliance.testing.gmail.directory_users import asp_json, change, grant_json, insert, user_json
from cgappliance.testing.gmail.state import GmailState
from cgappliance.testing.gmail.tokens import SECURITY_SCOPE, USER_READ_SCOPE, USER_SCOPE

PREFIX = "/admin/directory/v1/users"
READ = frozenset({USER_SCOPE, USER_READ_SCOPE})
WRITE = frozenset({USER_SCOPE})
SECURITY = frozenset({SECURITY_SCOPE})
DEFAULT_PAGE, LARGEST_PAGE = 100, 500
QUERY = re.compile(r"(email|name|givenName|familyName|isSuspended|orgUnitPath)([:=])'?([^']+?)(\*?)'?")
ORDERS = {"email": "address", "givenName": "given_name", "familyName": "family_name"}


def add_routes(app: Flask, state: GmailState) -> None:
    """Serve the Directory API of ``state``."""
    service = DirectoryApi(state)
    app.add_url_rule(PREFIX, "users.list", service.list_users, methods=["GET"])
    app.add_url_rule(PREFIX, "users.insert", service.insert_user, methods=["POST"])
    app.add_url_rule(f"{PREFIX}/<key>", "users.get", service.get_user, methods=["GET"])
    app.add_url_rule(f"{PREFIX}/<key>", "users.update", service.update_user, methods=["PUT", "PATCH"])
    app.add_url_rule(f"{PREFIX}/<key>/signOut", "users.signOut", service.sign_out, methods=["POST"])
    app.add_url_rule(f"{PREFIX}/<key>/asps", "asps.list", service.list_asps, methods=["GET"])
    app.add_url_rule(f"{PREFIX}/<key>/asps/<int:code>", "asps.get", service.get_asp, methods=["GET"])
    app.add_url_rule(f"{PREFIX}/<key>/asps/<int:code>", "asps.delete", service.delete_asp, methods=["DELETE"])
    app.add_url_rule(f"{PREFIX}/<key>/tokens", "tokens.list", service.list_tokens, methods=["GET"])
    app.add_url_rule(f"{PREFIX}/<key>/tokens/<client_id>", "tokens.delete", service.delete_token, methods=["DELETE"])
    app.add_url_rule(f"{PREFIX}/<key>/twoStepVerification/turnOff", "twoStep.off", service.two_step_off, methods=["POST"])


class DirectoryApi:
    """The requests, by name as in Google's reference."""

    def __init__(self, state: GmailState) -> None:
        self._state = state
        self._api = Api(state, state.directory_api)

    def list_users(self) -> Response:
        """users.list: pages of at most 500 users."""

        def work(caller: Caller) -> dict[str, Any]:
            _check_admin(caller)
            users = self._matching()
            size = int(request.args.get("maxResults", DEFAULT_PAGE))
            if not 1 <= size <= LARGEST_PAGE:
                raise Refused("invalid", "Invalid Input: maxResults")
            start = _offset(request.args.get("pageToken"))
            page = {"kind": "admin#directory#users", "users": [user_json(user) for user in users[start : start + size]]}
            more = start + size < len(users)
            return {**page, "nextPageToken": _page_token(start + size)} if more else page

        return self._api.answer(READ, work)

    def get_user(self, key: str) -> Response:
        """users.get: one user by address, alias or id."""

        def work(caller: Caller) -> dict[str, Any]:
            _check_admin(caller)
            return user_json(self._find(key))

        return self._api.answer(READ, work)

    def insert_user(self) -> Response:
        """users.insert: a new user."""

        def work(caller: Caller) -> dict[str, Any]:
            _check_admin(caller)
            if self._state.user_limit is not None and len(list(self._state.directory)) >= self._state.user_limit:
                raise Refused("user_limit")
            return user_json(insert(self._state.directory, body()))

        return self._api.answer(WRITE, work)

    def update_user(self, key: str) -> Response:
        """users.update and users.patch: what the request names is changed."""

        def work(caller: Caller) -> dict[str, Any]:
            _check_admin(caller)
            account, values = self._find(key), body()
            if account.super_admin and not caller.account.super_admin and "password" in values:
                raise Refused("forbidden")  # a custom role cannot set a super administrator's password
            change(self._state.directory, account, values)
            return user_json(account)

        return self._api.answer(WRITE, work)

    def sign_out(self, key: str) -> Response:
        """users.signOut: the user's web sessions end."""

        def work(account: Account) -> None:
            account.signed_out_at = self._state.clock.now()

        return self._security(key, work)

    def list_asps(self, key: str) -> Response:
        """asps.list: the user's app passwords."""

        def work(account: Account) -> dict[str, Any]:
            return {"kind": "admin#directory#aspList", "items": [asp_json(account, password) for password in account.app_passwords]}

        return self._security(key, work)

    def get_asp(self, key: str, code: int) -> Response:
        """asps.get: one app password."""
        return self._security(key, lambda account: asp_json(account, _app_password(account, code)))

    def delete_asp(self, key: str, code: int) -> Response:
        """asps.delete: the app password is good no more."""
        return self._security(key, lambda account: account.app_passwords.remove(_app_password(account, code)))

    def list_tokens(self, key: str) -> Response:
        """tokens.list: the programs that the user lets act by OAuth."""

        def work(account: Account) -> dict[str, Any]:
            return {"kind": "admin#directory#tokenList", "items": [grant_json(account, grant) for grant in account.grants]}

        return self._security(key, work)

    def delete_token(self, key: str, client_id: str) -> Response:
        """tokens.delete: the program may act no more."""
        return self._security(key, lambda account: account.grants.remove(_grant(account, client_id)))

    def two_step_off(self, key: str) -> Response:
        """twoStepVerification.turnOff."""

        def work(account: Account) -> None:
            account.two_step = False

        return self._security(key, work)

    def _security(self, key: str, work: Any) -> Response:
        """Carry out a request of the security scope for one user."""

        def checked(caller: Caller) -> Any:
            _check_admin(caller)
            return work(self._find(key))

        return self._api.answer(SECURITY, checked)

    def _find(self, key: str) -> Account:
        account = self._state.directory.find(key)
        if account is None:
            raise Refused("not_found")
        return account

    def _matching(self) -> list[Account]:
        """Return the users of the customer or domain that the query names, in the order asked for."""
        arguments = request.args
        if arguments.get("customer") not in ("my_customer", CUSTOMER) and "domain" not in arguments:
            raise Refused("bad_request")
        ending = "@" + arguments["domain"].lower() if "domain" in arguments else ""
        users = [user for user in self._state.directory if user.address.endswith(ending)]
        for part in (arguments.get("query") or "").split():
            users = [user for user in users if _matches(user, part)]
        order = ORDERS.get(arguments.get("orderBy", "email"))
        if order is None:
            raise Refused("invalid", "Invalid Input: orderBy")
        return sorted(users, key=lambda user: str(getattr(user, order)), reverse=arguments.get("sortOrder") == "DESCENDING")


def _check_admin(caller: Caller) -> None:
    if not caller.account.admin and not caller.account.super_admin:
        raise Refused("forbidden")


def _grant(account: Account, client_id: str) -> ClientGrant:
    found = next((grant for grant in account.grants if grant.client_id == client_id), None)
    if found is None:
        raise Refused("not_found")
    return found


def _app_password(account: Account, code: int) -> AppPassword:
    for password in account.app_passwords:
        if password.code_id == code:
            return password
    raise Refused("not_found", "Resource Not Found: codeId")


def _matches(user: Account, part: str) -> bool:
    """Return whether a user fits one part of Google's query language: ``email:yu*``, ``isSuspended=true``, ``orgUnitPath=/x``."""
    match = QUERY.fullmatch(part)
    if match is None:
        raise Refused("invalid", "Invalid Input: query")
    field, operator, wanted, star = match[1], match[2], match[3].lower(), match[4]
    values = {
        "email": [user.address, *user.aliases],
        "name": [user.given_name, user.family_name],
        "givenName": [user.given_name],
        "familyName": [user.family_name],
        "isSuspended": [str(user.suspended)],
        "orgUnitPath": [user.org_unit],
    }[field]
    if star or (operator == ":" and field in ("name", "givenName", "familyName")):
        return any(value.lower().startswith(wanted) for value in values)
    return any(value.lower() == wanted for value in values)


def _page_token(offset: int) -> str:
    return base64.urlsafe_b64encode(f"page {offset}".encode()).decode()


def _offset(page_token: str | None) -> int:
    if page_token is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(page_token).decode().removeprefix("page "))
    except ValueError as error:
        raise Refused("invalid", "Invalid Input: pageToken") from error
