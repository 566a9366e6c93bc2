import time
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest
from cgappliance_local import users
from cgappliance_local.backend import LocalBackend

from cgappliance.plugin_api import Reason, Secret, TenantContext
from cgappliance.testing.contract import credentials
from cgappliance.testing.observe import watched_hub

YUKI = "yuki@acme.example"


@pytest.fixture
def file(tmp_path: Path, fast_hashes: None) -> Path:
    path = tmp_path / "people"
    users.set_password(path, YUKI, Secret("first"))
    return path


@pytest.fixture
def backend(file: Path) -> Iterator[LocalBackend]:
    backend = LocalBackend(TenantContext("acme", frozenset({"acme.example"}), {"users_file": file, "concurrency": 2}))
    backend.start()
    yield backend
    backend.stop()


def reason(backend: LocalBackend, address: str, password: str) -> Reason:
    return backend.authenticate(credentials(address, password), 5).reason


def test_identity_is_the_address(backend: LocalBackend) -> None:
    assert backend.authenticate(credentials(YUKI, "first"), 5).identity == YUKI


def test_changed_password_counts_at_the_next_login(backend: LocalBackend, file: Path) -> None:
    assert reason(backend, YUKI, "first") is Reason.ACCEPTED
    users.set_password(file, YUKI, Secret("second"))
    assert reason(backend, YUKI, "first") is Reason.WRONG_PASSWORD
    assert reason(backend, YUKI, "second") is Reason.ACCEPTED


def test_file_is_not_read_again_while_it_stays_the_same(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reason(backend, YUKI, "first") is Reason.ACCEPTED
    monkeypatch.setattr(users, "read", lambda _path: pytest.fail("read again"))
    assert reason(backend, YUKI, "first") is Reason.ACCEPTED


def test_disabled_person_is_told_from_a_wrong_password(backend: LocalBackend, file: Path) -> None:
    users.set_disabled(file, YUKI, disabled=True)
    assert reason(backend, YUKI, "first") is Reason.DISABLED
    assert reason(backend, YUKI, "wrong") is Reason.WRONG_PASSWORD


def test_broken_file_lets_nobody_in_and_is_no_wrong_password(backend: LocalBackend, file: Path) -> None:
    assert reason(backend, YUKI, "first") is Reason.ACCEPTED
    file.write_text(f"{file.read_text()}ken@acme.example secret\n")
    answer = backend.authenticate(credentials(YUKI, "first"), 5)
    assert answer.reason is Reason.DIRECTORY_UNAVAILABLE
    assert answer.detail == f"{file}:2: what follows ken@acme.example is no argon2 hash"


def test_verifying_lets_other_greenlets_run(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "verify", lambda *_: busy(0.3))
    with watched_hub() as hub:
        assert reason(backend, YUKI, "first") is Reason.ACCEPTED
    assert hub.longest_gap_s < 0.2


def test_login_that_finds_no_thread_gives_up_at_its_deadline(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "verify", lambda *_: busy(0.5))
    logins = [gevent.spawn(reason, backend, YUKI, "first") for _ in range(4)]
    gevent.sleep(0.05)
    started = time.monotonic()
    assert backend.authenticate(credentials(YUKI, "first"), 0.1).reason is Reason.DIRECTORY_TIMEOUT
    assert time.monotonic() - started < 0.3
    gevent.joinall(logins, timeout=10)
    assert [login.value for login in logins] == [Reason.ACCEPTED] * 4


def busy(seconds: float) -> bool:
    """Wait as a C function does that lets other threads run: without gevent."""
    lock = gevent.monkey.get_original("threading", "Lock")()
    lock.acquire()
    lock.acquire(timeout=seconds)
    return True


def test_backend_that_is_stopped_is_an_outage(backend: LocalBackend) -> None:
    backend.stop()
    assert reason(backend, YUKI, "first") is Reason.DIRECTORY_UNAVAILABLE
