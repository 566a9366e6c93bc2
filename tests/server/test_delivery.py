"""Alerts on their way: to an SMTP server, and to an HTTP server that keeps what it gets."""

import json
from email import message_from_bytes, policy

import gevent
import pytest
from gevent.pywsgi import WSGIServer
from gevent.server import StreamServer

from cgappliance.config.values import AlertSettings
from cgappliance.model import HostPort
from cgappliance.server.delivery import Alert, NotSent, send

ALERT = Alert(
    "directory", "acme", "", "directory: no answer", over=False, node="mail1", at="2026-11-24T08:10:06+00:00", held_back=3
)
NOBODY = HostPort("127.0.0.1", 1)


@pytest.fixture
def mailbox():
    """An SMTP server; ``mailbox.mails`` is what it took."""

    class Mailbox:
        def __init__(self):
            self.mails = []
            self.server = StreamServer(("127.0.0.1", 0), self.serve)
            self.server.start()

        def serve(self, sock, _address):
            with sock, sock.makefile("rwb") as file:
                self.say(file, "220 test")
                for line in file:
                    verb = line[:4].upper()
                    if verb == b"DATA":
                        self.say(file, "354 go")
                        self.mails.append(b"".join(iter(file.readline, b".\r\n")))
                    self.say(file, "221 bye" if verb == b"QUIT" else "250 ok")

        def say(self, file, text):
            file.write(text.encode() + b"\r\n")
            file.flush()

    mailbox = Mailbox()
    yield mailbox
    mailbox.server.stop()


@pytest.fixture
def hook():
    """An HTTP server; ``hook.posted`` is what it got, ``hook.status`` what it answers."""

    class Hook:
        status, headers = "200 OK", ()

        def __init__(self):
            self.posted = []
            self.server = WSGIServer(("127.0.0.1", 0), self.answer, log=None)
            self.server.start()

        def answer(self, environ, start_response):
            self.posted.append((environ["REQUEST_METHOD"], environ["PATH_INFO"], json.loads(environ["wsgi.input"].read())))
            start_response(self.status, [*self.headers, ("Content-Length", "0")])
            return []

        @property
        def url(self):
            return f"http://127.0.0.1:{self.server.server_port}/secret-path"

    hook = Hook()
    yield hook
    hook.server.stop()


@pytest.fixture
def settings(tmp_path):
    """Return a function that makes settings: mail through a port, a webhook to a URL."""

    def make(*, port=None, url=None):
        file = tmp_path / "webhook"
        file.write_text(f"{url}\n")
        server = HostPort("127.0.0.1", port) if port else NOBODY
        to = ("ops@example.org", "boss@example.org") if port else ()
        return AlertSettings(to, "", server, file if url else None, 60, 3600, 20, 30)

    return make


def test_a_mail_says_what_where_and_when(mailbox, settings):
    send(settings(port=mailbox.server.server_port), ALERT)
    mail = message_from_bytes(mailbox.mails[0], policy=policy.default)
    assert mail["Subject"] == "[cgappliance] acme: directory: no answer"
    assert (mail["To"], mail["From"]) == ("ops@example.org, boss@example.org", "cgappliance@mail1")
    assert mail["Auto-Submitted"] == "auto-generated"
    body = mail.get_content()
    assert "2026-11-24T08:10:06+00:00" in body
    assert "3 more alerts were not sent" in body


def test_a_webhook_gets_json_that_chat_services_understand(hook, settings):
    send(settings(url=hook.url), ALERT)
    [(method, path, data)] = hook.posted
    assert (method, path, data["text"]) == ("POST", "/secret-path", "[cgappliance] acme: directory: no answer")
    assert (data["kind"], data["tenant"], data["over"], data["node"]) == ("directory", "acme", False, "mail1")


def test_both_ways_are_tried_although_one_fails(mailbox, hook, settings):
    hook.status = "500 Internal Server Error"
    with pytest.raises(NotSent, match=r"webhook at 127\.0\.0\.1: answered 500"):
        send(settings(port=mailbox.server.server_port, url=hook.url), ALERT)
    assert len(mailbox.mails) == 1


def test_the_secret_of_a_webhook_is_in_no_error(hook, settings):
    hook.status = "403 Forbidden"
    with pytest.raises(NotSent) as failed:
        send(settings(url=hook.url), ALERT)
    hook.server.stop()
    with pytest.raises(NotSent) as refused:
        send(settings(url=hook.url), ALERT)
    assert "secret-path" not in f"{failed.value} {refused.value}"


def test_a_webhook_that_moved_is_not_followed(hook, settings):
    hook.status, hook.headers = "307 Temporary Redirect", (("Location", hook.url + "/elsewhere"),)
    with pytest.raises(NotSent, match="answered 307"):
        send(settings(url=hook.url), ALERT)
    assert len(hook.posted) == 1


@pytest.mark.parametrize("text", ["", "ftp://example.org/x", "https://", "file:///etc/passwd", "https://example.org/\x07"])
def test_a_file_that_holds_no_url_is_told(settings, text):
    with pytest.raises(NotSent, match="does not hold one URL"):
        send(settings(url=text or " "), ALERT)


def test_a_server_that_is_not_there_is_told(settings):
    with pytest.raises(NotSent, match=r"mail through 127\.0\.0\.1:1: .*refused"):
        send(AlertSettings(("a@b.example",), "", NOBODY, None, 60, 3600, 20, 30), ALERT)


def test_sending_does_not_stop_the_hub(mailbox, settings):
    ticks = []
    ticker = gevent.spawn(lambda: [ticks.append(1) or gevent.sleep(0) for _ in range(10)])
    send(settings(port=mailbox.server.server_port), ALERT)
    ticker.join()
    assert len(ticks) == 10
