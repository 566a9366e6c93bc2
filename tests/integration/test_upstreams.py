"""Real mail servers in Gmail's place: Dovecot for IMAP and POP3, Postfix for SMTP, by token (XOAUTH2) and by password."""

import base64
import hashlib
import itertools
import json
from email.message import EmailMessage
from urllib.parse import parse_qs

import pytest
from gevent.pywsgi import WSGIServer

from cgappliance.testing.gmail.service_account import ServiceAccount
from cgappliance.testing.lab import dovecot as dovecot_lab
from cgappliance.testing.lab import postfix as postfix_lab
from cgappliance.testing.lab.dovecot import Dovecot, Mailbox
from cgappliance.testing.lab.postfix import Postfix
from cgappliance.testing.lab.process import wait_until
from cgappliance.testing.lab.slapd import Person
from cgappliance.testing.lab.world import DOMAIN, YUKI, World

from .talking import IMAP, POP3, PROTOCOLS, SMTP, UNAVAILABLE

missing = dovecot_lab.unavailable() or postfix_lab.unavailable()
pytestmark = [pytest.mark.usefixtures("tidy"), pytest.mark.skipif(bool(missing), reason=missing)]

APP_PASSWORD = "abcdefghijklmnop"
PROVIDERS = ("service-account", "app-password")
STRANGER = Person(f"stranger@{DOMAIN}", "has no mailbox there")  # in the directory, not at the mail server


class TokenService:
    """Gives tokens for any assertion, and tells Dovecot whose a token is (RFC 7662)."""

    def __init__(self):
        self.good = True
        self._numbers, self._owners = itertools.count(1), {}
        self._server = WSGIServer(("127.0.0.1", 0), self, log=None)
        self._server.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __call__(self, environ, start_response):
        form = parse_qs(environ["wsgi.input"].read().decode())
        answer = self.issue(form["assertion"][0]) if environ["PATH_INFO"] == "/token" else self.introspect(form["token"][0])
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(answer).encode()]

    def issue(self, assertion):
        claims = json.loads(base64.urlsafe_b64decode(assertion.split(".")[1] + "=="))
        token = f"ya29.token-{next(self._numbers)}-" + "x" * 500
        self._owners[token] = claims["sub"]
        return {"access_token": token, "expires_in": 3599, "token_type": "Bearer"}

    def introspect(self, token):
        active = self.good and token in self._owners
        return {"active": active, **({"email": self._owners[token], "scope": "mail"} if active else {})}

    def stop(self):
        self._server.stop(timeout=1)


class RealServers(World):
    """A world whose tenant's mail lies at Dovecot and goes out through Postfix."""

    def __init__(self, folder, tokens):
        super().__init__(folder, people=(YUKI, STRANGER), limits={"upstream_timeout_s": 5})
        self.dovecot = Dovecot([Mailbox(YUKI.address, APP_PASSWORD)], self.authority, introspection_url=f"{tokens.url}/introspect")
        self.postfix = Postfix(self.dovecot, self.authority)
        self.more_upstream_ports = {self.dovecot.ports.imaps, self.dovecot.ports.pop3s, self.postfix.smtps_port}
        self.key = self._secret("key.json", ServiceAccount.generate(name="real").key_json(f"{tokens.url}/token"))
        known = (f'"{person.address}" = "{APP_PASSWORD}"\n' for person in self.people)
        self.passwords = self._secret("passwords.toml", "".join(known))
        self.provider = PROVIDERS[0]

    def _secret(self, name, text):
        path = self.bind_password_file.with_name(name)
        path.touch(mode=0o600)
        path.write_text(text)
        return path

    def tenant_file(self, **changes):
        google = {
            "service-account": f'service_account_file = "{self.key}"',
            "app-password": f'provider = "app-password"\npasswords_file = "{self.passwords}"',
        }[self.provider]
        upstream = (
            f'imaps = "localhost:{self.dovecot.ports.imaps}"\npop3s = "localhost:{self.dovecot.ports.pop3s}"\n'
            f'smtps = "localhost:{self.postfix.smtps_port}"\nca_file = "{self.authority.ca_file}"'
        )
        return super().tenant_file(**{"google": google, "upstream": upstream, **changes})


@pytest.fixture(scope="module")
def tokens():
    service = TokenService()
    yield service
    service.stop()


@pytest.fixture(scope="module")
def world(tmp_path_factory, tokens):
    world = RealServers(tmp_path_factory.mktemp("world"), tokens)
    with world.dovecot, world.postfix, world:
        yield world


@pytest.fixture(params=PROVIDERS)
def provider(world, request):
    """How the appliance logs in at the servers."""
    world.provider = request.param
    world.appliance.tenant("acme", world.tenant_file())
    world.appliance.ask("reload")
    return request.param


def message(subject, body="Hello.\n"):
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "somebody@elsewhere.test", YUKI.address, subject
    made.set_content(body)
    return made


@pytest.mark.usefixtures("provider")
def test_imap_fetches_searches_and_stores(world, talk):
    world.dovecot.deliver(message("for imap"), YUKI.address)
    client = talk(IMAP)
    assert client.log_in_as(YUKI).startswith(b"OK ")
    client.ask(b"a1 SELECT INBOX")
    client.say(b'a2 UID SEARCH SUBJECT "for imap"')
    uid = client.expect(b"a2 OK").partition(b"* SEARCH ")[2].split()[0]
    client.line()
    client.say(b"a3 UID FETCH " + uid + b" (BODY[HEADER.FIELDS (SUBJECT)])")
    assert b"Subject: for imap" in client.expect(b"a3 OK")
    client.line()
    assert client.ask(b"a1 UID STORE " + uid + b" +FLAGS (\\Deleted)").startswith(b"OK")
    client.say(b"a4 LOGOUT")
    assert b"a4 OK" in client.rest()


