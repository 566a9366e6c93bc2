import inspect

import pytest

from cgappliance.proto.events import Back, Close, Front, Send
from cgappliance.proto.imap.back import ImapBack
from cgappliance.proto.imap.front import ImapFront
from cgappliance.proto.pop3.back import Pop3Back
from cgappliance.proto.pop3.front import Pop3Front
from cgappliance.proto.smtp.back import SmtpBack
from cgappliance.proto.smtp.front import SmtpFront

FRONTS = [ImapFront, Pop3Front, SmtpFront]
BACKS = [ImapBack, Pop3Back, SmtpBack]


def methods_of(contract: type) -> list[str]:
    return [name for name, member in vars(contract).items() if inspect.isfunction(member) and not name.startswith("_")]


@pytest.mark.parametrize(("contract", "machine"), [*((Front, front) for front in FRONTS), *((Back, back) for back in BACKS)])
def test_every_machine_has_the_methods_of_its_contract_with_as_many_arguments(contract: type, machine: type) -> None:
    assert len(methods_of(contract)) >= 4
    for name in methods_of(contract):
        wanted, got = inspect.signature(getattr(contract, name)), inspect.signature(getattr(machine, name))
        assert len(wanted.parameters) == len(got.parameters), name


def test_each_protocol_has_one_front_and_one_back() -> None:
    assert [front.protocol for front in FRONTS] == [back.protocol for back in BACKS]
    assert len({front.protocol for front in FRONTS}) == 3


def test_the_bytes_of_a_send_do_not_show_but_count() -> None:
    assert "geheim" not in repr(Send(b"geheim"))
    assert Send(b"a") != Send(b"b")


def test_events_cannot_be_changed_underway() -> None:
    with pytest.raises(AttributeError):
        Close(b"", "quit").why = "other"  # type: ignore[misc]
