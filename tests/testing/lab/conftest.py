from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest


@dataclass(frozen=True)
class Introspection:
    """An endpoint that knows whose tokens are whose, as the token's issuer does (RFC 7662)."""

    url: str
    tokens: dict[str, str]


@pytest.fixture(scope="module")
def introspection() -> Iterator[Introspection]:
    tokens: dict[str, str] = {}

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            address = tokens.get(form["token"][0])
            body = json.dumps({"active": True, "email": address} if address else {"active": False}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Introspection(f"http://127.0.0.1:{server.server_port}/introspect", tokens)
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def xoauth2():
    """Returns the one message of XOAUTH2."""
    return lambda address, token: f"user={address}\x01auth=Bearer {token}\x01\x01".encode()


@pytest.fixture(scope="session")
def b64():
    return lambda raw: base64.b64encode(raw).decode()
