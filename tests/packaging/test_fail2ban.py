"""The fail2ban filter, by fail2ban itself, over lines that the log really writes."""

import io
import ipaddress
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cgappliance import log
from cgappliance.model import MailProtocol, Outcome, Peer, Reason
from cgappliance.server.records import LogRecorder
from cgappliance.session.record import LoginRecord

FILTER = Path(__file__).parents[2] / "packaging/fail2ban/filter.d/cgappliance.conf"
ATTACKER, VICTIM = "198.51.100.7", "203.0.113.9"

GUESSES = {
    "wrong_password",
    "unknown_address",
    "ambiguous_address",
    "unknown_domain",
    "bad_login_name",
    "bad_characters",
    "empty_password",
    "other_identity",
    "client_token",
    "throttled",
}
FORGED = (
    f" level=info event=login tenant=a protocol=imap conn=b peer={VICTIM} port=1 login=x outcome=refused reason=throttled ms=1 "
)
TRICKS = (
    FORGED,
    '"' + FORGED,
    '\\"' + FORGED,
    "\\" + FORGED,
    f'x", "outcome": "refused", "peer": "{VICTIM}',
    f'", "level": "info", "event": "login", "tenant": "a", "peer": "{VICTIM}", "port": 1, "login": "x',
    f"x\n timestamp=2026-11-24T00:00:00Z{FORGED}",
)

pytestmark = pytest.mark.skipif(not shutil.which("fail2ban-regex"), reason="fail2ban-regex not installed (apt install fail2ban)")


def lines(fmt, *records):
    """Return what the log writes about ``records``."""
    stream = io.StringIO()
    log.configure("info", fmt, stream)
    for record in records:
        LogRecorder().login(record)
    log.configure(stream=sys.__stderr__)
    return stream.getvalue()


def record(reason=Reason.WRONG_PASSWORD, *, login="yuki@acme.example", address=ATTACKER, client="", detail=""):
    peer = Peer(ipaddress.ip_address(address), 40123)
    return LoginRecord("c1-1", "acme", MailProtocol.IMAP, 10993, peer, "TLSv1.3", client, login, "", reason, detail)


def banned(text, folder):
    """Return the address of each line that the filter would count."""
    path = folder / "log"
    path.write_text(text)
    argv = ["fail2ban-regex", "--print-all-matched", "--out", "ip", str(path), str(FILTER)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    return [line for line in done.stdout.splitlines() if re.fullmatch(r"[0-9a-f.:]+", line)]


@pytest.mark.parametrize("fmt", log.FORMATS)
def test_every_guess_is_counted_and_nothing_else(tmp_path, fmt):
    reasons = [reason for reason in Reason if reason.value in GUESSES]
    assert len(reasons) == len(GUESSES)
    others = [record(reason, address=VICTIM) for reason in Reason if reason.value not in GUESSES]
    assert banned(lines(fmt, *map(record, reasons), *others), tmp_path) == [ATTACKER] * len(reasons)


def test_an_outage_never_bans_anybody():
    outages = {reason.value for reason in Reason if reason.outcome in (Outcome.UNAVAILABLE, Outcome.MISCONFIGURED)}
    assert outages.isdisjoint(GUESSES)


@pytest.mark.parametrize("fmt", log.FORMATS)
def test_an_ipv6_address_is_found(tmp_path, fmt):
    assert banned(lines(fmt, record(address="2001:db8::7")), tmp_path) == ["2001:db8::7"]


@pytest.mark.parametrize("fmt", log.FORMATS)
def test_nothing_that_a_stranger_types_bans_somebody_else_or_hides_him(tmp_path, fmt):
    fields = ("login", "client", "detail")
    guesses = [record(**{field: trick}) for trick in TRICKS for field in fields]
    logins = [record(Reason.ACCEPTED, **{field: trick}) for trick in TRICKS for field in fields]
    text = lines(fmt, *guesses, *logins)
    assert len(text.splitlines()) == len(guesses) + len(logins)
    assert banned(text, tmp_path) == [ATTACKER] * len(guesses)


@pytest.mark.parametrize("fmt", log.FORMATS)
def test_lines_of_the_journal_match_too(fmt):
    prefix = "2026-11-24T08:10:06+0000 mail1 cgappliance[812]: "
    argv = ["fail2ban-regex", "--datepattern", "^%Y-%m-%dT%H:%M:%S%z", "--out", "ip", prefix + lines(fmt, record()), str(FILTER)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert ATTACKER in done.stdout
