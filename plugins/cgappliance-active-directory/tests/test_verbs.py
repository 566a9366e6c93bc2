from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from cgappliance_active_directory import verbs
from cgappliance_active_directory.verbs import Entry, Refused

from cgappliance.plugin_api import Deadline, Secret, ServerFailed


class Socket:
    def settimeout(self, _seconds: float) -> None: ...


class Answering:
    """An open connection whose server gives one answer to everything."""

    def __init__(self, code: int, message: str = "", *entries: dict[str, Any]) -> None:
        self.result = {"result": code, "message": message, "description": "described"}
        self.response = list(entries)
        self.server = SimpleNamespace(name="ldaps://dc1:636")
        self.socket = Socket()
        self.closed = False

    def rebind(self, *_arguments: Any, **_named: Any) -> None: ...

    def search(self, *_arguments: Any, **_named: Any) -> None: ...


def found(dn: str, **attributes: bytes) -> dict[str, Any]:
    return {"type": "searchResEntry", "dn": dn, "raw_attributes": {name: [value] for name, value in attributes.items()}}


def soon() -> Deadline:
    return Deadline(5)


def check_password(connection: Answering) -> str | None:
    return verbs.check_password(connection, soon(), "CN=a", Secret("x"))  # type: ignore[arg-type]


def find(connection: Answering) -> list[Entry]:
    return verbs.find(connection, soon(), "DC=x", "(mail=a)")  # type: ignore[arg-type]


def test_entry_is_told_by_its_guid_and_state() -> None:
    guid = bytes.fromhex("33221100554477668899aabbccddeeff")
    entries = find(Answering(0, "", found("CN=a", objectGUID=guid, userAccountControl=b"514")))
    assert entries == [Entry("CN=a", "00112233-4455-6677-8899-aabbccddeeff", disabled=True)]


@pytest.mark.parametrize(("control", "disabled"), [(b"512", False), (b"514", True), (b"66048", False), (b"66050", True)])
def test_disabled_is_one_bit_of_the_account_control(control: bytes, disabled: bool) -> None:
    assert find(Answering(0, "", found("CN=a", userAccountControl=control)))[0].disabled is disabled


def test_entry_may_hide_its_attributes_from_the_search_account() -> None:
    assert find(Answering(0, "", found("CN=a"))) == [Entry("CN=a", "", disabled=False)]


def test_references_to_other_domains_are_no_entries() -> None:
    assert find(Answering(0, "", {"type": "searchResRef", "uri": ["ldap://elsewhere"]})) == []


def test_more_entries_than_asked_for_are_no_error() -> None:
    assert len(find(Answering(4, "size limit", found("CN=a"), found("CN=b")))) == 2


@pytest.mark.parametrize(("code", "name"), [(10, "referral"), (32, "no such object"), (50, "insufficient rights"), (34, "bad DN")])
def test_search_that_is_refused_is_a_mistake_of_ours(code: int, name: str) -> None:
    with pytest.raises(Refused, match=f"ldaps://dc1:636: result {code}: {name}"):
        find(Answering(code, name))


@pytest.mark.parametrize(("code", "name"), [(1, "must bind first"), (51, "busy"), (52, "unavailable")])
def test_search_that_another_connection_or_server_could_answer_is_the_servers_failure(code: int, name: str) -> None:
    with pytest.raises(ServerFailed, match=name):
        find(Answering(code, name))


def test_right_password_has_no_refusal() -> None:
    assert check_password(Answering(0)) is None


def test_wrong_password_has_the_words_of_the_controller() -> None:
    assert (
        check_password(Answering(49, "80090308: LdapErr: error, data 52e, v1db1\x00"))
        == "80090308: LdapErr: error, data 52e, v1db1"
    )


@pytest.mark.parametrize("data", ["51f", "51F", "54b", "6ba"])
def test_password_that_could_not_be_checked_is_the_servers_failure(data: str) -> None:
    with pytest.raises(ServerFailed):
        check_password(Answering(49, f"80090311: LdapErr: error, data {data}, v2580"))


@pytest.mark.parametrize("code", [51, 52])
def test_busy_controller_is_the_servers_failure(code: int) -> None:
    with pytest.raises(ServerFailed):
        check_password(Answering(code, "later"))


@pytest.mark.parametrize("code", [8, 53, 80])
def test_bind_that_is_refused_as_such_is_a_mistake_of_ours(code: int) -> None:
    with pytest.raises(Refused, match=f"result {code}"):
        check_password(Answering(code, "not this way"))


def test_long_words_of_a_server_are_cut() -> None:
    with pytest.raises(Refused) as raised:
        check_password(Answering(80, "x" * 100_000))
    assert len(str(raised.value)) < 1000
