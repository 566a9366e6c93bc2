"""Sends alerts: by mail through a server nearby, and to a webhook as JSON. Blocks, cooperatively; called in a worker.

The supervisor does not send itself: looking up a name takes a thread, and it has none.
"""

from __future__ import annotations

import http.client
import json
import smtplib
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from cgappliance.config.values import AlertSettings
from cgappliance.secret import Secret

TIMEOUT_S: Final = 20.0  #: for one mail or one request
MAX_URL_CHARS: Final = 2000  #: of a webhook


class NotSent(Exception):
    """An alert could not be sent; the message says why, without a secret."""


@dataclass(frozen=True, slots=True)
class Alert:
    """What is sent."""

    kind: str
    tenant: str
    subject: str  #: an account; "" otherwise
    text: str
    over: bool
    node: str
    at: str  #: ISO 8601, UTC
    held_back: int  #: alerts that were not sent since the last one, because there were too many

    @property
    def headline(self) -> str:
        """One line that says it all."""
        where = f"{self.tenant}: " if self.tenant else ""
        return f"[cgappliance] {'over: ' if self.over else ''}{where}{self.text}"


def send(settings: AlertSettings, alert: Alert) -> None:
    """Send an alert on all ways that are set. Blocks.

    Raises:
        NotSent: one of them failed; the others were tried all the same.
    """
    failures = []
    for way, wanted in ((send_mail, settings.mail_to), (send_webhook, settings.webhook_url_file)):
        if wanted:
            try:
                way(settings, alert)
            except NotSent as failure:
                failures.append(str(failure))
    if failures:
        raise NotSent("; ".join(failures))


def send_mail(settings: AlertSettings, alert: Alert) -> None:
    """Send an alert by mail. Blocks.

    Raises:
        NotSent: the server cannot be reached, or does not take it.
    """
    message = EmailMessage()
    message["Subject"] = alert.headline
    message["From"] = settings.mail_from or f"cgappliance@{alert.node}"
    message["To"] = ", ".join(settings.mail_to)
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=alert.node)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence note shall answer
    message.set_content(_body(alert))
    server = settings.smtp_server
    try:
        with smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S) as smtp:
            smtp.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        raise NotSent(f"mail through {server}: {error}") from error


def _body(alert: Alert) -> str:
    rows = [
        ("What", alert.text + (" - this is over" if alert.over else "")),
        ("Tenant", alert.tenant),
        ("Account", alert.subject),
        ("Node", alert.node),
        ("Time", alert.at),
    ]
    lines = [f"{name + ':':<9}{value}" for name, value in rows if value]
    if alert.held_back:
        lines += ["", f"{alert.held_back} more alerts were not sent, because there were too many within an hour."]
    return "\n".join([*lines, "", "See 'cgappliance status' and the log.", ""])


def send_webhook(settings: AlertSettings, alert: Alert) -> None:
    """Post an alert as JSON; ``text`` is what chat services show. Blocks.

    Raises:
        NotSent: the URL cannot be read, or the server does not answer with 2xx.
    """
    url = _url(settings.webhook_url_file)
    body = json.dumps(_as_data(alert), ensure_ascii=False).encode()
    request = urllib.request.Request(url.reveal(), body, {"Content-Type": "application/json"}, method="POST")  # noqa: S310 - checked
    host = urlsplit(url.reveal()).hostname
    opener = urllib.request.build_opener(_NoRedirects, urllib.request.HTTPSHandler(context=ssl.create_default_context()))
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            answer.read(1)
    except urllib.error.HTTPError as error:
        raise NotSent(f"webhook at {host}: answered {error.code}") from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise NotSent(f"webhook at {host}: {type(error).__name__}: {reason}") from None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A webhook that moved is the operator's business: what is posted shall not go where he did not send it."""

    def redirect_request(self, *_: object) -> None:
        """Follow none."""


def _as_data(alert: Alert) -> Mapping[str, Any]:
    names = ("kind", "tenant", "subject", "over", "node", "at", "held_back")
    return {"text": alert.headline, **{name: getattr(alert, name) for name in names}}


def _url(path: Path | None) -> Secret:
    """Return the webhook's address: whoever knows it can post there, so it is a secret and stands in a file."""
    if path is None:
        raise NotSent("webhook: no file is set")
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NotSent(f"webhook: {path} cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}") from None
    parts = urlsplit(text)
    if parts.scheme not in ("https", "http") or not parts.hostname or len(text) > MAX_URL_CHARS or not text.isprintable():
        raise NotSent(f"webhook: {path} does not hold one URL that begins with https://")
    return Secret(text)
