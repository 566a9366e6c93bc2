"""What both contracts share: limits, accounts, situations.

Rule of this folder: a password is never part of a test's name, nor of what a failing test prints.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import pytest

from cgappliance.model import Credentials
from cgappliance.secret import Secret
from cgappliance.testing.observe import PATCHED_COMMAND, is_patched

DOMAIN = "contract.example"
TIMEOUT_S = 10.0  #: what the host gives a login; servers of a busy test machine are slow
SHORT_TIMEOUT_S = 1.0  #: what it gives one that is meant to fail
SLACK_S = 0.5  #: how much later than told a busy test machine may notice
HUB_GAP_S = 0.5  #: how long other greenlets may be held up: a wait outside gevent lasts SHORT_TIMEOUT_S
START_S = 0.5
CONCURRENT = 50


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody whom the directory knows."""

    address: str
    password: str = field(repr=False)


#: Whom a directory under test should know: every password that a mail client can send
ACCOUNTS = (
    Account(f"plain@{DOMAIN}", "Contract-5ecret-7f3a"),
    Account(f"printable@{DOMAIN}", string.ascii_letters + string.digits + string.punctuation + " x"),
    Account(f"spaces@{DOMAIN}", "  two before, two after  "),
    Account(f"japanese@{DOMAIN}", "秘密のパスワード９"),
    Account(f"emoji@{DOMAIN}", "Ünïcode 🔑 combining e\u0301"),
    Account(f"filter@{DOMAIN}", "*)(uid=*))(|(uid=*"),
    Account(f"long@{DOMAIN}", "0123456789" * 12),
)

#: Addresses that would be somebody's if they were pasted into a filter, a DN, a path or a query
INJECTIONS = (
    "*",
    f"*@{DOMAIN}",
    f"pl*n@{DOMAIN}",
    f"*)(uid=*))(|(uid=*@{DOMAIN}",
    f"nobody@{DOMAIN})(|(mail=plain@{DOMAIN})",
    f"plain@{DOMAIN},ou=x",
    f"plain,ou=people,dc=x@{DOMAIN}",
    f"\\70lain@{DOMAIN}",
    f"plain\\@{DOMAIN}",
    f"' or '1'='1@{DOMAIN}",
    f"../plain@{DOMAIN}",
    f"(@{DOMAIN}",
    f")@{DOMAIN}",
    f"%70lain@{DOMAIN}",
)

Situation = Callable[[], AbstractContextManager[object]]


def credentials(address: str, password: str) -> Credentials:
    """Return what a client typed."""
    return Credentials(login=address, address=address, password=Secret(password), mechanism="PLAIN")


def situation(given: Situation | None, what: str) -> AbstractContextManager[object]:
    """Return the situation, to be entered; a test that needs one that the author cannot bring about is skipped."""
    if given is None:
        pytest.skip(f"the author says that it cannot {what}")
    return given()


def require_patched() -> None:
    """Fail the test when the process does not run as the appliance runs plugins: what would it show?"""
    if not is_patched():
        pytest.fail(f"contract tests run under gevent, as plugins do: {PATCHED_COMMAND}", pytrace=False)


class Contract:
    """What both contracts share."""

    @pytest.fixture(autouse=True)
    def _under_gevent(self) -> None:
        require_patched()
