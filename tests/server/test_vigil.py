"""Who is sent away when the directory is asked about those who are connected."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from cgappliance.administration import DirectoryEntry, DirectoryFailed
from cgappliance.model import MailProtocol, Reason
from cgappliance.net.relay import End
from cgappliance.plugin_api import BackendKind
from cgappliance.plugins import Kinds
from cgappliance.server.vigil import Vigil


@dataclass
class FakeDirectory:
    """Knows people; can be down."""

    people: dict = field(default_factory=dict)
    down: Exception | None = None
    asked: list = field(default_factory=list)
    closed: int = 0

    def find(self, address):
        self.asked.append(address)
        if self.down is not None:
            raise self.down
        return self.people.get(address)

    def close(self):
        self.closed += 1


class FakeSessions(list):
    """The live sessions, and who was sent away."""

    def __init__(self, *addresses):
        super().__init__(
            SimpleNamespace(record=SimpleNamespace(tenant="acme", address=a, protocol=MailProtocol.IMAP)) for a in addresses
        )
        self.ended = []

    def end_where(self, condition, why, detail, last_words):
        chosen = [session for session in self if condition(session)]
        self.ended += [(session.record.address, why, detail, last_words(session)) for session in chosen]
        return len(chosen)


def vigil(directory, sessions, *, readable=True):
    kind = BackendKind("fake", make=lambda _: None, directory=(lambda _: directory) if readable else None)
    tenant = SimpleNamespace(id="acme", domains=frozenset({"acme.example"}), auth=SimpleNamespace(name="fake", settings={}))
    appliance = SimpleNamespace(sessions=sessions, tenants={"acme": tenant})
    return Vigil(appliance, Kinds({"fake": kind}), 300)


def entry(address, **values):
    return DirectoryEntry(identity=address, address=address, **values)


def test_who_is_there_and_enabled_stays():
    sessions = FakeSessions("yuki@acme.example")
    assert vigil(FakeDirectory({"yuki@acme.example": entry("yuki@acme.example")}), sessions).look() == 0
    assert sessions.ended == []


@pytest.mark.parametrize(
    ("people", "detail"),
    [
        ({}, "gone from the directory"),
        ({"yuki@acme.example": entry("yuki@acme.example", disabled=True)}, "disabled in the directory"),
    ],
)
def test_who_is_gone_or_disabled_is_sent_away_with_the_proper_bye(people, detail):
    sessions = FakeSessions("yuki@acme.example", "yuki@acme.example")
    assert vigil(FakeDirectory(people), sessions).look() == 2
    address, why, said, bye = sessions.ended[0]
    assert (address, why, said) == ("yuki@acme.example", End.KICKED, detail)
    assert bye.startswith(b"* BYE")


def test_everybody_is_asked_for_once_and_the_directory_closed():
    directory = FakeDirectory({name: entry(name) for name in ("a@acme.example", "b@acme.example")})
    vigil(directory, FakeSessions("b@acme.example", "a@acme.example", "b@acme.example")).look()
    assert (directory.asked, directory.closed) == (["a@acme.example", "b@acme.example"], 1)


@pytest.mark.parametrize("down", [DirectoryFailed(Reason.DIRECTORY_UNAVAILABLE, "refused"), OSError("gone"), ZeroDivisionError()])
def test_directory_that_cannot_be_asked_withdraws_nothing(down):
    sessions = FakeSessions("yuki@acme.example")
    assert vigil(FakeDirectory(down=down), sessions).look() == 0
    assert sessions.ended == []


def test_backend_that_cannot_be_asked_without_a_password_withdraws_nothing():
    sessions = FakeSessions("yuki@acme.example")
    assert vigil(FakeDirectory(), sessions, readable=False).look() == 0


def test_sessions_of_a_tenant_that_was_just_removed_are_left_to_its_removal():
    sessions = FakeSessions("yuki@acme.example")
    sessions[0].record.tenant = "gone"
    assert vigil(FakeDirectory(), sessions).look() == 0
