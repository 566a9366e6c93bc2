"""What the service manager is told, keeps and hands over."""

from __future__ import annotations

import array
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from cgappliance.server import systemd


class Manager:
    """The service manager's end of the notification socket."""

    def __init__(self, path: Path) -> None:
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sock.bind(str(path))
        self._sock.settimeout(5)

    def receive(self) -> tuple[str, list[int]]:
        data, ancillary, _flags, _address = self._sock.recvmsg(4096, socket.CMSG_SPACE(16))
        fds = array.array("i")
        for _level, _kind, payload in ancillary:
            fds.frombytes(payload)
        return data.decode(), list(fds)

    def close(self) -> None:
        self._sock.close()


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    path = tmp_path / "notify"
    monkeypatch.setenv("NOTIFY_SOCKET", str(path))
    manager = Manager(path)
    yield manager
    manager.close()


def test_state_reaches_the_manager(manager: Manager) -> None:
    systemd.notify("READY=1\nSTATUS=here")
    assert manager.receive() == ("READY=1\nSTATUS=here", [])


def test_kept_descriptor_is_another_one_of_the_same_socket(manager: Manager) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert systemd.keep("127.0.0.1-1", listener.fileno())
        state, (fd,) = manager.receive()
        assert state.splitlines() == ["FDSTORE=1", "FDPOLL=0", "FDNAME=127.0.0.1-1"]
        with socket.socket(fileno=fd) as copy:
            assert copy.getsockname() == listener.getsockname()


def test_forgotten_descriptor_is_named(manager: Manager) -> None:
    systemd.forget("127.0.0.1-1")
    assert manager.receive() == ("FDSTOREREMOVE=1\nFDNAME=127.0.0.1-1", [])


def test_without_manager_everything_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert systemd.keep("name", 0)


def test_manager_that_is_gone_is_told_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    systemd.notify("READY=1")
    assert not systemd.keep("name", 0)


def test_inherited_descriptors_are_of_this_process_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_FDS", "2")
    monkeypatch.setenv("LISTEN_PID", str(os.getpid() + 1))
    assert systemd.inherited_fds() == []


def test_inherited_descriptors_are_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_FDS", "2")
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    assert systemd.inherited_fds() == [3, 4]
    assert systemd.inherited_fds() == []


@pytest.mark.parametrize(("usec", "expected"), [("", None), ("nonsense", None), ("60000000", 30.0)])
def test_watchdog_is_fed_twice_in_its_time(monkeypatch: pytest.MonkeyPatch, usec: str, expected: float | None) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    assert systemd.watchdog_interval_s() == expected


@pytest.mark.parametrize(
    ("jobs", "follows"),
    [
        ("12 cgappliance.service restart running\n", True),
        ("12 cgappliance.service stop running\n", False),
        ("12 other.service restart running\n", False),
        ("", False),
    ],
)
def test_restart_is_told_from_a_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: str, follows: bool) -> None:
    (tmp_path / "systemctl").write_text(f"#!/bin/sh\nprintf '{jobs}'\n")
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setattr(systemd, "_own_unit", lambda: "cgappliance.service")
    assert systemd.restart_follows() is follows


def test_without_systemd_every_stop_is_a_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not systemd.restart_follows()
