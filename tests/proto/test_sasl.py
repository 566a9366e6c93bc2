import base64
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgappliance.model import Credentials, Grant, GrantMechanism, MailProtocol, Reason
from cgappliance.proto.sasl import (
    MECHANISMS,
    TOKEN_MECHANISMS,
    Cancelled,
    Challenge,
    Malformed,
    client_token,
    credentials,
    decode,
    decode_initial,
    encode,
    error_challenge,
    fits_a_login,
    login,
    plain,
    plain_response,
    xoauth2_response,
)
from cgappliance.secret import Secret

IMAP, POP3, SMTP = MailProtocol.IMAP, MailProtocol.POP3, MailProtocol.SMTP
NAME = b"taro@acme.example"
PASSWORDS = ["p", string.printable[:95], "pass word", '"quoted\\"', "パスワード１２３", "é", "\N{GRINNING FACE}", "x" * 255]


def typed(login: bytes, password: bytes = b"pw", protocol: MailProtocol = IMAP, **rest: bytes) -> Credentials:
    return credentials(login, password, "LOGIN", protocol, **rest)


# -- base64 ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("line", "data"), [(b"", b""), (b"AA==", b"\0"), (b"AGEAYg==", b"\0a\0b"), (b"YWJj", b"abc")])
def test_an_answer_is_decoded(line: bytes, data: bytes) -> None:
    assert decode(line) == data


@pytest.mark.parametrize(
    "line",
    [
        b"=",
        b"====",
        b"=AAA",
        b"A",
        b"AA",
        b"AAA",
        b"A===",
        b"AA=A",
        b"AA==AA==",
        b"AA== ",
        b"A A=",
        b"AA-_",
        b"AA==\r",
        b"\xff\xff==",
    ],
)
def test_what_is_not_complete_base64_is_malformed(line: bytes) -> None:
    with pytest.raises(Malformed):
        decode(line)


def test_a_star_cancels() -> None:
    with pytest.raises(Cancelled):
        decode(b"*")


def test_an_equals_sign_is_the_empty_initial_response() -> None:
    assert decode_initial(b"=") == b""


@pytest.mark.parametrize("argument", [b"*", b"==", b"AA=A"])
def test_an_initial_response_must_be_base64(argument: bytes) -> None:
    with pytest.raises(Malformed):
        decode_initial(argument)


@given(st.binary(max_size=200))
def test_what_is_encoded_decodes_to_itself_on_one_line(data: bytes) -> None:
    assert b"\n" not in encode(data)
    assert decode(encode(data)) == data


# -- mechanisms of the client ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("password", PASSWORDS)
def test_plain_and_login_carry_any_password(password: str) -> None:
    for given_ in (plain([b"\0" + NAME + b"\0" + password.encode()], SMTP), login([NAME, password.encode()], SMTP)):
        assert isinstance(given_, Credentials)
        assert (given_.address, given_.password, given_.defect) == (NAME.decode(), Secret(password), None)


def test_plain_without_an_answer_asks_with_an_empty_challenge() -> None:
    assert plain([], IMAP) == Challenge(b"")


def test_login_asks_for_name_then_password_with_the_usual_prompts() -> None:
    first, second = login([], IMAP), login([NAME], IMAP)

    assert isinstance(first, Challenge)
    assert isinstance(second, Challenge)
    assert (encode(first.data), encode(second.data)) == (b"VXNlcm5hbWU6", b"UGFzc3dvcmQ6")


@pytest.mark.parametrize("message", [b"", NAME, b"\0" + NAME])
def test_a_plain_message_with_too_few_nuls_is_malformed(message: bytes) -> None:
    with pytest.raises(Malformed):
        plain([message], IMAP)


@pytest.mark.parametrize(
    ("authzid", "defect"),
    [(b"", None), (NAME, None), (NAME.upper(), None), (b"boss@acme.example", Reason.OTHER_IDENTITY), (b" ", Reason.OTHER_IDENTITY)],
)
def test_plain_may_not_ask_for_another_identity(authzid: bytes, defect: Reason | None) -> None:
    given_ = plain([authzid + b"\0" + NAME + b"\0pw"], IMAP)

    assert isinstance(given_, Credentials)
    assert given_.defect is defect


