"""The web site as part of ``serve``: its death is not mail's, wrong passwords count together, reverse proxies are believed."""

from __future__ import annotations

import html
import os
import re
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from cgappliance.testing.lab.process import ServerProcess, free_port, port_open, wait_until
from cgappliance.testing.lab.slapd import Person
from cgappliance.testing.lab.world import DOMAIN, TARO, YUKI, World

from .talking import IMAP, REFUSED

PATIENCE_S = 20.0
WRONG_MAX = 5  #: wrong passwords until an account is locked (policy/lockout.py)
VICTIMS = [Person(f"victim{number}@{DOMAIN}", "right") for number in range(2)]
REFUSAL_S = 0.5
KNOWN, UNKNOWN = f"known@{DOMAIN}", f"unknown@{DOMAIN}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    people = (YUKI, TARO, *VICTIMS, Person(KNOWN, "right"))
    limits = {"worker_hang_s": 2, "refusal_delay_s": REFUSAL_S}
    with World(tmp_path_factory.mktemp("world"), web=True, people=people, limits=limits) as world:
        wait_until(lambda: port_answers(world), "the site", PATIENCE_S)
        yield world


class Browser:
    """A browser's cookies, and forms that are sent as its user would."""

    def __init__(self, origin: str, ca_file: Path | None = None, source: str = "127.0.0.1", **headers: str) -> None:
        self.origin = origin
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = str(ca_file) if ca_file else True
        self.session.headers.update({"Accept-Language": "en", **headers})
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, _From(source))

    def get(self, path: str) -> requests.Response:
        return self.session.get(self.origin + path, timeout=PATIENCE_S)

    def send(self, path: str, **fields: str) -> requests.Response:
        code = re.search(r'name="form_code" value="([0-9a-f]+)"', self.get(path).text)
        data = {"form_code": code[1] if code else "", **fields}
        return self.session.post(self.origin + path, data=data, timeout=PATIENCE_S, allow_redirects=False)

    def log_in(self, address: str, password: str) -> requests.Response:
        return self.send("/acme/login", address=address, password=password)


class _From(HTTPAdapter):
    """Connects from one of this machine's addresses."""

    def __init__(self, source: str) -> None:
        self._source = source
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, source_address=(self._source, 0), **options)


@pytest.fixture
def browse(world: World) -> Iterator[Callable[..., Browser]]:
    """Return a function that starts a browser."""
    opened: list[Browser] = []

    def start(source: str = "127.0.0.1") -> Browser:
        opened.append(Browser(f"https://localhost:{world.web_port}", world.authority.ca_file, source))
        return opened[-1]

    yield start
    for browser in opened:
        browser.session.close()


def port_answers(world: World) -> bool:
    with requests.Session() as session:
        session.trust_env = False
        try:
            found = session.get(f"https://localhost:{world.web_port}/acme/login", verify=str(world.authority.ca_file), timeout=5)
        except requests.RequestException:
            return False
        return found.status_code == 200


def site_pids(world: World) -> list[int]:
    """Return the process ids of the site, in the order of their starts."""
    lines = [line for line in world.appliance.log_lines("worker.started") if " worker=-1 " in line]
    return [int(found[1]) for line in lines if (found := re.search(r" pid=(\d+)", line))]


# ---- its death


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["dies", "hangs"])
def test_a_site_that_goes_comes_back_and_mail_does_not_notice(world: World, imap: Any, number: signal.Signals) -> None:
    imap.login(TARO.address, TARO.password)
    before = site_pids(world)
    os.kill(before[-1], number)
    wait_until(lambda: len(site_pids(world)) > len(before), "a new site", PATIENCE_S)
    wait_until(lambda: port_answers(world), "the new site", PATIENCE_S)
    assert imap.noop()[0] == "OK"


def test_a_new_tenant_has_pages_at_once_and_a_removed_one_none(world: World, browse: Callable[[], Browser]) -> None:
    browser, pids = browse(), site_pids(world)
    text = world.tenant_file(top='name = "Beta"\nedition = "light"\ndomains = ["beta.example"]')
    moved = re.sub(r"^(imaps|pop3s|smtps) = .*\n", "", text, flags=re.MULTILINE).replace(
        "[listen]", f"[listen]\nimaps = {free_port()}"
    )
    path = world.appliance.tenant("beta", moved)
    world.appliance.ask("reload")
    wait_until(lambda: browser.get("/beta/login").status_code == 200, "the tenant's pages", PATIENCE_S)
    path.unlink()
    world.appliance.ask("reload")
    wait_until(lambda: browser.get("/beta/login").status_code == 404, "no pages", PATIENCE_S)
    assert site_pids(world) == pids


# ---- one count of wrong passwords


