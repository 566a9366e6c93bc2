"""A real Dovecot as a stand-in for Gmail: IMAPS and POP3S with passwords and XOAUTH2 tokens, mail coming in by LMTP.

Works with Debian 12's Dovecot 2.3 and Debian 13's 2.4, as root or as anybody else; as root it runs as ``nobody``, because Dovecot
lets nobody read mail as root. Debian's packages: dovecot-imapd, dovecot-pop3d, dovecot-lmtpd.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import smtplib
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Iterable
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Self

from cgappliance.testing.lab.certificates import Authority, KeyPair
from cgappliance.testing.lab.dovecot_config import Mailbox, Ports, Wanted, files
from cgappliance.testing.lab.process import CONNECT_TIMEOUT_S, ServerFailed, ServerProcess, clean_environment, free_port

__all__ = ["Dovecot", "Mailbox"]

PROGRAM = "/usr/sbin/dovecot"  #: Debian's place; not in the path of an ordinary user
UNPRIVILEGED = "nobody"  #: who runs it when root starts it
VERSION_TIMEOUT_S = 10.0
LMTP_TIMEOUT_S = 10.0


class Dovecot:
    """A mail server of its own folder and ports.

    ``with Dovecot([Mailbox("yuki@lab.test", "app-password")], authority) as dovecot:`` runs it; ``dovecot.ports`` and
    ``dovecot.ca_file`` are what a client needs. Mail and ports survive ``stop`` and ``start``, until the block ends.

    The folder is a short one under the system's temporary folder: its sockets' names may have 107 characters, and an unprivileged
    user must be able to reach it, which is not so below pytest's.
    """

    def __init__(
        self,
        mailboxes: Iterable[Mailbox],
        authority: Authority,
        *,
        introspection_url: str = "",
        certificate: KeyPair | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        """Write its configuration; nothing runs before ``start``.

        Args:
            mailboxes: its accounts.
            authority: issues its certificate and is what ``ca_file`` trusts.
            introspection_url: where it asks whose a token is, by POST of the form field ``token`` (RFC 7662 2.1): the answer's
                ``active`` must be true and its ``email`` the address; default: it takes no tokens.
            certificate: one to show instead, good or bad.
            host: the loopback address to listen on.
        """
        self.host = host
        self.mailboxes = tuple(mailboxes)
        self.ports = Ports(imaps=free_port(host), pop3s=free_port(host), lmtp=free_port(host), sasl=free_port(host))
        self.ca_file = authority.ca_file
        self.folder = Path(tempfile.mkdtemp(prefix="cg-dovecot-"))
        account = pwd.getpwnam(UNPRIVILEGED) if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        wanted = Wanted(self.folder, account.pw_name, grp.getgrgid(account.pw_gid).gr_name, host, self.ports, introspection_url)
        pair = certificate or authority.issue(file=f"dovecot-{self.ports.imaps}")
        shutil.copyfile(pair.certificate, self.folder / "server.crt")
        shutil.copyfile(pair.private_key, self.folder / "server.key")
        for name, text in files(version(), wanted, self.mailboxes).items():
            (self.folder / name).write_text(text)
        for name in ("run", "state", "mail"):
            (self.folder / name).mkdir()
        drop = self._give_to(account) if os.geteuid() == 0 else []
        self.process = ServerProcess(
            [*drop, PROGRAM, "-F", "-c", self.folder / "dovecot.conf"],
            log=self.folder / "output.log",
            ready=self._greets,
        )

    def _give_to(self, account: pwd.struct_passwd) -> list[str]:
        """Give the folder to the account and return what starts a program as it."""
        for path in (self.folder, *self.folder.iterdir()):
            os.chown(path, account.pw_uid, account.pw_gid)
        # a change of user makes the kernel forget whose death ends the process: say it again
        return ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups", "--pdeathsig", "TERM", "--"]

    def _greets(self) -> bool:
        """Return whether a client is greeted.

        The ports are open some time before, and a server told to end in between takes five seconds: its processes wait for each
        other. One greeting is enough, all ports are opened at the same moment.
        """
        context = ssl.create_default_context(cafile=self.ca_file)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # its certificate may be a bad one on purpose
        try:
            with (
                socket.create_connection((self.host, self.ports.imaps), CONNECT_TIMEOUT_S) as raw,
                context.wrap_socket(raw) as imap,
            ):
                return imap.recv(1024).startswith(b"* OK")
        except OSError:
            return False

    def start(self) -> Self:
        """Start it and wait until it greets its clients. Raises ServerFailed."""
        self.process.start()
        return self

    def stop(self) -> None:
        """End it; it may be started again. Raises ServerFailed."""
        self.process.stop()

    def deliver(self, message: EmailMessage, recipient: str, sender: str = "somebody@elsewhere.test") -> None:
        """Put a message into a mailbox, as mail from the Internet comes in.

        Raises:
            smtplib.SMTPException: it was refused.
        """
        with smtplib.LMTP(self.host, self.ports.lmtp, timeout=LMTP_TIMEOUT_S) as client:
            client.send_message(message, sender, [recipient])

    def log_text(self) -> str:
        """Return what it has logged so far."""
        log = self.folder / "dovecot.log"
        return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self.process.__exit__(kind, error, trace)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


def version() -> str:
    """Return Dovecot's version, such as "2.3.19.1".

    Raises:
        ServerFailed: it is not installed.
    """
    if reason := unavailable():
        raise ServerFailed(reason)
    done = subprocess.run(
        [PROGRAM, "--version"], capture_output=True, text=True, env=clean_environment(), timeout=VERSION_TIMEOUT_S, check=True
    )
    return done.stdout.split()[0]


def unavailable() -> str:
    """Return why this machine cannot run it, or "" when it can: for ``pytest.mark.skipif``."""
    return "" if Path(PROGRAM).exists() else "dovecot not installed (apt install dovecot-imapd dovecot-pop3d dovecot-lmtpd)"
