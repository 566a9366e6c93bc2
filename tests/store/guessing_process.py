"""A process whose clients guess one account's password, many at a time. Arguments: URL, and a file that the directory writes to."""

from gevent import monkey

monkey.patch_all()

# ruff: noqa: E402
import os
import sys
from ipaddress import ip_address
from pathlib import Path

import gevent

from cgappliance.model import AuthAnswer, Credentials, Reason
from cgappliance.secret import Secret
from cgappliance.store.engine import Store
from cgappliance.store.lockout import SharedLockouts
from cgappliance.store.login_guard import LoginGuard
from cgappliance.store.memory import PolicyMemory

GUESSES = 40  #: as many passwords, the same ones in every process


def main(url: str, directory: str) -> None:
    with Store.open(url) as store:
        lockouts, memory = SharedLockouts(store), PolicyMemory(store)
        lockouts.start()
        memory.start()
        guard = LoginGuard(lockouts, memory, b"key")
        os.write(1, b"ready\n")
        os.read(0, 1)  # until the parent lets all loose
        guessers = [gevent.spawn(guess, guard, number, Path(directory)) for number in range(GUESSES)]
        gevent.joinall(guessers, raise_error=True)
        memory.stop()
        lockouts.stop(5)


def guess(guard: LoginGuard, number: int, directory: Path) -> None:
    password = f"guess-{number % (GUESSES // 2)}"
    login = Credentials("yuki@acme.example", "yuki@acme.example", Secret(password), "LOGIN")

    def ask() -> AuthAnswer:
        with directory.open("a") as binds:
            binds.write(f"{password}\n")  # one write: whole, whoever else writes
        gevent.sleep(0.01)
        return AuthAnswer(Reason.WRONG_PASSWORD)

    guard.authenticate("acme", login, ip_address(f"192.0.2.{number}"), ask, timeout_s=5)


if __name__ == "__main__":
    main(*sys.argv[1:])
