import base64

import pytest

from cgappliance.testing.gmail.sasl import TOKEN_CHALLENGE, BadMessage, Bearer, Plain, decode, decode_base64


def encoded(text: str) -> bytes:
    return base64.b64encode(text.encode())


def test_plain_gives_name_and_password():
    assert decode("PLAIN", encoded("\0yuki@acme.example\0pass word")) == Plain("yuki@acme.example", "pass word")


def test_xoauth2_gives_name_and_token():
    assert decode("XOAUTH2", encoded("user=yuki@acme.example\x01auth=Bearer ya29.x\x01\x01")) == Bearer(
        "yuki@acme.example", "ya29.x"
    )


def test_oauthbearer_gives_name_and_token():
    message = "n,a=yuki@acme.example,\x01host=imap.gmail.com\x01port=993\x01auth=Bearer ya29.x\x01\x01"
    assert decode("OAUTHBEARER", encoded(message)) == Bearer("yuki@acme.example", "ya29.x")


@pytest.mark.parametrize("mechanism", ["PLAIN", "XOAUTH2", "OAUTHBEARER"])
@pytest.mark.parametrize("line", [b"!", b"YQ", b"=", b"", encoded("nonsense"), base64.b64encode(b"\xff\0\xff\0\xff")])
def test_nonsense_is_refused(mechanism: str, line: bytes):
    with pytest.raises(BadMessage):
        decode(mechanism, line)


@pytest.mark.parametrize(
    "text", ["user=y\x01auth=Basic x\x01\x01", "user=\x01auth=Bearer x\x01\x01", "user=y\x01auth=Bearer \x01\x01"]
)
def test_xoauth2_without_user_or_bearer_token_is_refused(text: str):
    with pytest.raises(BadMessage):
        decode("XOAUTH2", encoded(text))


def test_equals_sign_is_the_empty_answer():
    assert decode_base64(b"=") == b""


def test_challenge_is_googles_byte_for_byte():
    assert TOKEN_CHALLENGE == "eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIiwic2NvcGUiOiJodHRwczovL21haWwuZ29vZ2xlLmNvbS8ifQ=="
