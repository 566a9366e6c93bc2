"""Where Google shows the certificates of a service account's keys: public, and without a token."""

from __future__ import annotations

from flask import Flask, Response, jsonify

from cgappliance.testing.gmail.service_account import CERTIFICATES
from cgappliance.testing.gmail.state import GmailState


def add_routes(app: Flask, state: GmailState) -> None:
    """Serve the certificates of the service accounts of ``state``."""

    @app.get(f"{CERTIFICATES}<email>")
    def certificates(email: str) -> Response | tuple[Response, int]:
        known = state.service_accounts.get(email)
        if known is None or known.deleted:
            return jsonify({"error": {"code": 404, "message": "Requested entity was not found."}}), 404
        return jsonify(known.certificates())
