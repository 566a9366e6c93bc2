"""What a backend has to do: start, answer logins, stop.

Many logins call ``authenticate`` at the same time, each in its own greenlet. Verifying a password is meant to take long: done here
in the open it would hold up every session of the appliance, so it is done in native threads, of which there are few.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import gevent
from gevent.threadpool import ThreadPool

from cgappliance.plugin_api import AuthAnswer, Credentials, Reason, TenantContext
from cgappliance_local import users


class LocalBackend:
    """Verifies passwords against one tenant's file."""

    def __init__(self, context: TenantContext) -> None:
        self._file = WatchedFile(context.settings["users_file"])
        self._concurrency: int = context.settings["concurrency"]
        self._threads: ThreadPool | None = None

    def start(self) -> None:
        """Get the threads ready. The file is read by the first login: if it is missing, that login can say so."""
        self._threads = ThreadPool(self._concurrency)

    def stop(self) -> None:
        """End the threads; a password that is being verified is verified to the end first."""
        if self._threads is not None:
            self._threads.kill()
            self._threads = None

    def authenticate(self, credentials: Credentials, timeout_s: float) -> AuthAnswer:
        """Return whether this is the person's password, as the file says now.

        Waits, and lets other greenlets run, for one of the threads and for the verdict: together for ``timeout_s`` seconds at most.
        """
        if self._threads is None:
            return AuthAnswer(Reason.DIRECTORY_UNAVAILABLE, "stopped")
        if not credentials.password:
            return AuthAnswer(Reason.EMPTY_PASSWORD)
        try:
            user = self._file.users().get(credentials.address)
        except (OSError, users.UsersFileError) as error:
            return AuthAnswer(Reason.DIRECTORY_UNAVAILABLE, str(error))
        verify = partial(self._threads.apply, users.verify, (user, credentials.password))
        right = gevent.with_timeout(timeout_s, verify, timeout_value=None)
        if right is None:
            return AuthAnswer(Reason.DIRECTORY_TIMEOUT, f"no password was verified in time, {self._concurrency} at once")
        return AuthAnswer(_reason(user, right=right), identity=user.address if user else "")


def _reason(user: users.User | None, *, right: bool) -> Reason:
    if user is None:
        return Reason.UNKNOWN_ADDRESS
    if not right:
        return Reason.WRONG_PASSWORD
    return Reason.DISABLED if user.disabled else Reason.ACCEPTED


class WatchedFile:
    """The users of a file, read again when it has changed: a new password works at the next login, and the old one does not."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._users: dict[str, users.User] = {}
        self._seen: tuple[int, ...] = ()

    def users(self) -> dict[str, users.User]:
        """Return the users as the file says now.

        Raises:
            OSError: it cannot be read.
            UsersFileError: it is wrong. What it said before does not count: somebody may have been removed.
        """
        state = _fingerprint(self._path.stat())
        if state != self._seen:
            self._seen = ()
            self._users = users.read(self._path)
            self._seen = state  # a change while we read gives the file another state, which the next login sees
        return self._users


def _fingerprint(state: os.stat_result) -> tuple[int, ...]:
    return (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
