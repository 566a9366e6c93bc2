import pytest

from cgappliance.testing.contract import ACCOUNTS, DOMAIN
from cgappliance.testing.contract.common import INJECTIONS, credentials, require_patched, situation
from cgappliance.testing.observe import PATCHED_COMMAND


def test_situations_that_an_author_cannot_bring_about_are_skipped() -> None:
    with pytest.raises(pytest.skip.Exception, match="the author says that it cannot be down"):
        situation(None, "be down")


def test_passwords_hold_all_that_can_be_typed() -> None:
    everything = "".join(account.password for account in ACCOUNTS)
    assert {chr(code) for code in range(32, 127)} <= set(everything)
    assert not everything.isascii()


def test_first_password_is_nobody_elses() -> None:
    assert [account for account in ACCOUNTS if account.password == ACCOUNTS[0].password] == [ACCOUNTS[0]]


def test_injections_are_nobodys_address() -> None:
    assert not set(INJECTIONS) & {account.address for account in ACCOUNTS}
    assert {"*", f"*)(uid=*))(|(uid=*@{DOMAIN}", f"plain@{DOMAIN},ou=x"} <= set(INJECTIONS)


def test_accounts_do_not_show_their_passwords() -> None:
    assert ACCOUNTS[0].password not in repr(ACCOUNTS)


def test_credentials_are_those_of_an_ordinary_client() -> None:
    typed = credentials("yuki@contract.example", "pw")
    assert (typed.login, typed.address, typed.password.reveal(), typed.defect) == (
        typed.address,
        "yuki@contract.example",
        "pw",
        None,
    )


def test_unpatched_process_is_told_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cgappliance.testing.contract.common.is_patched", lambda: False)
    with pytest.raises(pytest.fail.Exception, match=PATCHED_COMMAND):
        require_patched()
