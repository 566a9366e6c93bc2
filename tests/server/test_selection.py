import pytest

from cgappliance.model import MailProtocol, Peer, Reason
from cgappliance.server.selection import Selection
from cgappliance.session.record import LoginRecord


@pytest.fixture
def record():
    return LoginRecord(
        session="ab-1",
        tenant="acme",
        protocol=MailProtocol.IMAP,
        local_port=10993,
        peer=Peer.of("203.0.113.7", 50000),
        tls_version="TLSv1.3",
        client="",
        login="Yuki@acme.example",
        address="yuki@acme.example",
        reason=Reason.ACCEPTED,
    )


@pytest.mark.parametrize(
    "where",
    [
        {},
        {"tenant": "acme"},
        {"account": "yuki@acme.example"},
        {"account": "YUKI@ACME.example"},
        {"protocol": "imap"},
        {"session": "ab-1"},
        {"profile": "office"},
        {"network": "203.0.113.7"},
        {"network": "203.0.113.0/24"},
        {"network": "203.0.113.99/24"},  # a host in the network names it
        {"tenant": "acme", "account": "yuki@acme.example", "protocol": "imap", "network": "203.0.113.0/24"},
    ],
)
def test_session_is_meant_when_all_that_is_given_holds(record, where):
    assert Selection.of(where).matches(record, lambda record: "office")


@pytest.mark.parametrize(
    "where",
    [
        {"tenant": "umbrella"},
        {"account": "yuki"},
        {"protocol": "pop3"},
        {"session": "ab"},
        {"profile": "everywhere"},
        {"network": "198.51.100.0/24"},
        {"network": "2001:db8::/32"},
        {"tenant": "acme", "protocol": "smtp"},
    ],
)
def test_session_is_not_meant_when_one_thing_does_not_hold(record, where):
    assert not Selection.of(where).matches(record, lambda record: "office")


def test_network_that_is_none_is_the_operators_mistake():
    with pytest.raises(ValueError, match=r"123\.456\.78\.90"):
        Selection.of({"network": "123.456.78.90"})


def test_condition_that_does_not_exist_is_a_mistake():
    with pytest.raises(TypeError, match="acount"):
        Selection.of({"acount": "yuki@acme.example"})
