"""A real OpenLDAP server: LDAP with StartTLS, LDAPS, password policy and groups, seeded from a short list of people.

Works with Debian 12's slapd 2.5 and Debian 13's 2.6, as root or as anybody else. It refuses every operation over an unprotected
connection (``security ssf=1``): a password that a client sends in the clear is an error that a test sees. What it holds is
described in ``slapd_data.py``.
"""

from __future__ import annotations

import shutil
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from cgappliance.testing.lab.certificates import Authority, KeyPair
from cgappliance.testing.lab.process import (
    CONNECT_TIMEOUT_S,
    ENDED_AS_ASKED,
    ServerFailed,
    ServerProcess,
    clean_environment,
    free_port,
    port_open,
)
from cgappliance.testing.lab.slapd_data import SERVICE_DN, SERVICE_PASSWORD, SUFFIX, Person, Policy, entries, ldif

__all__ = ["Person", "Policy", "Slapd"]

PROGRAM = "/usr/sbin/slapd"  #: Debian's place; not in the path of an ordinary user
SCHEMA = Path("/etc/ldap/schema")
#: slapd 2.6.10 crashes now and then while it shuts down with connections open; its data is safe, and it was told to end
EXITS = ENDED_AS_ASKED | {-signal.SIGSEGV}
TOOL_TIMEOUT_S = 30.0  #: slapadd of 1000 people needs 0.03 s


