"""The users' door alone; the pages in front of it have tests of their own (``web/test_user_pages.py``)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import gevent
import pytest

from cgappliance.admin.desk import Desk
from cgappliance.admin.own_password import VERSION, NotYou, OwnPasswords, ensure_usable
from cgappliance.model import AuthAnswer, Credentials, MailProtocol, PluginChoice, Reason, Tenant
from cgappliance.password_change import PasswordFault, PasswordNotChanged, PasswordRules
from cgappliance.plugin_api import BackendKind, TenantContext
from cgappliance.plugins import Kinds
from cgappliance.proto import sasl
from cgappliance.secret import Secret
from cgappliance.store.engine import Store
from cgappliance.store.lockout import SharedLockouts
from cgappliance.store.login_guard import LoginGuard
from cgappliance.store.memory import PolicyMemory
from tests.policy.factories import tenant

YUKI, OLD, NEW = "yuki@acme.example", Secret("old"), Secret("new")
HERE = ipaddress.ip_address("192.0.2.1")


class Directory:
    """One password, and what a test wants to happen when it is asked or changed."""

    def __init__(self) -> None:
        self.password = "old"
        self.reason = Reason.ACCEPTED
        self.asked = self.stopped = self.closed = 0
        self.on_change: Callable[[], None] = lambda: None
        self.on_login: Callable[[], None] = lambda: None

    def start(self) -> None: ...

    def stop(self) -> None:
        self.stopped += 1

    def close(self) -> None:
        self.closed += 1

    def authenticate(self, credentials: Credentials, timeout_s: float) -> AuthAnswer:
        self.asked += 1
        self.on_login()
        return AuthAnswer(self.reason if credentials.password.reveal() == self.password else Reason.WRONG_PASSWORD)

    def change(self, address: str, old: Secret, new: Secret, timeout_s: float) -> None:
        self.on_change()
        self.password = new.reveal()

    def rules(self, address: str, timeout_s: float) -> PasswordRules:
        self.on_change()
        return PasswordRules(min_length=8)


@pytest.fixture
def directory() -> Directory:
    return Directory()


@pytest.fixture
def acme() -> Tenant:
    return tenant(auth=PluginChoice("fake"), fingerprint="one")


@pytest.fixture
def guard(store: Store) -> Iterator[LoginGuard]:
    memory, lockouts = PolicyMemory(store, poll_s=60), SharedLockouts(store)
    memory.start()
    lockouts.start()
    yield LoginGuard(lockouts, memory, b"key")
    lockouts.stop(5)
    memory.stop()


@pytest.fixture
def door(store: Store, guard: LoginGuard, directory: Directory) -> OwnPasswords:
    def make(_context: TenantContext) -> Any:
        return directory

    kinds = Kinds({"fake": BackendKind("fake", make, passwords=make), "plain": BackendKind("plain", make)})
    return OwnPasswords(store, kinds, guard, timeout_s=2)


def change(door: OwnPasswords, desk: Desk, acme: Tenant, **typed: Secret) -> str:
    return door.change(desk, acme, YUKI, **{"old": OLD, "new": NEW, **typed}, peer_ip=HERE)


def fault_of(call: Callable[[], Any]) -> PasswordFault:
    with pytest.raises(PasswordNotChanged) as caught:
        call()
    return caught.value.fault


def test_the_address_is_returned_as_it_is_kept(door: OwnPasswords, acme: Tenant):
    assert door.log_in(acme, " Yuki@ACME.example ", OLD, HERE) == YUKI


@pytest.mark.parametrize("address", ["yuki", "yuki@other.example", "y\0uki@acme.example", ""])
def test_what_is_no_address_of_the_tenant_is_not_asked_for(door: OwnPasswords, acme: Tenant, directory: Directory, address: str):
    with pytest.raises(NotYou):
        door.log_in(acme, address, OLD, HERE)
    assert directory.asked == 0


@pytest.mark.parametrize("reason", [Reason.PASSWORD_MUST_CHANGE, Reason.PASSWORD_EXPIRED])
def test_who_must_change_may_change_and_not_log_in(
    door: OwnPasswords, desk: Desk, acme: Tenant, directory: Directory, reason: Reason
):
    directory.reason = reason
    with pytest.raises(NotYou) as caught:
        door.log_in(acme, YUKI, OLD, HERE)
    assert caught.value.reason is reason
    assert (change(door, desk, acme), directory.password) == (YUKI, "new")


def test_a_wrong_old_password_reaches_the_directory_once(door: OwnPasswords, desk: Desk, acme: Tenant, directory: Directory):
    for _ in range(3):
        with pytest.raises(NotYou):
            change(door, desk, acme, old=Secret("wrong"))
    assert (directory.asked, directory.password) == (1, "old")


def test_what_mail_remembers_of_the_old_password_becomes_void(
    door: OwnPasswords, desk: Desk, acme: Tenant, directory: Directory, guard: LoginGuard
):
    mail = sasl.credentials(YUKI.encode(), b"old", "LOGIN", MailProtocol.IMAP)

    def as_mail() -> Reason:
        answer = guard.authenticate("acme", mail, HERE, lambda: directory.authenticate(mail, 1.0), 2.0, version="one")
        return answer.reason

    assert as_mail() is Reason.ACCEPTED
    change(door, desk, acme)
    guard._memory._feed.look()  # type: ignore[union-attr]
    assert as_mail() is Reason.WRONG_PASSWORD


def test_refusals_of_the_admin_site_are_none_here(door: OwnPasswords, acme: Tenant, guard: LoginGuard):
    login = sasl.credentials(YUKI.encode(), b"old", "WEB", MailProtocol.IMAP)
    guard.authenticate("acme", login, HERE, lambda: AuthAnswer(Reason.NOT_IN_GROUP), 2.0, version="one")
    assert not VERSION.startswith("one")
    assert door.log_in(acme, YUKI, OLD, HERE) == YUKI


def test_a_plugin_that_breaks_while_it_changes_leaves_it_uncertain(
    door: OwnPasswords, desk: Desk, acme: Tenant, directory: Directory
):
    directory.on_change = lambda: 1 / 0  # type: ignore[assignment,return-value]
    assert fault_of(lambda: change(door, desk, acme)) is PasswordFault.UNCERTAIN
    assert directory.closed == 1


def test_a_plugin_that_takes_too_long_leaves_it_uncertain(door: OwnPasswords, desk: Desk, acme: Tenant, directory: Directory):
    door._timeout_s = 0.05
    directory.on_change = lambda: gevent.sleep(5)
    assert fault_of(lambda: change(door, desk, acme)) is PasswordFault.UNCERTAIN


def test_a_plugin_that_breaks_at_the_login_is_an_outage(door: OwnPasswords, acme: Tenant, directory: Directory):
    directory.on_login = lambda: 1 / 0  # type: ignore[assignment,return-value]
    with pytest.raises(NotYou) as caught:
        door.log_in(acme, YUKI, OLD, HERE)
    assert caught.value.reason is Reason.BACKEND_FAILED


def test_the_words_of_a_plugin_that_breaks_are_not_repeated(
    door: OwnPasswords, desk: Desk, acme: Tenant, directory: Directory, capsys: pytest.CaptureFixture[str]
):
    def tell() -> None:
        raise ValueError(f"the password {directory.password!r} is not ASCII")

    directory.on_change = tell
    assert fault_of(lambda: change(door, desk, acme)) is PasswordFault.UNCERTAIN
    said = capsys.readouterr().out
    assert "ValueError at test_own_password.py:" in said
    assert "not ASCII" not in said


def test_a_kind_that_cannot_change_passwords_says_so(door: OwnPasswords, desk: Desk, acme: Tenant):
    plain = replace(acme, auth=PluginChoice("plain"))
    assert (door.can_change(acme), door.can_change(plain)) == (True, False)
    assert fault_of(lambda: change(door, desk, plain)) is PasswordFault.NOT_ALLOWED


def test_rules_of_a_directory_that_is_down_are_not_known(door: OwnPasswords, acme: Tenant, directory: Directory):
    assert door.rules(acme, YUKI) == PasswordRules(min_length=8)
    directory.on_change = lambda: 1 / 0  # type: ignore[assignment,return-value]
    assert door.rules(acme, YUKI) == PasswordRules()


def test_a_tenant_that_changes_gets_another_backend(door: OwnPasswords, acme: Tenant, directory: Directory):
    door.log_in(acme, YUKI, OLD, HERE)
    door.forget({"acme": acme})
    gevent.sleep(0)
    assert directory.stopped == 0
    door.forget({"acme": replace(acme, fingerprint="two")})
    gevent.sleep(0)
    assert directory.stopped == 1


@pytest.mark.parametrize(
    ("new", "fault"),
    [
        ("", PasswordFault.TOO_SHORT),
        ("old", PasswordFault.USED_BEFORE),
        ("a\x7f", PasswordFault.RULES),
        ("a\n", PasswordFault.RULES),
        ("x" * 257, PasswordFault.RULES),
    ],
)
def test_passwords_that_no_mail_login_could_use_are_refused(new: str, fault: PasswordFault):
    assert fault_of(lambda: ensure_usable(OLD, Secret(new))) is fault


def test_the_longest_password_is_usable():
    ensure_usable(OLD, Secret("あ" * 256))
