"""Faults, limits and ends that the three protocols have in common."""

import pytest

from cgappliance.model import MailProtocol
from cgappliance.testing.gmail import Fault, FaultKind, Stage
from cgappliance.testing.lab.process import wait_until

SERVICES = {"imaps": MailProtocol.IMAP, "pop3s": MailProtocol.POP3, "smtps": MailProtocol.SMTP}
BYE = {"imaps": "* BYE ", "pop3s": "-ERR [SYS/TEMP] ", "smtps": "421 "}


def plan(lab, service: str, kind: FaultKind, stage: Stage, **values) -> None:
    lab.state.servers[SERVICES[service]].faults.append(Fault(kind, stage, **values))


def log_in(lab, talk, service: str) -> str:
    if service == "smtps":
        talk.answer("EHLO client.example", "250 ")
    verb = {"imaps": "A1 AUTHENTICATE", "pop3s": "AUTH", "smtps": "AUTH"}[service]
    return talk.ask(f"{verb} XOAUTH2 {lab.xoauth2_line()}")


@pytest.mark.parametrize("service", SERVICES)
def test_connection_can_be_dropped_after_the_greeting(lab, service: str):
    plan(lab, service, FaultKind.DROP, Stage.GREETED)
    talk = lab.silent_talk(service)

    assert talk.line()
    assert talk.line() == ""


def test_connection_can_be_dropped_before_tls(lab):
    plan(lab, "imaps", FaultKind.DROP, Stage.ACCEPT)

    with pytest.raises(OSError):  # noqa: PT011 - ssl's or the kernel's
        lab.silent_talk("imaps")


@pytest.mark.parametrize("service", SERVICES)
def test_server_can_be_silent(lab, service: str):
    plan(lab, service, FaultKind.SILENT, Stage.GREETING)
    talk = lab.silent_talk(service)
    talk.say("anybody there?")

    wait_until(lambda: lab.state.records.connections[-1].before_login == b"anybody there?\r\n", "what the client said")
    talk._sock.settimeout(0.05)
    with pytest.raises(TimeoutError):
        talk.line()


def test_greeting_can_be_garbage(lab):
    plan(lab, "imaps", FaultKind.GARBAGE, Stage.GREETING)

    assert lab.silent_talk("imaps").read(16) == bytes(range(16))


def test_line_can_be_endless(lab):
    plan(lab, "imaps", FaultKind.ENDLESS_LINE, Stage.GREETING)

    assert lab.silent_talk("imaps").read(300_000) == b"x" * 300_000


def test_bytes_can_drip(lab):
    plan(lab, "pop3s", FaultKind.DRIP, Stage.GREETING, drip_s=0.001)

    assert lab.silent_talk("pop3s").line().startswith("+OK Gpop ready")


@pytest.mark.parametrize("service", SERVICES)
def test_server_can_leave_in_the_middle_of_a_login(lab, service: str):
    plan(lab, service, FaultKind.BYE, Stage.LOGIN)
    talk = lab.talk(service)

    assert log_in(lab, talk, service).startswith(BYE[service])
    assert talk.line() == ""


def test_fault_can_be_for_one_account(lab):
    lab.state.directory.add("taro@acme.example")
    lab.account.switches.faults = [Fault(FaultKind.DROP, Stage.LOGIN)]

    assert log_in(lab, lab.talk("imaps"), "imaps") == ""
    assert lab.talk("imaps").ask("A1 LOGIN taro@acme.example x").startswith("A1 NO [AUTHENTICATIONFAILED]")


def test_fault_happens_as_often_as_planned(lab):
    plan(lab, "imaps", FaultKind.DROP, Stage.GREETED, times=1)
    first, second = lab.talk("imaps"), lab.talk("imaps")

    assert first.line() == ""
    assert second.ask("A1 NOOP") == "A1 OK Success"


def test_session_can_be_reset_after_some_bytes(lab):
    lab.account.switches.faults = [Fault(FaultKind.RESET, Stage.SESSION, after_bytes=2000)]
    talk = lab.imap_talk_in()
    talk.say("\r\n".join(["A1 CAPABILITY"] * 20))

    with pytest.raises(ConnectionResetError):
        talk.read_tcp_to_the_end()


@pytest.mark.parametrize("service", SERVICES)
def test_account_can_run_out_of_bandwidth(lab, service: str):
    lab.account.switches.overquota_after_bytes = 1
    talk = lab.talk(service)
    first = log_in(lab, talk, service)

    lines = [first, talk.line(), talk.line(), talk.line()]

    expected = {"imaps": "* BYE [OVERQUOTA]", "pop3s": "-ERR [SYS/TEMP]", "smtps": "421 4.7.0"}[service]
    assert any(line.startswith(expected) for line in lines)


@pytest.mark.parametrize(
    ("service", "words"), [("pop3s", "-ERR [SYS/TEMP] Session expired"), ("smtps", "421 4.7.0 Connection expired")]
)
def test_end_of_the_token_is_said_in_the_protocols_words(lab, service: str, words: str):
    talk = lab.talk(service)
    log_in(lab, talk, service)

    lab.state.clock.advance(3599)

    assert talk.line().startswith(words)


def test_session_can_be_shorter_than_its_token(lab):
    lab.account.switches.session_lifetime_s = 60
    talk = lab.imap_talk_in()

    lab.state.clock.advance(60)

    assert talk.line() == "* BYE Session expired, please login again."


def test_session_by_app_password_does_not_end_with_the_hour(lab):
    password = lab.state.directory.add_app_password(lab.account, "mail").password
    talk = lab.talk("imaps")
    talk.answer(f"A0 LOGIN {lab.address} {password}", "A0")

    lab.state.clock.advance(7200)

    assert talk.ask("A1 NOOP") == "A1 OK Success"


def test_sixteenth_session_is_refused_until_one_ends(lab):
    talks = [lab.imap_talk_in() for _ in range(15)]
    assert log_in(lab, lab.talk("imaps"), "imaps") == "A1 NO [ALERT] Too many simultaneous connections. (Failure)"

    talks[0].answer("A9 LOGOUT", "A9")
    wait_until(lambda: lab.state.live[(MailProtocol.IMAP, lab.account.id)] == 14, "the session's end")

    assert log_in(lab, lab.talk("imaps"), "imaps").startswith("* CAPABILITY")


def test_bytes_before_login_are_kept_and_later_ones_are_not(lab):
    talk = lab.talk("imaps")
    talk.ask("A1 NOOP")
    line = f"A2 AUTHENTICATE XOAUTH2 {lab.xoauth2_line()}"
    talk.answer(line, "A2")
    talk.ask("A3 NOOP")

    assert lab.state.records.connections[-1].before_login == f"A1 NOOP\r\n{line}\r\n".encode()


def test_logins_and_commands_are_recorded(lab):
    talk = lab.talk("imaps")
    talk.ask("A1 LOGIN nobody@acme.example x")
    log_in(lab, talk, "imaps")
    record = lab.state.records.connections[-1]

    assert [(login.mechanism, login.username, login.outcome) for login in record.logins] == [
        ("LOGIN", "nobody@acme.example", "bad_credentials"),
        ("XOAUTH2", lab.address, "ok"),
    ]
    assert record.commands == ["LOGIN", "AUTHENTICATE"]


def test_record_says_how_a_connection_ended(lab):
    lab.talk("imaps").answer("A1 LOGOUT", "A1")
    lab.talk("imaps").close()

    wait_until(lambda: [record.closed for record in lab.state.records.connections] == ["quit", "closed by the client"], "both ends")
