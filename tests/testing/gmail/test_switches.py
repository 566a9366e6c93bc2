import pytest

from cgappliance.testing.gmail.switches import (
    AccountSwitches,
    Fault,
    FaultKind,
    HttpSwitches,
    Refusal,
    ServerSwitches,
    Stage,
    UnknownSwitch,
    apply,
    fault_from,
)


def test_switches_are_set_by_name():
    switches = AccountSwitches()

    apply(switches, {"imap_off": "user", "connection_limit": 2})

    assert (switches.imap_off, switches.connection_limit) == ("user", 2)


def test_refusals_and_faults_come_as_text():
    switches = ServerSwitches()

    apply(switches, {"refuse_next": ["unavailable"], "faults": [{"kind": "drop", "stage": "greeted", "times": 1}]})

    assert switches.refuse_next == [Refusal.UNAVAILABLE]
    assert switches.faults == [Fault(FaultKind.DROP, Stage.GREETED, times=1)]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"imap_of": "user"}, "imap_of: no such switch (known: "),
        ({"refuse_next": ["never"]}, "refuse_next: 'never' is not a valid Refusal"),
        ({"faults": [{"kind": "drop"}]}, "'stage' (kind: silent, "),
        ({"faults": [{"kind": "fall", "stage": "login"}]}, "'fall' is not a valid FaultKind"),
        ({"faults": [{"kind": "drop", "stage": "login", "often": 1}]}, "unexpected keyword argument 'often'"),
    ],
)
def test_unknown_names_and_values_are_said(values, words):
    with pytest.raises(UnknownSwitch) as error:
        apply(AccountSwitches(), values)

    assert words in str(error.value)


def test_one_mistake_sets_nothing():
    switches = HttpSwitches()

    with pytest.raises(UnknownSwitch):
        apply(switches, {"delay_s": 5.0, "unknown": 1})

    assert switches.delay_s == 0.0


def test_fault_has_defaults():
    assert fault_from({"kind": "silent", "stage": "login"}).times is None