@pytest.mark.usefixtures("provider")
def test_imap_client_sees_the_servers_capabilities_after_login(talk):
    client = talk(IMAP)
    assert b"CONDSTORE" not in client.greeting
    client.say(b"a1 LOGIN " + YUKI.address.encode() + b" {%d+}" % len(YUKI.password.encode()))
    client.say(YUKI.password.encode())
    assert b"CONDSTORE" in client.expect(b"a1 OK") + client.line()


@pytest.mark.usefixtures("provider")
def test_imap_idle_hears_of_new_mail(world, talk):
    client = talk(IMAP)
    client.log_in_as(YUKI)
    client.ask(b"a1 SELECT INBOX")
    client.say(b"a2 IDLE")
    client.expect(b"+ ")
    world.dovecot.deliver(message("while idle"), YUKI.address)
    client.expect(b" EXISTS")
    client.say(b"DONE")
    client.expect(b"a2 OK")


@pytest.mark.usefixtures("provider")
def test_imap_append_and_fetch_of_megabytes_are_byte_for_byte(talk):
    lines = (hashlib.sha256(b"%d" % number).hexdigest().encode() + b"\r\n" for number in range(60_000))
    body = b"Subject: big\r\n\r\n" + b"".join(lines)
    client = talk(IMAP)
    client.log_in_as(YUKI)
    assert client.ask(b"a1 APPEND INBOX {%d}" % len(body)).startswith(b"+")
    client.send(body + b"\r\n")
    assert b"APPENDUID" in client.answer()
    client.ask(b"a1 SELECT INBOX")
    client.say(b"a2 FETCH * BODY.PEEK[]")
    assert body in client.expect(b"a2 OK")


@pytest.mark.usefixtures("provider")
def test_pop3_fetches_and_deletes(world, talk):
    world.dovecot.deliver(message("for pop3"), YUKI.address)
    client = talk(POP3)
    assert client.log_in_as(YUKI).startswith(b"+OK")
    number = client.ask(b"STAT").split()[1]
    client.say(b"RETR " + number)
    assert b"Subject: for pop3" in client.expect(b"\r\n.\r\n")
    assert client.ask(b"DELE " + number).startswith(b"+OK")
    assert client.ask(b"QUIT").startswith(b"+OK")
    client = talk(POP3)
    client.log_in_as(YUKI)
    assert client.ask(b"STAT").split()[1] == b"%d" % (int(number) - 1)


@pytest.mark.usefixtures("provider")
@pytest.mark.parametrize("by", [b"DATA", b"BDAT"])
def test_smtp_sends_and_the_mail_arrives(world, talk, by):
    subject = b"sent by " + by + b" " + world.provider.encode()
    mail = b"From: yuki@acme.example\r\nTo: yuki@acme.example\r\nSubject: " + subject + b"\r\n\r\n..\r\nhello\r\n"
    client = talk(SMTP)
    assert client.log_in_as(YUKI).startswith(b"235 ")
    assert client.ask(b"MAIL FROM:<yuki@acme.example> BODY=8BITMIME").startswith(b"250 ")
    assert client.ask(b"RCPT TO:<yuki@acme.example>").startswith(b"250 ")
    if by == b"DATA":
        assert client.ask(b"DATA").startswith(b"354 ")
        assert client.ask(mail.replace(b"\r\n.", b"\r\n..") + b".").startswith(b"250 ")
    else:
        client.send(b"BDAT %d LAST\r\n" % len(mail) + mail)
        assert client.answer().startswith(b"250 ")
    assert client.ask(b"QUIT").startswith(b"221 ")
    wait_until(lambda: subject in in_inbox(talk), "the mail arrived")


def in_inbox(talk):
    client = talk(IMAP)
    client.log_in_as(YUKI)
    client.ask(b"a1 SELECT INBOX")
    client.say(b"a2 FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]")
    got = client.expect(b"a2 ")
    client.close()
    return got


@pytest.mark.usefixtures("provider")
def test_smtp_client_is_offered_what_the_server_offered_last(talk):
    assert talk(SMTP).log_in_as(YUKI).startswith(b"235 ")
    client = talk(SMTP)
    client.say(b"EHLO client.example")
    words = client.expect(b"AUTH PLAIN LOGIN\r\n")
    assert b"SIZE 35882577" in words
    assert b"CHUNKING" in words
    assert b"DSN" not in words


def test_token_that_the_server_refuses_is_an_outage(world, tokens, talk, log):
    world.provider = "service-account"
    world.appliance.tenant("acme", world.tenant_file())
    world.appliance.ask("reload")
    tokens.good = False
    try:
        told = {protocol: talk(protocol).log_in_as(YUKI) for protocol in PROTOCOLS}
    finally:
        tokens.good = True
    assert told == UNAVAILABLE
    assert {entry["reason"] for entry in log()} == {"credential_refused"}


def test_account_that_the_server_does_not_know_is_an_outage(world, talk, log):
    world.provider = "app-password"
    world.appliance.tenant("acme", world.tenant_file())
    world.appliance.ask("reload")
    told = {protocol: talk(protocol).log_in_as(STRANGER) for protocol in PROTOCOLS}
    assert told == UNAVAILABLE
    assert {entry["reason"] for entry in log()} == {"credential_refused"}


@pytest.mark.usefixtures("provider")
def test_server_that_is_down_is_an_outage_and_serves_again_when_it_is_up(world, talk, log):
    world.dovecot.stop()
    try:
        assert talk(IMAP).log_in_as(YUKI) == UNAVAILABLE[IMAP]
    finally:
        world.dovecot.start()
    assert log()[0]["reason"] == "upstream_unavailable"
    assert talk(IMAP).log_in_as(YUKI).startswith(b"OK")
