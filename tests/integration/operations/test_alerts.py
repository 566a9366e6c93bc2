"""What the operator is told by mail and webhook: a real mail server (aiosmtpd) and an HTTP server take it."""

import json
import mailbox
import sys
from datetime import UTC, datetime, timedelta

import pytest
from gevent.pywsgi import WSGIServer

from cgappliance.testing.lab.process import ServerProcess, free_port, port_open, wait_until
from cgappliance.testing.lab.slapd import Person
from cgappliance.testing.lab.world import DOMAIN, TARO, YUKI, World
from tests.integration.talking import ACCEPTED, IMAP, REFUSED

TOLD_S = 15.0
HANA = Person(f"hana@{DOMAIN}", "hana's own password")


class Operator:
    """Who is told: ``posted`` by webhook, ``mails`` by mail."""

    def __init__(self, folder):
        self.folder = folder
        self.posted = []
        self.port = free_port()
        self._hook = WSGIServer(("127.0.0.1", 0), self._take, log=None)
        argv = [sys.executable, "-m", "aiosmtpd", "-n", "-l", f"127.0.0.1:{self.port}"]
        argv += ["-c", "aiosmtpd.handlers.Mailbox", str(folder / "mails")]
        self._smtp = ServerProcess(argv, log=folder / "smtp.log", ready=lambda: port_open("127.0.0.1", self.port))

    def _take(self, environ, start_response):
        self.posted.append(json.loads(environ["wsgi.input"].read()))
        start_response("200 OK", [("Content-Length", "0")])
        return []

    def start(self):
        self._hook.start()
        self._smtp.start()
        (self.folder / "webhook").write_text(f"http://127.0.0.1:{self._hook.server_port}/T0KEN\n")
        return (
            f'\n[alerts]\nmail_to = ["ops@example.org"]\nsmtp_server = "127.0.0.1:{self.port}"\n'
            f'webhook_url_file = "{self.folder}/webhook"\nafter_s = 1.0\n'
        )

    def stop(self):
        self._hook.stop()
        self._smtp.kill()

    @property
    def mails(self):
        return [message["Subject"] for message in mailbox.Maildir(self.folder / "mails")]

    def told(self, kind, *, over=False):
        """Return what was posted of a kind."""
        return [post for post in self.posted if (post["kind"], post["over"]) == (kind, over)]

    def wait_for(self, kind, *, over=False):
        wait_until(lambda: self.told(kind, over=over), f"told of {kind}", TOLD_S)
        return self.told(kind, over=over)[-1]


@pytest.fixture(scope="module")
def operator(tmp_path_factory):
    operator = Operator(tmp_path_factory.mktemp("operator"))
    yield operator
    operator.stop()


@pytest.fixture(scope="module")
def world(tmp_path_factory, operator):
    people = (YUKI, TARO, HANA)
    world = World(tmp_path_factory.mktemp("alerts"), people=people, limits={"health_interval_s": 1.0}, workers=2, remote_ips=())
    world.appliance.config.write_text(world.appliance.config.read_text() + operator.start())
    with world:
        yield world


def test_a_directory_that_is_down_and_its_return(world, operator):
    world.slapd.process.kill()
    try:
        post = operator.wait_for("directory")
    finally:
        world.slapd.start()
    assert (post["tenant"], post["node"] != "") == ("acme", True)
    assert operator.wait_for("directory", over=True)["text"].startswith("[cgappliance] over: acme: directory: ")
    wait_until(lambda: sum("acme: directory" in subject for subject in operator.mails) == 2, "two mails", TOLD_S)


def test_an_account_that_was_locked(operator, talk):
    for number in range(6):
        assert talk(IMAP, source=f"127.0.0.{number + 10}").log_in(YUKI.address, f"wrong {number}") == REFUSED[IMAP]
    post = operator.wait_for("account_locked")
    assert (post["tenant"], post["subject"]) == ("acme", YUKI.address)
    assert "locked for 15 minutes" in post["text"]


def test_delegation_that_fails(world, operator, talk):
    world.gmail.control.change_account(TARO.address, switches={"token_error": "unauthorized_client"})
    world.gmail.control.revoke_tokens(TARO.address)
    try:
        talk(IMAP).log_in_as(TARO)
        post = operator.wait_for("delegation")
    finally:
        world.gmail.control.change_account(TARO.address, switches={"token_error": ""})
    assert "domain-wide delegation" in post["text"]
    assert talk(IMAP).log_in_as(HANA).startswith(ACCEPTED[IMAP])  # Taro's refusal is remembered for half a minute
    operator.wait_for("delegation", over=True)


def test_a_broken_tenant_file(world, operator):
    world.appliance.tenant("broken", "name = 1\n")
    post = operator.wait_for("tenant_file")
    (world.appliance.conf_d / "broken.toml").unlink()
    assert post["tenant"] == "broken"
    assert "broken.toml:1" in post["text"]
    operator.wait_for("tenant_file", over=True)


def test_a_certificate_that_expires(world, operator):
    soon = world.authority.issue(file="soon", not_after=datetime.now(UTC) + timedelta(days=12))
    listen = world.tenant_file().partition("[listen]\n")[2].partition("\n\n")[0]
    listen = listen.replace(str(world.certificate.certificate), str(soon.certificate))
    listen = listen.replace(str(world.certificate.private_key), str(soon.private_key))
    world.appliance.tenant("acme", world.tenant_file(listen=listen))
    assert operator.wait_for("certificate")["text"] == "[cgappliance] acme: the certificate expires in 11 days"
    world.appliance.tenant("acme", world.tenant_file())
    operator.wait_for("certificate", over=True)


def test_both_ways_tell_the_same_of_every_kind(operator):
    kinds = {"directory", "account_locked", "delegation", "tenant_file", "certificate"}
    assert kinds <= {post["kind"] for post in operator.posted}
    wait_until(lambda: len(operator.mails) == len(operator.posted), "as many mails as posts", TOLD_S)
    subjects = [" ".join(subject.split()) for subject in operator.mails]  # a long one was folded
    assert [post["text"] for post in operator.posted if not any(post["text"].startswith(subject) for subject in subjects)] == []


def test_no_secret_leaves_the_house(world, operator):
    text = json.dumps(operator.posted) + world.appliance.process.log_text()
    assert [secret for secret in (YUKI.password, TARO.password, "T0KEN", "ya29.") if secret in text] == []


def test_what_was_sent_is_in_the_log(world):
    assert [line for line in world.appliance.log_lines("alert.sent") if "kind=directory" in line]
    assert world.appliance.log_lines("alert.failed") == []
