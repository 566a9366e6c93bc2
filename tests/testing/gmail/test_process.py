"""The look-alike as a process of its own."""

import json
import signal
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from cgappliance.testing.gmail.process import GmailProcess
from cgappliance.testing.lab.process import clean_environment, port_open

pytestmark = pytest.mark.integration

STATE = '[[accounts]]\naddress = "yuki@acme.example"\n'
COMMAND = [sys.executable, "-m", "cgappliance.testing.gmail"]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    path = tmp_path / "state.toml"
    path.write_text(STATE)
    return path


def test_process_has_the_accounts_of_its_state_file_and_a_key(tmp_path: Path, state: Path):
    with GmailProcess(tmp_path / "gmail", seed=state) as gmail:
        assert [account["address"] for account in gmail.control.state()["accounts"]] == ["yuki@acme.example"]
        assert json.loads(gmail.service_account_file.read_text())["token_uri"] == f"http://127.0.0.1:{gmail.ports['http']}/token"
        assert stat.S_IMODE(gmail.service_account_file.stat().st_mode) == 0o600


def test_ports_and_key_survive_a_restart(tmp_path: Path):
    gmail = GmailProcess(tmp_path / "gmail")
    with gmail:
        first = (dict(gmail.ports), gmail.service_account_file.read_text())
        ports = gmail.control.state()["ports"]
    assert not port_open("127.0.0.1", ports["imaps"])

    with gmail:
        assert (ports, gmail.service_account_file.read_text()) == first
        assert gmail.control.state()["ports"] == ports


def test_process_prints_its_ports_and_ends_on_sigterm(key_pair):
    arguments = ["--certificate", key_pair.certificate, "--private-key", key_pair.private_key]
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, env=clean_environment()) as process:
        ports = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)

        assert process.wait(10) == 0
        assert set(ports) == {"imaps", "pop3s", "smtps", "http", "https", "control"}


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (["--port", "imap=1"], "'imap=1' is not NAME=NUMBER (names: imaps, "),
        (["--state", "/dev/null/none"], "does not exist"),
    ],
)
def test_mistakes_on_the_command_line_are_said(key_pair, extra: list[str], words: str):
    arguments = ["--certificate", key_pair.certificate, "--private-key", key_pair.private_key, *extra]
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, env=clean_environment(), timeout=20, check=False)

    assert done.returncode == 2
    assert words in " ".join(done.stderr.split())


def test_bad_state_file_is_said(key_pair, state: Path):
    state.write_text('[[accounts]]\naddress = "yuki@acme.example"\ncolour = "red"\n')
    arguments = ["--certificate", key_pair.certificate, "--private-key", key_pair.private_key, "--state", state]
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, env=clean_environment(), timeout=20, check=False)

    assert done.returncode == 1
    assert "account yuki@acme.example: colour: no such field" in done.stderr


def test_upstream_table_leads_to_the_look_alike(tmp_path: Path):
    gmail = GmailProcess(tmp_path / "gmail")

    table = tomllib.loads(gmail.upstream())

    assert table == {name: f"localhost:{gmail.ports[name]}" for name in ("imaps", "pop3s", "smtps")}
