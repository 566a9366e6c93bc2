import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cgappliance.testing.lab.process import ServerFailed, ServerProcess, clean_environment, free_port, port_open, wait_until

LISTEN = (
    "import socket,sys,time; s=socket.create_server(('127.0.0.1',int(sys.argv[1]))); print('listening',flush=True); time.sleep(60)"
)


def python(code: str, *arguments: object, log: Path, **options: object) -> ServerProcess:
    return ServerProcess([sys.executable, "-S", "-c", code, *map(str, arguments)], log=log, **options)  # type: ignore[arg-type]


def listener(tmp_path: Path, port: int) -> ServerProcess:
    return python(LISTEN, port, log=tmp_path / "log", ready=lambda: port_open("127.0.0.1", port))


def test_server_is_ready_inside_and_gone_after(tmp_path: Path) -> None:
    port = free_port()
    with listener(tmp_path, port) as server:
        assert port_open("127.0.0.1", port)
        pid = server.pid
    assert not port_open("127.0.0.1", port)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_server_sees_nothing_of_the_callers_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/somewhere")
    server = python("import os; print(sorted(os.environ), flush=True); import time; time.sleep(60)", log=tmp_path / "log")
    server._ready = lambda: "]" in server.log_text()
    with server:
        assert "SSL_CERT_FILE" not in server.log_text()
    assert "SSL_CERT_FILE" not in clean_environment()


def test_server_that_ends_before_it_is_ready_shows_its_log(tmp_path: Path) -> None:
    server = python("raise SystemExit('no such file')", log=tmp_path / "log", ready=lambda: False)
    with pytest.raises(ServerFailed, match=r"ended with status 1 before it was ready\nno such file"):
        server.start()


def test_server_that_is_never_ready_is_killed_after_the_deadline(tmp_path: Path) -> None:
    server = python("import time; time.sleep(60)", log=tmp_path / "log", ready=lambda: False, start_timeout_s=0.2)
    with pytest.raises(ServerFailed, match=r"ready: not within 0\.2 s"):
        server.start()
    assert not server.alive


def test_server_that_ignores_sigterm_is_killed_and_reported(tmp_path: Path) -> None:
    code = "import signal,time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    server = python(code, log=tmp_path / "log", stop_timeout_s=0.2)
    server._ready = lambda: "up" in server.log_text()
    server.start()
    with pytest.raises(ServerFailed, match=r"did not end within 0\.2 s"):
        server.stop()
    assert not server.alive


def test_server_that_dies_by_itself_is_reported_at_stop(tmp_path: Path) -> None:
    server = listener(tmp_path, free_port()).start()
    os.kill(server.pid, signal.SIGKILL)
    wait_until(lambda: not server.alive, "server dead")
    with pytest.raises(ServerFailed, match="ended by itself with status -9"):
        server.stop()


def test_stalled_server_is_stopped_all_the_same(tmp_path: Path) -> None:
    server = listener(tmp_path, free_port()).start()
    server.stall()
    server.stop()
    assert not server.alive


def test_server_starts_again_on_the_same_port(tmp_path: Path) -> None:
    port = free_port()
    server = listener(tmp_path, port)
    for _ in range(2):
        with server:
            assert port_open("127.0.0.1", port)


def test_children_of_the_server_go_with_it(tmp_path: Path) -> None:
    code = "import subprocess,time; p=subprocess.Popen(['sleep','60']); print(p.pid,'.',flush=True); time.sleep(60)"
    server = python(code, log=tmp_path / "log")
    server._ready = lambda: "." in server.log_text()
    with server:
        child = int(server.log_text().split()[0])
    wait_until(lambda: not Path(f"/proc/{child}/cmdline").exists() or not Path(f"/proc/{child}/cmdline").read_bytes(), "child gone")


def test_server_ends_when_its_starter_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys,time; from pathlib import Path; from cgappliance.testing.lab.process import ServerProcess\n"
        "s=ServerProcess(['sleep','60'], log=Path(sys.argv[1])).start(); print(s.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "log")], stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        # before, the program that asks the kernel to tell it may still be about to ask
        wait_until(lambda: command_line(pid).startswith("sleep"), "server started")
        starter.kill()
    wait_until(lambda: "sleep" not in command_line(pid), "server gone with its starter")


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def test_an_error_inside_is_not_hidden_by_the_servers_own(tmp_path: Path) -> None:
    def a_failing_test() -> None:
        with listener(tmp_path, free_port()) as server:
            os.kill(server.pid, signal.SIGKILL)
            raise KeyError

    with pytest.raises(KeyError):
        a_failing_test()


def test_free_ports_are_five_digits_and_differ() -> None:
    ports = {free_port() for _ in range(50)}
    assert len(ports) == 50
    assert all(10000 <= port <= 32767 for port in ports)


def test_wait_until_says_what_it_waited_for() -> None:
    with pytest.raises(TimeoutError, match=r"pigs fly: not within 0\.05 s"):
        wait_until(lambda: False, "pigs fly", 0.05)
