"""What all peers share: certificates, the directory, the upstream with its token endpoint. Started once per benchmark."""

from __future__ import annotations

import contextlib
import json
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from benchmarks.harness.cores import Cores, pinned
from cgappliance.testing.lab.certificates import Authority, KeyPair
from cgappliance.testing.lab.process import ServerProcess
from cgappliance.testing.lab.slapd import Person, Slapd

HOST_NAME = "mail.bench.test"  #: what the load generator expects in every peer's certificate
LISTENERS = (
    "imap:tls",
    "pop3:tls",
    "smtp:tls",
    "imap:tls-no-tickets",
    "pop3:tls-no-tickets",
    "smtp:tls-no-tickets",
    "imap:plain",
    "pop3:plain",
    "smtp:plain",
    "http:plain",
)
STATS_TIMEOUT_S = 10.0


def address(user: int, tenants: int = 1) -> str:
    """Return the mail address of account number ``user`` (``dialogue.c`` makes the same)."""
    return f"u{user:06d}@t{user % tenants:03d}.bench.test"


def domain(tenant: int) -> str:
    """Return the mail domain of tenant number ``tenant``."""
    return f"t{tenant:03d}.bench.test"


def people(count: int, tenants: int = 1) -> Iterator[Person]:
    """Yield the people behind accounts 0 to ``count`` - 1."""
    for user in range(count):
        mail = address(user, tenants)
        # the address as uid: one directory may hold account 7 of one tenant and of another set of tenants
        yield Person(mail, f"pw-u{user:06d}", rdn=f"uid={mail}", attributes={"uid": mail})


@dataclass(frozen=True, slots=True)
class Upstream:
    """The running upstream."""

    process: ServerProcess
    ports: Mapping[str, int]  #: by listener, as in ``LISTENERS``

    @property
    def token_url(self) -> str:
        """Where access tokens are given out."""
        return f"http://127.0.0.1:{self.ports['http:plain']}/token"

    def stats(self) -> Mapping[str, float]:
        """Return its counters since its start; ``cpu_s`` is its own CPU time."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['http:plain']}/stats", timeout=STATS_TIMEOUT_S) as answer:
            counters: Mapping[str, float] = json.load(answer)
        return counters


class Lab:
    """The back ends; ``with Lab(...) as lab:`` runs them."""

    def __init__(self, folder: Path, cores: Cores, programs: Path, accounts: int) -> None:
        """Write what they need. ``programs`` holds the built C programs; ``folder`` must exist."""
        self.folder, self.cores, self._programs, self.accounts = folder, cores, programs, accounts
        self.authority = Authority(folder, "bench")
        self.authority.use_intermediate()
        self.certificate: KeyPair = self.authority.issue(HOST_NAME, "localhost", "127.0.0.1", file="peer")
        self.ca_file = self.authority.ca_file
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self.upstream = self._start_upstream(stack)
            self.slapd = stack.enter_context(self.directory("slapd", people(self.accounts)))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def directory(self, name: str, members: Iterator[Person]) -> Slapd:
        """Return a directory of these people, not yet started."""
        slapd = Slapd(self.folder / name, people=members, authority=self.authority, memberof=False)
        slapd.process.argv = pinned(slapd.process.argv, self.cores.load)
        return slapd

    @property
    def loadgen(self) -> Path:
        """The load generator."""
        return self._programs / "loadgen"

    def _start_upstream(self, stack: contextlib.ExitStack) -> Upstream:
        log = self.folder / "upstream.log"
        certificate = self.certificate
        argv = [str(self._programs / "upstream"), "--cert", str(certificate.certificate), "--key", str(certificate.private_key)]
        process = ServerProcess(
            pinned([*argv, *LISTENERS], self.cores.upstream), log=log, ready=lambda: log.exists() and "\n" in log.read_text()
        )
        stack.enter_context(process)
        ports: dict[str, Any] = json.loads(log.read_text().splitlines()[0])
        return Upstream(process, ports)
