"""The control API of a look-alike that runs as a process of its own: what tests do in-process, over HTTP on loopback.

JSON in and out; bytes are base64. ``client.py`` is its client. Whoever can reach the port controls the look-alike: loopback only.
"""

from __future__ import annotations

import base64
import dataclasses
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, jsonify, request

from cgappliance.model import MailProtocol
from cgappliance.testing.gmail.directory import Account
from cgappliance.testing.gmail.seed import add_account, change_account
from cgappliance.testing.gmail.service_account import ServiceAccount
from cgappliance.testing.gmail.switches import FaultKind, HttpSwitches, ServerSwitches, UnknownSwitch, apply

if TYPE_CHECKING:
    from cgappliance.testing.gmail.server import GmailLookAlike
    from cgappliance.testing.gmail.state import GmailState


def make_app(gmail: GmailLookAlike) -> Flask:
    """Return the WSGI application that controls ``gmail``."""
    app = Flask("gmail-control")
    state = gmail.state
    app.register_error_handler(ValueError, _bad_request)
    app.register_error_handler(KeyError, _bad_request)
    _add_whole(app, gmail)
    _add_accounts(app, state)
    _add_messages(app, state)
    _add_records(app, state)
    _add_service_accounts(app, gmail)
    return app


def plain(value: Any) -> Any:
    """Return a record as JSON can hold it: dataclasses as objects, bytes as base64."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def _add_whole(app: Flask, gmail: GmailLookAlike) -> None:
    state = gmail.state

    @app.get("/state")
    def show_state() -> Response:
        accounts = [_account(account) for account in state.directory]
        return jsonify({"now": state.clock.now(), "ports": gmail.ports, "accounts": accounts})

    @app.post("/clock")
    def move_clock() -> Response:
        state.clock.advance(float(_body()["advance_s"]))
        return jsonify({"now": state.clock.now()})

    @app.patch("/servers/<name>")
    def switch_server(name: str) -> Response:
        switches = _servers(state)[name]
        apply(switches, _body())
        return jsonify(plain(switches))

    @app.post("/sessions/end")
    def end_sessions() -> Response:
        gmail.end_sessions(FaultKind(_body()["kind"]))
        return jsonify({})


def _add_accounts(app: Flask, state: GmailState) -> None:
    @app.post("/accounts")
    def add_one() -> Response:
        return jsonify(_account(add_account(state, _body())))

    @app.patch("/accounts/<address>")
    def change_one(address: str) -> Response:
        account = state.directory.get(address)
        change_account(state, account, _body())
        return jsonify(_account(account))

    @app.delete("/accounts/<address>")
    def remove_one(address: str) -> Response:
        state.directory.remove(state.directory.get(address))
        return jsonify({})

    @app.delete("/accounts/<address>/tokens")
    def revoke_tokens(address: str) -> Response:
        state.tokens.revoke(state.directory.get(address).id)
        return jsonify({})


def _add_messages(app: Flask, state: GmailState) -> None:
    @app.post("/accounts/<address>/messages")
    def deliver(address: str) -> Response:
        folder = request.args.get("folder", "INBOX")
        message = state.directory.get(address).mailbox.deliver(request.get_data(), state.clock.now(), folder=folder)
        return jsonify({"number": message.number})

    @app.get("/accounts/<address>/messages")
    def messages(address: str) -> Response:
        folder = state.directory.get(address).mailbox.folders[request.args.get("folder", "INBOX")]
        return jsonify(
            [
                {
                    "uid": entry.uid,
                    "flags": sorted(entry.message.flags),
                    "raw": plain(entry.message.raw),
                    "popped": entry.message.popped,
                }
                for entry in folder.entries
            ]
        )


def _add_records(app: Flask, state: GmailState) -> None:
    @app.get("/connections")
    def connections() -> Response:
        return jsonify([plain(record) for record in tuple(state.records.connections)])

    @app.get("/envelopes")
    def envelopes() -> Response:
        return jsonify([plain(record) for record in tuple(state.records.envelopes)])

    @app.get("/requests")
    def requests() -> Response:
        return jsonify([plain(record) for record in tuple(state.records.requests)])

    @app.delete("/records")
    def clear_records() -> Response:
        state.records.clear()
        return jsonify({})


def _add_service_accounts(app: Flask, gmail: GmailLookAlike) -> None:
    @app.post("/service-accounts")
    def make_service_account() -> Response:
        made = gmail.state.add_service_account(ServiceAccount.generate(**_body()))
        return Response(gmail.key_json(made), mimetype="application/json")

    @app.patch("/service-accounts/<email>")
    def change_service_account(email: str) -> Response:
        service_account, values = gmail.state.service_accounts[email], _body()
        service_account.granted = set(values.get("granted", service_account.granted))
        service_account.key_deleted = bool(values.get("key_deleted", service_account.key_deleted))
        service_account.made_at = float(values.get("made_at", service_account.made_at))
        service_account.deleted = bool(values.get("deleted", service_account.deleted))
        return jsonify({})


def _servers(state: GmailState) -> dict[str, ServerSwitches | HttpSwitches]:
    mail = {str(protocol): state.servers[protocol] for protocol in MailProtocol}
    return {**mail, "token": state.token_endpoint, "directory": state.directory_api, "settings": state.settings_api}


def _account(account: Account) -> dict[str, Any]:
    folders = {name: len(folder.entries) for name, folder in account.mailbox.folders.items()}
    return {
        "id": account.id,
        "address": account.address,
        "aliases": account.aliases,
        "password": account.password.text,
        "suspended": account.suspended,
        "app_passwords": plain(account.app_passwords),
        "switches": plain(account.switches),
        "folders": folders,
    }


def _body() -> dict[str, Any]:
    values = request.get_json(silent=True)
    if not isinstance(values, dict):
        raise UnknownSwitch("the request's body must be a JSON object")
    return values


def _bad_request(error: Exception) -> tuple[Response, int]:
    return jsonify({"error": f"{type(error).__name__}: {error}"}), 400
