"""A real Postfix as a stand-in for Gmail's submission: SMTPS, login by Dovecot (PLAIN, LOGIN, XOAUTH2), delivery into Dovecot.

Runs as root only, as Postfix does. Debian's package: postfix.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from cgappliance.testing.lab.certificates import Authority, KeyPair
from cgappliance.testing.lab.dovecot import Dovecot
from cgappliance.testing.lab.postfix_config import Wanted, files
from cgappliance.testing.lab.process import ServerProcess, clean_environment, free_port, port_open, wait_until

#: started itself: "postfix start" examines the installation first, which takes two seconds
PROGRAM = "/usr/lib/postfix/sbin/master"
#: Postfix reads a file that changed less than two seconds ago again and again, in case somebody is still writing it
LONG_AGO_S = 0.0
OWN_FOLDERS = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace")


class Postfix:
    """A submission server of its own folder and port, in front of a Dovecot.

    ``with Dovecot(...) as dovecot, Postfix(dovecot, authority) as postfix:`` runs it; ``postfix.smtps_port`` and
    ``postfix.ca_file`` are what a client needs. Mail to Dovecot's mailboxes arrives there, all other is refused.
    """

    def __init__(
        self, dovecot: Dovecot, authority: Authority, *, certificate: KeyPair | None = None, hostname: str = "smtp.gmail.lab.test"
    ) -> None:
        """Write its configuration; nothing runs before ``start``.

        Args:
            dovecot: checks the logins and takes the mail; it must run while mail is sent.
            authority: issues its certificate and is what ``ca_file`` trusts.
            certificate: one to show instead, good or bad.
            hostname: what it calls itself.
        """
        self.host = dovecot.host
        self.smtps_port = free_port(self.host)
        self.ca_file = authority.ca_file
        self.folder = Path(tempfile.mkdtemp(prefix="cg-postfix-"))  # short, and reachable by the user postfix, as dovecot's
        self.folder.chmod(0o755)
        pair = certificate or authority.issue(file=f"postfix-{self.smtps_port}")
        shutil.copyfile(pair.certificate, self.folder / "server.crt")
        shutil.copyfile(pair.private_key, self.folder / "server.key")
        (self.folder / "server.key").chmod(0o600)
        addresses = tuple(mailbox.address for mailbox in dovecot.mailboxes)
        wanted = Wanted(self.folder, self.host, self.smtps_port, hostname, addresses, dovecot.ports.lmtp, dovecot.ports.sasl)
        for name, text in files(wanted).items():
            (self.folder / name).write_text(text)
            os.utime(self.folder / name, (LONG_AGO_S, LONG_AGO_S))
        self._make_queue()
        self.process = ServerProcess(
            [PROGRAM, "-d", "-c", self.folder],
            log=self.folder / "output.log",
            environment=clean_environment(MAIL_CONFIG=str(self.folder)),
            ready=lambda: port_open(self.host, self.smtps_port),
        )

    def _make_queue(self) -> None:
        """Make the folders that Postfix expects, with the owners and modes that it insists on."""
        owner, drop = pwd.getpwnam("postfix").pw_uid, grp.getgrnam("postdrop").gr_gid
        spool = self.folder / "spool"
        spool.mkdir()
        (spool / "pid").mkdir()
        for path in (self.folder / "data", *(spool / name for name in OWN_FOLDERS)):
            path.mkdir(mode=0o700)
            os.chown(path, owner, -1)
        for name, mode in (("public", 0o2710), ("maildrop", 0o1730)):
            path = spool / name
            path.mkdir()
            os.chown(path, owner, drop)
            path.chmod(mode)

    def start(self) -> Self:
        """Start it and wait until its port is open. Raises ServerFailed."""
        self.process.start()
        return self

    def stop(self) -> None:
        """End it and wait until its port is closed; it may be started again. Raises ServerFailed and TimeoutError."""
        self.process.stop()
        # the master leaves its children to be killed, and they hold the port a moment longer
        wait_until(lambda: not port_open(self.host, self.smtps_port), "postfix's port closed")

    def log_text(self) -> str:
        """Return what it has logged so far."""
        log = self.folder / "postfix.log"
        return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self.process.__exit__(kind, error, trace)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


def unavailable() -> str:
    """Return why this machine cannot run it, or "" when it can: for ``pytest.mark.skipif``."""
    if not Path(PROGRAM).exists():
        return "postfix not installed (apt install postfix)"
    return "" if os.geteuid() == 0 else "only root may run Postfix"
