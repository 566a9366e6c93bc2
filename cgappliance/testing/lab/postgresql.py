"""A real PostgreSQL server on a loopback port, with as many databases as tests want.

PostgreSQL refuses to run as root, so root lends it an ordinary account. ``initdb`` takes seconds; what it makes is kept in the
user's cache and copied. Works with Debian 12's version 15 and Debian 13's 17.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from cgappliance.testing.lab.process import ServerFailed, ServerProcess, clean_environment, free_port

PROGRAMS = Path("/usr/lib/postgresql")  #: Debian's place: ``<version>/bin``, not in anybody's path
ACCOUNTS = ("postgres", "nobody")  #: whom root lets it run as, the first that exists
USER = "cg"  #: the database's superuser
TOOL_TIMEOUT_S = 60.0  #: initdb needs 1.5 s on an idle machine
HOST = "127.0.0.1"

#: A test's data need not survive a power cut; a connection that a test leaks must not stop the server from ending.
FAST = ("fsync=off", "full_page_writes=off", "shared_buffers=32MB", "max_connections=60")


class PostgreSQL:
    """One server. ``with PostgreSQL() as server:`` runs it; ``server.create_database()`` returns a URL for the store."""

    def __init__(self, *, durable: bool = False) -> None:
        """Prepare the data folder; nothing runs before ``start``.

        Args:
            durable: wait for the disk at each commit, as production does; False: commits are as fast as memory.
        """
        self.port = free_port(HOST)
        self._password = secrets.token_urlsafe(12)
        self._numbers = itertools.count(1)
        self._home = Path(tempfile.mkdtemp(prefix="cgappliance-pg-"))
        try:
            data = self._home / "data"
            shutil.copytree(_template(), data)
            _hand_over(self._home)
            self.process = self._process(data, durable)
        except BaseException:
            shutil.rmtree(self._home)
            raise

    def _process(self, data: Path, durable: bool) -> ServerProcess:
        settings = [
            *(() if durable else FAST),
            f"port={self.port}",
            f"listen_addresses={HOST}",
            f"unix_socket_directories={self._home}",
        ]
        arguments = [part for setting in settings for part in ("-c", setting)]
        return ServerProcess(
            [*_as_account(), _program("postgres"), "-D", data, *arguments],
            log=self._home / "postgresql.log",
            ready=self._ready,
            stop_signal=signal.SIGINT,  # SIGTERM waits for clients to leave
            exits=frozenset({0}),
        )

    def start(self) -> Self:
        """Start the server and give its superuser a password."""
        self.process.start()
        with self._connect(str(self._home)) as connection:  # initdb trusts the socket, in a folder that only we can enter
            statement = sql.SQL("ALTER USER {} PASSWORD {}").format(sql.Identifier(USER), sql.Literal(self._password))
            connection.execute(statement)
        return self

    def stop(self) -> None:
        """Stop the server and remove its data."""
        try:
            self.process.stop()
        finally:
            shutil.rmtree(self._home, ignore_errors=True)

    def create_database(self, template: str = "template0") -> str:
        """Make a new database, a copy of ``template``, and return its URL."""
        name = f"test{next(self._numbers)}"
        with self._connect() as connection:
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
            connection.execute(statement)
        return f"postgresql+psycopg://{USER}:{self._password}@{HOST}:{self.port}/{name}"

    def drop_database(self, url: str) -> None:
        """Remove a database, and end whatever connections there still are to it."""
        with self._connect() as connection:
            name = sql.Identifier(url.rpartition("/")[2])
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))

    def _connect(self, host: str = HOST) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=host, port=self.port, user=USER, password=self._password, dbname="postgres", autocommit=True, connect_timeout=5
        )

    def _ready(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            self._connect(str(self._home)).close()
            return True
        return False

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


def _program(name: str) -> Path:
    """Return the newest installed version's program.

    Raises:
        ServerFailed: PostgreSQL is not installed.
    """
    found = sorted(PROGRAMS.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise ServerFailed(f"{PROGRAMS}/*/bin/{name} does not exist (apt install postgresql)")
    return found[-1]


def _template() -> Path:
    """Return a data folder as ``initdb`` makes it: made once per machine and version."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cgappliance" / "lab"
    cache.mkdir(parents=True, exist_ok=True)
    made = cache / f"postgresql-{_program('initdb').parts[-3]}"
    with _lock(cache / "postgresql.lock"):
        if not made.exists():
            _make_template(cache, made)
    return made


def _make_template(cache: Path, made: Path) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="cgappliance-initdb-") as making,
        tempfile.TemporaryDirectory(dir=cache, prefix="postgresql-making-") as copying,
    ):
        data = Path(making) / "data"
        data.mkdir(mode=0o700)
        _hand_over(Path(making))
        options = ["--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        # the password of the TCP users is set at each start; initdb only wants to know that there will be one
        _run([*_as_account(), _program("initdb"), "-D", data, "-U", USER, *options], folder=Path(making))
        shutil.copytree(data, Path(copying) / "data")
        (Path(copying) / "data").rename(made)


def _run(argv: Sequence[str | Path], folder: Path) -> None:
    done = subprocess.run(
        argv, env=clean_environment(), cwd=folder, capture_output=True, text=True, timeout=TOOL_TIMEOUT_S, check=False
    )
    if done.returncode != 0:
        raise ServerFailed(f"{' '.join(map(str, argv))}: status {done.returncode}\n{done.stdout}{done.stderr}")


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _account() -> pwd.struct_passwd | None:
    """Return whom it is to run as, or None when we are not root: as ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ACCOUNTS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise ServerFailed(f"none of the accounts {', '.join(ACCOUNTS)} exists, and PostgreSQL refuses to run as root")


def _as_account() -> list[str]:
    """Return how a command line starts: with another account when we are root, whose death signal must then be set anew."""
    account = _account()
    if account is None:
        return []
    return ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups", "--pdeathsig=INT", "--"]


def _hand_over(folder: Path) -> None:
    """Give ``folder`` and all that is in it to the account that PostgreSQL runs as."""
    account = _account()
    if account is None:
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, account.pw_uid, account.pw_gid)
