import socket
import stat

import gevent
import pytest

from cgappliance.errors import ConfigurationError
from cgappliance.server.control import SOCKET_NAME, CommandFailed, ControlServer, NotRunning, ask


class FakeSupervisor:
    """Answers each command with its arguments, or as told."""

    def __init__(self):
        self.failure = None

    def _answer(self, **arguments):
        if self.failure:
            raise self.failure
        return arguments or {"pid": 1}

    status = reload = sessions = kick = greenlets = trace = _answer

    def set_log(self, level):
        return self._answer(level=level)


@pytest.fixture
def supervisor():
    return FakeSupervisor()


@pytest.fixture
def control(supervisor, tmp_path):
    server = ControlServer(supervisor, tmp_path / "run")
    server.start()
    yield server
    server.close()


@pytest.fixture
def run_dir(control):
    return control.path.parent


def test_command_reaches_the_supervisor_and_its_answer_comes_back(run_dir):
    assert ask(run_dir, "status") == {"pid": 1}
    assert ask(run_dir, "kick", account="yuki@acme.example") == {"account": "yuki@acme.example"}


def test_several_operators_are_served_at_once(run_dir):
    jobs = [gevent.spawn(ask, run_dir, "sessions", tenant=str(number)) for number in range(10)]
    assert [job.get(timeout=5)["tenant"] for job in jobs] == [str(number) for number in range(10)]


def test_only_owner_and_group_may_open_the_socket(control):
    assert stat.S_IMODE(control.path.stat().st_mode) == 0o660


def test_socket_that_a_killed_service_left_is_replaced(supervisor, tmp_path):
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / SOCKET_NAME))
    left.close()
    server = ControlServer(supervisor, tmp_path)
    server.start()
    assert ask(tmp_path, "status") == {"pid": 1}
    server.close()


def test_socket_goes_with_the_service(supervisor, tmp_path):
    server = ControlServer(supervisor, tmp_path)
    server.start()
    server.close()
    assert not (tmp_path / SOCKET_NAME).exists()


@pytest.mark.parametrize("failure", [ConfigurationError("cgappliance.toml:1: worker: unknown key"), ValueError("no network")])
def test_what_cannot_be_done_is_told_in_the_services_words(run_dir, supervisor, failure):
    supervisor.failure = failure
    with pytest.raises(CommandFailed) as failed:
        ask(run_dir, "reload")
    assert str(failed.value) == str(failure)


def test_command_that_the_service_does_not_know_is_a_matter_of_versions(run_dir):
    with pytest.raises(CommandFailed, match=r"unknown command 'dance' \(command line and service are of different versions\?\)"):
        ask(run_dir, "dance")


def test_argument_that_a_command_does_not_know_is_told(run_dir):
    with pytest.raises(CommandFailed, match="unexpected keyword argument 'colour'"):
        ask(run_dir, "log", colour="red")


def test_bug_in_a_command_is_logged_and_the_service_goes_on(run_dir, supervisor, logged):
    supervisor.failure = ZeroDivisionError("secret")
    with pytest.raises(CommandFailed, match=r"internal error \(see the service's log\)"):
        ask(run_dir, "status")
    assert "event=control.failed" in logged()
    supervisor.failure = None
    assert ask(run_dir, "status") == {"pid": 1}


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\n\r\n", b"\xff\xff\xff\xff", b"\0\0\0\x04null"])
def test_noise_at_the_socket_does_no_harm(control, run_dir, said):
    with socket.socket(socket.AF_UNIX) as noisy:
        noisy.connect(str(control.path))
        noisy.sendall(said)
    assert ask(run_dir, "status") == {"pid": 1}


def test_nothing_running_is_told_with_a_remedy(tmp_path):
    with pytest.raises(NotRunning, match=r"No such file.*\(is the service running\? systemctl status cgappliance\)"):
        ask(tmp_path, "status")


def test_service_that_dies_without_an_answer_is_told(tmp_path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / SOCKET_NAME))
        listener.listen()
        job = gevent.spawn(ask, tmp_path, "status")
        listener.accept()[0].close()
        with pytest.raises(NotRunning):
            job.get(timeout=5)
