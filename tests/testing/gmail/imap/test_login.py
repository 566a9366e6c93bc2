"""Gmail's login dialogues, word for word."""

import base64

import pytest

from cgappliance.testing.gmail import Refusal
from cgappliance.testing.gmail.imap.texts import CAPABILITY_AFTER, REFUSALS, WEB_ALERT
from cgappliance.testing.gmail.sasl import TOKEN_CHALLENGE


def welcome(lab, tag: str = "A1") -> list[str]:
    return [f"* {CAPABILITY_AFTER}", f"{tag} OK {lab.address} authenticated (Success)"]


def app_password(lab) -> str:
    return lab.state.directory.add_app_password(lab.account, "mail").password


def test_login_lets_in_with_capability_before_the_ok(lab):
    assert lab.talk("imaps").answer(f'A1 LOGIN "{lab.address}" {app_password(lab)}', "A1") == welcome(lab)


def test_login_by_literals(lab):
    password = app_password(lab)
    talk = lab.talk("imaps")
    talk.ask(f"A1 LOGIN {{{len(lab.address)}}}")
    talk.ask(f"{lab.address} {{{len(password)}}}")

    assert talk.answer(password, "A1") == welcome(lab)


def test_plain_lets_in_with_and_without_initial_response(lab):
    message = base64.b64encode(f"\0{lab.address}\0{app_password(lab)}".encode()).decode()

    assert lab.talk("imaps").answer(f"A1 AUTHENTICATE PLAIN {message}", "A1") == welcome(lab)
    talk = lab.talk("imaps")
    assert talk.ask("A1 authenticate plain") == "+ "
    assert talk.answer(message, "A1") == welcome(lab)


def test_token_lets_in_with_and_without_initial_response(lab):
    assert lab.talk("imaps").answer(f"A1 AUTHENTICATE XOAUTH2 {lab.xoauth2_line()}", "A1") == welcome(lab)
    talk = lab.talk("imaps")
    assert talk.ask("A1 AUTHENTICATE XOAUTH2") == "+ "
    assert talk.answer(lab.xoauth2_line(), "A1") == welcome(lab)


def test_bad_token_gets_the_challenge_and_then_the_refusal(lab):
    talk = lab.talk("imaps")

    assert talk.ask(f"A1 AUTHENTICATE XOAUTH2 {lab.xoauth2_line('ya29.wrong')}") == f"+ {TOKEN_CHALLENGE}"
    assert talk.ask("") == "A1 NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)"


def test_wrong_password_is_refused_and_may_be_tried_again(lab):
    talk = lab.talk("imaps")

    assert talk.ask(f"A1 LOGIN {lab.address} wrong") == "A1 NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)"
    assert talk.answer(f"A2 LOGIN {lab.address} {app_password(lab)}", "A2") == welcome(lab, "A2")


@pytest.mark.parametrize("refusal", [refusal for refusal in Refusal if refusal not in (Refusal.BAD_CREDENTIALS, Refusal.WEB_LOGIN)])
def test_refusals_are_said_in_gmails_words(lab, refusal: Refusal):
    lab.account.switches.refuse_next = [refusal]

    assert lab.talk("imaps").ask(f"A1 AUTHENTICATE XOAUTH2 {lab.xoauth2_line()}") == f"A1 NO {REFUSALS[refusal]}"


def test_web_login_comes_with_an_alert(lab):
    lab.account.switches.web_login = True

    lines = lab.talk("imaps").answer(f"A1 AUTHENTICATE XOAUTH2 {lab.xoauth2_line()}", "A1")

    assert lines == [f"* {WEB_ALERT}", f"A1 NO {REFUSALS[Refusal.WEB_LOGIN]}"]


def test_refused_token_and_accepted_fresh_one(lab):
    old = lab.token()
    lab.state.tokens.revoke(lab.account.id)
    talk = lab.talk("imaps")
    talk.ask(f"A1 AUTHENTICATE XOAUTH2 {lab.xoauth2_line(old)}")
    talk.ask("")

    assert talk.answer(f"A2 AUTHENTICATE XOAUTH2 {lab.xoauth2_line()}", "A2") == welcome(lab, "A2")


@pytest.mark.parametrize(
    ("command", "start"),
    [
        ("AUTHENTICATE CRAM-MD5", "NO [CANNOT] "),
        ("AUTHENTICATE PLAIN-CLIENTTOKEN x", "NO [CANNOT] "),
        ("AUTHENTICATE PLAIN !", "BAD Invalid SASL argument. "),
        ("AUTHENTICATE", "BAD "),
        ("LOGIN a", "BAD "),
    ],
)
def test_other_dialogues_are_refused(lab, command: str, start: str):
    assert lab.talk("imaps").ask(f"A1 {command}").startswith(f"A1 {start}")


def test_star_cancels(lab):
    talk = lab.talk("imaps")
    talk.ask("A1 AUTHENTICATE XOAUTH2")

    assert talk.ask("*").startswith("A1 BAD ")
