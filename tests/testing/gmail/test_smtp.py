"""What smtp.gmail.com says, word for word, and that mail arrives byte for byte."""

import base64

import pytest

from cgappliance.testing.gmail import Refusal, smtp_transaction
from cgappliance.testing.gmail.sasl import TOKEN_CHALLENGE
from cgappliance.testing.gmail.smtp import REFUSALS

EHLO = "EHLO client.example"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def hello(lab):
    talk = lab.talk("smtps")
    talk.answer(EHLO, "250 ")
    return talk


def transaction(lab, *recipients: str):
    """Return a connection in a transaction for ``recipients``."""
    talk = lab.smtp_talk_in()
    assert talk.ask(f"MAIL FROM:<{lab.address}>").startswith("250 2.1.0 OK ")
    for recipient in recipients:
        assert talk.ask(f"RCPT TO:<{recipient}>").startswith("250 2.1.5 OK ")
    return talk


def test_greeting_is_gmails(lab):
    greeting = lab.silent_talk("smtps").line()

    assert greeting.startswith("220 smtp.gmail.com ESMTP ")
    assert greeting.endswith(" - gsmtp")


def test_ehlo_is_gmails(lab):
    assert lab.talk("smtps").answer(EHLO, "250 ") == [
        "250-smtp.gmail.com at your service, [127.0.0.1]",
        "250-SIZE 35882577",
        "250-8BITMIME",
        "250-AUTH LOGIN PLAIN XOAUTH2 PLAIN-CLIENTTOKEN OAUTHBEARER XOAUTH",
        "250-ENHANCEDSTATUSCODES",
        "250-PIPELINING",
        "250-CHUNKING",
        "250 SMTPUTF8",
    ]


def test_helo_is_one_line(lab):
    assert lab.talk("smtps").ask("HELO client.example") == "250 smtp.gmail.com at your service"


@pytest.mark.parametrize("argument", ["[127.0.0.1]", "[IPv6:::1]", "h", "client.example.", "a_b-c.example"])
def test_ehlo_takes_names_and_address_literals(lab, argument: str):
    assert lab.talk("smtps").ask(f"EHLO {argument}").startswith("250-")


@pytest.mark.parametrize(
    ("say", "start"),
    [("EHLO", "501-5.5.4 Empty HELO/EHLO argument not allowed"), ("EHLO a b", "501-5.5.4 EHLO argument 'a b' invalid")],
)
def test_bad_ehlo_ends_the_connection(lab, say: str, start: str):
    lines = lab.talk("smtps").answer(say, "never")

    assert lines[0].startswith(start)
    assert lines[-1] == ""


def test_login_lets_in_with_and_without_initial_response(lab):
    password = lab.state.directory.add_app_password(lab.account, "mail").password
    talk = hello(lab)
    assert talk.ask("AUTH LOGIN") == "334 VXNlcm5hbWU6"
    assert talk.ask(b64(lab.address)) == "334 UGFzc3dvcmQ6"
    assert talk.ask(b64(password)) == "235 2.7.0 Accepted"

    talk = hello(lab)
    assert talk.ask(f"AUTH LOGIN {b64(lab.address)}") == "334 UGFzc3dvcmQ6"
    assert talk.ask(b64(password)) == "235 2.7.0 Accepted"


def test_plain_and_oauthbearer_let_in(lab):
    password = lab.state.directory.add_app_password(lab.account, "mail").password
    bearer = f"n,a={lab.address},\x01host=smtp.gmail.com\x01port=465\x01auth=Bearer {lab.token()}\x01\x01"

    assert hello(lab).ask(f"AUTH PLAIN {b64(f'{chr(0)}{lab.address}{chr(0)}{password}')}") == "235 2.7.0 Accepted"
    assert hello(lab).ask(f"AUTH OAUTHBEARER {b64(bearer)}") == "235 2.7.0 Accepted"


def test_token_lets_in_in_two_steps(lab):
    talk = hello(lab)

    assert talk.ask("AUTH XOAUTH2") == "334 "
    assert talk.ask(lab.xoauth2_line()) == "235 2.7.0 Accepted"


def test_bad_token_gets_challenge_and_refusal_and_may_try_again(lab):
    talk = hello(lab)

    assert talk.ask(f"AUTH XOAUTH2 {lab.xoauth2_line('ya29.wrong')}") == f"334 {TOKEN_CHALLENGE}"
    lines = talk.answer("", "535 ")
    assert lines[0] == "535-5.7.8 Username and Password not accepted. For more information, go to"
    assert lines[1].startswith("535 5.7.8  https://support.google.com/mail/?p=BadCredentials ")
    assert talk.ask(f"AUTH XOAUTH2 {lab.xoauth2_line()}") == "235 2.7.0 Accepted"


