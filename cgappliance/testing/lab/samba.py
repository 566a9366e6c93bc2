"""A real Samba Active Directory domain controller in a folder, on a loopback address of its own.

``with SambaAd(folder, authority) as ad:`` gives a domain with the accounts of ``samba_domain``. Making a domain takes seconds, so
it is made once per machine and kept in a cache; each use gets a copy, which takes a moment.

Samba fixes its ports (389, 636, 3268, 3269), so each controller listens on an own address of 127.0.0.0/8, and whoever starts it
must be allowed to take ports below 1024. Debian's packages: ``PACKAGES``; works with Samba 4.17 (Debian 12) and 4.22 (Debian 13).
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import random
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from cgappliance.testing.lab import samba_domain as domain
from cgappliance.testing.lab.certificates import Authority, KeyPair
from cgappliance.testing.lab.process import ServerFailed, ServerProcess, clean_environment, port_open

PACKAGES = "samba samba-ad-provision samba-dsdb-modules python3-samba ldb-tools"  #: and samba-ad-dc on Debian 13
LDAP_PORT = 389
LDAPS_PORT = 636
PORTS = (LDAP_PORT, LDAPS_PORT, 3268, 3269)
SYSTEM_PYTHON = "/usr/bin/python3"  #: the one that has Samba's modules; a virtual environment's does not
PROVISION_TIMEOUT_S = 120.0  #: 3 s on an idle machine
ADMIN_TIMEOUT_S = 20.0  #: one change to the database; 0.1 s on an idle machine
FREE_ADDRESS_TRIES = 50
EXITS = frozenset({0, 127})  #: Samba 4.17 ends with 127 when told so by SIGTERM

SMB_CONF = """\
[global]
    netbios name = DC1
    workgroup = {domain}
    realm = {realm}
    server role = active directory domain controller
    server services = ldap
    dcerpc endpoint servers = lsarpc, netlogon, samr
    interfaces = {address}/8
    bind interfaces only = yes
    private dir = {folder}/private
    state directory = {folder}/state
    lock directory = {folder}
    cache directory = {folder}/cache
    binddns dir = {folder}/bind-dns
    pid directory = {folder}/run
    ncalrpc dir = {folder}/run/ncalrpc
    winbindd socket directory = {folder}/run/winbindd
    ntp signd socket directory = {folder}/run/ntp_signd
    logging = file
    log file = {folder}/log.%m
    log level = 1
    panic action = /bin/true
    disable spoolss = yes
    old password allowed period = 0
    ldap server require strong auth = yes
    tls enabled = yes
    tls cafile = {ca_file}
    tls certfile = {certificate}
    tls keyfile = {private_key}
[sysvol]
    path = {folder}/state/sysvol
[netlogon]
    path = {folder}/state/sysvol/{realm_lower}/scripts
"""


class SambaAd:
    """One domain controller. Two of them are two domains that hold the same accounts, which is all that fail-over needs."""

    def __init__(
        self,
        folder: Path,
        authority: Authority,
        *,
        certificate: KeyPair | None = None,
        cache: Path | None = None,
    ) -> None:
        """Prepare a controller in the new folder ``folder``; nothing runs before ``start``.

        Args:
            folder: where its database, configuration and log go; must not exist.
            authority: issues its certificate and is what ``ca_file`` trusts.
            certificate: one to show instead, good or bad.
            cache: where made domains are kept; default: ``cgappliance/lab`` in the user's cache folder.

        Raises:
            ServerFailed: the domain could not be made, or no address is free.
        """
        self.folder = folder
        self.address = free_address()
        self.ca_file = authority.ca_file
        self.ldap_url = f"ldap://{self.address}"
        self.ldaps_url = f"ldaps://{self.address}"
        _copy(_template(cache or default_cache()), folder)
        pair = certificate or authority.issue(f"dc1.{domain.REALM.lower()}", self.address, file=f"samba-{self.address}")
        self._configuration = folder / "etc" / "smb.conf"
        self._configuration.write_text(_smb_conf(folder, self.address, self.ca_file, pair))
        self.process = ServerProcess(
            ["samba", "-F", "--no-process-group", "--debug-stdout", "-M", "single", "-s", self._configuration],
            log=folder / "samba.log",
            ready=lambda: port_open(self.address, LDAPS_PORT),
            exits=EXITS,
        )

    def start(self) -> Self:
        """Start it and wait until it answers. Raises ServerFailed."""
        self.process.start()
        return self

    def stop(self) -> None:
        """End it; it may be started again. Raises ServerFailed."""
        self.process.stop()

    def modify(self, dn: str, *lines: str) -> None:
        """Replace attributes of an entry ("attribute: value"), running or not, with all rights.

        ``modify(user.dn, password_line("new"))`` sets a password, ``"userAccountControl: 514"`` disables the account,
        ``"lockoutTime: 0"`` unlocks it.

        Raises:
            ServerFailed: the change was refused.
        """
        self._change(domain.modify(dn, *lines))

    def add(self, *users: domain.AdUser) -> None:
        """Make further accounts, running or not.

        Raises:
            ServerFailed: one was refused.
        """
        self._change("\n".join(map(domain.add, users)))
        for user in users:
            if user.state:
                self.modify(user.dn, *user.state)

    def add_group(self, dn: str, *members: str) -> None:
        """Make a group of accounts and of other groups, by their DNs, running or not.

        Raises:
            ServerFailed: it was refused.
        """
        self._change(domain.group(dn, *members))

    def _change(self, ldif: str) -> None:
        database = self.folder / "private" / "sam.ldb"
        _run(["ldbmodify", f"--configfile={self._configuration}", "-H", str(database)], ldif, ADMIN_TIMEOUT_S)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.process.__exit__(kind, error, trace)


def unavailable() -> str:
    """Return why this machine cannot run the controller, or "" when it can: for ``pytest.mark.skipif``."""
    path = clean_environment()["PATH"]
    missing = [program for program in ("samba", "ldbmodify") if not shutil.which(program, path=path)]
    if missing:
        packages = "samba samba-ad-provision samba-dsdb-modules python3-samba ldb-tools, from Debian 13 on samba-ad-dc too"
        return f"{', '.join(missing)} not installed (apt install {packages})"
    try:
        free_address()
    except ServerFailed as error:
        return str(error)
    return ""


def free_address() -> str:
    """Return an address of 127.0.0.0/8 where nobody listens on Active Directory's ports.

    Raises:
        ServerFailed: none was found, or this user may not take such low ports.
    """
    for _ in range(FREE_ADDRESS_TRIES):
        address = f"127.{random.randint(64, 254)}.{random.randint(0, 254)}.{random.randint(1, 254)}"
        try:
            with ExitStack() as probes:
                for port in PORTS:
                    probes.enter_context(socket.socket()).bind((address, port))
        except OSError as error:
            if error.errno == errno.EACCES:
                raise ServerFailed(
                    "Samba needs ports below 1024 (run as root, or set net.ipv4.ip_unprivileged_port_start)"
                ) from None
            continue
        return address
    raise ServerFailed(f"no free address in 127.0.0.0/8 in {FREE_ADDRESS_TRIES} tries")


def default_cache() -> Path:
    """Return the folder where made domains are kept (XDG base directories)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cgappliance" / "lab"


