"""What Google's APIs have in common: the bearer token with its scopes, planned failures, lost replies, records.

This file knows no resource; ``directory_api.py`` and ``settings_api.py`` do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gevent
from flask import Response, jsonify, request

from cgappliance.testing.gmail.api_errors import API_ERRORS, Refused
from cgappliance.testing.gmail.directory import Account
from cgappliance.testing.gmail.records import HttpRecord
from cgappliance.testing.gmail.state import GmailState
from cgappliance.testing.gmail.switches import HttpSwitches
from cgappliance.testing.gmail.tokens import Token

NO_CONTENT = 204


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever the access token stands for."""

    account: Account
    token: Token


class Api:
    """One API's requests: each is checked, carried out and recorded in the same way."""

    def __init__(self, state: GmailState, switches: HttpSwitches) -> None:
        self._state = state
        self._switches = switches

    def answer(self, scopes: frozenset[str], work: Callable[[Caller], Any]) -> Response:
        """Carry out a request whose token has one of ``scopes``, and return Google's answer.

        Args:
            scopes: any of them will do.
            work: gets the caller and returns what is sent as JSON, None for an empty answer; raises Refused.
        """
        gevent.sleep(self._switches.delay_s)
        caller: Caller | None = None
        try:
            if self._switches.fail_next:
                raise Refused(self._switches.fail_next.pop(0))
            caller = self._caller(scopes)
            content = work(caller)
            if self._switches.lose_reply_next > 0:
                self._switches.lose_reply_next -= 1
                raise Refused("backend")
        except Refused as refusal:
            self._record(caller, refusal.name)
            return _error(refusal)
        self._record(caller, "ok")
        return Response(status=NO_CONTENT) if content is None else jsonify(content)

    def _caller(self, scopes: frozenset[str]) -> Caller:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        token = self._state.tokens.check(value) if scheme.lower() == "bearer" else None
        account = self._state.directory.find(token.account_id) if token else None
        if token is None or account is None or account.suspended:
            raise Refused("auth")
        if not token.scopes & scopes:
            raise Refused("scope")
        return Caller(account, token)

    def _record(self, caller: Caller | None, outcome: str) -> None:
        subject, scopes = (caller.account.address, tuple(sorted(caller.token.scopes))) if caller else ("", ())
        self._state.records.requests.append(
            HttpRecord(request.method, request.path, subject, scopes, outcome, self._state.clock.now())
        )


def body() -> dict[str, Any]:
    """Return the request's JSON object.

    Raises:
        Refused: it has none.
    """
    values = request.get_json(silent=True)
    if not isinstance(values, dict):
        raise Refused("bad_request")
    return values


def _error(refusal: Refused) -> Response:
    error = API_ERRORS[refusal.name]
    response = jsonify(error.body(refusal.message))
    response.status_code = error.status
    return response