@pytest.mark.parametrize("refusal", [refusal for refusal in Refusal if refusal is not Refusal.BAD_CREDENTIALS])
def test_refusals_are_said_in_gmails_words(lab, refusal: Refusal):
    lab.account.switches.refuse_next = [refusal]
    expected = REFUSALS[refusal]

    lines = hello(lab).answer(f"AUTH XOAUTH2 {lab.xoauth2_line()}", f"{expected[-1][:3]} ")

    assert len(lines) == len(expected)
    assert all(line.startswith(words) for line, words in zip(lines, expected, strict=True))
    assert lines[-1].endswith(" - gsmtp")


@pytest.mark.parametrize(
    ("say", "start"),
    [
        ("AUTH CRAM-MD5", "504 5.7.4 Unrecognized Authentication Type "),
        ("AUTH XOAUTH x", "504 5.7.4 XOAUTH is no longer supported "),
        ("AUTH PLAIN !", "501 5.5.2 Cannot Decode response "),
        ("DATA", "503 5.5.1 MAIL first. "),
        ("RCPT TO:<a@b>", "503 5.5.1 MAIL first. "),
        ("NOOP", "250 2.0.0 OK "),
        ("RSET", "250 2.1.5 Flushed "),
        ("VRFY a", "252 2.1.5 "),
        ("EXPN a", "502 5.5.1 Unimplemented command. "),
        ("HELP", "214 2.0.0 "),
        ("WHAT", "502 5.5.1 Unrecognized command. "),
        ("QUIT", "221 2.0.0 closing connection "),
    ],
)
def test_other_commands_before_login(lab, say: str, start: str):
    answer = hello(lab).ask(say)

    assert answer.startswith(start)
    assert answer.endswith(" - gsmtp")


def test_commands_before_ehlo_are_refused(lab):
    for say in ("AUTH XOAUTH2", "MAIL FROM:<a@b>"):
        assert lab.talk("smtps").ask(say).startswith("503 5.5.1 EHLO/HELO first. ")


def test_mail_before_login_is_refused(lab):
    lines = hello(lab).answer("MAIL FROM:<a@b>", "530 ")

    assert lines[0] == "530-5.7.0 Authentication Required. For more information, go to"
    assert lines[1].startswith("530 5.7.0  https://support.google.com/mail/?p=WantAuthError ")


def test_second_login_is_refused(lab):
    assert lab.smtp_talk_in().ask("AUTH XOAUTH2 x").startswith("503 5.7.0 No identity changes permitted. ")


@pytest.mark.parametrize(("say", "goodbye"), [("NOOP", "554 5.7.0 Too many unauthenticated"), ("WHAT", "502 5.5.1 Too many unrec")])
def test_who_talks_too_much_is_parted_with(lab, say: str, goodbye: str):
    talk = hello(lab)
    lines = [talk.ask(say)]
    while lines[-1]:
        lines.append(talk.ask(say) if not lines[-1].startswith(goodbye) else talk.line())

    assert lines[-2].startswith(goodbye)


def test_line_without_end_is_cut_off(lab):
    talk = lab.talk("smtps")
    talk.say("x" * 70000)

    assert talk.line().startswith("500 5.5.2 Line too long")


@pytest.mark.parametrize(
    ("stuffed", "data"),
    [
        (b".", b""),
        (b"one\r\n.", b"one\r\n"),
        (b"..\r\n...two\r\n.", b".\r\n..two\r\n"),
        (b"bare\nlf\n.\nstays\r\n.", b"bare\nlf\n.\nstays\r\n"),
        (bytes(range(128, 256)) + b"\r\n.", bytes(range(128, 256)) + b"\r\n"),
    ],
)
def test_data_arrives_byte_for_byte(lab, stuffed: bytes, data: bytes):
    talk = transaction(lab, lab.address)
    assert talk.ask("DATA").startswith("354 Go ahead ")

    assert talk.ask(stuffed).startswith("250 2.0.0 OK  ")

    assert lab.state.records.envelopes[-1].data == data
    assert lab.account.mailbox.folders["INBOX"].entries[-1].message.raw == data


def test_bdat_arrives_byte_for_byte(lab):
    talk = transaction(lab, lab.address)
    first, last = b"one\r\n.\r\n", b"\0two"
    talk.say(f"BDAT {len(first)}".encode() + b"\r\n" + first[:-2])
    assert talk.line().startswith(f"250 2.0.0 OK {len(first)} octets received ")
    talk.say(f"BDAT {len(last) + 2} LAST".encode() + b"\r\n" + last)
    assert talk.line().startswith("250 2.0.0 OK  ")

    envelope = lab.state.records.envelopes[-1]
    assert envelope.data == first + last + b"\r\n"
    assert envelope.chunked


