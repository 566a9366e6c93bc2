"""What may stand at ``store``: asked by ``check``, and by whoever opens the store, so that both say the same. Pure."""

from __future__ import annotations

from typing import Final

SQLITE: Final = "sqlite"
POSTGRESQL: Final = ("postgresql", "postgresql+psycopg")  #: the first is read as the second

_REMEDY: Final = "write sqlite:////var/lib/cgappliance/cgappliance.db or postgresql+psycopg://user@host/database"


def problem_of_store(url: str) -> str | None:
    """Return why this is no database that the appliance works with, and what to write; never the URL, which may hold a password."""
    driver, found, rest = url.partition("://")
    if not found:
        return f"not a database URL ({_REMEDY})"
    if driver not in (SQLITE, *POSTGRESQL):
        return f"{driver!r} is not supported ({_REMEDY})"
    if driver == SQLITE and not rest.startswith("//"):  # one ends an empty host name, one begins the path
        return f"a SQLite store needs the absolute path of a file, with four slashes ({_REMEDY})"
    return None
