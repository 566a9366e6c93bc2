"""Login records for tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cgappliance.model import MailProtocol, Peer, Reason
from cgappliance.session.record import LoginRecord, SessionEnd

RECORD = LoginRecord(
    session="s-1",
    tenant="acme",
    protocol=MailProtocol.IMAP,
    local_port=10993,
    peer=Peer.of("192.0.2.7", 50123),
    tls_version="TLSv1.3",
    client='"name" "Thunderbird"',
    login="Yuki@acme.example",
    address="yuki@acme.example",
    reason=Reason.ACCEPTED,
    phases_ms={"directory": 3.21},
    total_ms=1500.0,
)
END = SessionEnd("closed", "", 1234, 56789, 61.5)


def record(**changes: Any) -> LoginRecord:
    return replace(RECORD, **changes)
