"""``script/demo --web`` tells addresses and log-ins that work, in words of the site, and leaves nothing running."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from cgappliance.testing import demo_web
from cgappliance.testing.lab.process import clean_environment, wait_until
from tests.documents import ROOT

ARGV = [sys.executable, "-m", "cgappliance.testing.demo", "--web"]
START_S, END_S = 60, 30


class Running:
    """The demo, as somebody who reads it sees it."""

    def __init__(self, folder: Path) -> None:
        self._printed = folder / "printed"
        with self._printed.open("wb") as out:
            environment = clean_environment(TMPDIR=str(folder), PYTHONUNBUFFERED="1")
            self.process = subprocess.Popen(ARGV, stdout=out, stderr=subprocess.STDOUT, cwd=ROOT, env=environment)
        wait_until(lambda: "Press Ctrl-C" in self.text or self.process.poll() is not None, "the invitation", START_S)

    @property
    def text(self) -> str:
        return self._printed.read_text(encoding="utf-8")

    def told(self, pattern: str) -> list[str]:
        found = re.search(pattern, self.text)
        assert found is not None, self.text
        return list(found.groups())


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("demo"))
    yield running
    if running.process.poll() is None:
        running.process.terminate()
        running.process.wait(END_S)


def enter(url: str, name: str, field: str, password: str, ca_file: str) -> requests.Response:
    with requests.Session() as browser:
        browser.trust_env = False
        form = browser.get(url, verify=ca_file, timeout=START_S)
        code = re.findall(r'name="form_code" value="([0-9a-f]+)"', form.text)[0]
        return browser.post(form.url, {field: name, "password": password, "form_code": code}, verify=ca_file, timeout=START_S)


@pytest.mark.integration
def test_the_administrator_gets_in_with_what_is_told(demo: Running) -> None:
    url, name, password = demo.told(r"administrator +(\S+)\n +name +(\S+) +password +(.+)\n")
    (ca_file,) = demo.told(r"CA file +(\S+)")
    page = enter(url, name, "name", password, ca_file)
    assert (page.status_code, page.url) == (200, url)
    assert "ACME Corporation" in page.text


@pytest.mark.integration
def test_the_user_gets_in_with_what_is_told(demo: Running) -> None:
    url, address, password = demo.told(r"user +(\S+)\n +address +(\S+) +password +(.+)\n")
    (ca_file,) = demo.told(r"CA file +(\S+)")
    page = enter(url, address, "address", password, ca_file)
    assert (page.status_code, page.url) == (200, url.removesuffix("login") + "password")


@pytest.mark.integration
def test_ctrl_c_ends_all_of_it(demo: Running) -> None:
    children = psutil.Process(demo.process.pid).children(recursive=True)
    assert len(children) >= 3  # directory, look-alike, appliance
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(END_S) == 0, demo.text
    wait_until(lambda: not any(child.is_running() for child in children), "all that was started has ended", END_S)


@pytest.mark.integration
def test_once_ends_by_itself_and_says_that_the_log_ins_work() -> None:
    argv = [*ARGV, "--once"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=START_S, cwd=ROOT, env=clean_environment())
    assert (done.returncode, done.stdout.count("    ok ")) == (0, 3), done.stdout + done.stderr


@pytest.mark.parametrize("options", [["--web", "--keep"], ["--once"]])
def test_options_that_do_not_go_together_are_refused(options: list[str]) -> None:
    argv = [*ARGV[:3], *options]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=START_S, cwd=ROOT, env=clean_environment())
    assert done.returncode == 2
    assert "--web" in done.stderr


def test_what_to_click_is_told_in_words_of_the_site() -> None:
    templates = "".join(path.read_text() for path in (ROOT / "cgappliance/web/templates").rglob("*.html"))
    quoted = re.findall(r"'([A-Z][^']+)'", " ".join(what for _, what in demo_web.CLICKS))
    assert len(quoted) >= 8
    assert [words for words in quoted if f'_("{words}")' not in templates] == []