def _template(cache: Path) -> Path:
    """Return the folder of a made domain, making it if this recipe and this Samba have none yet."""
    cache.mkdir(parents=True, exist_ok=True)
    made = cache / f"samba-{_recipe()}"
    with _lock(cache / "samba.lock"):
        if not made.exists():
            with tempfile.TemporaryDirectory(dir=cache, prefix="samba-making-") as making:
                _provision(Path(making, "domain"))
                Path(making, "domain").rename(made)  # all or nothing: an interrupted run leaves no half domain
    return made


def _recipe() -> str:
    """Return a name that changes whenever another domain would come out."""
    program = _run(["samba", "--version"], "", ADMIN_TIMEOUT_S)
    script = Path(__file__).with_name("samba_provision.py").read_text()
    return hashlib.sha256(repr((program, script, domain.records())).encode()).hexdigest()[:16]


@contextmanager
def _lock(file: Path) -> Iterator[None]:
    """Let one process at a time make a domain; the kernel frees the lock when its holder dies."""
    with file.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _provision(folder: Path) -> None:
    folder.mkdir()
    wanted = {
        "folder": str(folder),
        "realm": domain.REALM,
        "domain": domain.DOMAIN,
        "hostname": "dc1",
        "password": domain.ADMINISTRATOR_PASSWORD,
        "ldif": [{"text": text, "controls": list(controls)} for text, controls in domain.records()],
    }
    # -I: or this folder, with a samba.py of its own, would be searched first
    _run([SYSTEM_PYTHON, "-I", str(Path(__file__).with_name("samba_provision.py"))], json.dumps(wanted), PROVISION_TIMEOUT_S)


def _copy(template: Path, folder: Path) -> None:
    """Copy a domain. Its databases are mostly holes: a sparse copy takes a hundredth of a second."""
    _run(["cp", "--archive", "--sparse=always", str(template), str(folder)], "", ADMIN_TIMEOUT_S)
    for name in ("run", "cache"):
        (folder / name).mkdir()


def _smb_conf(folder: Path, address: str, ca_file: Path, pair: KeyPair) -> str:
    return SMB_CONF.format(
        folder=folder,
        address=address,
        realm=domain.REALM,
        realm_lower=domain.REALM.lower(),
        domain=domain.DOMAIN,
        ca_file=ca_file,
        certificate=pair.certificate,
        private_key=pair.private_key,
    )


def _run(argv: list[str], standard_input: str, timeout_s: float) -> str:
    """Run a program to its end and return what it printed; one that fails raises ServerFailed with all that it said."""
    done = subprocess.run(
        argv,
        input=standard_input,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=clean_environment(),
        timeout=timeout_s,
        check=False,
    )
    if done.returncode:
        raise ServerFailed(f"{Path(argv[0]).name} ended with status {done.returncode}\n{done.stdout}")
    return done.stdout
