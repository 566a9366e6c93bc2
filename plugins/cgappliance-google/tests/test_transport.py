"""One request, one bounded answer. What the token endpoint does with it stands in test_endpoint.py."""

import pytest
from cgappliance_google.transport import RETRY_NOTHING, Answer, Transport, Unanswered, bounded, problem_of_url

from .test_endpoint import answering, http


@pytest.fixture
def transport():
    transport = Transport(None, connections=1, limit_bytes=100, retry=RETRY_NOTHING)
    yield transport
    transport.close()


def url_in(key_text: str) -> str:
    return key_text.partition('"token_uri": "')[2].partition('"')[0]


def send(transport: Transport, rsa_text: str, answer: bytes, timeout_s: float = 5.0) -> Answer:
    with answering(rsa_text, answer) as text:
        return transport.send("POST", url_in(text), timeout_s=timeout_s)


def test_answer_has_status_content_and_the_servers_clock(transport, rsa_text: str):
    answer = send(transport, rsa_text, http(b'{"a": 1}', "201 Created", "Date: Tue, 24 Nov 2026 03:00:00 GMT\r\n"))

    assert (answer.status, answer.content, answer.date) == (201, {"a": 1}, 1_795_489_200.0)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"\xff"])
def test_body_that_is_no_object_is_empty_content(transport, rsa_text: str, body: bytes):
    assert send(transport, rsa_text, http(body)).content == {}


@pytest.mark.parametrize("date", ["yesterday", "Tue, 99 Nov 2026 03:00:00 GMT"])
def test_date_that_is_none_is_not_known(transport, rsa_text: str, date: str):
    assert send(transport, rsa_text, http(b"{}", head=f"Date: {date}\r\n")).date is None


def test_transports_that_trust_the_same_share_what_they_load(transport):
    other = Transport(None, connections=2, limit_bytes=10, retry=RETRY_NOTHING)
    contexts = {each._session.get_adapter("https://x")._context for each in (transport, other)}
    other.close()
    assert len(contexts) == 1


def test_long_answer_is_cut(transport, rsa_text: str):
    assert len(send(transport, rsa_text, http(b"x" * 1000)).body) == 100


def test_connection_that_is_closed_is_unanswered(transport, rsa_text: str):
    with pytest.raises(Unanswered) as unanswered:
        send(transport, rsa_text, b"")

    assert not unanswered.value.late


def test_server_that_says_nothing_is_late(transport, rsa_text: str):
    with answering(rsa_text) as text, pytest.raises(Unanswered) as unanswered:
        transport.send("GET", url_in(text), timeout_s=0.2)

    assert unanswered.value.late


@pytest.mark.parametrize(
    "url", ["http://example.com", "ftp://example.com", "example.com", "https://", "http://[::1", "https://x:y"]
)
def test_address_in_the_clear_or_none_at_all_is_a_problem(url: str):
    assert problem_of_url(url)


@pytest.mark.parametrize("url", ["https://example.com/token", "http://127.0.0.1:1/token", "http://localhost", "http://[::1]:1"])
def test_address_with_tls_or_of_this_machine_is_good(url: str):
    assert problem_of_url(url) is None


def test_others_words_are_one_short_line():
    assert bounded("a\r\nb\x1b[2J" + "c" * 999) == "a  b [2J" + "c" * 292
