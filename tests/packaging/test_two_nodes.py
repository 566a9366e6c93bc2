"""The files of the how-to about two nodes: the programs that read them find nothing wrong."""

import shutil
import subprocess
from pathlib import Path

import pytest

from cgappliance.config.load import load_settings

EXAMPLES = Path(__file__).parents[2] / "docs/examples/two-nodes"


@pytest.mark.skipif(not shutil.which("haproxy"), reason="haproxy not installed (apt install haproxy)")
def test_haproxy_accepts_its_file_without_a_warning():
    done = subprocess.run(
        ["haproxy", "-dW", "-c", "-f", EXAMPLES / "haproxy.cfg"], capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


def test_the_appliance_accepts_its_file_and_the_numbers_fit():
    settings = load_settings(EXAMPLES / "cgappliance.toml")
    assert 2 * settings.limits.sessions_per_account < 15
    assert f"check port {settings.metrics.port} inter 1s fall 2" in (EXAMPLES / "haproxy.cfg").read_text()
    assert settings.stop_notice_s > 2 * 1.0  # two checks that fail


def test_haproxy_waits_longer_than_a_session_may_be_idle():
    settings = load_settings(EXAMPLES / "cgappliance.toml")
    assert settings.limits.imap_idle_timeout_s < 40 * 60
    assert "timeout client 40m" in (EXAMPLES / "haproxy.cfg").read_text()
