"""The framework of an IMAP session: tags, literals, unknown commands, ends."""

import pytest

from cgappliance.testing.gmail.imap.texts import CAPABILITY_AFTER, CAPABILITY_BEFORE


def test_greeting_is_gmails_and_has_no_code(lab):
    assert lab.silent_talk("imaps").line().startswith("* OK Gimap ready for requests from 127.0.0.1 ")


def test_capability_is_gmails_before_and_after_login(lab):
    talk = lab.talk("imaps")
    lines = talk.answer("A1 capability", "A1")
    assert lines[0] == f"* {CAPABILITY_BEFORE}"
    assert lines[1].startswith("A1 OK Thats all she wrote! ")

    assert lab.imap_talk_in().answer("A1 CAPABILITY", "A1") == [f"* {CAPABILITY_AFTER}", "A1 OK Success"]


def test_id_tells_the_clients_address(lab):
    lines = lab.imap_talk_in().answer('A1 ID ("name" "test")', "A1")

    assert lines[0].startswith('* ID ("name" "GImap" "vendor" "Google, Inc." ')
    assert '"remote-host" "127.0.0.1"' in lines[0]


def test_logout_is_gmails(lab):
    assert lab.talk("imaps").answer("A1 LOGOUT", "never") == ["* BYE LOGOUT Requested", "A1 OK 73 good day (Success)", ""]


@pytest.mark.parametrize("command", ["SELECT INBOX", "FETCH 1 UID", "WHAT", "", "STARTTLS"])
def test_command_of_another_state_is_unknown(lab, command: str):
    assert lab.talk("imaps").ask(f"A1 {command}").startswith("A1 BAD Unknown command ")


def test_login_is_unknown_after_login(lab):
    assert lab.imap_talk_in().ask("A1 LOGIN a b").startswith("A1 BAD Unknown command ")


@pytest.mark.parametrize("command", ["SELECT", "SELECT (a", "STATUS INBOX (WHAT)", "LIST a"])
def test_command_that_cannot_be_understood_is_bad(lab, command: str):
    assert lab.imap_talk_in().ask(f"A1 {command}").startswith("A1 BAD ")


def test_literal_is_waited_for(lab):
    talk = lab.imap_talk_in()

    assert talk.ask("A1 SELECT {5}") == "+ go ahead"
    assert talk.answer("INBOX", "A1")[-1].startswith("A1 OK [READ-WRITE]")


def test_small_literal_need_not_wait(lab):
    assert lab.imap_talk_in().answer("A1 SELECT {5+}\r\nINBOX", "A1")[-1].startswith("A1 OK [READ-WRITE]")


@pytest.mark.parametrize("literal", ["{4097+}", "{35651585}"])
def test_literal_that_is_too_large_ends_the_connection(lab, literal: str):
    talk = lab.imap_talk_in()

    assert talk.ask(f"A1 SELECT {literal}") == "* BYE [TOOBIG] Literal too large"
    assert talk.line() == ""


def test_line_without_end_is_cut_off(lab):
    assert lab.talk("imaps").ask("x" * 70000) == "* BYE Line too long"


def test_pipelined_commands_are_answered_in_order(lab):
    talk = lab.imap_talk_in()
    talk.say("A1 NOOP\r\nA2 NOOP\r\nA3 NOOP")

    assert [talk.line() for _ in range(3)] == ["A1 OK Success", "A2 OK Success", "A3 OK Success"]