def test_a_further_nul_in_plain_is_refused_as_a_character() -> None:
    given_ = plain([b"\0" + NAME + b"\0pass\0word"], IMAP)

    assert isinstance(given_, Credentials)
    assert given_.defect is Reason.BAD_CHARACTERS


def test_the_offered_mechanisms_name_themselves() -> None:
    assert {name: _mechanism_of(name) for name in MECHANISMS} == {"PLAIN": "PLAIN", "LOGIN": "LOGIN"}


def _mechanism_of(name: str) -> str:
    answers = [b"\0" + NAME + b"\0pw"] if name == "PLAIN" else [NAME, b"pw"]
    given_ = MECHANISMS[name](answers, IMAP)
    assert isinstance(given_, Credentials)
    return given_.mechanism


# -- credentials -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "taro@acme.example",
        "Taro.Yamada@ACME.Example",
        "o'neil+tag@a-b.c1.example",
        "x@localhost",
        "l" * 64 + "@" + "d." * 94 + "d",
        "x@" + "d." * 125 + "dd",
    ],
)
def test_a_mail_address_is_taken_without_case(name: str) -> None:
    given_ = typed(name.encode())

    assert (given_.defect, given_.address, given_.login) == (None, name.lower(), name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "taro",
        "@",
        "taro@",
        "@acme.example",
        "a@b@acme.example",
        "taro@acme..example",
        "taro@.acme.example",
        "taro@acme.example.",
        ".taro@acme.example",
        "taro.@acme.example",
        "ta ro@acme.example",
        " taro@acme.example",
        "taro@acme.example ",
        '"taro"@acme.example',
        "taro@[127.0.0.1]",
        "taro@-acme.example",
        "taro@acme-.example",
        "ACME\\taro",
        "*)(uid=*))(|(uid=*@acme.example",
        "taro,ou=x@acme.example",
        "太郎@acme.example",
        "taro@ア.example",
        "\N{KELVIN SIGN}@acme.example",
        "l" * 65 + "@acme.example",
        "x@" + "d." * 126 + "d",
    ],
)
def test_what_is_no_mail_address_is_refused_and_has_none(name: str) -> None:
    given_ = typed(name.encode())

    assert (given_.defect, given_.address, given_.domain) == (Reason.BAD_LOGIN_NAME, "", "")


@pytest.mark.parametrize(
    "bad", [b"\0", b"\r", b"\n", b"\r\nA2 LOGOUT", b"\t", b"\x13", b"\x1b", b"\x7f", b"\xc2\x85", b"\xff", b"\xc0\x80"]
)
def test_control_bytes_and_broken_utf8_are_refused_in_name_and_password(bad: bytes) -> None:
    in_name, in_password = typed(b"ta" + bad + b"ro@acme.example"), typed(NAME, b"pass" + bad)

    assert (in_name.defect, in_name.address) == (Reason.BAD_CHARACTERS, "")
    assert (in_password.defect, in_password.address) == (Reason.BAD_CHARACTERS, NAME.decode())
    assert in_name.login.isprintable()


def test_an_empty_password_is_refused() -> None:
    assert typed(NAME, b"").defect is Reason.EMPTY_PASSWORD


def test_a_defect_of_the_name_is_told_before_one_of_the_password() -> None:
    assert typed(b"taro", b"").defect is Reason.BAD_LOGIN_NAME


@pytest.mark.parametrize("prefix", [b"recent:", b"RECENT:", b"Recent:"])
def test_recent_mode_is_pop3s_and_not_part_of_the_address(prefix: bytes) -> None:
    given_ = typed(prefix + b"Taro@acme.example", protocol=POP3)

    assert (given_.recent, given_.address, given_.defect) == (True, NAME.decode(), None)
    assert given_.login == prefix.decode() + "Taro@acme.example"


@pytest.mark.parametrize("protocol", [IMAP, SMTP])
def test_recent_mode_is_no_login_name_elsewhere(protocol: MailProtocol) -> None:
    assert typed(b"recent:" + NAME, protocol=protocol).defect is Reason.BAD_LOGIN_NAME


def test_recent_mode_is_stripped_once() -> None:
    assert typed(b"recent:recent:" + NAME, protocol=POP3).defect is Reason.BAD_LOGIN_NAME