def test_data_after_bdat_is_refused(lab):
    talk = transaction(lab, lab.address)
    talk.say("BDAT 2")
    talk.say("")
    talk.line()

    assert talk.ask("DATA").startswith("503 5.5.1 No DATA after BDAT. ")


def test_refused_bdat_takes_its_octets_along(lab):
    talk = lab.smtp_talk_in()
    talk.say("BDAT 6\r\nQUIT")

    assert talk.line().startswith("503 5.5.1 MAIL first. ")
    assert talk.ask("NOOP").startswith("250 ")


def test_bdat_that_cannot_be_counted_ends_the_connection(lab):
    lines = transaction(lab, lab.address).answer("BDAT many", "never")

    assert lines[0].startswith("501 5.5.4 ")
    assert lines[-1] == ""


def test_envelope_is_recorded(lab):
    talk = lab.smtp_talk_in()
    talk.ask("MAIL FROM:<ゆき@acme.example> BODY=8BITMIME SMTPUTF8 SIZE=10")
    for recipient in ("taro@else.example", lab.address):
        talk.ask(f"RCPT TO:<{recipient}>")
    talk.ask("DATA")
    talk.ask("x\r\n.")

    envelope = lab.state.records.envelopes[-1]
    assert (envelope.login, envelope.helo, envelope.sender) == (lab.address, "client.example", "ゆき@acme.example")
    assert envelope.recipients == ("taro@else.example", lab.address)
    assert envelope.parameters == ("BODY=8BITMIME", "SMTPUTF8", "SIZE=10")


def test_sent_mail_keeps_a_copy(lab):
    talk = transaction(lab, "taro@else.example")
    talk.ask("DATA")
    talk.ask("x\r\n.")

    assert [entry.message.raw for entry in lab.account.mailbox.folders["[Gmail]/Sent Mail"].entries] == [b"x\r\n"]
    assert len(lab.account.mailbox.folders["INBOX"].entries) == 1


@pytest.mark.parametrize(
    ("say", "start"),
    [
        ("MAIL FROM:<a@b>", "503 5.5.1 Another transaction is in progress. "),
        ("RCPT TO:<>", "555 5.5.2 Syntax error. "),
        ("RCPT a@b", "555 5.5.2 Syntax error. "),
        ("DATA", "503 5.5.1 RCPT first. "),
    ],
)
def test_transaction_has_an_order(lab, say: str, start: str):
    assert transaction(lab).ask(say).startswith(start)


@pytest.mark.parametrize(
    ("say", "start"),
    [
        ("MAIL FROM:<a@b> SIZE=35882578", "552 5.3.4 "),
        ("MAIL FROM:<a@b> SIZE=big", "552 5.3.4 "),
        ("MAIL TO:<a@b>", "555 5.5.2 "),
        ("MAIL FROM:<a@b> SIZE=35882577", "250 2.1.0 OK "),
        ("MAIL FROM:<>", "250 2.1.0 OK "),
    ],
)
def test_mail_is_checked(lab, say: str, start: str):
    assert lab.smtp_talk_in().ask(say).startswith(start)


def test_hundred_and_first_recipient_is_refused(lab):
    talk = transaction(lab, *(f"r{number}@else.example" for number in range(100)))

    assert talk.ask("RCPT TO:<one@more.example>").startswith("452 4.5.3 ")


def test_rset_ends_the_transaction(lab):
    talk = transaction(lab, lab.address)
    talk.ask("RSET")

    assert talk.ask("DATA").startswith("503 5.5.1 MAIL first. ")


def test_pipelined_commands_are_answered_in_order(lab):
    talk = lab.smtp_talk_in()
    talk.say(f"MAIL FROM:<{lab.address}>\r\nRCPT TO:<{lab.address}>\r\nDATA\r\nx\r\n.\r\nQUIT")

    assert [talk.line()[:3] for _ in range(5)] == ["250", "250", "354", "250", "221"]


def test_chunks_that_grow_too_big_are_refused(lab, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(smtp_transaction, "SIZE_LIMIT_BYTES", 10)
    talk = transaction(lab, lab.address)
    talk.say("BDAT 8\r\n123456")
    talk.line()
    talk.say("BDAT 8 LAST\r\n123456")

    assert talk.line().startswith("552 5.3.4 ")
    assert not lab.state.records.envelopes
