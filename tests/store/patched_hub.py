"""A patched process that asks the database for half a second, and prints for how long at most nobody else ran, in ms."""

from gevent import monkey

monkey.patch_all()

# ruff: noqa: E402
import sys
import time

import gevent
from sqlalchemy import text

from cgappliance.store.engine import Store

#: Keeps the database busy for some tenths of a second, and then has one row.
SLOW = {
    "postgresql": "SELECT pg_sleep(0.5)",
    "sqlite": "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 3000000) SELECT max(n) FROM c",
}


def main(url: str) -> None:
    with Store.open(url) as store:
        asking = gevent.spawn(ask, store)
        longest, last = 0.0, time.monotonic()
        while not asking.ready():
            gevent.sleep(0.001)
            now = time.monotonic()
            longest, last = max(longest, now - last), now
        asking.get()
    print(round(longest * 1000))


def ask(store: Store) -> None:
    with store.read() as connection:
        connection.execute(text(SLOW[store.url.get_backend_name()])).all()


if __name__ == "__main__":
    main(*sys.argv[1:])
