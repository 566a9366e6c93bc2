"""What pop.gmail.com says, word for word, and which messages it shows."""

import base64

import pytest

from cgappliance.testing.gmail import Refusal
from cgappliance.testing.gmail.pop3 import REFUSALS
from cgappliance.testing.gmail.sasl import TOKEN_CHALLENGE


def plain(lab, password: str) -> str:
    return base64.b64encode(f"\0{lab.address}\0{password}".encode()).decode()


def app_password(lab) -> str:
    return lab.state.directory.add_app_password(lab.account, "mail").password


def test_greeting_is_gmails(lab):
    assert lab.silent_talk("pop3s").line().startswith("+OK Gpop ready for requests from 127.0.0.1 ")


def test_capabilities_are_gmails(lab):
    assert lab.talk("pop3s").answer("CAPA", ".") == [
        "+OK Capability list follows",
        "USER",
        "RESP-CODES",
        "EXPIRE 0",
        "LOGIN-DELAY 300",
        "TOP",
        "UIDL",
        "X-GOOGLE-RICO",
        "SASL PLAIN XOAUTH2 OAUTHBEARER",
        ".",
    ]


def test_user_and_pass_let_in(lab):
    talk, password = lab.talk("pop3s"), app_password(lab)

    assert talk.ask(f"USER {lab.address}") == "+OK send PASS"
    assert talk.ask(f"PASS {password}") == "+OK Welcome."


def test_pass_takes_the_rest_of_the_line(lab):
    lab.state.directory.set_password(lab.account, "with two  spaces ")
    lab.account.switches.password_enabled = True
    talk = lab.talk("pop3s")
    talk.ask(f"USER {lab.address}")

    assert talk.ask("PASS with two  spaces ") == "+OK Welcome."


def test_auth_plain_lets_in_with_and_without_initial_response(lab):
    password = app_password(lab)

    assert lab.talk("pop3s").ask(f"AUTH PLAIN {plain(lab, password)}") == "+OK Welcome."
    talk = lab.talk("pop3s")
    assert talk.ask("AUTH PLAIN") == "+ "
    assert talk.ask(plain(lab, password)) == "+OK Welcome."


def test_token_lets_in_with_and_without_initial_response(lab):
    assert lab.talk("pop3s").ask(f"AUTH XOAUTH2 {lab.xoauth2_line()}") == "+OK Welcome."
    talk = lab.talk("pop3s")
    assert talk.ask("auth xoauth2") == "+ "
    assert talk.ask(lab.xoauth2_line()) == "+OK Welcome."


def test_bad_token_gets_the_challenge_and_then_the_refusal(lab):
    talk = lab.talk("pop3s")

    assert talk.ask(f"AUTH XOAUTH2 {lab.xoauth2_line('ya29.wrong')}") == f"+ {TOKEN_CHALLENGE}"
    assert talk.ask("") == "-ERR [AUTH] Username and password not accepted."
    assert talk.ask(f"AUTH XOAUTH2 {lab.xoauth2_line()}") == "+OK Welcome."


@pytest.mark.parametrize("refusal", [refusal for refusal in Refusal if refusal is not Refusal.BAD_CREDENTIALS])
def test_refusals_are_said_in_gmails_words(lab, refusal: Refusal):
    lab.account.switches.refuse_next = [refusal]

    assert lab.talk("pop3s").ask(f"AUTH XOAUTH2 {lab.xoauth2_line()}") == f"-ERR {REFUSALS[refusal]}"


@pytest.mark.parametrize(
    ("say", "answer"),
    [
        ("AUTH CRAM-MD5", "-ERR Unrecognized authentication type"),
        ("AUTH PLAIN !", "-ERR malformed: not base64"),
        ("AUTH", "-ERR bad command"),
        ("PASS x", "-ERR bad command"),
        ("STAT", "-ERR bad command"),
        ("QUIT", "+OK Farewell."),
    ],
)
def test_other_commands_before_login(lab, say: str, answer: str):
    assert lab.talk("pop3s").ask(say) == answer


def test_star_cancels(lab):
    talk = lab.talk("pop3s")
    talk.ask("AUTH XOAUTH2")

    assert talk.ask("*") == "-ERR Authentication cancelled"