def test_a_very_long_name_is_cut_for_the_history() -> None:
    assert len(typed(b"x" * 5000).login) == 320


def test_no_password_shows_in_a_repr() -> None:
    assert "geheim" not in repr(typed(NAME, b"geheim"))


@given(st.binary(max_size=400), st.binary(max_size=400), st.sampled_from(list(MailProtocol)))
def test_any_bytes_give_credentials_that_keep_their_promises(name: bytes, password: bytes, protocol: MailProtocol) -> None:
    given_ = credentials(name, password, "PLAIN", protocol)

    assert given_.login.isprintable()
    assert len(given_.login) <= 320
    assert given_.defect or (given_.address.count("@") == 1 and given_.address == given_.address.lower() and given_.password)


# -- a client's own token --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        b"user=Taro@acme.example\x01auth=Bearer ya29.secret\x01\x01",
        b"n,a=Taro@acme.example,\x01host=h\x01auth=Bearer ya29.secret\x01\x01",
    ],
)
def test_a_clients_token_gives_its_name_and_no_secret(message: bytes) -> None:
    given_ = client_token("XOAUTH2", base64.b64encode(message), IMAP)

    assert given_ == Credentials("Taro@acme.example", NAME.decode(), Secret(""), "XOAUTH2", defect=Reason.CLIENT_TOKEN)
    assert "ya29" not in repr(given_)


@pytest.mark.parametrize("initial", [b"", b"=", b"*", b"not base64", base64.b64encode(b"\xff\0"), base64.b64encode(b"user=\x01")])
def test_a_token_that_cannot_be_read_is_refused_all_the_same(initial: bytes) -> None:
    given_ = client_token("OAUTHBEARER", initial, IMAP)

    assert (given_.login, given_.address, given_.defect) == ("", "", Reason.CLIENT_TOKEN)


def test_no_offered_mechanism_takes_a_token() -> None:
    assert not TOKEN_MECHANISMS & set(MECHANISMS)


# -- towards Gmail ---------------------------------------------------------------------------------------------------------


def test_xoauth2_is_built_as_google_documents_it() -> None:
    grant = Grant(GrantMechanism.XOAUTH2, "someuser@example.com", Secret("ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"))

    assert xoauth2_response(grant) == (
        b"dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ=="
    )


@pytest.mark.parametrize("password", PASSWORDS)
def test_plain_towards_gmail_carries_any_password(password: str) -> None:
    sent = plain_response(Grant(GrantMechanism.PASSWORD, "taro@acme.example", Secret(password)))

    assert base64.b64decode(sent) == f"\0taro@acme.example\0{password}".encode()


@pytest.mark.parametrize(
    ("challenge", "text"),
    [
        (
            b"eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIiwic2NvcGUiOiJodHRwczovL21haWwuZ29vZ2xlLmNvbS8ifQ==",
            '{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}',
        ),
        (base64.b64encode(b'{"status":"401"}\n'), '{"status":"401"}\n'),
    ],
)
def test_gmails_error_challenge_is_recognised(challenge: bytes, text: str) -> None:
    assert error_challenge(challenge) == text


@pytest.mark.parametrize(
    "challenge",
    [b"", b"*", b"?", b"VXNlcm5hbWU6", *map(base64.b64encode, [b"[]", b'{"a":1}', b"\xff", b"[" * 5000, b"1" * 5000, b'"status"'])],
)
def test_other_challenges_are_no_refusal(challenge: bytes) -> None:
    assert error_challenge(challenge) is None


@pytest.mark.parametrize("bad", ["\r", "\n", "\0", "\x01"])
def test_a_grant_that_would_end_a_line_or_a_field_does_not_fit_a_login(bad: str) -> None:
    assert not fits_a_login(Grant(GrantMechanism.PASSWORD, "taro@acme.example" + bad, Secret("pw")))
    assert not fits_a_login(Grant(GrantMechanism.XOAUTH2, "taro@acme.example", Secret("ya29." + bad)))


@pytest.mark.parametrize("password", PASSWORDS)
def test_any_other_grant_fits_a_login(password: str) -> None:
    assert fits_a_login(Grant(GrantMechanism.PASSWORD, "recent:taro@acme.example", Secret(password)))
