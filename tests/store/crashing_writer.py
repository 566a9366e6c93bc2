"""A process that records logins and says which are recorded, until it is killed. Arguments: URL, number of its life."""

from gevent import monkey

monkey.patch_all()

# ruff: noqa: E402
import os
import sys

import gevent

from cgappliance.store.engine import Store
from cgappliance.store.history_writer import HistoryWriter
from tests.store.records import END, record

CLIENTS = 20


def main(url: str, life: str) -> None:
    store = Store.open(url)
    writer = HistoryWriter(store, node="n1", incarnation=life)
    writer.start()
    os.write(1, b"ready\n")
    gevent.joinall([gevent.spawn(client, writer, f"{life}-{number}") for number in range(CLIENTS)], raise_error=True)


def client(writer: HistoryWriter, name: str) -> None:
    number = 0
    while True:
        number += 1
        login = record(session=f"{name}-{number}")
        writer.login(login)
        os.write(1, f"{login.session}\n".encode())  # one write, shorter than a pipe's buffer: whole or not at all
        writer.ended(login, END)


if __name__ == "__main__":
    main(*sys.argv[1:])
