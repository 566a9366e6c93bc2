import pytest

from cgappliance.errors import LoginFailed
from cgappliance.model import MailProtocol, Peer, Reason
from cgappliance.server.records import LogRecorder, Recorders
from cgappliance.session.record import LoginRecord, SessionEnd


def record(reason=Reason.ACCEPTED, **changes):
    values = {
        "session": "ab-1",
        "tenant": "acme",
        "protocol": MailProtocol.IMAP,
        "local_port": 10993,
        "peer": Peer.of("203.0.113.7", 50000),
        "tls_version": "TLSv1.3",
        "client": "Thunderbird",
        "login": "Yuki@acme.example",
        "address": "yuki@acme.example",
        "reason": reason,
        "phases_ms": {"directory": 3.14, "upstream": 20.0},
        "total_ms": 25.55,
    }
    return LoginRecord(**{**values, **changes})


def test_login_is_one_line_with_all_that_matters(logged):
    LogRecorder().login(record())
    line = logged()
    for field in ("level=info", "event=login", "tenant=acme", "peer=203.0.113.7", "login=yuki@acme.example", "reason=accepted"):
        assert field in line
    assert "phases=directory:3.1,upstream:20.0" in line
    assert line.count("\n") == 1


@pytest.mark.parametrize(
    ("reason", "level"),
    [
        (Reason.WRONG_PASSWORD, "info"),
        (Reason.DIRECTORY_UNAVAILABLE, "warning"),
        (Reason.DELEGATION_MISSING, "warning"),
        (Reason.CONNECTION_LIMIT, "info"),
    ],
)
def test_what_the_operator_should_look_at_is_a_warning(logged, reason, level):
    LogRecorder().login(record(reason))
    assert f"level={level}" in logged()


def test_login_name_that_is_no_address_is_logged_as_typed(logged):
    LogRecorder().login(record(Reason.BAD_LOGIN_NAME, address="", login="yuki"))
    assert "login=yuki " in logged()


def test_line_breaks_of_strangers_do_not_make_lines(logged):
    LogRecorder().login(record(client='x"\nlevel=error event=login', login="a\r\nb", address=""))
    assert logged().count("\n") == 1


def test_end_of_a_session_is_one_line(logged):
    LogRecorder().ended(record(), SessionEnd("closed", "", 10, 2000, 61.25))
    line = logged()
    assert "event=session.end" in line
    assert "end=closed seconds=61.2 up=10 down=2000" in line


class Fake:
    def __init__(self, failure=None):
        self.failure, self.seen = failure, []

    def login(self, record):
        if self.failure:
            raise self.failure
        self.seen.append("login")

    def ended(self, record, end):
        self.seen.append("ended")


def test_recorders_are_told_in_order():
    one, other = Fake(), Fake()
    both = Recorders(one, other)
    both.login(record())
    both.ended(record(), SessionEnd("closed", "", 0, 0, 0.0))
    assert one.seen == other.seen == ["login", "ended"]


def test_what_the_first_cannot_keep_the_others_do_not_tell():
    other = Fake()
    with pytest.raises(LoginFailed):
        Recorders(Fake(LoginFailed(Reason.STORE_UNAVAILABLE)), other).login(record())
    assert other.seen == []
