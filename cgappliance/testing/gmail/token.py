"""The token endpoint: ``POST /token`` with a service account's JWT gives an access token for the subject.

Errors are Google's (``token_errors.py``); tests order them per subject or for the next requests.
"""

from __future__ import annotations

import time
from typing import Any

import gevent
from flask import Flask, Response, jsonify, request

from cgappliance.testing.gmail.assertion import Assertion, Refused, check
from cgappliance.testing.gmail.directory import Account
from cgappliance.testing.gmail.records import HttpRecord
from cgappliance.testing.gmail.state import GmailState
from cgappliance.testing.gmail.token_errors import TOKEN_ERRORS

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GARBAGE = "garbage"  #: a name for ``fail_next``: status 200 with a body that is no JSON


def add_routes(app: Flask, state: GmailState) -> None:
    """Serve the token endpoint of ``state`` under ``/token``."""

    @app.post("/token")
    def token() -> Response:
        gevent.sleep(state.token_endpoint.delay_s)
        wanted: Assertion | None = None
        try:
            if state.token_endpoint.fail_next:
                raise Refused(state.token_endpoint.fail_next.pop(0))
            wanted = check(state, _assertion(), time.time() + state.token_endpoint.clock_offset_s)
            answer = _issue(state, wanted, _account(state, wanted))
        except Refused as refusal:
            _record(state, wanted, str(refusal))
            return _error(str(refusal))
        _record(state, wanted, "ok")
        return jsonify(answer)


def _assertion() -> str:
    if request.form.get("grant_type") != GRANT_TYPE:
        raise Refused("invalid_request")
    return request.form.get("assertion", "")


def _account(state: GmailState, wanted: Assertion) -> Account:
    """Return the subject's account; only the primary address will do, aliases are unknown here."""
    account = state.directory.find(wanted.subject)
    if account is None or account.address != wanted.subject.lower():
        raise Refused("user_unknown")
    if account.switches.token_errors:
        raise Refused(account.switches.token_errors.pop(0))
    if account.switches.token_error:
        raise Refused(account.switches.token_error)
    if account.suspended:
        raise Refused("user_suspended")
    return account


def _issue(state: GmailState, wanted: Assertion, account: Account) -> dict[str, Any]:
    lifetime_s = state.token_endpoint.token_lifetime_s
    token = state.tokens.issue(account.id, wanted.scopes, lifetime_s)
    return {"access_token": token.value, "expires_in": lifetime_s, "token_type": "Bearer"}


def _error(name: str) -> Response:
    if name == GARBAGE:
        return Response("<html>not what you expect</html>", mimetype="text/html")
    error = TOKEN_ERRORS[name]
    response = jsonify({"error": error.error, "error_description": error.description})
    response.status_code = error.status
    return response


def _record(state: GmailState, wanted: Assertion | None, outcome: str) -> None:
    subject, scopes = (wanted.subject, wanted.scopes) if wanted else ("", ())
    state.records.requests.append(HttpRecord("POST", "/token", subject, scopes, outcome, state.clock.now()))