def test_wrong_passwords_on_the_web_lock_the_mail_too(browse: Callable[[], Browser], talk: Any) -> None:
    victim = VICTIMS[0]
    for number in range(WRONG_MAX):
        assert browse().log_in(victim.address, f"guess {number}").status_code == 403
    assert talk(IMAP).log_in_as(victim) == REFUSED[IMAP]


def test_wrong_passwords_of_mail_lock_the_web_too(world: World, browse: Callable[[], Browser], talk: Any) -> None:
    victim = VICTIMS[1]
    for number in range(WRONG_MAX):
        assert talk(IMAP).log_in(victim.address, f"guess {number}") == REFUSED[IMAP]
    assert browse().log_in(victim.address, victim.password).status_code == 403
    assert "reason=locked" in world.appliance.log_lines("web.refused")[-1]


# ---- nobody learns who exists


def test_a_login_tells_nobody_which_addresses_exist(browse: Callable[..., Browser]) -> None:
    pages, seconds = {}, {}
    for address, source in ((KNOWN, "127.1.0.1"), (UNKNOWN, "127.2.0.1")):  # networks that have not guessed before
        browser = browse(source)
        browser.get("/acme/login")
        started = time.monotonic()
        answer = browser.log_in(address, "wrong")
        seconds[address] = time.monotonic() - started
        pages[address] = (answer.status_code, re.sub(r'value="[0-9a-f]{64}"', "", answer.text).replace(html.escape(address), ""))
    assert pages[KNOWN] == pages[UNKNOWN]
    assert all(REFUSAL_S <= taken < REFUSAL_S + 1.0 for taken in seconds.values()), seconds
    assert abs(seconds[KNOWN] - seconds[UNKNOWN]) < REFUSAL_S / 2


def test_autoconfiguration_takes_as_long_for_those_who_do_not_exist(browse: Callable[[], Browser]) -> None:
    browser, path = browse(), "/mail/config-v1.1.xml?emailaddress="
    taken: dict[str, list[float]] = {KNOWN: [], UNKNOWN: []}
    answers = set()
    for _ in range(40):
        for address, seconds in taken.items():
            started = time.monotonic()
            answers.add(browser.get(path + address).text)
            seconds.append(time.monotonic() - started)
    known, unknown = (statistics.median(seconds) for seconds in taken.values())
    assert len(answers) == 1
    assert abs(known - unknown) < max(known, unknown) / 2


# ---- behind a reverse proxy

HAPROXY = """\
global
    maxconn 100
defaults
    mode http
    timeout connect 2s
    timeout client 10s
    timeout server 10s
listen site
    bind 127.0.0.1:{front}
    option forwardfor
    http-request set-header X-Forwarded-Proto https
    server site 127.0.0.1:{back}
"""


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The origin of a site that speaks plain HTTP on loopback behind a real HAProxy; administrators come from 127.0.0.77."""
    folder, front = tmp_path_factory.mktemp("proxied"), free_port()
    world = World(folder / "world", web=True)
    settings = world.appliance.config.read_text()
    plain = f'[web]\nport = {world.web_port}\ntls = false\ntrusted_proxies = ["127.0.0.1/32"]\n'
    world.appliance.config.write_text(settings.partition("[web]")[0] + plain)
    world.appliance.tenant("acme", world.tenant_file(admin='networks = ["127.0.0.77/32"]'))
    (folder / "haproxy.cfg").write_text(HAPROXY.format(front=front, back=world.web_port))
    haproxy = ServerProcess(
        ["haproxy", "-db", "-f", folder / "haproxy.cfg"],
        log=folder / "haproxy.log",
        ready=lambda: port_open("127.0.0.1", front) and port_open("127.0.0.1", world.web_port),
        exits=frozenset({0, 143, -signal.SIGTERM}),
    )
    with world.slapd, world.gmail, world.appliance, haproxy:
        yield f"http://localhost:{front}"


def test_behind_a_proxy_the_client_is_who_the_proxy_says(proxied: str) -> None:
    assert Browser(proxied, source="127.0.0.77").get("/acme/admin/login").status_code == 200
    assert Browser(proxied, source="127.0.0.78").get("/acme/admin/login").status_code == 403


def test_what_a_client_claims_to_the_proxy_is_worth_nothing(proxied: str) -> None:
    claims = {"X-Forwarded-For": "127.0.0.77", "Forwarded": "for=127.0.0.77", "X-Real-IP": "127.0.0.77"}
    assert Browser(proxied, source="127.0.0.78", **claims).get("/acme/admin/login").status_code == 403


def test_a_proxy_that_ends_tls_has_secure_cookies_and_hsts_sent(proxied: str) -> None:
    answer = Browser(proxied, source="127.0.0.77").get("/acme/admin/login")
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
    assert answer.headers["Set-Cookie"].startswith("__Host-cg-form=")
    assert {"Secure", "HttpOnly", "SameSite=Strict"} <= set(answer.headers["Set-Cookie"].split("; "))
