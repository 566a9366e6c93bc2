import pytest

from cgappliance.testing.gmail import records as module
from cgappliance.testing.gmail.records import LoginRecord, Records


def test_logins_of_all_connections_are_listed():
    records = Records()
    for name in ("a", "b"):
        records.connection("imap", ("127.0.0.1", 1), 0.0).logins.append(LoginRecord("PLAIN", name, "ok", 0.0))

    assert [login.username for login in records.logins()] == ["a", "b"]


def test_oldest_go_first_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "KEPT_RECORDS", 2)
    records = Records()

    for number in range(3):
        records.connection("imap", ("127.0.0.1", number), 0.0)

    assert [record.number for record in records.connections] == [2, 3]


def test_clear_forgets_everything():
    records = Records()
    records.connection("imap", ("127.0.0.1", 1), 0.0)

    records.clear()

    assert not records.connections