class Slapd:
    """A directory of its own folder and ports.

    ``with Slapd(folder, people=[Person("yuki@lab.test", "pw")]) as slapd:`` runs it; ``slapd.ldaps_url``, ``slapd.ca_file``,
    ``slapd.bind_dn`` and ``slapd.bind_password`` are what a client needs. Data and ports survive ``stop`` and ``start``.
    """

    def __init__(
        self,
        folder: Path,
        *,
        people: Iterable[Person] = (),
        policy: Policy | None = None,
        authority: Authority | None = None,
        key_pair: KeyPair | None = None,
        memberof: bool = True,
        host: str = "127.0.0.1",
        idle_timeout_s: int = 0,
    ) -> None:
        """Write configuration and data; nothing runs before ``start``.

        Args:
            folder: is made, and holds everything.
            people: who is in the directory; the groups that they name are made.
            policy: default: nobody is ever locked by wrong passwords.
            authority: issues the server's certificate; default: a new one.
            key_pair: another certificate than the good one.
            memberof: whether entries say which groups they are members of.
            host: the loopback address to listen on.
            idle_timeout_s: seconds after which it closes idle connections; 0: never.
        """
        self.folder = folder
        for name in ("data", "run"):
            (folder / name).mkdir(parents=True)
        self.host, self.ldap_port, self.ldaps_port = host, free_port(host), free_port(host)
        authority = authority or Authority(folder)
        self.ca_file = authority.ca_file
        self.base_dn = SUFFIX
        self.bind_dn, self.bind_password = SERVICE_DN, SERVICE_PASSWORD
        self.admin_dn, self.admin_password = f"cn=admin,{SUFFIX}", "admin-secret"
        self._memberof = memberof
        self._write_configuration(key_pair or authority.issue(file="slapd"), idle_timeout_s)
        self._load(ldif(entries(list(people), policy or Policy(), memberof=memberof)))
        self.process = self._process()

    @property
    def ldaps_url(self) -> str:
        """The URL for TLS from the first byte."""
        return f"ldaps://{self.host}:{self.ldaps_port}"

    @property
    def ldap_url(self) -> str:
        """The URL for StartTLS."""
        return f"ldap://{self.host}:{self.ldap_port}"

    @property
    def _socket_url(self) -> str:
        return "ldapi://" + quote(str(self.folder / "run" / "ldapi"), safe="")

    def start(self) -> Self:
        """Start it, or start it again, on the same ports; returns when both answer."""
        self.process.start()
        return self

    def stop(self) -> None:
        """Stop it; its ports refuse connections then."""
        self.process.stop()

    def stall(self) -> None:
        """Keep ports and connections open and answer nothing, until ``resume``."""
        self.process.stall()

    def resume(self) -> None:
        """Answer again, also what was asked meanwhile."""
        self.process.resume()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """It does not run inside, and runs again after it."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """It answers nothing inside, and answers what it was asked after it."""
        self.stall()
        try:
            yield
        finally:
            self.resume()

    def modify(self, changes: str) -> None:
        """Change the running directory as its administrator; ``changes`` are LDIF change records (ldif(5)).

        Raises:
            ServerFailed: it refused the change.
        """
        command = ["ldapmodify", "-H", self._socket_url, "-x", "-D", self.admin_dn, "-w", self.admin_password]
        _run(command, changes)

    def count(self, words: str) -> int:
        """Return how many lines of its log hold ``words``: ``BIND dn="uid=yuki,`` with ``method=128`` is a try with a password."""
        return sum(words in line for line in self.process.log_text().splitlines())

    def _process(self) -> ServerProcess:
        urls = f"ldap://{self.host}:{self.ldap_port}/ ldaps://{self.host}:{self.ldaps_port}/ {self._socket_url}"
        return ServerProcess(
            [PROGRAM, "-d", "stats", "-f", self.folder / "slapd.conf", "-h", urls],
            log=self.folder / "slapd.log",
            exits=EXITS,
            ready=lambda: port_open(self.host, self.ldap_port) and _shakes_hands(self.host, self.ldaps_port),
        )

    def _write_configuration(self, pair: KeyPair, idle_timeout_s: int) -> None:
        modules = "back_mdb ppolicy" + (" memberof" if self._memberof else "")
        (self.folder / "slapd.conf").write_text(
            "\n".join(
                [
                    *(f"include {SCHEMA / name}.schema" for name in ("core", "cosine", "inetorgperson")),
                    f"pidfile {self.folder}/run/slapd.pid",
                    f"argsfile {self.folder}/run/slapd.args",
                    "modulepath /usr/lib/ldap",
                    *(f"moduleload {module}" for module in modules.split()),
                    f"TLSCACertificateFile {self.ca_file}",
                    f"TLSCertificateFile {pair.certificate}",
                    f"TLSCertificateKeyFile {pair.private_key}",
                    "TLSVerifyClient never",
                    "TLSProtocolMin 3.3",
                    "security ssf=1",
                    f"idletimeout {idle_timeout_s}",
                    "sizelimit unlimited",
                    "database mdb",
                    f'suffix "{SUFFIX}"',
                    f'rootdn "{self.admin_dn}"',
                    f"rootpw {self.admin_password}",
                    f"directory {self.folder}/data",
                    "maxsize 268435456",
                    "dbnosync",
                    "index objectClass,mail,uid,member eq",
                    "access to attrs=userPassword by self =xw by anonymous auth by * none",
                    f'access to * by dn.exact="{self.bind_dn}" read by * none',
                    *(["overlay memberof"] if self._memberof else []),
                    "overlay ppolicy",
                    f'ppolicy_default "cn=default,ou=policies,{SUFFIX}"',
                    "ppolicy_use_lockout",
                    "",
                ]
            )
        )

    def _load(self, data: str) -> None:
        slapadd = shutil.which("slapadd", path=clean_environment()["PATH"]) or "slapadd"
        _run([slapadd, "-q", "-f", str(self.folder / "slapd.conf")], data)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.process.__exit__(kind, error, trace)


def _shakes_hands(host: str, port: int) -> bool:
    """Return whether a TLS handshake succeeds. An open port is not enough: slapd that is ended just then reports a failure."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # a test may have given it a wrong certificate
    try:
        with socket.create_connection((host, port), CONNECT_TIMEOUT_S) as plain, context.wrap_socket(plain):
            return True
    except OSError:
        return False


def _run(command: Sequence[str], text: str) -> None:
    done = subprocess.run(
        command,
        input=text,
        capture_output=True,
        text=True,
        env=clean_environment(),
        timeout=TOOL_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        raise ServerFailed(f"{Path(command[0]).name} ended with status {done.returncode}\n{done.stderr}")
