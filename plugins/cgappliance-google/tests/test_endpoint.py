"""The token endpoint over real sockets: the look-alike's, or a socket that misbehaves."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cgappliance_google.endpoint import ANSWER_LIMIT_BYTES, TokenEndpoint
from cgappliance_google.key_file import read

from cgappliance.plugin_api import LoginFailed, Reason, Secret

SCOPE = "https://mail.google.com/"
TIMEOUT_S = 5.0


@contextmanager
def endpoint_at(text: str, ca_file=None, **clocks) -> Iterator[TokenEndpoint]:
    endpoint = TokenEndpoint(read(Secret(text)), ca_file, **clocks)
    try:
        yield endpoint
    finally:
        endpoint.close()


@contextmanager
def answering(rsa_text: str, *answers: bytes) -> Iterator[str]:
    """A server that gives each connection the next of ``answers``, closes it, and keeps its mouth shut when there is none left."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for answer in answers:
            client, _ = listener.accept()
            with client:
                client.recv(65536)
                client.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with listener:
        yield json.dumps({**json.loads(rsa_text), "token_uri": f"http://127.0.0.1:{listener.getsockname()[1]}/token"})
    thread.join(TIMEOUT_S)


def http(body: bytes, status: str = "200 OK", head: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode() + body


def refusal(text: str, subject: str = "yuki@contract.example", timeout_s: float = TIMEOUT_S, ca_file=None, **clocks) -> LoginFailed:
    with endpoint_at(text, ca_file, **clocks) as endpoint, pytest.raises(LoginFailed) as failed:
        endpoint.fetch(subject, SCOPE, timeout_s)
    return failed.value


def test_token_is_good_at_gmail(google):
    with endpoint_at(google.key_text) as endpoint:
        token = endpoint.fetch(google.address, SCOPE, TIMEOUT_S)

    known = google.gmail.state.tokens.check(token.secret.reveal())
    assert known.account_id == google.gmail.state.directory.get(google.address).id
    assert known.scopes == {SCOPE}


def test_life_counts_from_before_the_request(google):
    times = iter([100.0, 200.0])
    with endpoint_at(google.key_text, clock=lambda: next(times)) as endpoint:
        assert endpoint.fetch(google.address, SCOPE, TIMEOUT_S).expires_at == 100.0 + 3599


def test_private_endpoint_is_trusted_by_its_ca_file(google):
    with endpoint_at(google.https_key_text, google.authority.ca_file) as endpoint:
        assert endpoint.fetch(google.address, SCOPE, TIMEOUT_S).secret


def test_certificate_of_an_unknown_ca_is_an_outage(google):
    failed = refusal(google.https_key_text)

    assert failed.reason is Reason.TOKEN_UNAVAILABLE
    assert "CERTIFICATE_VERIFY_FAILED" in failed.detail


def test_ca_file_wins_over_the_environment(google, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(google.authority.ca_file))

    assert refusal(google.https_key_text).reason is Reason.TOKEN_UNAVAILABLE


def test_unknown_user_is_said(google):
    failed = refusal(google.key_text, "nobody@contract.example")

    assert failed.reason is Reason.GOOGLE_USER_UNKNOWN
    assert failed.detail == "HTTP 400 invalid_grant: Invalid email or User ID"


def test_missing_delegation_names_client_id_and_scope(google):
    google.service_account.granted.clear()

    failed = refusal(google.key_text)

    assert failed.reason is Reason.DELEGATION_MISSING
    assert f"(client id {google.service_account.client_id}, scope {SCOPE})" in failed.detail


def test_deleted_key_is_the_service_accounts_matter(google):
    google.service_account.key_deleted = True

    assert refusal(google.key_text).reason is Reason.SERVICE_ACCOUNT_INVALID


@pytest.mark.parametrize("off_s", [-3601, 3600])
def test_clock_that_is_wrong_by_an_hour_is_the_service_accounts_matter(google, off_s: int):
    failed = refusal(google.key_text, wall_clock=lambda: time.time() + off_s)

    assert failed.reason is Reason.SERVICE_ACCOUNT_INVALID
    assert "Check your iat and exp values" in failed.detail


@pytest.mark.parametrize("name", ["internal_failure", "temporarily_unavailable", "rate_limited", "garbage"])
def test_busy_google_is_an_outage_and_asked_once(google, name: str):
    google.gmail.state.token_endpoint.fail_next = [name]

    assert refusal(google.key_text).reason is Reason.TOKEN_UNAVAILABLE

    assert len(google.outcomes()) == 1


def test_nobody_there_is_an_outage(rsa_text: str):
    with answering(rsa_text) as text:
        pass  # the port is closed again

    assert refusal(text).reason is Reason.TOKEN_UNAVAILABLE


def test_silent_endpoint_is_an_outage_in_time(rsa_text: str):
    started = time.monotonic()
    with answering(rsa_text) as text:
        failed = refusal(text, timeout_s=0.3)

    assert failed.reason is Reason.TOKEN_UNAVAILABLE
    assert time.monotonic() - started < 2


def test_connection_that_google_has_just_closed_is_tried_once_more(rsa_text: str):
    good = http(b'{"access_token": "ya29.x", "expires_in": 3599}')
    with answering(rsa_text, b"", good) as text, endpoint_at(text) as endpoint:
        assert endpoint.fetch("yuki@contract.example", SCOPE, TIMEOUT_S).secret == Secret("ya29.x")


def test_redirect_is_not_followed(google, rsa_text: str):
    head = f"Location: {google.gmail.token_uri}\r\n"
    with answering(rsa_text, http(b"", "307 Temporary Redirect", head)) as text:
        assert refusal(text).reason is Reason.TOKEN_UNAVAILABLE

    assert google.outcomes() == []


@pytest.mark.parametrize(
    "answer",
    [
        b"{}",
        b"[]",
        b"",
        b'{"access_token": "", "expires_in": 3599}',
        b'{"access_token": "a b", "expires_in": 3599}',
        b'{"access_token": "a\\u0001b", "expires_in": 3599}',
        b'{"access_token": "\\u3042", "expires_in": 3599}',
        b'{"access_token": "' + b"x" * 4097 + b'", "expires_in": 3599}',
        b'{"access_token": "ya29.x"}',
        b'{"access_token": "ya29.x", "expires_in": 0}',
        b'{"access_token": "ya29.x", "expires_in": "3599"}',
    ],
)
def test_answer_without_a_usable_token_is_an_outage(rsa_text: str, answer: bytes):
    with answering(rsa_text, http(answer)) as text:
        assert refusal(text).reason is Reason.TOKEN_UNAVAILABLE


def test_endless_answer_is_cut_off(rsa_text: str):
    body = b'{"access_token": "ya29.x", "expires_in": 3599, "filler": "' + b"x" * ANSWER_LIMIT_BYTES + b'"}'
    with answering(rsa_text, http(body)) as text:
        assert refusal(text).reason is Reason.TOKEN_UNAVAILABLE


def test_detail_is_one_short_printable_line(rsa_text: str):
    error = json.dumps({"error": "invalid_grant", "error_description": "x\r\ny\x1b[2J" + "z" * 9999}).encode()
    with answering(rsa_text, http(error, "400 Bad Request")) as text:
        detail = refusal(text).detail

    assert detail.isprintable()
    assert len(detail) <= 300
