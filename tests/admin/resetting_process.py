"""A process that resets one account again and again, until it is killed. Arguments: URL, key file, Google's file."""

from gevent import monkey

monkey.patch_all()

# ruff: noqa: E402
import os
import sys
from pathlib import Path

from cgappliance.admin import credentials
from cgappliance.admin.desk import Actor, Desk
from cgappliance.admin.google import GoogleUser, PasswordAnswer, Taken
from cgappliance.secret import Secret
from cgappliance.store.engine import Store
from cgappliance.store.vault import Vault
from tests.policy.factories import tenant

YUKI = "yuki@acme.example"


class FileGoogle:
    """Has the password of the file's last line."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def find(self, address: str) -> GoogleUser:
        return GoogleUser("1", address)

    def set_password(self, user_id: str, password: Secret) -> PasswordAnswer:
        with self._path.open("a") as file:
            file.write(f"{password.reveal()}\n")  # one write: Google has it, or has it not
        return PasswordAnswer(Taken.YES)


def main(url: str, key: str, google: str) -> None:
    desk, vault = Desk(Store.open(url), Actor("root", "test")), Vault(Path(key))
    os.write(1, b"ready\n")
    while True:
        credentials.reset(desk, tenant(), YUKI, vault, FileGoogle(Path(google)))


if __name__ == "__main__":
    main(*sys.argv[1:])