def test_line_without_end_is_cut_off(lab):
    talk = lab.talk("pop3s")
    talk.say("x" * 70000)

    assert talk.line() == "-ERR line too long"
    assert talk.line() == ""


def test_message_comes_byte_for_byte(lab):
    raw = b"Subject: x\r\n\r\n.\r\n..two\r\nno end"
    lab.account.mailbox.deliver(raw, lab.state.clock.now())

    assert b"\r\n".join(lab.pop3_in().retr(2)[1]) == raw


def test_mailbox_is_counted_and_listed(lab):
    client, size = lab.pop3_in(), len(lab.message)

    assert client.stat() == (1, size)
    assert client.list()[:2] == (f"+OK 1 messages ({size} octets)".encode(), [f"1 {size}".encode()])
    assert client.list(1) == f"+OK 1 {size}".encode()
    assert client.uidl()[1][0].startswith(b"1 GmailId")


def test_top_shows_header_and_lines(lab):
    lines = lab.pop3_in().top(1, 1)[1]

    assert lines[-2:] == [b"", b"First line"]


@pytest.mark.parametrize("command", ["RETR 2", "DELE 0", "LIST 9", "UIDL x", "TOP 2 0"])
def test_unknown_message_is_an_error(lab, command: str):
    talk = lab.talk("pop3s")
    talk.ask(f"AUTH XOAUTH2 {lab.xoauth2_line()}")

    assert talk.ask(command) == "-ERR Message number out of range."


def test_fetched_message_is_hidden_after_quit(lab):
    client = lab.pop3_in()
    client.retr(1)
    client.quit()

    assert lab.pop3_in().stat() == (0, 0)


def test_fetched_message_stays_without_quit(lab):
    client = lab.pop3_in()
    client.retr(1)
    client.close()

    assert lab.pop3_in().stat()[0] == 1


def test_top_hides_nothing_and_rset_takes_it_back(lab):
    client = lab.pop3_in()
    client.top(1, 0)
    client.retr(1)
    client.dele(1)
    client.rset()
    client.quit()

    assert lab.pop3_in().stat()[0] == 1


def test_recent_shows_hidden_messages_and_hides_none(lab):
    lab.account.mailbox.deliver(lab.message, lab.state.clock.now() - 31 * 86400)
    for _ in range(2):
        client = lab.pop3_in(user=f"recent:{lab.address}")
        assert client.stat()[0] == 1
        client.retr(1)
        client.quit()

    assert lab.pop3_in().stat()[0] == 2


def test_no_more_than_250_messages_at_a_time(lab):
    for _ in range(250):
        lab.account.mailbox.deliver(lab.message, lab.state.clock.now())

    assert lab.pop3_in().stat()[0] == 250


@pytest.mark.parametrize(
    ("disposition", "inbox", "trash", "seen"),
    [("leaveInInbox", 1, 0, False), ("markRead", 1, 0, True), ("archive", 0, 0, False), ("trash", 0, 1, False)],
)
def test_gmails_copy_follows_the_setting(lab, disposition: str, inbox: int, trash: int, seen: bool):
    lab.account.pop_settings["disposition"] = disposition
    folders = lab.account.mailbox.folders
    message = folders["INBOX"].entries[0].message
    client = lab.pop3_in()
    client.dele(1)
    client.quit()

    assert (len(folders["INBOX"].entries), len(folders["[Gmail]/Trash"].entries)) == (inbox, trash)
    assert ("\\Seen" in message.flags) is seen


def test_pop_that_is_off_can_say_so_at_stat(lab):
    lab.account.switches.pop_off, lab.account.switches.pop_off_at = "user", "stat"
    talk = lab.talk("pop3s")

    assert talk.ask(f"AUTH XOAUTH2 {lab.xoauth2_line()}") == "+OK Welcome."
    assert talk.ask("STAT").startswith("-ERR [SYS/PERM] Your account is not enabled for POP access. ")


def test_last_is_not_supported(lab):
    talk = lab.talk("pop3s")
    talk.ask(f"AUTH XOAUTH2 {lab.xoauth2_line()}")

    assert [talk.ask("LAST"), talk.ask("NOOP"), talk.ask("XTND")] == ["-ERR Not supported", "+OK", "-ERR bad command"]
